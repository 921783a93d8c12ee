# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One download: blocks of the object are fetched before the client asks for them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from collections.abc import Callable

MIB = 1024 * 1024
BLOCK_SIZE = 4 * MIB
BLOCKS_AHEAD = 3


class Download:
    """Serves reads at any offset out of a few blocks; fetch(begin, end) returns bytes [begin, end) of the object."""

    def __init__(
        self,
        size: int,
        fetch: Callable[[int, int], Awaitable[bytes]],
        block_size: int = BLOCK_SIZE,
        blocks_ahead: int = BLOCKS_AHEAD,
    ) -> None:
        self.size = size
        self.bytes_out = 0
        self._fetch = fetch
        self._block_size = block_size
        self._ahead = blocks_ahead
        self._blocks: dict[int, asyncio.Task[bytes]] = {}

    async def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes at `offset`; empty at the end of the file."""
        end = min(offset + length, self.size)
        pieces: list[bytes] = []
        position = offset
        while position < end:
            index = position // self._block_size
            block = await self._block(index)
            start = position - index * self._block_size
            piece = block[start : start + end - position]
            if not piece:
                break
            pieces.append(piece)
            position += len(piece)
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self.bytes_out += len(data)
        return data

    async def _block(self, index: int) -> bytes:
        last = (self.size - 1) // self._block_size
        # One block behind is kept: reads of one client overtake each other a little.
        wanted = range(max(index - 1, 0), min(index + self._ahead, last) + 1)
        for stale in [number for number in self._blocks if number not in wanted]:
            _drop(self._blocks.pop(stale))
        for number in wanted[1 if index else 0 :]:
            if number not in self._blocks:
                begin = number * self._block_size
                self._blocks[number] = asyncio.create_task(
                    _bytes(self._fetch(begin, min(begin + self._block_size, self.size)))
                )
        block = self._blocks[index]
        try:
            return await asyncio.shield(block)
        except Exception:
            # The next read of this block asks S3 again instead of repeating an old failure.
            self._blocks.pop(index, None)
            raise

    def close(self) -> None:
        """Drop what was read ahead."""
        for task in self._blocks.values():
            _drop(task)
        self._blocks.clear()


def _drop(task: asyncio.Task[bytes]) -> None:
    task.cancel()
    # A failure nobody waited for is no news: fetch it, or asyncio reports it as never retrieved.
    task.add_done_callback(lambda done: done.cancelled() or done.exception())


async def _bytes(fetched: Awaitable[bytes]) -> bytes:
    return await fetched
