# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the writes of one upload in order.

A client keeps many writes under way and SFTP lets it send them in any order, but an S3 object can only be written from
its beginning to its end. A little disorder is therefore put right, in bounded memory; anything else is refused.
"""

from __future__ import annotations


class OrderError(Exception):
    """A write that an S3 object cannot take; the text is what the SFTP client shows."""


class ReorderBuffer:
    """Holds writes that are ahead of their turn, `limit` bytes of them at most."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.position = 0
        self.held = 0
        self._waiting: dict[int, bytes] = {}

    def add(self, offset: int, data: bytes) -> list[bytes]:
        """Take one write; return the pieces whose turn has come, in order."""
        if not data:
            return []
        if offset < self.position or offset in self._waiting:
            raise OrderError(
                f"a write at offset {offset} goes back over data already sent: "
                "objects in Amazon S3 are written once, from beginning to end"
            )
        if offset > self.position:
            if self.held + len(data) > self.limit:
                raise OrderError(
                    f"a write at offset {offset} is more than {self.limit} bytes ahead of offset {self.position}: "
                    "objects in Amazon S3 are written from beginning to end"
                )
            self._waiting[offset] = data
            self.held += len(data)
            return []
        ready = [data]
        self.position += len(data)
        while (following := self._waiting.pop(self.position, None)) is not None:
            ready.append(following)
            self.held -= len(following)
            self.position += len(following)
        if self._waiting and (first := min(self._waiting)) < self.position:
            raise OrderError(f"two writes overlap at offset {first}")
        return ready

    def missing(self) -> tuple[int, int] | None:
        """The first hole before data that was already received, as (begin, end)."""
        return (self.position, min(self._waiting)) if self._waiting else None
