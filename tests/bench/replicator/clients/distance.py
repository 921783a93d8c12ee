# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A share that is far away: every call that changes or looks up a name there takes some milliseconds more, as on NFS.

Delayed are, for paths below the share and for names relative to an open directory: open, mkdir, rename, unlink, rmdir,
stat, scandir; and for open files utime, chmod and fsync. Linux' NFS client asks the server for each of them (an open of
a directory as well: close-to-open consistency). Reading, writing, closing and fstat are not delayed.
"""

from __future__ import annotations

import builtins
import os
import time
from collections.abc import Callable
from typing import Any

_CALLS = ("open", "mkdir", "rename", "replace", "unlink", "remove", "rmdir", "stat", "lstat", "scandir", "utime")
_OF_FILES = ("fsync", "fdatasync", "fchmod")


def put_far_away(share: str, seconds: float) -> None:
    """Delay this process's calls from now on."""

    def far(path: Any) -> bool:
        if isinstance(path, int):
            return True
        text = os.fsdecode(path)
        return text.startswith(share) or not text.startswith("/")

    def delayed(call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(path: Any, *arguments: Any, **options: Any) -> Any:
            if far(path):
                time.sleep(seconds)
            return call(path, *arguments, **options)

        return wrapper

    for name in (*_CALLS, *_OF_FILES):
        setattr(os, name, delayed(getattr(os, name)))
    builtins.open = delayed(builtins.open)
