# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the bucket holds in each workload: keys, sizes and, without any file on disk, their contents.

Every content is a stretch of one block of random bytes, which a large object repeats. So a server can send any object
with sendfile from one small file that stays in the page cache, 100,000 objects are made in a second, and every byte
that a client wrote can be compared with what it should be.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

BUCKET = "mft-bench"
PREFIX = "home/"
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
BLOCK_BYTES = 64 * MIB
# Large objects begin at a multiple of this in the block, so that their parts are the block's parts.
PART_BYTES = 8 * MIB


@dataclass(frozen=True)
class Item:
    """One object: its key, and where in the block its content begins."""

    key: str
    size: int
    offset: int

    @property
    def path(self) -> str:
        """Its file below the share."""
        return self.key.removeprefix(PREFIX)


def make_block(path: Path) -> None:
    """Write the block, always the same."""
    path.write_bytes(random.Random(1).randbytes(BLOCK_BYTES))  # noqa: S311 (content, not a secret)


def nested(count: int, size: int) -> list[Item]:
    """Small files as partners send them: four levels of directories, fifty files in each."""
    return [
        Item(f"{PREFIX}partner-{n // 50 % 20:02}/inbox/2026/{n // 1000:03}/payments-{n:06}.csv", size, _offset(n, size))
        for n in range(count)
    ]


def flat(count: int, size: int) -> list[Item]:
    """All in one directory."""
    return [Item(f"{PREFIX}partner-00/inbox/orders-{n:06}.csv", size, _offset(n, size)) for n in range(count)]


def large(count: int, size: int) -> list[Item]:
    """Objects larger than the block."""
    return [Item(f"{PREFIX}partner-00/archive/backup-{n}.tar", size, n * PART_BYTES) for n in range(count)]


def _offset(number: int, size: int) -> int:
    """Somewhere in the block, different for neighbours, whole within it."""
    return number * 7919 * 64 % (BLOCK_BYTES - size)


def pieces(block: memoryview, item: Item) -> Iterator[memoryview]:
    """The object's content."""
    position, left = item.offset, item.size
    while left:
        count = min(left, BLOCK_BYTES - position)
        yield block[position : position + count]
        position, left = (position + count) % BLOCK_BYTES, left - count


def differences(block: memoryview, items: list[Item], directory: Path) -> list[str]:
    """The paths that do not hold, byte for byte, what the bucket holds; the surplus ones as well."""
    wrong = [item.path for item in items if not _same(block, item, directory / item.path)]
    wanted = {item.path for item in items}
    found = (file.relative_to(directory) for file in directory.rglob("*") if file.is_file())
    return wrong + [str(path) for path in found if path.parts[0][0] != "." and str(path) not in wanted]


def _same(block: memoryview, item: Item, path: Path) -> bool:
    try:
        with path.open("rb", buffering=0) as file:
            for piece in pieces(block, item):
                for start in range(0, len(piece), MIB):
                    wanted = piece[start : start + MIB]
                    if file.read(len(wanted)) != wanted:
                        return False
            return not file.read(1)
    except OSError:
        return False
