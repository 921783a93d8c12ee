# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An operation whose events came in several runs of the module is told as one."""

from __future__ import annotations

from typing import Any

from ansible_collections.mft.aws.plugins.action.cloudformation_events_info import gathered

REFUSED = "Server (AWS::Transfer::Server) could not be created: The security policy is unknown."


def run(number: int, *, named: str = "", finished: bool = False, succeeded: bool = False) -> dict[str, Any]:
    first = "" if succeeded else named or "The stack is UPDATE_ROLLBACK_COMPLETE."
    return {
        "events": [number],
        "lines": [f"line {number}"],
        "finished": finished,
        "succeeded": succeeded,
        "first_failure": first,
        "named_failure": named,
    }


def test_the_first_failure_is_that_of_an_earlier_run() -> None:
    later = "Topic (AWS::SNS::Topic) could not be created: Resource creation cancelled."
    told = gathered([run(1), run(2, named=REFUSED), run(3, named=later), run(4, finished=True)])
    assert (told["events"], told["lines"]) == ([1, 2, 3, 4], ["line 1", "line 2", "line 3", "line 4"])
    assert told["first_failure"] == REFUSED


def test_without_a_failed_resource_the_stack_is_told() -> None:
    assert gathered([run(1), run(2, finished=True)])["first_failure"] == "The stack is UPDATE_ROLLBACK_COMPLETE."


def test_what_ended_well_has_no_failure() -> None:
    told = gathered([run(1, named=REFUSED), run(2, finished=True, succeeded=True)])
    assert told["first_failure"] == ""


def test_a_run_that_fails_is_the_result() -> None:
    assert gathered([run(1), {"failed": True, "msg": "expired"}]) == {"failed": True, "msg": "expired"}
