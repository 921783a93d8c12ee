# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From S3 into a file of the workspace: whole and verified, or not at all."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING
from typing import NamedTuple

from replicator.deadline import Deadline
from replicator.errors import TransientError
from replicator.partials import WORTH_KEEPING_BYTES
from replicator.partials import Beginning
from replicator.paths import SharePath
from replicator.store import ObjectChangedError
from replicator.workspace import Workspace

if TYPE_CHECKING:
    from replicator.store import ObjectStream

# Larger writes cost several times the system time on some virtual machines, and gain nothing on others.
_CHUNK_BYTES = 64 * 1024
# What has to be flushed when the time is over must be little enough for what is kept back of it (deadline.py).
_FLUSH_EVERY_BYTES = 256 * 1024 * 1024


class StagedFile(NamedTuple):
    """A whole, verified file in the workspace."""

    name: bytes
    size: int
    verified: str


def stage(
    workspace: Workspace, stream: ObjectStream, deadline: Deadline, path: SharePath | None, mode: int
) -> StagedFile:
    """Copy an object's content into the workspace, whole and verified.

    Nothing is left there if that fails, except of a large object whose content stopped coming or whose time was over:
    what there is of it is kept for the next attempt at this path.
    """
    copy = _begin(workspace, stream, deadline, path, mode)
    try:
        try:
            _fetch(stream, copy, deadline)
        except ObjectChangedError:
            raise
        except TransientError:
            if path is not None and copy.size >= WORTH_KEEPING_BYTES:
                with suppress(OSError):
                    workspace.partials.keep(copy, path, stream.state, stream.checksum)
            raise
        verified = _verify(stream, copy)
        _finish(copy.descriptor, stream, mode)
    except BaseException:
        # What is kept goes by another name by now.
        workspace.discard(copy.name)
        raise
    finally:
        os.close(copy.descriptor)
    return StagedFile(copy.name, copy.size, verified)


def _begin(
    workspace: Workspace, stream: ObjectStream, deadline: Deadline, path: SharePath | None, mode: int
) -> Beginning:
    if path is not None and stream.state.size >= WORTH_KEEPING_BYTES:
        found = workspace.partials.take(path, stream.state, stream.checksum, deadline)
        if found is not None:
            stream.resume_at(found.size)
            return found
    descriptor, name = workspace.create_file(mode)
    return Beginning(descriptor, name, 0, stream.checksum.hasher() if stream.checksum else None)


def _fetch(stream: ObjectStream, copy: Beginning, deadline: Deadline) -> None:
    """Write the rest of the content."""
    hasher, descriptor = copy.hasher, copy.descriptor
    buffer = memoryview(bytearray(min(stream.state.size - copy.size, _CHUNK_BYTES) or 1))
    flushed, more = copy.size, True
    while more:
        # TLS gives 16 KiB at a time; a write and a hash of each would cost more than its decryption.
        filled, more = _fill(stream, buffer, deadline)
        rest = chunk = buffer[:filled]
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        if hasher:
            hasher.update(chunk)
        copy.size += filled
        if copy.size - flushed >= _FLUSH_EVERY_BYTES:
            os.fdatasync(descriptor)
            flushed = copy.size


def _fill(stream: ObjectStream, buffer: memoryview, deadline: Deadline) -> tuple[int, bool]:
    """How much of the buffer has been filled, and whether there may be more."""
    filled = 0
    while filled < len(buffer):
        count = stream.readinto(buffer[filled:])
        if not count:
            return filled, False
        deadline.check()
        filled += count
    return filled, True


def _verify(stream: ObjectStream, copy: Beginning) -> str:
    """Says what was verified."""
    size, checksum = stream.state.size, stream.checksum
    if copy.size != size:
        raise TransientError(f"{copy.size} bytes arrived of an object of {size}", "None: it is tried again")
    if checksum and copy.hasher and copy.hasher.digest() != checksum.expected:
        reason = f"the content does not match the object's {checksum.algorithm} checksum"
        raise TransientError(reason, "None: it is tried again")
    return checksum.algorithm if checksum else "length"


def _finish(descriptor: int, stream: ObjectStream, mode: int) -> None:
    # Before the time is set: data that reaches an NFS server later would change it again.
    os.fsync(descriptor)
    found = os.fstat(descriptor)
    if found.st_size != stream.state.size:
        raise TransientError(
            f"the file has {found.st_size} bytes instead of {stream.state.size}", "None: it is tried again"
        )
    if stat.S_IMODE(found.st_mode) != mode:
        os.fchmod(descriptor, mode)
    os.utime(descriptor, (stream.state.modified, stream.state.modified))
