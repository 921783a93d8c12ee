# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several things at a time, with plain threads: importing concurrent.futures alone costs a tenth of the cold start."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from collections.abc import Iterable
from typing import TypeVar

Item = TypeVar("Item")


def in_parallel(workers: int, function: Callable[[Item], None], items: Iterable[Item]) -> None:
    """Call the function with each item; returns when all are done, and raises what any call raised.

    No thread outlives it: one that did would be frozen with the invocation, and go on placing what it had read when
    Lambda thaws it for another batch.
    """
    queue = deque(items)
    problems: list[Exception] = []

    def work() -> None:
        try:
            while queue:
                try:
                    item = queue.popleft()
                except IndexError:
                    return  # another thread was faster
                function(item)
        except Exception as problem:  # noqa: BLE001 (raised below, by the thread that waits)
            problems.append(problem)

    # The calling thread works as well; and where items are done faster than threads start, few are started.
    helpers: list[threading.Thread] = []
    while len(queue) > 1 and len(helpers) < workers - 1:
        helper = threading.Thread(target=work)
        try:
            helper.start()
        except RuntimeError:
            break  # The process gets no more threads; those that run must be waited for.
        helpers.append(helper)
    work()
    for helper in helpers:
        helper.join()
    if problems:
        raise problems[0]
