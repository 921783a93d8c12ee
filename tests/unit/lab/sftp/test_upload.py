# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stream of writes becomes one object, or none."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.sftp.upload import Stored
from lab.sftp.upload import Upload
from lab.sftp.upload import UploadError

PART = 16


class Bucket:
    """An UploadTarget that remembers, fails on demand and notices too many parts at once."""

    def __init__(self, fail_part: int = 0, fail_complete: bool = False) -> None:
        self.content: bytes | None = None
        self.calls: list[str] = []
        self.under_way = 0
        self.most_under_way = 0
        self._parts: dict[int, bytes] = {}
        self._fail_part = fail_part
        self._fail_complete = fail_complete

    async def put(self, body: bytearray) -> Stored:
        self.calls.append("put")
        self.content = bytes(body)
        return Stored("whole", None)

    async def begin(self) -> None:
        self.calls.append("begin")

    async def part(self, number: int, body: bytearray) -> None:
        assert "abort" not in self.calls, "a part was sent after the abort: S3 would keep it"
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        # The later parts overtake the earlier ones.
        await asyncio.sleep(0.001 if number % 2 else 0)
        self.under_way -= 1
        if number == self._fail_part:
            raise ConnectionError("S3 is away")
        self._parts[number] = bytes(body)

    async def complete(self) -> Stored:
        self.calls.append("complete")
        if self._fail_complete:
            raise ConnectionError("S3 is away")
        self.content = b"".join(body for _, body in sorted(self._parts.items()))
        return Stored("parts", "version-1")

    async def abort(self) -> None:
        assert not self.under_way, "aborted while a part was under way"
        self.calls.append("abort")


def upload(bucket: Bucket) -> Upload:
    return Upload(bucket, part_size=PART, parts_under_way=2, reorder_limit=64)


def run(work: Awaitable[Stored]) -> Stored:
    async def main() -> Stored:
        return await work

    return asyncio.run(main())


async def send(target: Upload, content: bytes, step: int) -> None:
    for offset in range(0, len(content), step):
        await target.write(offset, content[offset : offset + step])


@given(st.binary(max_size=200), st.integers(1, 50))
def test_the_object_is_the_file(content: bytes, step: int) -> None:
    bucket = Bucket()

    async def whole() -> Stored:
        target = upload(bucket)
        await send(target, content, step)
        assert bucket.content is None, "the object was there before the client closed the file"
        return await target.finish()

    run(whole())
    assert bucket.content == content
    assert bucket.most_under_way <= 2
    assert bucket.calls == (["put"] if len(content) < PART else ["begin", "complete"])


def test_a_cut_off_upload_keeps_what_came_without_a_gap() -> None:
    bucket = Bucket()

    async def cut() -> Stored:
        target = upload(bucket)
        await send(target, b"payments" * 5, 8)
        await target.write(48, b"too far ahead")
        return await target.truncate()

    assert run(cut()) == Stored("parts", "version-1")
    assert bucket.content == b"payments" * 5


@pytest.mark.parametrize("size", [1, PART + 1])
def test_a_hole_leaves_no_object(size: int) -> None:
    bucket = Bucket()

    async def holed() -> Stored:
        target = upload(bucket)
        await send(target, b"x" * size, size)
        await target.write(size + 5, b"y")
        return await target.finish()

    with pytest.raises(UploadError, match=f"bytes {size} to {size + 4} were never written"):
        run(holed())
    assert bucket.content is None
    assert "put" not in bucket.calls
    assert ("abort" in bucket.calls) == ("begin" in bucket.calls)


def test_a_failing_part_fails_the_upload_and_is_aborted() -> None:
    bucket = Bucket(fail_part=2)

    async def failing() -> Stored:
        target = upload(bucket)
        with pytest.raises(ConnectionError):
            await send(target, b"z" * PART * 20, PART)
        return await target.finish()

    with pytest.raises(ConnectionError):
        run(failing())
    assert bucket.calls == ["begin", "abort"]


def test_a_cut_off_upload_that_had_failed_leaves_no_object() -> None:
    bucket = Bucket(fail_part=1)

    async def failing() -> Stored:
        target = upload(bucket)
        await send(target, b"z" * PART, PART)
        await asyncio.sleep(0.01)
        return await target.truncate()

    with pytest.raises(ConnectionError):
        run(failing())
    assert bucket.calls == ["begin", "abort"]


def test_a_failing_completion_is_aborted() -> None:
    bucket = Bucket(fail_complete=True)

    async def failing() -> Stored:
        target = upload(bucket)
        await send(target, b"z" * PART * 2, PART)
        return await target.finish()

    with pytest.raises(ConnectionError):
        run(failing())
    assert bucket.calls == ["begin", "complete", "abort"]


def test_a_random_write_is_refused_and_so_is_everything_after_it() -> None:
    bucket = Bucket()

    async def random() -> Stored:
        target = upload(bucket)
        await target.write(0, b"orders")
        for _ in range(2):
            with pytest.raises(UploadError, match="goes back"):
                await target.write(2, b"x")
        return await target.finish()

    with pytest.raises(UploadError, match="goes back"):
        run(random())
    assert bucket.calls == []
