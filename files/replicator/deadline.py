# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The time an invocation has left for work."""

from __future__ import annotations

import time

from replicator.errors import OutOfTimeError

# Kept back to remove the temporary file, write the log and answer. More than S3's read timeout (store.py), so that
# even a copy whose connection hangs ends before the invocation does; a quarter of the time where that is short.
_RESERVE_SECONDS = 15.0
_RESERVE_SHARE = 0.25


class Deadline:
    """The moment after which no work is begun and no copy goes on."""

    def __init__(self, seconds_left: float) -> None:
        self._end = time.monotonic() + seconds_left - min(_RESERVE_SECONDS, seconds_left * _RESERVE_SHARE)

    def check(self) -> None:
        """Raise ``OutOfTimeError`` when the time for work is over."""
        if time.monotonic() >= self._end:
            raise OutOfTimeError
