# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One change set: made, read, judged, executed, or taken away again with everything that it left."""

from __future__ import annotations

import time
import typing
import uuid
from dataclasses import dataclass
from dataclasses import field
from typing import Any

from . import api
from . import changes as reading
from .conditions import additions
from .errors import AnsibleCloudFormationError
from .events import is_settled
from .template import LARGEST_BODY
from .template import read_template

if typing.TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence

# What a stack is in when CloudFormation takes an update.
_UPDATABLE = frozenset(
    {
        "CREATE_COMPLETE",
        "UPDATE_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE",
        "IMPORT_COMPLETE",
        "IMPORT_ROLLBACK_COMPLETE",
    }
)
_SETTLING = frozenset({"CREATE_PENDING", "CREATE_IN_PROGRESS", "DELETE_PENDING", "DELETE_IN_PROGRESS"})


@dataclass(frozen=True)
class Wanted:
    """What the options ask for."""

    stack: str
    name: str
    body: str = ""
    url: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    request: dict[str, Any] = field(default_factory=dict)  # the rest, as CreateChangeSet takes it
    protected: tuple[str, ...] = ()
    replaceable: tuple[str, ...] = ()
    timeout: int = 600


def pauses(timeout: float, first: float = 0.2, longest: float = 5.0) -> Iterator[None]:
    """Wait between looks: short ones first, since most change sets take a second or two."""
    deadline = time.monotonic() + timeout
    pause = first
    while time.monotonic() < deadline:
        yield
        time.sleep(min(pause, max(deadline - time.monotonic(), 0)))
        pause = min(pause * 1.5, longest)


def state_of(stack: dict[str, Any] | None) -> str:
    """Empty for no stack."""
    status = "" if stack is None else str(stack["StackStatus"])
    return "" if status == "DELETE_COMPLETE" else status


def propose(client: Any, wanted: Wanted, leave: bool) -> dict[str, Any]:
    """Make the change set, say what it would do, refuse what must not be.

    With C(leave) it stays for C(execute); else, and whenever it is refused, nothing stays.
    """
    state = state_of(api.describe_stack(client, wanted.stack))
    if not leave and wanted.body and (state == "ROLLBACK_COMPLETE" or (state == "" and _too_long(wanted))):
        # CloudFormation takes no change set for what is left of a failed creation until that is deleted, and no long
        # template without a bucket. A new stack has what the template says.
        return _result(additions(read_template(wanted.body), wanted.parameters), exact=False)
    _refuse_state(wanted.stack, state)
    if state:
        discard(client, wanted.stack, wanted.name, keep_stack=True)
    try:
        described = _create(client, wanted, bool(state) and state != "REVIEW_IN_PROGRESS")
        nothing = reading.has_no_change(described)
        if described["Status"] != "CREATE_COMPLETE" and not nothing:
            raise AnsibleCloudFormationError(
                message=f"CloudFormation cannot change stack {wanted.stack} like this: "
                f"{str(described.get('StatusReason') or described['Status']).strip()}"
            )
        changes = [] if nothing else reading.read_changes(described)
        _refuse_losses(wanted, changes)
    except BaseException:
        discard(client, wanted.stack, wanted.name)
        raise
    if nothing or not leave:
        discard(client, wanted.stack, wanted.name)
    result = _result(changes, exact=True)
    # Outputs alone can change as well: then there is a change set, and no resource in it.
    return {
        **result,
        "changed": not nothing,
        "pending": not nothing,
        "change_set_id": described["ChangeSetId"],
        "stack_id": described["StackId"],
    }


def _result(changes: list[reading.Change], exact: bool) -> dict[str, Any]:
    return {
        "changed": True,
        "pending": True,
        "changes": changes,
        "lines": reading.lines(changes),
        "exact": exact,
        "diff": reading.diff(changes),
    }


def _refuse_state(stack: str, state: str) -> None:
    if state in _UPDATABLE or state in ("", "REVIEW_IN_PROGRESS"):
        return
    advice = {
        "ROLLBACK_COMPLETE": "Delete it (it holds nothing), then run this again",
        "UPDATE_ROLLBACK_FAILED": "Continue its rollback (mft.aws.cloudformation_stack, state recovered)",
        "DELETE_FAILED": "Delete it again: look at its events for what is in the way",
    }.get(state, "Delete it, then run this again" if is_settled(state) else "Wait until that is done")
    raise AnsibleCloudFormationError(
        message=f"Stack {stack} is {state}, in which CloudFormation takes no change set. {advice}."
    )


