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

    def __post_init__(self) -> None:
        self.whole = self.content

    def readinto(self, buffer: memoryview, /) -> int:
        self.boundary("readinto")
        part = self.content[: min(self.chunk, len(buffer))]
        self.content = self.content[len(part) :]
        buffer[: len(part)] = part
        return len(part)

    def resume_at(self, offset: int) -> None:
        self.boundary("resume")
        self.content = self.whole[offset:]

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
        self.tagged: dict[str, dict[str, str]] = {}
        self.read_only: ReplicationError | None = None
        self.page_size = 1000
        self._version = 0

    def put(self, key: str, content: bytes) -> None:
        """A test's upload, and the store's: a new object has no tags."""
        if self.read_only:
            raise self.read_only
        self._version += 1
        self.tagged.pop(key, None)
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

    def tags(self, key: str, version: str | None) -> dict[str, str] | None:
        self.boundary("tags")
        self._refuse(key)
        if key not in self.objects or self.objects[key][0].version != version:
            return None
        return self.tagged.get(key, {})

    def page(self, prefix: str, after: str) -> list[tuple[str, ObjectState]]:
        self.boundary("page")
        keys = sorted(key for key in self.objects if key.startswith(prefix) and key > after)
        states = [(key, self.objects[key][0]) for key in keys[: self.page_size]]
        return [(key, ObjectState(state.etag, state.size, state.modified, None)) for key, state in states]

    def _refuse(self, key: str) -> None:
        if key in self.refusals:
            raise self.refusals[key]
