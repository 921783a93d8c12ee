# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mft.aws.plugins.module_utils._transfer.ssh_keys import parse_public_key
from ansible_collections.mft.aws.plugins.module_utils._transfer.user_keys import WantedKey
from ansible_collections.mft.aws.plugins.module_utils._transfer.user_keys import read_wanted_key

from unit.module_utils.transfer import examples

KEY_ID = "key-0123456789abcdef0"


def options(**given: Any) -> dict[str, Any]:
    unset = {"ssh_public_key_body": None, "fingerprint": None, "ssh_public_key_id": None}
    return {"server_id": examples.SERVER, "user_name": "acme", "state": "present", **unset, **given}


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (
            {"ssh_public_key_body": examples.RSA_2048.line},
            WantedKey("acme", key=parse_public_key(examples.RSA_2048.line)),
        ),
        (
            {"fingerprint": examples.RSA_1024.fingerprint + "="},
            WantedKey("acme", fingerprint=examples.RSA_1024.fingerprint),
        ),
        ({"ssh_public_key_id": KEY_ID, "state": "absent"}, WantedKey("acme", present=False, key_id=KEY_ID)),
    ],
)
def test_a_key_is_named_in_three_ways(given: dict[str, Any], wanted: WantedKey) -> None:
    assert read_wanted_key(options(**given)) == (wanted, [])
    assert str(wanted) in {examples.RSA_2048.fingerprint, examples.RSA_1024.fingerprint, KEY_ID}


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"ssh_public_key_body": examples.DSA.line}, "user acme: ssh_public_key_body: DSA keys are broken"),
        ({"ssh_public_key_body": ""}, "ssh_public_key_body: it is empty"),
        ({"fingerprint": "MD5:6a:8f"}, "user acme: fingerprint 'MD5:6a:8f' is no SHA256 fingerprint"),
        ({"ssh_public_key_id": "key-1"}, "user acme: ssh_public_key_id 'key-1' is no key id"),
        ({"ssh_public_key_id": ""}, "ssh_public_key_id '' is no key id"),
        ({"ssh_public_key_id": KEY_ID, "user_name": "root"}, "user_name 'root' is refused by Transfer"),
        ({"ssh_public_key_id": KEY_ID, "server_id": "s-1"}, "server_id 's-1' is no server id"),
        ({}, "no key is named: give ssh_public_key_body, fingerprint or ssh_public_key_id"),
    ],
)
@pytest.mark.parametrize("state", ["present", "absent"])
def test_each_problem_is_named(given: dict[str, Any], problem: str, state: str) -> None:
    (found,) = read_wanted_key(options(state=state, **given))[1]
    assert problem in found


def test_all_problems_are_found_at_once() -> None:
    given = options(server_id="s-1", user_name="x", ssh_public_key_body=examples.RSA_1024.line)
    assert len(read_wanted_key(given)[1]) == 3


def test_who_would_remove_a_refused_key_is_told_another_way() -> None:
    weak = options(ssh_public_key_body=examples.RSA_1024.line, state="absent")
    (problem,) = read_wanted_key(weak)[1]
    assert "too weak" in problem
    assert "To remove a key that is there, give its fingerprint or ssh_public_key_id" in problem
    (problem,) = read_wanted_key({**weak, "state": "present"})[1]
    assert "To remove" not in problem
