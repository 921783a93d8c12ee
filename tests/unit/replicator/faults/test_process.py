# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that gets no more threads, descriptors or memory."""

from __future__ import annotations

import os
import resource
import threading
import time
from pathlib import Path

import pytest

from unit.replicator.conftest import look_at
from unit.replicator.faults.function import Function


@pytest.mark.parametrize("available", [0, 1, 5])
def test_without_more_threads_fewer_do_the_work(
    function: Function, root: Path, monkeypatch: pytest.MonkeyPatch, available: int
) -> None:
    """None may outlive the invocation: the share's descriptors are closed then, and their numbers somebody else's."""
    keys = [f"home/{number}" for number in range(40)]
    for key in keys:
        function.bucket.put(key, key.encode())
    function.bucket.boundary = lambda step: time.sleep(0.001)
    begun: list[threading.Thread] = []
    start = threading.Thread.start

    def start_some(thread: threading.Thread) -> None:
        if len(begun) == available:
            raise RuntimeError("can't start new thread")
        begun.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_some)
    left = function.tell(*keys)
    assert [thread for thread in begun if thread.is_alive()] == []
    assert left == []
    assert look_at(root) == {str(number): f"home/{number}".encode() for number in range(40)}


@pytest.mark.parametrize("others", [0, 500])
def test_descriptors_are_enough_for_keys_in_as_many_directories(function: Function, root: Path, others: int) -> None:
    """Lambda gives 1,024 (Lambda developer guide, "Quotas": file descriptors); here others hold some of them."""
    keys = [f"home/acme/{number:03}/in/{number}" for number in range(300)]
    for key in keys:
        function.bucket.put(key, key.encode())
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024 + before - others, hard))
    try:
        function.configure(MFT_CONCURRENCY="64")
        assert function.tell(*keys) == []
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
    assert sum(content is not None for content in look_at(root).values()) == 300


def test_no_descriptor_is_lost_whatever_fails(function: Function, root: Path) -> None:
    function.bucket.put("home/in/a", b"a")
    function.bucket.put("home/x", b"x")
    (root / "y").mkdir()
    function.bucket.put("home/y", b"y")
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for keys in (["home/in/a"], ["home/x", "home/in/a", "home/y"], ["home/../x"], ["home/gone/b"], []):
        function.bucket.short.add("home/in/a")
        function.tell(*keys)
        function.tell(*keys, seconds=0)
        function.bucket.short.clear()
        function.tell(*keys)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_a_key_that_needs_more_memory_than_there_is_fails_alone(function: Function, root: Path) -> None:
    for key in ("home/a", "home/b"):
        function.bucket.put(key, key.encode())
    opened = function.bucket.open

    def greedy(key: str) -> object:
        if key == "home/a":
            raise MemoryError
        return opened(key)

    function.bucket.open = greedy  # type: ignore[method-assign, assignment]
    assert function.tell("home/a", "home/b") == ["home/a"]
    assert look_at(root) == {"b": b"home/b"}
