# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many keys the function can work on at a time with the memory and the file descriptors it has."""

from __future__ import annotations

import resource
from collections.abc import Mapping

# One key: its connection, its temporary file, two directories while a path is walked, two more in the trash; and some.
_DESCRIPTORS_PER_KEY = 8
# The runtime's own, and the directories that are held open for the batch (share.py).
_DESCRIPTORS_KEPT_BACK = 64 + 256
# One key: its thread's stack as far as it is used, its buffer, its connection's (TLS included); generously.
_MEGABYTES_PER_KEY = 1
_MEGABYTES_KEPT_BACK = 80


def affordable(bound: int, environment: Mapping[str, str]) -> int:
    """At most ``bound`` (MFT_CONCURRENCY), at least one."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    limits = [bound]
    if soft != resource.RLIM_INFINITY:
        limits.append((soft - _DESCRIPTORS_KEPT_BACK) // _DESCRIPTORS_PER_KEY)
    # Lambda developer guide, "Defined runtime environment variables"; elsewhere nobody has set a limit.
    megabytes = environment.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
    if megabytes.isascii() and megabytes.isdigit():
        limits.append((int(megabytes) - _MEGABYTES_KEPT_BACK) // _MEGABYTES_PER_KEY)
    return max(min(limits), 1)