def _refuse_losses(wanted: Wanted, changes: Sequence[reading.Change]) -> None:
    lost = reading.lost(changes, wanted.protected, wanted.replaceable)
    if lost:
        shown = "\n".join(reading.lines([change for change in changes if change["logical_id"] in lost]))
        raise AnsibleCloudFormationError(
            message=f"This would replace or remove {', '.join(lost)} of stack {wanted.stack}, and with it what it "
            f"holds. If that is meant, name it in replaceable (gateway_replaceable of the role gateway): "
            f"[{', '.join(lost)}]. Nothing was changed.\n{shown}"
        )


def _create(client: Any, wanted: Wanted, exists: bool) -> dict[str, Any]:
    request = {
        "ChangeSetName": wanted.name,
        "ChangeSetType": "UPDATE" if exists else "CREATE",
        # The same token makes a repeated request the same request; another run has another.
        "ClientToken": f"mft-{uuid.uuid4()}",
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in wanted.parameters.items()],
        **_template(wanted),
        **wanted.request,
    }
    api.create_change_set(client, wanted.stack, **request)
    for _look in pauses(wanted.timeout):
        described = api.describe_change_set(client, wanted.stack, wanted.name)
        if described is None:
            raise AnsibleCloudFormationError(
                message=f"Change set {wanted.name} of stack {wanted.stack} is gone: somebody else deleted it. "
                "Let one run finish before the next."
            )
        if described["Status"] not in _SETTLING:
            return described
    raise AnsibleCloudFormationError(
        message=f"Change set {wanted.name} of stack {wanted.stack} was not ready within {wanted.timeout} seconds."
    )


def _too_long(wanted: Wanted) -> bool:
    return not wanted.url and len(wanted.body.encode()) > LARGEST_BODY


def _template(wanted: Wanted) -> dict[str, str]:
    if wanted.url:
        return {"TemplateURL": wanted.url}
    if _too_long(wanted):
        raise AnsibleCloudFormationError(
            message=f"The template has {len(wanted.body.encode())} bytes, and CloudFormation takes {LARGEST_BODY} in a "
            "request. Put it into a bucket and give template_url."
        )
    return {"TemplateBody": wanted.body}


def execute(client: Any, stack: str, name: str) -> dict[str, Any]:
    """Begin to execute this very change set; the token marks its events."""
    described = api.describe_change_set(client, stack, name)
    if described is None:
        raise AnsibleCloudFormationError(message=f"Stack {stack} has no change set {name}. Create it first.")
    token = f"mft-{uuid.uuid4()}"
    if described["ExecutionStatus"] == "EXECUTE_IN_PROGRESS":
        return {"changed": False, "stack_id": described["StackId"], "token": ""}
    api.execute_change_set(client, stack, name, token)
    return {"changed": True, "stack_id": described["StackId"], "token": token}


def discard(client: Any, stack: str, name: str, keep_stack: bool = False) -> bool:
    """Delete the change set, and the stack that is nothing but a place for it; True if there was something."""
    found = _delete_change_set(client, stack, name)
    if keep_stack:
        return found
    current = api.describe_stack(client, stack)
    if current is None or current["StackStatus"] != "REVIEW_IN_PROGRESS":
        return found
    if api.list_change_sets(client, stack):
        return found  # somebody else's, who is looking at it
    api.delete_stack(client, stack, f"mft-{uuid.uuid4()}")
    for _look in pauses(60):
        if state_of(api.describe_stack(client, str(current["StackId"]))) == "":
            break
    return True


def _delete_change_set(client: Any, stack: str, name: str) -> bool:
    found = False
    for _look in pauses(60):
        described = api.describe_change_set(client, stack, name)
        if described is None:
            return found
        # One that is still being made, by a run that was killed, can be deleted when it is made.
        if described["Status"] not in _SETTLING and described.get("ExecutionStatus") != "EXECUTE_IN_PROGRESS":
            api.delete_change_set(client, stack, name)
            found = True
    raise AnsibleCloudFormationError(message=f"Change set {name} of stack {stack} cannot be deleted: it stays busy.")
