# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What there is of large objects whose copy has stopped, so that the next delivery goes on with it.

A file here has no owner: who stopped has closed it and renamed it to here, and who goes on renames it away first. Only
one worker's rename succeeds, so nobody ever writes to a file that another one writes to. All that must be known of it
stands in its name, so file and knowledge appear and disappear in one step:

    <path>-<state of the object>-<bytes>-<algorithm>-<checksum of these bytes>-<CRC32 of the last of them>

It is verified before it is used: its length always; the checksum of all of it up to a gigabyte, and beyond that of its
last 16 MiB (reading terabytes again would take as long as copying them). The running checksum in the name then goes on
over the rest, so that the whole object is verified at the end as if it had been copied at once. Of the kinds whose
state cannot be written down (SHA, MD5, XXHASH) everything is read again.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import time
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from replicator.deadline import Deadline

if TYPE_CHECKING:
    from replicator.checksums import Checksum
    from replicator.checksums import Hasher
    from replicator.paths import SharePath
    from replicator.store import ObjectState

# Less is copied again in about the time that looking here takes.
WORTH_KEEPING_BYTES = 64 * 1024 * 1024
_READ_AGAIN_BYTES = 1024 * 1024 * 1024
_TAIL_BYTES = 16 * 1024 * 1024
_CHUNK_BYTES = 1024 * 1024
# A message is invisible for at most 12 hours (Amazon SQS, visibility timeout), so its next delivery has been by then.
_ABANDONED_AFTER_SECONDS = 24 * 3600
_OPEN_FLAGS = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC


class Beginning:
    """The verified first bytes of an object, in a file of the caller's own."""

    def __init__(self, descriptor: int, name: bytes, size: int, hasher: Hasher | None) -> None:
        self.descriptor = descriptor
        self.name = name
        self.size = size
        self.hasher = hasher


class Partials:
    """The directory of unfinished files; thread-safe."""

    def __init__(self, partial_fd: int, incoming_fd: int, new_name: Callable[[], bytes]) -> None:
        self._partial_fd = partial_fd
        self._incoming_fd = incoming_fd
        self._new_name = new_name

    def keep(self, beginning: Beginning, path: SharePath, state: ObjectState, checksum: Checksum | None) -> None:
        """Put a file aside for whoever goes on; its descriptor stays the caller's, to close."""
        os.fsync(beginning.descriptor)
        algorithm = checksum.algorithm if checksum else ""
        digest = beginning.hasher.digest().hex() if checksum and checksum.resumable and beginning.hasher else ""
        tail = _tail(beginning.descriptor, beginning.size)
        facts = f"{beginning.size}-{algorithm}-{digest}-{tail:08x}"
        name = f"{_path_id(path)}-{_state_id(state)}-{facts}".encode("ascii")
        os.rename(beginning.name, name, src_dir_fd=self._incoming_fd, dst_dir_fd=self._partial_fd)
        os.fsync(self._partial_fd)

    def take(
        self, path: SharePath, state: ObjectState, checksum: Checksum | None, deadline: Deadline
    ) -> Beginning | None:
        """The longest beginning of this state of the object, for the caller alone; those of others are dropped."""
        mine, wanted = _path_id(path), f"{_path_id(path)}-{_state_id(state)}-"
        names = [name for name in names_in(self._partial_fd) if name.startswith(mine)]
        for name in names:
            if not name.startswith(wanted):
                self._drop(self._partial_fd, name)
        fitting = sorted((name for name in names if name.startswith(wanted)), key=_size, reverse=True)
        for name in fitting:
            found = self._claim(name)
            if found is None:
                continue  # another worker was faster
            descriptor, own_name = found
            try:
                beginning = _verified(descriptor, own_name, name, checksum, deadline)
            except BaseException:
                # Unread as it is, it goes back; only what was found to be wrong is dropped.
                os.rename(own_name, name, src_dir_fd=self._incoming_fd, dst_dir_fd=self._partial_fd)
                os.close(descriptor)
                raise
            if beginning is not None:
                return beginning
            self._drop(self._incoming_fd, own_name)
            os.close(descriptor)
        return None

    def sweep(self, deadline: Deadline) -> int:
        """Drop what nobody has come back for; returns how many."""
        oldest, swept = time.time() - _ABANDONED_AFTER_SECONDS, 0
        for name in names_in(self._partial_fd):
            deadline.check()
            try:
                found = os.stat(name, dir_fd=self._partial_fd, follow_symlinks=False)
            except FileNotFoundError:
                continue
            if max(found.st_mtime, found.st_ctime) < oldest:
                swept += self._drop(self._partial_fd, name)
        return swept

    def _claim(self, name: str) -> tuple[int, bytes] | None:
        """Rename it away from here; None if it is not there any more."""
        try:
            descriptor = os.open(name, _OPEN_FLAGS, dir_fd=self._partial_fd)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ELOOP, errno.EISDIR):
                return None
            raise
        own_name = self._new_name()
        try:
            # Touched before it is where old files are swept.
            os.utime(descriptor)
            os.rename(name, own_name, src_dir_fd=self._partial_fd, dst_dir_fd=self._incoming_fd)
        except BaseException as error:
            os.close(descriptor)
            if isinstance(error, FileNotFoundError):
                return None
            raise
        return descriptor, own_name

    @staticmethod
    def _drop(directory_fd: int, name: str | bytes) -> bool:
        try:
            os.unlink(name, dir_fd=directory_fd)
        except OSError:
            return False  # gone, or the next sweep tries again
        return True


