# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much the function can do at a time with the memory, the file descriptors and the processors it has."""

from __future__ import annotations

import os
import resource
from collections.abc import Mapping
from contextlib import suppress

# One key: its connection, its temporary file, two directories while a path is walked, two more in the trash; and some.
_DESCRIPTORS_PER_KEY = 8
# The runtime's own, and the directories that are held open for the batch (share.py).
_DESCRIPTORS_KEPT_BACK = 64 + 256
# One key: its thread's stack as far as it is used, its buffer, its connection's (TLS included); generously.
_MEGABYTES_PER_KEY = 1
_MEGABYTES_KEPT_BACK = 80
# Lambda developer guide, "Configure Lambda function memory": at 1,769 MB a function has the equivalent of one vCPU.
_MEGABYTES_PER_PROCESSOR = 1769


def keep_to_one_processor(environment: Mapping[str, str]) -> None:
    """Run all threads on one processor where Lambda gives the time of one at most.

    Lambda shows two processors to a function that is given the time of a fraction of one. Python's threads run one at a
    time; spread over both they wake each other up across them for every system call, which costs as much as the copy.
    """
    megabytes = _memory(environment)
    if megabytes is not None and megabytes <= _MEGABYTES_PER_PROCESSOR:
        processors = sorted(os.sched_getaffinity(0))
        with suppress(OSError):  # where it is forbidden, it is only slower
            os.sched_setaffinity(0, {processors[os.getpid() % len(processors)]})


def affordable(bound: int, environment: Mapping[str, str]) -> int:
    """At most ``bound`` (MFT_CONCURRENCY), at least one."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    limits = [bound]
    if soft != resource.RLIM_INFINITY:
        limits.append((soft - _DESCRIPTORS_KEPT_BACK) // _DESCRIPTORS_PER_KEY)
    megabytes = _memory(environment)
    if megabytes is not None:
        limits.append((megabytes - _MEGABYTES_KEPT_BACK) // _MEGABYTES_PER_KEY)
    return max(min(limits), 1)


def _memory(environment: Mapping[str, str]) -> int | None:
    # Lambda developer guide, "Defined runtime environment variables"; elsewhere nobody has set a limit.
    megabytes = environment.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
    return int(megabytes) if megabytes.isascii() and megabytes.isdigit() else None
