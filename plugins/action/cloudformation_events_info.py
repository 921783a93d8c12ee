# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints the events of a stack as they happen; see the module of the same name."""

from __future__ import annotations

import typing
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.mft.aws.plugins.plugin_utils.following import FollowingAction

if typing.TYPE_CHECKING:
    from collections.abc import Iterable

# Each run of the module costs a second of CPU: it waits for an event rather than coming back without one.
_WAIT = 20


def gathered(results: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """What many runs of the module saw of one operation, as if it had been one."""
    events: list[Any] = []
    lines: list[str] = []
    first_failure = ""
    result: dict[str, Any] = {}
    for result in results:
        events += result.get("events", [])
        lines += result.get("lines", [])
        # Each run sees its own events alone: the first failure is the first that any of them saw.
        first_failure = first_failure or result.get("named_failure", "")
    if result.get("failed"):
        return result
    first_failure = "" if result["succeeded"] else first_failure or result["first_failure"]
    return {**result, "events": events, "lines": lines, "first_failure": first_failure}


class ActionModule(FollowingAction):
    module = "mft.aws.cloudformation_events_info"

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        if not boolean(self._task.args.get("follow", False)):
            return self.once(task_vars)
        timeout = float(self._task.args.get("follow_timeout", 7200))
        return gathered(self.follow(task_vars, timeout, wait=_WAIT))
