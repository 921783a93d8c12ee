# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of a module until it is finished; the integration tests see the lines in ansible-playbook's own output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.mft.aws.plugins.plugin_utils.following import rounds


class Module:
    """Gives one result after the other, and keeps what it was called with."""

    def __init__(self, *results: dict[str, Any]) -> None:
        self._results = list(results)
        self.given: list[Mapping[str, Any]] = []

    def __call__(self, more: Mapping[str, Any]) -> dict[str, Any]:
        self.given.append(more)
        return self._results.pop(0)


def unfinished(number: int) -> dict[str, Any]:
    return {"lines": [f"line {number}"], "finished": False, "next": {"after": number}}


def test_each_run_goes_on_where_the_last_one_ended() -> None:
    module = Module(unfinished(1), unfinished(2), {"lines": [], "finished": True})
    assert len(list(rounds(module, 60))) == 3
    assert module.given == [{}, {"after": 1}, {"after": 2}]


def test_a_failure_ends_it() -> None:
    module = Module(unfinished(1), {"failed": True, "msg": "expired"})
    assert [result.get("failed", False) for result in rounds(module, 60)] == [False, True]


def test_the_time_ends_it_with_the_last_result() -> None:
    [result] = rounds(Module(unfinished(1)), -1)
    assert result["finished"] is False
