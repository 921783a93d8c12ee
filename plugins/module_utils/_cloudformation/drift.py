# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of a stack is no longer as the template says, because somebody changed it elsewhere."""

from __future__ import annotations

import typing
from typing import Any

from . import api
from .change_set import pauses
from .errors import AnsibleCloudFormationError

if typing.TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Mapping

_DRIFTED = ("MODIFIED", "DELETED")


def detect(client: Any, stack: str, timeout: int) -> dict[str, Any]:
    """Have CloudFormation look, wait for it, and say what it found."""
    detection = api.detect_drift(client, stack)
    for _look in pauses(timeout, first=0.5):
        status = api.describe_drift_detection(client, detection)
        if status["DetectionStatus"] != "DETECTION_IN_PROGRESS":
            return report(status, api.describe_drifts(client, stack))
    raise AnsibleCloudFormationError(
        message=f"The search for drift of stack {stack} did not end within {timeout} seconds. Raise wait_timeout."
    )


def report(status: Mapping[str, Any], drifts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The result of a search; a search that failed for some resources still tells about the others."""
    read = sorted((read_drift(raw) for raw in drifts), key=lambda drift: drift["logical_id"])
    drifted = [drift for drift in read if drift["status"] in _DRIFTED]
    failed = status["DetectionStatus"] == "DETECTION_FAILED"
    return {
        "drifted": bool(drifted),
        "resources": drifted,
        "in_sync": len([drift for drift in read if drift["status"] == "IN_SYNC"]),
        "not_checked": [drift["logical_id"] for drift in read if drift["status"] not in (*_DRIFTED, "IN_SYNC")],
        "lines": [line for drift in drifted for line in lines(drift)],
        "problem": str(status.get("DetectionStatusReason") or "CloudFormation could not look everywhere")
        if failed
        else "",
    }


def read_drift(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "logical_id": str(raw["LogicalResourceId"]),
        "physical_id": str(raw.get("PhysicalResourceId") or ""),
        "type": str(raw["ResourceType"]),
        "status": str(raw["StackResourceDriftStatus"]),
        "differences": [
            {
                "property": str(difference["PropertyPath"]).lstrip("/").replace("/", "."),
                "kind": {"ADD": "added", "REMOVE": "removed"}.get(difference["DifferenceType"], "changed"),
                "expected": str(difference.get("ExpectedValue", "")),
                "actual": str(difference.get("ActualValue", "")),
            }
            for difference in raw.get("PropertyDifferences", [])
        ],
    }


def lines(drift: Mapping[str, Any]) -> list[str]:
    """One line for the resource, one for each of its properties."""
    named = f"{drift['logical_id']} ({drift['type']}) {drift['physical_id']}"
    if drift["status"] == "DELETED":
        return [f"{named} was deleted"]
    return [f"{named} was changed:"] + [f"    {_line(difference)}" for difference in drift["differences"]]


def _line(difference: Mapping[str, str]) -> str:
    if difference["kind"] == "added":
        return f"{difference['property']} was added: {difference['actual']}"
    if difference["kind"] == "removed":
        return f"{difference['property']} was removed, was {difference['expected']}"
    return f"{difference['property']} is {difference['actual']}, should be {difference['expected']}"