def names_in(directory_fd: int) -> list[str]:
    """What is in a directory, of which a sweep or another worker may take away any at any time."""
    with os.scandir(directory_fd) as entries:
        return [entry.name for entry in entries]


def _verified(
    descriptor: int, own_name: bytes, name: str, checksum: Checksum | None, deadline: Deadline
) -> Beginning | None:
    """What the file holds, read again as far as the module's text says; None if it is not what its name says."""
    try:
        _, _, size_text, algorithm, digest_text, tail_text = name.split("-")
        size, digest, tail = int(size_text), bytes.fromhex(digest_text), int(tail_text, 16)
    except ValueError:
        return None
    found = os.fstat(descriptor)
    if (
        not stat.S_ISREG(found.st_mode)
        or found.st_size != size
        or algorithm != (checksum.algorithm if checksum else "")
    ):
        return None
    if _tail(descriptor, size) != tail:
        return None
    hasher = None
    if checksum and checksum.resumable and size > _READ_AGAIN_BYTES:
        hasher = checksum.resumed(digest)
    elif checksum:
        hasher = checksum.hasher()
        _read_again(descriptor, size, hasher, deadline)
        if checksum.resumable and hasher.digest() != digest:
            return None
    os.lseek(descriptor, size, os.SEEK_SET)
    return Beginning(descriptor, own_name, size, hasher)


def _read_again(descriptor: int, size: int, hasher: Hasher, deadline: Deadline) -> None:
    buffer = memoryview(bytearray(_CHUNK_BYTES))
    offset = 0
    while offset < size:
        deadline.check()
        count = os.preadv(descriptor, [buffer[: size - offset]], offset)
        if not count:
            return  # shorter than it was: the digest tells
        hasher.update(buffer[:count])
        offset += count


def _tail(descriptor: int, size: int) -> int:
    value, offset = 0, max(size - _TAIL_BYTES, 0)
    while offset < size:
        part = os.pread(descriptor, min(_CHUNK_BYTES, size - offset), offset)
        if not part:
            return -1
        value = zlib.crc32(part, value)
        offset += len(part)
    return value


def _size(name: str) -> int:
    parts = name.split("-")
    return int(parts[2]) if len(parts) == 6 and parts[2].isdigit() else -1


def _path_id(path: SharePath) -> str:
    # A path can be longer than a name.
    return hashlib.sha256(b"/".join(path.components)).hexdigest()[:24]


def _state_id(state: ObjectState) -> str:
    told = f"{state.etag}\n{state.version}\n{state.size}\n{state.modified}"
    return hashlib.sha256(told.encode()).hexdigest()[:24]
