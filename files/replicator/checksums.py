# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checksums that S3 keeps with objects, all that it knows, and how to go on with one where a copy has stopped.

CRC64NVME is what S3 computes for every object whose uploader asked for nothing else. It, CRC32C and the XXHASH family
come from AWS's own library (awscrt), the rest from Python's.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import zlib
from collections.abc import Callable
from collections.abc import Mapping
from functools import cache
from typing import Any
from typing import NamedTuple
from typing import Protocol


class Hasher(Protocol):
    """What hashlib's objects look like."""

    def update(self, data: memoryview, /) -> None: ...

    def digest(self) -> bytes: ...


class _Crc:
    """A running CRC: the one kind of checksum whose state can be written down."""

    def __init__(self, step: Callable[[memoryview, int], int], width: int, value: int = 0) -> None:
        self._step = step
        self._width = width
        self._value = value

    def update(self, data: memoryview, /) -> None:
        self._value = self._step(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._width, "big")


class _Xxhash:
    def __init__(self, kind: str) -> None:
        self._hasher = getattr(_crt().XXHash, f"new_{kind}")()

    def update(self, data: memoryview, /) -> None:
        self._hasher.update(bytes(data))  # it takes nothing that could change

    def digest(self) -> bytes:
        return bytes(self._hasher.finalize())


@cache
def _crt() -> Any:
    from awscrt import checksums as crt  # noqa: PLC0415 (30 ms, for the first object that needs it)

    return crt


# The step and the width of each; for a CRC the digest is the state.
_CRCS: dict[str, tuple[Callable[[], Callable[[memoryview, int], int]], int]] = {
    "CRC64NVME": (lambda: _crt().crc64nvme, 8),
    "CRC32C": (lambda: _crt().crc32c, 4),
    "CRC32": (lambda: zlib.crc32, 4),
}
_HASHES: dict[str, Callable[[], Hasher]] = {
    "XXHASH3": lambda: _Xxhash("xxhash3_64"),
    "XXHASH128": lambda: _Xxhash("xxhash3_128"),
    "XXHASH64": lambda: _Xxhash("xxhash64"),
    "SHA1": lambda: hashlib.sha1(usedforsecurity=False),
    "SHA256": hashlib.sha256,
    "MD5": lambda: hashlib.md5(usedforsecurity=False),
    "SHA512": hashlib.sha512,
}
# Cheapest first: one is enough.
ALGORITHMS = (*_CRCS, *_HASHES)
_HEADERS = {algorithm: f"x-amz-checksum-{algorithm.lower()}" for algorithm in ALGORITHMS}
_HASHES["ETag"] = _HASHES["MD5"]
_MD5 = re.compile(r'"[0-9a-f]{32}"')


class Checksum(NamedTuple):
    """What the whole object's bytes must come to."""

    algorithm: str
    expected: bytes

    def hasher(self) -> Hasher:
        return self.resumed(b"") if self.resumable else _HASHES[self.algorithm]()

    @property
    def resumable(self) -> bool:
        """Whether the digest of a beginning is all that is needed to go on."""
        return self.algorithm in _CRCS

    def resumed(self, digest: bytes) -> Hasher:
        """A hasher that goes on after the beginning with that digest."""
        step, width = _CRCS[self.algorithm]
        return _Crc(step(), width, int.from_bytes(digest, "big"))


def stated(headers: Mapping[str, str]) -> Checksum | None:
    """The object's own checksum, if the answer states one of the whole object.

    A composite one is made of the parts' checksums and not of the object's bytes (S3 user guide, "Checking object
    integrity"); to verify it, each part's size would have to be asked for. Older ones show it only by the number of
    parts after a hyphen.
    """
    if headers.get("x-amz-checksum-type") == "COMPOSITE":
        return None
    for algorithm, header in _HEADERS.items():
        value = headers.get(header)
        if value and "-" not in value:
            try:
                return Checksum(algorithm, base64.b64decode(value, validate=True))
            except binascii.Error:
                return None
    return None


def from_etag(headers: Mapping[str, str]) -> Checksum | None:
    """The ETag as a checksum, where it is one.

    It is the MD5 of an object that was uploaded in one part and is not encrypted with a KMS key or the customer's own
    (S3 API reference, Object, ETag).
    """
    etag = headers.get("etag", "")
    encryption = headers.get("x-amz-server-side-encryption", "AES256")
    if encryption != "AES256" or "x-amz-server-side-encryption-customer-algorithm" in headers:
        return None
    return Checksum("ETag", bytes.fromhex(etag.strip('"'))) if _MD5.fullmatch(etag) else None
