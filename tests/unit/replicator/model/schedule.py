# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the function takes from Python, made to run under the test's schedule: threads, locks, its clock, ``os``.

Each thread of each invocation is a ``Worker`` of its own (stepping.py), so two invocations and two keys of one batch
meet in every way they could on two machines.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import ExitStack
from contextlib import contextmanager
from types import ModuleType
from typing import Any
from unittest import mock

from unit.replicator.stepping import SteppedOs
from unit.replicator.stepping import Worker
from unit.replicator.stepping import boundary

WAITING = ("join", "lock")


SECONDS_A_CALL = 0.01


class Clock:
    """The time that the function sees: it goes on a little with each call it makes.

    Files have the machine's own times. A test that wants them to be old sets the clock ahead.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.ahead = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def time(self) -> float:
        return time.time() + self.ahead

    def sleep(self, seconds: float) -> None:
        boundary("sleep")
        self.seconds += seconds

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


Spawn = Callable[[Callable[[], None]], Worker]


class Thread:
    """A thread that the world steps as one more worker of the invocation that starts it."""

    def __init__(self, spawn: Spawn, target: Callable[[], None]) -> None:
        self._spawn = spawn
        self._target = target

    def start(self) -> None:
        self._worker = self._spawn(self._target)

    def join(self) -> None:
        while not self._worker.finished:
            boundary("join")


class Lock:
    """A lock whose waiting is a boundary, so that its holder can be stepped in the meantime."""

    def __init__(self) -> None:
        self._held = False

    def __enter__(self) -> None:
        while self._held:
            boundary("lock")
        self._held = True

    def __exit__(self, *_: object) -> None:
        self._held = False

    acquire, release = __enter__, __exit__


class _Threading:
    """The module ``threading`` under the schedule."""

    Lock = Lock

    def __init__(self, spawn: Spawn) -> None:
        self._spawn = spawn

    def Thread(self, target: Callable[[], None]) -> Thread:  # noqa: N802 (the module's name for it)
        return Thread(self._spawn, target)

    def __getattr__(self, name: str) -> Any:
        return getattr(threading, name)


def modules() -> list[ModuleType]:
    """Every file of the function that is loaded."""
    return [module for name, module in sys.modules.items() if name.startswith("replicator.")]


@contextmanager
def stepped(clock: Clock, spawn: Spawn) -> Iterator[None]:
    """While this holds, every file of the function runs under the schedule."""

    def before(step: str) -> None:
        boundary(step)
        clock.seconds += SECONDS_A_CALL

    stand_ins: dict[object, object] = {os: SteppedOs(before), time: clock, threading: _Threading(spawn)}
    with ExitStack() as stack:
        for module in modules():
            for name, value in list(vars(module).items()):
                if isinstance(value, ModuleType) and value in stand_ins:
                    stack.enter_context(mock.patch.object(module, name, stand_ins[value]))
        yield
