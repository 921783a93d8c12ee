# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A spreadsheet's table as a roster."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.mft.aws.plugins.filter.roster_from_csv import FilterModule
from ansible_collections.mft.aws.plugins.filter.roster_from_csv import roster_from_csv

TABLE = """\ufeffname,home,state,tags,ssh_public_key,not_before,not_after
acme,home/acme,,"partner=Acme Corp, Inc|unit=payments|pci=",ssh-ed25519 AAAA1 acme-2025,,2026-06-30
orders,,absent,,,,
,,,,,,
acme,,,,ssh-ed25519 AAAA2 acme-2026,2026-06-01,

acme,,,,ssh-ed25519 AAAA3 backup,,
"""


def test_each_line_is_a_key_and_each_name_a_user() -> None:
    assert roster_from_csv(TABLE) == [
        {
            "name": "acme",
            "home": "home/acme",
            "tags": {"partner": "Acme Corp, Inc", "unit": "payments", "pci": ""},
            "ssh_public_keys": [
                {"body": "ssh-ed25519 AAAA1 acme-2025", "not_after": "2026-06-30"},
                {"body": "ssh-ed25519 AAAA2 acme-2026", "not_before": "2026-06-01"},
                "ssh-ed25519 AAAA3 backup",
            ],
        },
        {"name": "orders", "state": "absent"},
    ]


def test_semicolons_and_line_ends_of_other_systems_are_read() -> None:
    assert roster_from_csv("name;tags\r\nacme;a=1,2\r\n") == [{"name": "acme", "tags": {"a": "1,2"}}]
    assert roster_from_csv("name") == roster_from_csv("name\n") == []


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ("", "there is no column 'name'"),
        ("user,home\nacme,\n", "column 'user' is none of name, home"),
        ("name,name\nacme,orders\n", "column 'name' is there twice"),
        ("name,home\n,home/acme\n", "line 2 has no name"),
        ("name,home\nacme,a,b\n", "line 2 has more fields than the first line"),
        ('name,home\nacme,"a\n', "line 2: unexpected end of data"),
        ("name,home\nacme,a\nacme,b\n", "line 3 gives acme another home than a line before"),
        ("name,tags\nacme,partner\n", "line 2: tag 'partner' is not written as key=value"),
        ("name,tags\nacme,unit=a|unit=b\n", "line 2: tag 'unit' is there twice"),
        ("name,not_after\nacme,2026-06-30\n", "line 2 has dates, but no ssh_public_key"),
    ],
)
def test_what_cannot_be_read_is_told(table: str, reason: str) -> None:
    with pytest.raises(AnsibleFilterError) as raised:
        roster_from_csv(table)
    assert reason in str(raised.value)


def test_the_filter_has_its_name() -> None:
    assert FilterModule().filters() == {"roster_from_csv": roster_from_csv}
