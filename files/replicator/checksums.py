# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checksums S3 keeps with objects, as far as Python's own library can compute them.

CRC32C and CRC64NVME are not among them, and a pure Python one would cost more than the copy; for these, and for
composite checksums of multipart uploads, the length is verified and the log line says so.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class Hasher(Protocol):
    """What hashlib's objects look like."""

    def update(self, data: memoryview, /) -> None: ...

    def digest(self) -> bytes: ...


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: memoryview, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


def _sha1() -> Hasher:
    return hashlib.sha1(usedforsecurity=False)


# Cheapest first: one is enough.
_ALGORITHMS: dict[str, Callable[[], Hasher]] = {"CRC32": _Crc32, "SHA1": _sha1, "SHA256": hashlib.sha256}
COMPUTABLE = tuple(_ALGORITHMS)


@dataclass(frozen=True)
class Checksum:
    """What the whole object's bytes must come to."""

    algorithm: str
    expected: bytes

    def hasher(self) -> Hasher:
        return _ALGORITHMS[self.algorithm]()
