# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bucket in memory whose objects change when the test says so, between any two reads of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from replicator.checksums import Checksum
from replicator.errors import ReplicationError
from replicator.store import ObjectState


@dataclass
class FakeStream:
    """Hands out a few bytes at a time, so that a copy has many steps."""

    state: ObjectState
    content: bytes
    checksum: Checksum | None
    boundary: Callable[[str], None]
    chunk: int

    def readinto(self, buffer: memoryview, /) -> int:
        self.boundary("readinto")
        part = self.content[: min(self.chunk, len(buffer))]
        self.content = self.content[len(part) :]
        buffer[: len(part)] = part
        return len(part)

    def close(self) -> None:
        self.content = b""


class FakeBucket:
    """A store; ``boundary`` is called before each request takes effect."""

    def __init__(self, boundary: Callable[[str], None] = lambda step: None, chunk: int = 64 * 1024) -> None:
        self.boundary = boundary
        self.chunk = chunk
        self.objects: dict[str, tuple[ObjectState, bytes]] = {}
        self.checksums: dict[str, Checksum] = {}
        self.short: set[str] = set()
        self.refusals: dict[str, ReplicationError] = {}
        self._version = 0

    def put(self, key: str, content: bytes) -> None:
        self._version += 1
        modified = 1_700_000_000.0 + self._version
        self.objects[key] = (ObjectState(f'"{self._version}"', len(content), modified, f"v{self._version}"), content)

    def delete(self, key: str) -> None:
        self.objects.pop(key, None)

    def open(self, key: str) -> FakeStream | None:
        self.boundary("get")
        self._refuse(key)
        if key not in self.objects:
            return None
        state, content = self.objects[key]
        sent = content[:-1] if key in self.short else content
        return FakeStream(state, sent, self.checksums.get(key), self.boundary, self.chunk)

    def head(self, key: str) -> ObjectState | None:
        self.boundary("head")
        self._refuse(key)
        return self.objects[key][0] if key in self.objects else None

    def _refuse(self, key: str) -> None:
        if key in self.refusals:
            raise self.refusals[key]
