# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads at any offset, out of blocks fetched ahead."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.sftp.download import Download

BLOCK = 16


class Object:
    """Counts what is fetched, and fails when told."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.fetched: list[int] = []
        self.failing = False

    async def fetch(self, begin: int, end: int) -> bytes:
        await asyncio.sleep(0)
        if self.failing:
            raise ConnectionError("S3 is away")
        self.fetched.append(begin // BLOCK)
        return self.content[begin:end]


@given(st.binary(max_size=150), st.lists(st.tuples(st.integers(0, 200), st.integers(1, 60)), max_size=8))
def test_reads_are_the_objects_bytes(content: bytes, reads: list[tuple[int, int]]) -> None:
    async def main() -> None:
        download = Download(len(content), Object(content).fetch, BLOCK, 2)
        for offset, length in reads:
            assert await download.read(offset, length) == content[offset : offset + length]
        download.close()

    asyncio.run(main())


def test_a_sequential_download_fetches_each_block_once() -> None:
    source = Object(bytes(range(256)) * 2)

    async def main() -> bytes:
        download = Download(512, source.fetch, BLOCK, 3)
        content = b"".join([await download.read(offset, 10) for offset in range(0, 512, 10)])
        assert download.bytes_out == 512
        return content

    assert asyncio.run(main()) == source.content
    assert sorted(source.fetched) == list(range(32))


def test_few_blocks_are_held() -> None:
    async def main() -> None:
        download = Download(BLOCK * 100, Object(bytes(BLOCK * 100)).fetch, BLOCK, 3)
        for offset in range(0, BLOCK * 100, BLOCK):
            await download.read(offset, BLOCK)
            assert len(download._blocks) <= 5
        download.close()

    asyncio.run(main())


def test_a_failed_block_is_fetched_again() -> None:
    source = Object(b"payments")

    async def main() -> None:
        download = Download(8, source.fetch, BLOCK, 2)
        source.failing = True
        with pytest.raises(ConnectionError):
            await download.read(0, 8)
        source.failing = False
        assert await download.read(0, 8) == b"payments"

    asyncio.run(main())
