# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints the events of a stack as they happen; see the module of the same name."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible_collections.mft.aws.plugins.plugin_utils.following import rounds

_MODULE = "mft.aws.cloudformation_events_info"
# Each run of the module costs a second of CPU: it waits for an event rather than coming back without one.
_WAIT = 20


class ActionModule(ActionBase):  # type: ignore[misc]
    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        arguments = dict(self._task.args)

        def once(more: Any) -> dict[str, Any]:
            result: dict[str, Any] = self._execute_module(
                module_name=_MODULE, module_args={**arguments, **more}, task_vars=task_vars
            )
            return result

        if not boolean(arguments.get("follow", False)):
            return once({})
        arguments["wait"] = _WAIT
        events: list[Any] = []
        lines: list[str] = []
        first_failure = ""
        result: dict[str, Any] = {}
        for result in rounds(once, float(arguments.get("follow_timeout", 7200))):
            events += result.get("events", [])
            lines += result.get("lines", [])
            # Each run sees its own events alone: the first failure is the first that any of them saw.
            first_failure = first_failure or result.get("named_failure", "")
        if result.get("failed"):
            return result
        first_failure = "" if result["succeeded"] else first_failure or result["first_failure"]
        return {**result, "events": events, "lines": lines, "first_failure": first_failure}
