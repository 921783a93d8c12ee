# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The events of a stack's operation: which are new, whether it is over, and what failed first (no API)."""

from __future__ import annotations

import typing
from typing import Any

if typing.TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Mapping
    from collections.abc import Sequence

Event = dict[str, Any]

# One resource fails, and CloudFormation stops the others: these say nothing about why.
_FOLLOWS = ("cancelled", "The following resource(s) failed", "Rollback requested by user")
_STACK = "AWS::CloudFormation::Stack"
_BEGINNINGS = frozenset(
    f"{kind}_IN_PROGRESS" for kind in ("CREATE", "UPDATE", "DELETE", "IMPORT", "REVIEW", "UPDATE_ROLLBACK", "ROLLBACK")
)
# A rollback belongs to the operation that made it necessary, unless somebody asked for it alone.
_ROLLBACKS = frozenset({"UPDATE_ROLLBACK_IN_PROGRESS", "ROLLBACK_IN_PROGRESS"})


def is_stack_itself(raw: Mapping[str, Any]) -> bool:
    return raw.get("ResourceType") == _STACK and raw.get("PhysicalResourceId") == raw.get("StackId")


def begins_operation(raw: Mapping[str, Any]) -> bool:
    """True for the event with which an operation of the stack begins."""
    status = raw.get("ResourceStatus")
    return is_stack_itself(raw) and status in _BEGINNINGS and status not in _ROLLBACKS


def take_new(pages: Iterable[Sequence[Mapping[str, Any]]], after: str | None) -> list[Event]:
    """The events after one that was seen (its id), or else those of the latest operation; oldest first.

    C(pages) come newest first and are read no further than needed: a stack keeps 90 days of events.
    """
    found: list[Event] = []
    for page in pages:
        for raw in page:
            if after is not None and raw["EventId"] == after:
                return found[::-1]
            found.append(read_event(raw))
            if after is None and begins_operation(raw):
                return found[::-1]
    return found[::-1]


def read_event(raw: Mapping[str, Any]) -> Event:
    return {
        "id": str(raw["EventId"]),
        "time": raw["Timestamp"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        "logical_id": str(raw.get("LogicalResourceId", "")),
        "physical_id": str(raw.get("PhysicalResourceId") or ""),
        "type": str(raw.get("ResourceType", "")),
        "status": str(raw.get("ResourceStatus", "")),
        "reason": str(raw.get("ResourceStatusReason") or ""),
        "token": str(raw.get("ClientRequestToken") or ""),
    }


def line(event: Event) -> str:
    """As an operator reads it: time, what happened, to which resource, why."""
    reason = f": {event['reason']}" if event["reason"] else ""
    return f"{event['time'][11:19]}  {event['status']:<20} {event['logical_id']} ({event['type']}){reason}"


def first_failure(events: Iterable[Event]) -> Event | None:
    """Of events oldest first, the failure that made all the others."""
    failures = [event for event in events if event["status"].endswith("_FAILED") and event["type"] != _STACK]
    own = [event for event in failures if not any(words in event["reason"] for words in _FOLLOWS)]
    return next(iter(own or failures), None)


_DONE_TO = {
    "CREATE": "created",
    "UPDATE": "updated",
    "DELETE": "deleted",
    "IMPORT": "imported",
    "ROLLBACK": "taken back",
}


def sentence(failure: Event | None, stack_status: str) -> str:
    """The first failing resource and its reason, in one sentence; what the stack's state says if there is none."""
    if failure is None:
        return f"The stack is {stack_status}, and no resource says why."
    kind = failure["status"].split("_", 1)[0]
    named = f"{failure['logical_id']} ({failure['type']})"
    physical = failure["physical_id"]
    shown = f"{named} {physical}" if physical and physical != failure["logical_id"] else named
    reason = " ".join(failure["reason"].split()).rstrip(".") or "CloudFormation gave no reason"
    return f"{shown} could not be {_DONE_TO.get(kind, 'changed')}: {reason}."


def is_settled(stack_status: str) -> bool:
    """True when nothing more will happen by itself."""
    return not stack_status.endswith("_IN_PROGRESS") or stack_status == "REVIEW_IN_PROGRESS"


def has_succeeded(stack_status: str) -> bool:
    return stack_status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE", "IMPORT_COMPLETE", "")
