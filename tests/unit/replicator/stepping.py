# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs workers one system call at a time, and kills them between any two.

``SteppedOs`` stands in for the module ``os`` in the replicator's files. Each call that touches the share first passes
a boundary; a worker's boundary waits until the test lets it take the next step. A killed worker never gets another
call through: whatever its exception handlers try, as with kill -9, changes nothing.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

# What another worker, a sweeper or a reader can tell the difference of; fsync and the like change a worker's own file.
TOUCHING = {
    *("open", "mkdir", "rename", "replace", "link", "symlink", "unlink", "remove", "rmdir"),
    *("write", "pwrite", "writev", "ftruncate", "truncate", "utime", "scandir", "listdir"),
}
_current = threading.local()


class KilledError(BaseException):
    """What ends a worker's thread; nothing catches it."""


class Worker:
    """A function in a thread that runs only while it is stepped."""

    def __init__(self, function: Callable[[], None]) -> None:
        self._function = function
        self._go = threading.Semaphore(0)
        self._stopped = threading.Semaphore(0)
        self.killed = False
        self.next_step = "start"
        self.finished = False
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._stopped.acquire()

    def _run(self) -> None:
        _current.worker = self
        try:
            self.boundary("start")
            self._function()
        except BaseException as error:  # noqa: BLE001 (handed to the test)
            self.error = error
        self.finished = True
        self._stopped.release()

    def boundary(self, step: str) -> None:
        self.next_step = step
        if not self.killed:
            self._stopped.release()
            self._go.acquire()
        if self.killed:
            raise KilledError(step)

    def step(self) -> None:
        """Let it run to its next boundary."""
        if not self.finished:
            self._go.release()
            self._stopped.acquire()
        if self.finished:
            self._thread.join()

    def kill(self) -> None:
        self.killed = True
        self.step()


def current_worker() -> Worker | None:
    """The worker in whose thread this runs."""
    return getattr(_current, "worker", None)


def boundary(step: str) -> None:
    worker = current_worker()
    if worker is not None:
        worker.boundary(step)


class SteppedOs:
    """The module ``os`` with a boundary before every call that touches the share."""

    def __init__(self, before: Callable[[str], None] = boundary) -> None:
        self._before = before

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in TOUCHING:
            return real

        def stepped(*args: Any, **kwargs: Any) -> Any:
            self._before(name)
            return real(*args, **kwargs)

        return stepped
