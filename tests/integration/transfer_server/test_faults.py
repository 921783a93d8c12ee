# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""transfer_server while the service fails."""

from __future__ import annotations

from typing import Any

import pytest

from integration.conftest import Lab
from integration.support import Faults
from integration.support import run_module
from integration.transfer_server.support import Server
from integration.transfer_support import LOST
from integration.transfer_support import lose
from unit.module_utils.transfer import examples

# Each changes something by each of the calls that the module makes: what is there first, and what is asked for.
CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "UpdateServer": ({}, {"logging_role": examples.ROLE}),
    "TagResource": ({}, {"tags": {"unit": "payments"}}),
    "UntagResource": ({"tags": {"unit": "payments"}}, {"tags": {}}),
    "StopServer": ({}, {"state": "stopped"}),
    "StartServer": ({"state": "stopped"}, {"state": "started"}),
}


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("operation", CHANGES)
def test_a_lost_answer_is_made_good_in_the_same_run(server: Server, faults: Faults, operation: str, kind: str) -> None:
    before, change = CHANGES[operation]
    if before:
        assert server(**before)["changed"]
    faults.set({"operation": operation, "kind": kind})
    done = server(**change)
    faults.clear()
    assert not done.get("failed"), done
    assert done["changed"]
    assert not server(**change)["changed"]


@pytest.mark.parametrize("kind", ["reset_before", "reset_after"])
@pytest.mark.parametrize("operation", CHANGES)
def test_a_run_that_was_cut_off_is_finished_by_the_next(
    server: Server, faults: Faults, operation: str, kind: str
) -> None:
    before, change = CHANGES[operation]
    if before:
        assert server(**before)["changed"]
    lose(faults, operation, kind, look="DescribeServer")
    assert server(**change).get("failed")
    faults.clear()
    finished = server(**change)
    assert not finished.get("failed"), finished
    again = server(**change)
    assert not again["changed"]
    assert again["diff"]["after"] == again["diff"]["before"]


@pytest.mark.parametrize("operation", ["DescribeServer", "ListSecurityPolicies", *CHANGES])
def test_a_refusal_of_the_service_says_what_was_tried(server: Server, faults: Faults, operation: str) -> None:
    before, change = CHANGES.get(operation, ({}, {"security_policy_name": "TransferSecurityPolicy-2025-03"}))
    if before:
        server(**before)
    faults.set({"operation": operation, "kind": "access_denied"})
    result = server(**change)
    assert result["msg"].startswith("Failed to ")
    assert f"calling the {operation} operation" in result["msg"]


def test_throttling_on_one_call_in_three_goes_unnoticed(lab: Lab, server: Server, faults: Faults) -> None:
    faults.set({"operation": "*", "every": 3, "kind": "throttle", "retry_after_seconds": 0.2})
    for change in ({"state": "stopped", "tags": {"a": "b"}}, {"state": "started", "tags": {}, "logging_role": ""}):
        done = server(**change)
        assert not done.get("failed"), done
        assert done["changed"]
    assert not run_module(lab, "transfer_server_info").get("failed")
