# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the parts of a gateway are: each is asked by itself, and one that may not be asked hides no other."""

from __future__ import annotations

import typing
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry

from .errors import AWS_ERRORS
from .errors import is_missing

if typing.TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Mapping

_retried = AWSRetry.jittered_backoff(retries=5)
Part = dict[str, Any]


def look(clients: Callable[[str], Any], options: Mapping[str, Any]) -> dict[str, Part]:
    """The parts that the options name."""
    parts: dict[str, tuple[str, Callable[[Any, str], Part]]] = {
        "function_name": ("lambda", function),
        "queue_url": ("sqs", queue),
        "dead_letter_queue_url": ("sqs", dead_letters),
        "server_id": ("transfer", server),
        "file_system_id": ("efs", share),
    }
    found = {}
    for option, (service, ask) in parts.items():
        if options[option]:
            name = option.removesuffix("_name").removesuffix("_url").removesuffix("_id")
            try:
                found[name] = ask(clients(service), options[option])
            except AWS_ERRORS as error:
                missing = is_missing(error)
                problem = "is not there" if missing else f"cannot be looked at: {error}"
                state = {"state": "missing"} if missing else {}
                found[name] = {"healthy": False if missing else None, "problem": problem, **state}
    return found


def _part(problem: str, **facts: Any) -> Part:
    return {**facts, "healthy": not problem, "problem": problem}


def function(client: Any, name: str) -> Part:
    described = _retried(client.get_function_configuration)(FunctionName=name)
    state, update = described.get("State", "Active"), described.get("LastUpdateStatus", "Successful")
    problem = ""
    # A function in a VPC that nobody calls for weeks becomes Inactive, and wakes with the next event.
    if state not in ("Active", "Inactive"):
        problem = f"is {state}: {described.get('StateReason', 'AWS says no more')}"
    elif update == "Failed":
        problem = f"could not be updated: {described.get('LastUpdateStatusReason', 'AWS says no more')}"
    return _part(problem, state=state, last_update=update, runtime=described.get("Runtime", ""))


def _depth(client: Any, url: str) -> dict[str, int]:
    names = {
        "waiting": "ApproximateNumberOfMessages",
        "delayed": "ApproximateNumberOfMessagesDelayed",
        "in_flight": "ApproximateNumberOfMessagesNotVisible",
    }
    answer = _retried(client.get_queue_attributes)(QueueUrl=url, AttributeNames=list(names.values()))
    return {name: int(answer.get("Attributes", {}).get(attribute, 0)) for name, attribute in names.items()}


def queue(client: Any, url: str) -> Part:
    # However many wait, they are being worked off: the alarm on the oldest message's age says when they are not.
    return _part("", **_depth(client, url))


def dead_letters(client: Any, url: str) -> Part:
    depth = _depth(client, url)
    messages = depth["waiting"] + depth["in_flight"]
    problem = f"{messages} change{'' if messages == 1 else 's'} could not be replicated" if messages else ""
    return _part(problem, **depth)


def server(client: Any, server_id: str) -> Part:
    described = _retried(client.describe_server)(ServerId=server_id)["Server"]
    state = str(described["State"])
    return _part("" if state == "ONLINE" else f"is {state}", state=state, users=int(described.get("UserCount", 0)))


def share(client: Any, file_system_id: str) -> Part:
    systems = _retried(client.describe_file_systems)(FileSystemId=file_system_id)["FileSystems"]
    state = str(systems[0]["LifeCycleState"])
    targets = _retried(client.describe_mount_targets)(FileSystemId=file_system_id)["MountTargets"]
    mount_targets = [
        {
            "zone": str(target.get("AvailabilityZoneName", "")),
            "address": str(target.get("IpAddress", "")),
            "state": str(target["LifeCycleState"]),
        }
        for target in targets
    ]
    broken = [
        f"mount target {target['address']} is {target['state']}"
        for target in mount_targets
        if target["state"] != "available"
    ]
    problems = ([f"is {state}"] if state != "available" else []) + (
        broken or [] if mount_targets else ["has no mount target"]
    )
    return _part(", ".join(problems), state=state, mount_targets=mount_targets)
