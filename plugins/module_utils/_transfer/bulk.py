# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many calls at a time, within a rate."""

from __future__ import annotations

import threading
import time
import typing
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import wait
from pathlib import Path
from typing import Any
from typing import Callable
from typing import TypeVar

from .errors import AnsibleTransferError

if typing.TYPE_CHECKING:
    from collections.abc import Sequence

Item = TypeVar("Item")
Result = TypeVar("Result")

# Often enough to be watched, seldom enough for a log.
REPORT_EVERY = 5.0


class RateLimiter:
    """A token bucket that holds one token: never a burst, over all threads that take from it."""

    def __init__(
        self,
        per_second: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._interval = 1 / per_second
        self._clock, self._sleep = clock, sleep
        self._lock = threading.Lock()
        self._next = clock()

    def take(self) -> None:
        """Returns when the next token is there; waits outside the lock, each thread for its own token."""
        with self._lock:
            now = self._clock()
            at = max(now, self._next)
            self._next = at + self._interval
        if at > now:
            self._sleep(at - now)


def limit_rate(client: Any, per_second: float) -> None:
    """Each attempt of each call of a client waits for a token before it is signed, so that no signature gets old."""
    limiter = RateLimiter(per_second)
    client.meta.events.register("before-call.transfer", lambda **_event: limiter.take())


class Progress:
    """Says how far a run is: to a log, and to a file if there is to be one."""

    def __init__(self, log: Callable[[str], None], path: str | None, subject: str) -> None:
        self._log, self._path, self._subject = log, path, subject

    def problems(self) -> list[str]:
        self._log("begins")
        try:
            self._append("begins")
        except OSError as error:
            return [self._problem(error)]
        return []

    def __call__(self, text: str) -> None:
        self._log(text)
        try:
            self._append(text)
        except OSError as error:
            # Half-way: the users matter more than what is said of them.
            self._log(self._problem(error))
            self._path = None

    def _append(self, text: str) -> None:
        if self._path:
            with Path(self._path).open("a", encoding="utf-8") as file:
                file.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} {self._subject}: {text}\n")

    def _problem(self, error: OSError) -> str:
        return f"progress_file {self._path!r} cannot be written: {error.strerror}"


def in_parallel(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    concurrency: int,
    report: Callable[[int, int], None] = lambda _done, _total: None,
    every: float = REPORT_EVERY,
) -> list[Result | AnsibleTransferError]:
    """What came of each item, in their order; one that fails does not stop the others.

    C(report) is called from time to time with how many of how many are done. Any error but AnsibleTransferError
    is a defect: it ends the whole.
    """
    pool = ThreadPoolExecutor(max_workers=concurrency)
    try:
        futures = [pool.submit(function, item) for item in items]
        _done, pending = wait(futures, timeout=every)
        while pending:
            report(len(items) - len(pending), len(items))
            _done, pending = wait(pending, timeout=every)
        results: list[Result | AnsibleTransferError] = []
        for future in futures:
            try:
                results.append(future.result())
            except AnsibleTransferError as error:
                results.append(error)
        return results
    finally:
        # What has not begun when this is interrupted never does.
        pool.shutdown(wait=True, cancel_futures=True)
