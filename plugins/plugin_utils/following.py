# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running a module again and again until it is finished, and printing what each run has to say.

A module can say nothing before it ends, and an operator wants to see a stack being made, or a bucket being emptied,
while that happens. What an action plugin displays is in the terminal and in AWX's log at once.
"""

from __future__ import annotations

import time
import typing
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

if typing.TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterator
    from collections.abc import Mapping


def rounds(run: Callable[[Mapping[str, Any]], dict[str, Any]], timeout: float) -> Iterator[dict[str, Any]]:
    """The results of one run after the other; what C(next) of a result says is given to the next run.

    Ends after a result that has failed or is C(finished), or when the time is over.
    """
    deadline = time.monotonic() + timeout
    more: Mapping[str, Any] = {}
    while True:
        result = run(more)
        for line in result.get("lines", []):
            Display().display(f"  {line}")
        yield result
        if result.get("failed") or result.get("finished", True) or time.monotonic() > deadline:
            return
        more = result["next"]


class FollowingAction(ActionBase):  # type: ignore[misc]
    """An action plugin that runs the module of its name, as often as that takes."""

    module: str

    def once(self, task_vars: Any, **more: Any) -> dict[str, Any]:
        """One run with the task's arguments and more."""
        result: dict[str, Any] = self._execute_module(
            module_name=self.module, module_args={**self._task.args, **more}, task_vars=task_vars
        )
        return result

    def follow(self, task_vars: Any, timeout: float, **more: Any) -> Iterator[dict[str, Any]]:
        """The results of C(rounds) of it."""
        return rounds(lambda next_: self.once(task_vars, **{**more, **next_}), timeout)
