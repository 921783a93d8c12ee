# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The time an invocation has left for work."""

from __future__ import annotations

import time
from copy import copy

from replicator.errors import OutOfTimeError

# Kept back to put unfinished files aside, write the log and answer; a quarter of the time where that is short.
_RESERVE_SECONDS = 15.0
_RESERVE_SHARE = 0.25


class Deadline:
    """The moment after which no work is begun and no copy goes on."""

    def __init__(self, seconds_left: float) -> None:
        reserve = min(_RESERVE_SECONDS, seconds_left * _RESERVE_SHARE)
        self._end = time.monotonic() + seconds_left - reserve
        # How long one silence may be borne: a copy that meets it at the last moment still ends within the reserve.
        self.patience = reserve * 2 / 3

    def within(self, seconds: float) -> Deadline:
        """The same, but at most so far from now."""
        part = copy(self)
        part._end = min(self._end, time.monotonic() + seconds)
        return part

    def check(self) -> None:
        """Raise ``OutOfTimeError`` when the time for work is over."""
        if time.monotonic() >= self._end:
            raise OutOfTimeError

    def wait(self, seconds: float) -> bool:
        """Sleep; False, at once, where the time for work would be over after it."""
        if time.monotonic() + seconds >= self._end:
            return False
        time.sleep(seconds)
        return True
