# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from datetime import datetime
from datetime import timezone
from typing import Any

from ansible_collections.mft.aws.plugins.module_utils._cloudformation.events import first_failure
from ansible_collections.mft.aws.plugins.module_utils._cloudformation.events import has_succeeded
from ansible_collections.mft.aws.plugins.module_utils._cloudformation.events import is_settled
from ansible_collections.mft.aws.plugins.module_utils._cloudformation.events import line
from ansible_collections.mft.aws.plugins.module_utils._cloudformation.events import read_event
from ansible_collections.mft.aws.plugins.module_utils._cloudformation.events import sentence
from ansible_collections.mft.aws.plugins.module_utils._cloudformation.events import take_new

STACK_ID = "arn:aws:cloudformation:eu-central-1:123456789012:stack/acme/1"


def raw(number: int, logical: str, status: str, reason: str = "", kind: str = "AWS::SQS::Queue") -> dict[str, Any]:
    itself = logical == "acme"
    return {
        "EventId": f"e{number}",
        "StackId": STACK_ID,
        "StackName": "acme",
        "LogicalResourceId": logical,
        "PhysicalResourceId": STACK_ID if itself else f"{logical.lower()}-1",
        "ResourceType": "AWS::CloudFormation::Stack" if itself else kind,
        "ResourceStatus": status,
        "ResourceStatusReason": reason,
        "Timestamp": datetime(2026, 3, 1, 12, 0, number, tzinfo=timezone.utc),
    }


HISTORY = [
    raw(1, "acme", "CREATE_IN_PROGRESS"),
    raw(2, "Queue", "CREATE_COMPLETE"),
    raw(3, "acme", "CREATE_COMPLETE"),
    raw(4, "acme", "UPDATE_IN_PROGRESS"),
    raw(5, "Topic", "UPDATE_FAILED", "Resource update cancelled"),
    raw(6, "Server", "UPDATE_FAILED", "The security policy\n is unknown.", "AWS::Transfer::Server"),
    raw(7, "acme", "UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed to update: [Server]."),
    raw(8, "Server", "UPDATE_COMPLETE", "", "AWS::Transfer::Server"),
    raw(9, "acme", "UPDATE_ROLLBACK_COMPLETE"),
]


def pages(size: int = 4) -> list[list[dict[str, Any]]]:
    newest_first = HISTORY[::-1]
    return [newest_first[start : start + size] for start in range(0, len(newest_first), size)]


def ids(found: list[dict[str, Any]]) -> list[str]:
    return [event["id"] for event in found]


def test_the_latest_operation_begins_where_the_stack_itself_began() -> None:
    assert ids(take_new(pages(), None)) == ["e4", "e5", "e6", "e7", "e8", "e9"]


def test_no_page_is_read_that_is_not_needed() -> None:
    def two_pages() -> Any:
        yield from pages()[:2]
        raise AssertionError("read too far")

    assert ids(take_new(two_pages(), None))[0] == "e4"
    assert ids(take_new(two_pages(), "e7")) == ["e8", "e9"]


def test_what_was_seen_does_not_come_again() -> None:
    assert ids(take_new(pages(), "e9")) == []
    assert ids(take_new(pages(), "e6")) == ["e7", "e8", "e9"]


def test_the_first_failure_is_the_one_that_stopped_the_others() -> None:
    failure = first_failure(take_new(pages(), None))
    said = sentence(failure, "UPDATE_ROLLBACK_COMPLETE")
    assert said == "Server (AWS::Transfer::Server) server-1 could not be updated: The security policy is unknown."


def test_only_consequences_are_better_than_nothing() -> None:
    only = [read_event(raw(1, "Topic", "CREATE_FAILED", "Resource creation cancelled"))]
    assert sentence(first_failure(only), "ROLLBACK_COMPLETE").startswith("Topic (AWS::SQS::Queue)")
    assert sentence(None, "DELETE_FAILED") == "The stack is DELETE_FAILED, and no resource says why."


def test_a_line_has_time_status_resource_and_reason() -> None:
    expected = "12:00:06 UPDATE_FAILED Server (AWS::Transfer::Server): The security policy is unknown."
    assert " ".join(line(read_event(HISTORY[5])).split()) == expected


def test_states() -> None:
    assert [is_settled(state) for state in ("UPDATE_COMPLETE", "REVIEW_IN_PROGRESS", "", "DELETE_FAILED")] == [True] * 4
    assert not is_settled("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
    assert has_succeeded("UPDATE_COMPLETE")
    assert not has_succeeded("UPDATE_ROLLBACK_COMPLETE")
    assert has_succeeded("")  # a deleted stack
