# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One upload: a stream of SFTP writes becomes one S3 object, which appears whole and only at the end.

Memory is bounded by (parts under way + 1) x part size + reorder limit, whatever the size of the file.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol

from lab.sftp.reorder import OrderError
from lab.sftp.reorder import ReorderBuffer

MIB = 1024 * 1024
PART_SIZE = 8 * MIB
PARTS_UNDER_WAY = 3
REORDER_LIMIT = 8 * MIB
# "Maximum number of parts per upload: 10,000" (Amazon S3 user guide, multipart upload limits).
MAXIMUM_PARTS = 10_000


@dataclass(frozen=True)
class Stored:
    """The object that an upload left in the bucket."""

    etag: str
    version_id: str | None


class UploadTarget(Protocol):
    """One object to be: either put whole, or begun, sent in parts and completed or aborted."""

    async def put(self, body: bytearray) -> Stored: ...

    async def begin(self) -> None: ...

    async def part(self, number: int, body: bytearray) -> None: ...

    async def complete(self) -> Stored: ...

    async def abort(self) -> None: ...


class UploadError(Exception):
    """The upload failed and left no object; the text is what the SFTP client shows."""


class Upload:
    """Collects writes into parts and sends the parts while more arrive."""

    def __init__(
        self,
        target: UploadTarget,
        part_size: int = PART_SIZE,
        parts_under_way: int = PARTS_UNDER_WAY,
        reorder_limit: int = REORDER_LIMIT,
    ) -> None:
        self._target = target
        self._part_size = part_size
        self._slots = asyncio.Semaphore(parts_under_way)
        self._order = ReorderBuffer(reorder_limit)
        self._buffer = bytearray()
        self._parts = 0
        self._sending: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None

    @property
    def size(self) -> int:
        """Bytes received without a gap."""
        return self._order.position

    async def write(self, offset: int, data: bytes) -> None:
        """Take one write; waits while too many parts are under way, which in turn slows the client down."""
        self._raise_failure()
        try:
            pieces = self._order.add(offset, data)
        except OrderError as error:
            self._failure = UploadError(str(error))
            raise self._failure from error
        for piece in pieces:
            self._buffer += piece
            while len(self._buffer) >= self._part_size:
                await self._send(self._part_size)

    async def finish(self) -> Stored:
        """The client closed the file: complete the object, or leave none behind."""
        if self._failure is None and (hole := self._order.missing()) is not None:
            self._failure = UploadError(
                f"bytes {hole[0]} to {hole[1] - 1} were never written: "
                "objects in Amazon S3 have no holes, and cannot be appended to"
            )
        return await self._conclude()

    async def truncate(self) -> Stored:
        """The session went away: keep what arrived without a gap, as AWS Transfer Family does (PARTIAL_CLOSE)."""
        return await self._conclude()

    async def _conclude(self) -> Stored:
        try:
            self._raise_failure()
            if not self._parts:
                return await self._target.put(self._buffer)
            if self._buffer:
                await self._send(len(self._buffer))
            await asyncio.gather(*self._sending)
            self._raise_failure()
            return await self._target.complete()
        except BaseException:
            if self._parts:
                # S3 keeps, and bills, the parts of an upload that is neither completed nor aborted; and a part
                # still under way when the abort arrives would survive it.
                await asyncio.gather(*self._sending, return_exceptions=True)
                await self._target.abort()
            raise

    async def _send(self, size: int) -> None:
        if self._parts == MAXIMUM_PARTS:
            self._failure = UploadError(f"the file is larger than {MAXIMUM_PARTS} parts of {self._part_size} bytes")
            raise self._failure
        if not self._parts:
            await self._target.begin()
        await self._slots.acquire()
        if len(self._buffer) == size:
            body, self._buffer = self._buffer, bytearray()
        else:
            body, self._buffer = self._buffer[:size], self._buffer[size:]
        self._parts += 1
        task = asyncio.create_task(self._send_part(self._parts, body))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
        self._raise_failure()

    async def _send_part(self, number: int, body: bytearray) -> None:
        try:
            await self._target.part(number, body)
        except Exception as error:  # noqa: BLE001 -- told to the client with its next write or close
            self._failure = self._failure or error
        finally:
            self._slots.release()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure
