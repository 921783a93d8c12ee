# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys at a time: bounded by the setting, by memory, by file descriptors, and never none."""

from __future__ import annotations

import resource
import threading
from typing import Any

import pytest

from replicator.capacity import affordable
from replicator.capacity import keep_to_one_processor
from unit.replicator.function import Function
from unit.replicator.function import failures
from unit.replicator.test_events import notification
from unit.replicator.test_events import queued


@pytest.fixture
def descriptors(monkeypatch: pytest.MonkeyPatch) -> Any:
    def limit(soft: int) -> None:
        monkeypatch.setattr(resource, "getrlimit", lambda kind: (soft, soft))

    return limit


@pytest.mark.parametrize(
    ("bound", "descriptor_limit", "megabytes", "keys"),
    [
        (16, 1024, "512", 16),
        (64, 1024, "10240", 64),
        (64, 1024, "128", 48),
        (64, 448, "512", 16),
        (64, 10, "512", 1),
        (64, resource.RLIM_INFINITY, "", 64),
        (64, 1024, "much", 64),
        (1, 1024, "512", 1),
    ],
)
def test_the_smallest_limit_counts(
    descriptors: Any, bound: int, descriptor_limit: int, megabytes: str, keys: int
) -> None:
    descriptors(descriptor_limit)
    assert affordable(bound, {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": megabytes}) == keys


@pytest.mark.parametrize("limit", [1, 3])
def test_no_more_keys_at_a_time_than_that(
    function: Function, monkeypatch: pytest.MonkeyPatch, descriptors: Any, limit: int
) -> None:
    descriptors(320 + 8 * limit)
    opened, now, most = function.bucket.open, [0], [0]
    lock = threading.Lock()

    def counting(key: str) -> Any:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        try:
            threading.Event().wait(0.002)
            return opened(key)
        finally:
            with lock:
                now[0] -= 1

    monkeypatch.setattr(function.bucket, "open", counting)
    names = [f"home/{number}" for number in range(30)]
    for name in names:
        function.bucket.put(name, b"x")
    before = threading.active_count()
    assert function.invoke(queued(*[notification(name) for name in names])) == failures()
    assert most[0] == limit
    assert threading.active_count() == before  # No thread outlives the invocation.


@pytest.mark.parametrize(
    ("megabytes", "kept"), [("512", True), ("1769", True), ("1770", False), ("much", False), ("", False)]
)
def test_one_processor_where_lambda_gives_the_time_of_one(
    monkeypatch: pytest.MonkeyPatch, megabytes: str, kept: bool
) -> None:
    asked: list[set[int]] = []
    monkeypatch.setattr("replicator.capacity.os.sched_getaffinity", lambda process: {4, 7})
    monkeypatch.setattr("replicator.capacity.os.sched_setaffinity", lambda process, wanted: asked.append(wanted))
    keep_to_one_processor({"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": megabytes})
    assert [len(wanted) for wanted in asked] == ([1] if kept else [])
    assert all(wanted < {4, 7} for wanted in asked)


def test_a_sandbox_that_forbids_it_is_only_slower(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbid(process: int, wanted: set[int]) -> None:
        raise PermissionError

    monkeypatch.setattr("replicator.capacity.os.sched_setaffinity", forbid)
    keep_to_one_processor({"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512"})
