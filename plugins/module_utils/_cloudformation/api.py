# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One function per CloudFormation operation: paginated, retried, with errors that say what was being done.

Every write carries a token or a name of its own, so that botocore and AWSRetry may repeat it after a lost answer.
"""

from __future__ import annotations

import typing
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry

from .errors import named_failure
from .errors import none_if_missing
from .events import take_new

if typing.TYPE_CHECKING:
    from collections.abc import Iterator

_retried = AWSRetry.jittered_backoff(retries=8)


def _every_page(operation: Any, member: str, **request: Any) -> list[Any]:
    return [item for page in _pages(operation, **request) for item in page[member]]


def _pages(operation: Any, **request: Any) -> Iterator[dict[str, Any]]:
    call = _retried(operation)
    while True:
        page: dict[str, Any] = call(**request)
        yield page
        if not page.get("NextToken"):
            return
        request["NextToken"] = page["NextToken"]


@none_if_missing("describe stack {stack}")
def describe_stack(client: Any, stack: str) -> dict[str, Any] | None:
    """By name or id; None if there is none. A deleted stack is found by its id alone."""
    stacks: list[dict[str, Any]] = _retried(client.describe_stacks)(StackName=stack)["Stacks"]
    return stacks[0] if stacks else None


@named_failure("look for a deleted stack {stack}")
def latest_deleted(client: Any, stack: str) -> str:
    """The id of the last stack of that name that was deleted, for 90 days after; empty if there is none."""
    deleted = _every_page(client.list_stacks, "StackSummaries", StackStatusFilter=["DELETE_COMPLETE"])
    own = [summary for summary in deleted if summary["StackName"] == stack]
    return str(max(own, key=lambda summary: summary["CreationTime"])["StackId"]) if own else ""


@named_failure("create a change set of stack {stack}")
def create_change_set(client: Any, stack: str, **request: Any) -> dict[str, Any]:
    """Its answer: Id and StackId."""
    created: dict[str, Any] = _retried(client.create_change_set)(StackName=stack, **request)
    return created


@none_if_missing("describe change set {name} of stack {stack}")
def describe_change_set(client: Any, stack: str, name: str) -> dict[str, Any] | None:
    """With every page of its changes; None if there is no such change set."""
    described: dict[str, Any] = {}
    # With values, AWS says what each property is now and will be.
    request = {"StackName": stack, "ChangeSetName": name, "IncludePropertyValues": True}
    for page in _pages(client.describe_change_set, **request):
        changes = described.get("Changes", []) + page.get("Changes", [])
        described = {**page, "Changes": changes}
    return described


@none_if_missing("list the change sets of stack {stack}")
def list_change_sets(client: Any, stack: str) -> list[dict[str, Any]] | None:
    return _every_page(client.list_change_sets, "Summaries", StackName=stack)


@none_if_missing("delete change set {name} of stack {stack}")
def delete_change_set(client: Any, stack: str, name: str) -> None:
    _retried(client.delete_change_set)(StackName=stack, ChangeSetName=name)


@named_failure("execute change set {name} of stack {stack}")
def execute_change_set(client: Any, stack: str, name: str, token: str) -> None:
    _retried(client.execute_change_set)(StackName=stack, ChangeSetName=name, ClientRequestToken=token)


@none_if_missing("read the events of stack {stack}")
def new_events(client: Any, stack: str, after: str | None) -> list[dict[str, Any]] | None:
    """Those after one that was seen, or those of the latest operation; oldest first. None if there is no such stack."""
    return take_new((page["StackEvents"] for page in _pages(client.describe_stack_events, StackName=stack)), after)


@named_failure("delete stack {stack}")
def delete_stack(client: Any, stack: str, token: str, **request: Any) -> None:
    _retried(client.delete_stack)(StackName=stack, ClientRequestToken=token, **request)


@named_failure("continue the rollback of stack {stack}")
def continue_update_rollback(client: Any, stack: str, token: str, **request: Any) -> None:
    _retried(client.continue_update_rollback)(StackName=stack, ClientRequestToken=token, **request)


@named_failure("set the deletion protection of stack {stack}")
def set_termination_protection(client: Any, stack: str, protected: bool) -> None:
    _retried(client.update_termination_protection)(StackName=stack, EnableTerminationProtection=protected)


@named_failure("read the stack policy of stack {stack}")
def get_stack_policy(client: Any, stack: str) -> str:
    """Empty if it has none."""
    return str(_retried(client.get_stack_policy)(StackName=stack).get("StackPolicyBody") or "")


@named_failure("set the stack policy of stack {stack}")
def set_stack_policy(client: Any, stack: str, body: str) -> None:
    _retried(client.set_stack_policy)(StackName=stack, StackPolicyBody=body)


@named_failure("start looking for drift of stack {stack}")
def detect_drift(client: Any, stack: str) -> str:
    return str(_retried(client.detect_stack_drift)(StackName=stack)["StackDriftDetectionId"])


@named_failure("ask how far the search for drift is")
def describe_drift_detection(client: Any, detection: str) -> dict[str, Any]:
    status: dict[str, Any] = _retried(client.describe_stack_drift_detection_status)(StackDriftDetectionId=detection)
    return status


@named_failure("read the drift of stack {stack}")
def describe_drifts(client: Any, stack: str) -> list[dict[str, Any]]:
    return _every_page(client.describe_stack_resource_drifts, "StackResourceDrifts", StackName=stack)
