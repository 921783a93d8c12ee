# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""transfer_host_key while the service fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from integration.support import Faults
from integration.transfer_host_key.support import ECDSA
from integration.transfer_host_key.support import RSA
from integration.transfer_host_key.support import TAGS
from integration.transfer_host_key.support import HostKey
from integration.transfer_support import LOST
from integration.transfer_support import lose

# Each changes something by each of the calls that the module makes: what is there first, and what is asked for.
CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "ImportHostKey": ({}, {"host_key_body": ECDSA.text, "description": "acme", "tags": TAGS}),
    "UpdateHostKey": ({"host_key_body": ECDSA.text}, {"fingerprint": ECDSA.fingerprint, "description": "acme"}),
    "TagResource": ({"host_key_body": ECDSA.text}, {"fingerprint": ECDSA.fingerprint, "tags": TAGS}),
    "UntagResource": ({"host_key_body": ECDSA.text, "tags": TAGS}, {"fingerprint": ECDSA.fingerprint, "tags": {}}),
    "DeleteHostKey": (
        {"host_key_body": ECDSA.text},
        {"fingerprint": ECDSA.fingerprint, "state": "absent", "force": True},
    ),
}


def assert_converged(host_key: HostKey, held: Callable[[], list[str]], change: dict[str, Any]) -> None:
    again = host_key(**change)
    assert not again.get("failed"), again
    assert not again["changed"]
    absent = change.get("state") == "absent"
    assert held() == ([RSA.fingerprint] if absent else [RSA.fingerprint, ECDSA.fingerprint])
    for option in {"description", "tags"} & set(change):
        assert again["host_key"][option] == change[option]


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("operation", CHANGES)
def test_a_lost_answer_is_made_good_in_the_same_run(
    host_key: HostKey, held: Callable[[], list[str]], faults: Faults, operation: str, kind: str
) -> None:
    before, change = CHANGES[operation]
    if before:
        assert host_key(**before)["changed"]
    faults.set({"operation": operation, "kind": kind})
    done = host_key(**change)
    faults.clear()
    assert not done.get("failed"), done
    assert done["changed"]
    assert_converged(host_key, held, change)


@pytest.mark.parametrize("kind", ["reset_before", "reset_after"])
@pytest.mark.parametrize("operation", CHANGES)
def test_a_run_that_was_cut_off_is_finished_by_the_next(
    host_key: HostKey, held: Callable[[], list[str]], faults: Faults, operation: str, kind: str
) -> None:
    before, change = CHANGES[operation]
    if before:
        assert host_key(**before)["changed"]
    lose(faults, operation, kind, look="ListHostKeys")
    assert host_key(**change).get("failed")
    faults.clear()
    finished = host_key(**change)
    assert not finished.get("failed"), finished
    assert_converged(host_key, held, change)


@pytest.mark.parametrize("operation", ["ListHostKeys", "DescribeHostKey", *CHANGES])
def test_a_refusal_of_the_service_says_what_was_tried(host_key: HostKey, faults: Faults, operation: str) -> None:
    before, change = CHANGES.get(operation, CHANGES["UpdateHostKey"])
    if before:
        host_key(**before)
    faults.set({"operation": operation, "kind": "access_denied"})
    result = host_key(**change)
    assert result["failed"]
    assert result["msg"].startswith("Failed to ")
    assert f"calling the {operation} operation" in result["msg"]


def test_throttling_on_one_call_in_three_goes_unnoticed(
    host_key: HostKey, info: Callable[[], dict[str, Any]], faults: Faults
) -> None:
    faults.set({"operation": "*", "every": 3, "kind": "throttle", "retry_after_seconds": 0.2})
    made = host_key(host_key_body=ECDSA.text, tags=TAGS)
    assert not made.get("failed"), made
    assert len(info()["host_keys"]) == 2
    assert host_key(host_key_body=ECDSA.text, description="acme", tags={})["host_key"]["tags"] == {}
    assert host_key(host_key_body=ECDSA.text, state="absent", force=True)["changed"]
