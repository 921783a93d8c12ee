# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stack as a whole: its protection, its deletion, and the way out of a rollback that failed."""

from __future__ import annotations

import json
import typing
import uuid
from typing import Any

from . import api
from .change_set import state_of
from .errors import AnsibleCloudFormationError
from .events import is_settled

if typing.TYPE_CHECKING:
    from collections.abc import Mapping


def same_policy(one: str, other: str) -> bool:
    """The service keeps the text as it came: spacing and order of keys are no difference."""
    try:
        return bool(json.loads(one or "{}") == json.loads(other or "{}"))
    except ValueError:
        return one == other


def protect(client: Any, stack: str, policy: str | None, protected: bool | None, check_mode: bool) -> dict[str, Any]:
    """Stack policy and protection against deletion as wanted; None leaves one alone."""
    current = api.describe_stack(client, stack)
    if current is None or not state_of(current):
        raise AnsibleCloudFormationError(message=f"There is no stack {stack} to protect.")
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    standing = bool(current.get("EnableTerminationProtection"))
    if protected is not None and protected != standing:
        before["termination_protection"], after["termination_protection"] = standing, protected
        if not check_mode:
            api.set_termination_protection(client, stack, protected)
    if policy is not None:
        body = api.get_stack_policy(client, stack)
        if not same_policy(body, policy):
            before["stack_policy"], after["stack_policy"] = body, policy
            if not check_mode:
                api.set_stack_policy(client, stack, policy)
    return {"changed": bool(after), "stack_id": current["StackId"], "diff": {"before": before, "after": after}}


def begin_deletion(client: Any, stack: str, settings: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    """Begin to delete it; if there is none, the last one of that name is told."""
    current = api.describe_stack(client, stack)
    state = state_of(current)
    if current is None or not state:
        return {"changed": False, "stack_id": api.latest_deleted(client, stack), "token": ""}
    stack_id = str(current["StackId"])
    if state == "DELETE_IN_PROGRESS":
        return {"changed": False, "stack_id": stack_id, "token": ""}
    if not is_settled(state):
        raise AnsibleCloudFormationError(message=f"Stack {stack} is {state}: wait until that is done, then delete it.")
    if current.get("EnableTerminationProtection"):
        if settings["termination_protection"] is not False:
            raise AnsibleCloudFormationError(
                message=f"Stack {stack} is protected against deletion. If it is to go: termination_protection: false."
            )
        if not check_mode:
            api.set_termination_protection(client, stack_id, False)
    token = f"mft-{uuid.uuid4()}"
    if not check_mode:
        request = {"RoleARN": settings["role_arn"]} if settings["role_arn"] else {}
        if settings["retain_resources"]:
            request["RetainResources"] = settings["retain_resources"]
        # By its id: a new stack of that name is never meant.
        api.delete_stack(client, stack_id, token, **request)
    return {"changed": True, "stack_id": stack_id, "token": token}


def begin_recovery(client: Any, stack: str, settings: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    """Continue a rollback that failed; not changed in any other state."""
    current = api.describe_stack(client, stack)
    stack_id = "" if current is None else str(current["StackId"])
    if state_of(current) != "UPDATE_ROLLBACK_FAILED":
        return {"changed": False, "stack_id": stack_id, "token": ""}
    token = f"mft-{uuid.uuid4()}"
    if not check_mode:
        request = {"RoleARN": settings["role_arn"]} if settings["role_arn"] else {}
        if settings["retain_resources"]:
            request["ResourcesToSkip"] = settings["retain_resources"]
        api.continue_update_rollback(client, stack_id, token, **request)
    return {"changed": True, "stack_id": stack_id, "token": token}
