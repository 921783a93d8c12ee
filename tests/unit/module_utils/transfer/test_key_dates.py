# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys that are valid from one date to another."""

from __future__ import annotations

from datetime import datetime
from datetime import timezone
from typing import Any

import pytest
from ansible_collections.mft.aws.plugins.module_utils._transfer.key_dates import dated_keys_result
from ansible_collections.mft.aws.plugins.module_utils._transfer.key_dates import harmless_texts
from ansible_collections.mft.aws.plugins.module_utils._transfer.key_dates import read_keys
from ansible_collections.mft.aws.plugins.module_utils._transfer.key_dates import read_moment
from ansible_collections.mft.aws.plugins.module_utils._transfer.ssh_keys import parse_public_key
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import ImportedKey
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import WantedUser
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import key_changes

from unit.module_utils.transfer import examples

OLD, NEW, RSA = examples.ED25519, examples.ED25519_NEW, examples.RSA_2048
NOON = datetime(2026, 6, 30, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026-06-30", "2026-06-30T00:00:00+00:00", "2026-06-30T23:59:59+00:00"),
        ("2026-06-30T18:00", "2026-06-30T18:00:00+00:00", "2026-06-30T18:00:00+00:00"),
        ("2026-06-30 18:00:00+02:00", "2026-06-30T16:00:00+00:00", "2026-06-30T16:00:00+00:00"),
        (" 2026-06-30T18:00:00Z ", "2026-06-30T18:00:00+00:00", "2026-06-30T18:00:00+00:00"),
    ],
)
def test_days_and_moments_are_read(text: str, first: str, last: str) -> None:
    assert read_moment(text, last=False).isoformat() == first
    assert read_moment(text, last=True).isoformat() == last


@pytest.mark.parametrize(
    "text", ["soon", "30.06.2026", "2026-06-31", "20260630", 20260630, "2026-W27", "9999-12-31T99:00"]
)
def test_other_texts_are_no_dates(text: Any) -> None:
    with pytest.raises(ValueError, match="is no date: write 2026-06-30"):
        read_moment(text, last=True)


@pytest.mark.parametrize(
    ("not_before", "not_after", "state"),
    [
        ("2026-06-30", "", "valid"),
        ("2026-07-01", None, "pending"),
        ("2026-06-30T12:00", None, "valid"),
        ("2026-06-30T12:01", "2026-12-31", "pending"),
        ("", "2026-06-30", "expiring"),
        (None, "2026-07-10", "expiring"),
        (None, "2026-07-11", "valid"),
        (None, "2026-06-30T11:59", "expired"),
        ("2026-01-01", "2026-06-29", "expired"),
    ],
)
def test_dates_decide(not_before: str | None, not_after: str | None, state: str) -> None:
    entry = {"body": OLD.line, "not_before": not_before, "not_after": not_after}
    usable, (dated,), problems = read_keys([entry, RSA.line], NOON, expiring_days=11)
    assert problems == []
    assert dated.state == state
    usable_ones = {OLD.fingerprint, RSA.fingerprint} if state in ("valid", "expiring") else {RSA.fingerprint}
    assert {key.fingerprint for key in usable} == usable_ones
    assert dated_keys_result([dated])[0]["state"] == state


BAD: dict[str, list[Any]] = {
    "ssh_public_keys[0]: it has no body": [{"not_after": "2026-06-30"}],
    "ssh_public_keys[1]: it is the key of ssh_public_keys[0] with other dates": [
        OLD.line,
        {"body": OLD.line, "not_after": "2026-06-30"},
    ],
    "ssh_public_keys[0]: not_after is not after not_before": [
        {"body": OLD.line, "not_before": "2026-06-30", "not_after": "2026-06-29"}
    ],
    "ssh_public_keys[0]: it has no option 'valid_until', only body, not_before, not_after": [
        {"body": OLD.line, "valid_until": "2026-06-30"}
    ],
    "ssh_public_keys[0]: it is neither a text nor": [["acme.pub"]],
    "ssh_public_keys[0]: it is empty": [""],
    "ssh_public_keys[0]: RSA of 1024 bits": [{"body": examples.RSA_1024.line, "not_after": "2026-06-30"}],
}


@pytest.mark.parametrize("problem", BAD)
def test_bad_entries_are_told(problem: str) -> None:
    _usable, _dated, problems = read_keys(BAD[problem], NOON)
    assert [text.startswith(problem) for text in problems] == [True], problems


def test_a_private_key_in_any_place_is_neither_told_nor_unmasked() -> None:
    private = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUKoe7LongOddSecret"
    entries: list[Any] = [private, {"body": private}, {"body": OLD.line, "not_after": private}, [private], {private: 1}]
    _usable, _dated, problems = read_keys(entries, NOON)
    assert len(problems) == 6
    assert "Secret" not in str(problems)
    assert harmless_texts([*entries, RSA.line, {"body": NEW.line, "not_after": "2026-06-30"}]) == {
        "1", OLD.line, RSA.line, NEW.line, "2026-06-30",
    }  # fmt: skip


def test_keys_outside_their_dates_go_without_purging() -> None:
    entries = [
        {"body": OLD.line, "not_after": "2026-06-01"},
        {"body": NEW.line, "not_before": "2026-07-01"},
    ]
    usable, dated, _problems = read_keys(entries, NOON)
    wanted = WantedUser("acme", ssh_public_keys=usable, dated_keys=dated)
    held = tuple(ImportedKey(parse_public_key(key.line), f"key-{n}") for n, key in enumerate((OLD, NEW, RSA)))
    assert key_changes(wanted, held) == ((), held[:2])
    assert key_changes(wanted, ()) == ((), ())
