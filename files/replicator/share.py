# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The share: whole files placed and removed beneath its root, and never anything outside.

Every path is walked from the root's descriptor one name at a time, following no symbolic link (``O_NOFOLLOW`` on each),
so neither a key nor a link planted on the share leads out of it. A link at the end of a path is replaced or removed
itself; one in the middle is refused, because it is somebody's and only they know what for.

Files and directories are made in the workspace and renamed into place, so each appears whole and with its final mode.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from replicator.deadline import Deadline
from replicator.errors import PermanentError
from replicator.errors import ShareUnusableError
from replicator.errors import TransientError
from replicator.paths import SharePath
from replicator.paths import readable
from replicator.workspace import DIRECTORY_FLAGS
from replicator.workspace import Workspace

if TYPE_CHECKING:
    from replicator.store import ObjectStream

# Larger writes cost several times the system time on some virtual machines, and gain nothing on others.
_CHUNK_BYTES = 64 * 1024
# Each attempt at a place is lost only to another worker's success there.
_MAX_ATTEMPTS = 32
_MOUNTS = Path("/mnt")
_IN_THE_WAY = {errno.EISDIR, errno.ENOTEMPTY, errno.EEXIST}
_NOT_THERE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}


class Occupancy(Enum):
    """What a directory of the share is to the replicator."""

    ABSENT = "absent"
    IDLE = "idle"  # empty, and made by the replicator
    IN_USE = "in use"


@dataclass(frozen=True)
class StagedFile:
    """A whole, verified file in the workspace."""

    name: bytes
    size: int
    verified: str


class Share:
    """One invocation's hold on the share; thread-safe."""

    def __init__(
        self,
        root_fd: int,
        file_mode: int,
        directory_mode: int,
        displaced: Callable[[str], None] = lambda path: None,
    ) -> None:
        self._root_fd = root_fd
        self._file_mode = file_mode
        self._directory_mode = directory_mode
        self._displaced = displaced
        # Threads that need the same new directory would otherwise all make it, and replace one another's.
        self._making_directories = threading.Lock()
        self.workspace = Workspace(root_fd)

    def close(self) -> None:
        self.workspace.close()
        os.close(self._root_fd)

    def stage(self, stream: ObjectStream, deadline: Deadline) -> StagedFile:
        """Copy an object's content into the workspace, whole and verified; nothing is left there if that fails."""
        descriptor, name = self.workspace.create_file(self._file_mode)
        try:
            try:
                verified = _copy(stream, descriptor, deadline)
                # Before the time is set: data that reaches an NFS server later would change it again.
                os.fsync(descriptor)
                if stat.S_IMODE(os.fstat(descriptor).st_mode) != self._file_mode:
                    os.fchmod(descriptor, self._file_mode)
                os.utime(descriptor, (stream.state.modified, stream.state.modified))
            finally:
                os.close(descriptor)
        except BaseException:
            self.workspace.discard(name)
            raise
        return StagedFile(name, stream.state.size, verified)

    def place(self, staged: StagedFile, path: SharePath) -> None:
        """Rename a staged file to its path, over what was there; it is discarded if that fails."""

        def rename(parent_fd: int) -> None:
            try:
                os.rename(staged.name, path.name, src_dir_fd=self.workspace.incoming_fd, dst_dir_fd=parent_fd)
            except OSError as error:
                if error.errno in _IN_THE_WAY:
                    raise _directory_wins(path.components) from error
                raise
            # The message is deleted from the queue next: the rename has to outlive a crash of the server.
            os.fsync(parent_fd)

        try:
            self._in_directory(path.parent, rename)
        except BaseException:
            self.workspace.discard(staged.name)
            raise

    def make_directory(self, path: SharePath) -> None:
        """Make a directory, unless it is there."""
        self._in_directory(path.components, os.fsync)

    def remove_file(self, path: SharePath) -> bool:
        """Remove a file, if there is one; what is there but is no file stays."""
        try:
            with self._opened(path.parent) as parent_fd:
                os.unlink(path.name, dir_fd=parent_fd)
                os.fsync(parent_fd)
        except OSError as error:
            if error.errno in _NOT_THERE or error.errno == errno.EISDIR:
                return False
            raise
        return True

    def occupancy(self, components: tuple[bytes, ...]) -> Occupancy:
        """Whether a directory is there, and whether it may be pruned."""
        try:
            with self._opened(components) as directory_fd:
                if not self.workspace.made(components, os.fstat(directory_fd).st_ino):
                    return Occupancy.IN_USE
                with os.scandir(directory_fd) as entries:
                    return Occupancy.IN_USE if any(True for _ in entries) else Occupancy.IDLE
        except OSError as error:
            if error.errno == errno.ENOENT:
                return Occupancy.ABSENT
            if error.errno in _NOT_THERE:
                return Occupancy.IN_USE
            raise

    def prune(self, components: tuple[bytes, ...]) -> bool:
        """Remove an idle directory; False if somebody has put something into it by now."""
        try:
            with self._opened(components[:-1]) as parent_fd:
                # Held open so that its inode number is nobody else's until the note of it is dropped.
                directory_fd = os.open(components[-1], DIRECTORY_FLAGS, dir_fd=parent_fd)
                try:
                    inode = os.fstat(directory_fd).st_ino
                    os.rmdir(components[-1], dir_fd=parent_fd)
                    self.workspace.forget(components, inode)
                finally:
                    os.close(directory_fd)
                os.fsync(parent_fd)
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR, errno.ELOOP):
                return False
            if error.errno == errno.ENOENT:
                return True
            raise
        return True

    def _in_directory(self, components: tuple[bytes, ...], act: Callable[[int], None]) -> None:
        """Act in a directory made if need be; begin again when another worker prunes it in the meantime."""
        for _ in range(_MAX_ATTEMPTS):
            try:
                with self._opened(components, make=True) as directory_fd:
                    act(directory_fd)
                    return
            except OSError as error:
                if error.errno not in (errno.ENOENT, errno.ESTALE):
                    raise
        reason = f"the directory {readable(components)!r} disappears as often as it is made"
        raise TransientError(reason, "None: it is tried again")

    @contextmanager
    def _opened(self, components: tuple[bytes, ...], make: bool = False) -> Iterator[int]:
        descriptor = os.dup(self._root_fd)
        try:
            for depth, name in enumerate(components, start=1):
                try:
                    entered = os.open(name, DIRECTORY_FLAGS, dir_fd=descriptor)
                except OSError as error:
                    if not make or error.errno not in _NOT_THERE:
                        raise
                    entered = self._make(descriptor, components[:depth])
                os.close(descriptor)
                descriptor = entered
            yield descriptor
        finally:
            os.close(descriptor)

    def _make(self, parent_fd: int, components: tuple[bytes, ...]) -> int:
        """Make and open one directory; a file in its way gives place (paths.py, "the directory wins")."""
        name = components[-1]
        with self._making_directories:
            for _ in range(_MAX_ATTEMPTS):
                try:
                    return os.open(name, DIRECTORY_FLAGS, dir_fd=parent_fd)
                except OSError as error:
                    if error.errno == errno.ENOENT:
                        self._rename_new_directory(parent_fd, components)
                    elif error.errno in _NOT_THERE:
                        self._displace(parent_fd, components)
                    else:
                        raise
        reason = f"{readable(components)!r} changes between file and directory all the time"
        raise TransientError(reason, "None: it is tried again")

    def _rename_new_directory(self, parent_fd: int, components: tuple[bytes, ...]) -> None:
        staged, inode = self.workspace.create_directory(components, self._directory_mode)
        try:
            os.rename(staged, components[-1], src_dir_fd=self.workspace.incoming_fd, dst_dir_fd=parent_fd)
            os.fsync(parent_fd)
        except OSError as error:
            self.workspace.discard_directory(staged, components, inode)
            if error.errno not in (*_IN_THE_WAY, errno.ENOTDIR):
                raise

    def _displace(self, parent_fd: int, components: tuple[bytes, ...]) -> None:
        try:
            found = os.stat(components[-1], dir_fd=parent_fd, follow_symlinks=False)
            if stat.S_ISREG(found.st_mode):
                os.unlink(components[-1], dir_fd=parent_fd)
                self._displaced(readable(components))
            elif not stat.S_ISDIR(found.st_mode):
                kind = "a symbolic link" if stat.S_ISLNK(found.st_mode) else "neither file nor directory"
                reason = f"{readable(components)!r} on the share is {kind}, and the key needs a directory there"
                raise PermanentError(reason, "Remove it from the share, or use another key")
        except (FileNotFoundError, IsADirectoryError):
            return  # Another worker was faster: look again.


def open_share(
    path: str, file_mode: int, directory_mode: int, displaced: Callable[[str], None] = lambda path: None
) -> Share:
    """Take hold of the share, or raise ``ShareUnusableError`` before any key is touched.

    The share must be there already, be writable, and not be the function's own disk. Lambda mounts file systems only
    below /mnt (Lambda API, FileSystemConfig, LocalMountPath), so a path there has to be a mount point; anywhere else
    it must not contain the function's code or its temporary files. Nothing is made at the path itself: without a
    mount a function would fill its own disk and report success.
    """
    try:
        if Path(path).is_relative_to(_MOUNTS) and not _is_mounted(Path(path)):
            raise _unusable(path, "nothing is mounted there")
        root_fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise _unusable(path, f"it cannot be opened: {error.strerror}") from error
    try:
        if _holds_own_files(root_fd):
            raise _unusable(path, "it is on the function's own disk")
        share = Share(root_fd, file_mode, directory_mode, displaced)
    except OSError as error:
        os.close(root_fd)
        raise _unusable(path, f"it cannot be written to: {error.strerror}") from error
    except BaseException:
        os.close(root_fd)
        raise
    try:
        share.workspace.probe()
    except OSError as error:
        # On a full share deletions still work, and make room.
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            share.close()
            raise _unusable(path, f"it cannot be written to: {error.strerror}") from error
    return share


def _is_mounted(path: Path) -> bool:
    """The path, or a directory between /mnt and it, is a mount point."""
    below = (place for place in (path, *path.parents) if place != _MOUNTS and place.is_relative_to(_MOUNTS))
    return any(place.is_mount() for place in below)


def _holds_own_files(root_fd: int) -> bool:
    found = os.fstat(root_fd)
    own = (Path(__file__).resolve(), Path("/tmp").resolve() / "x")  # noqa: S108 (Lambda's only writable directory)
    places = (parent for file in own for parent in file.parents)
    return any(os.path.samestat(found, place.stat()) for place in places)


def _unusable(path: str, why: str) -> ShareUnusableError:
    remedy = "Mount the file system there (the function's FileSystemConfigs), or set MFT_SHARE to where it is mounted"
    return ShareUnusableError(f"MFT_SHARE {path!r} cannot be used: {why}", remedy)


def _directory_wins(components: tuple[bytes, ...]) -> PermanentError:
    reason = f"{readable(components)!r} is a directory on the share: the key is the beginning of other keys' paths"
    return PermanentError(reason, "Use another key for this object, or remove the objects under it and redrive")


def _copy(stream: ObjectStream, descriptor: int, deadline: Deadline) -> str:
    """Write the content, verify length and checksum; says what was verified."""
    size, checksum = stream.state.size, stream.checksum
    hasher = checksum.hasher() if checksum else None
    buffer = memoryview(bytearray(min(size, _CHUNK_BYTES) or 1))
    written = 0
    while count := stream.readinto(buffer):
        deadline.check()
        chunk = buffer[:count]
        if hasher:
            hasher.update(chunk)
        while chunk:
            chunk = chunk[os.write(descriptor, chunk) :]
        written += count
    if written != size or os.fstat(descriptor).st_size != size:
        raise TransientError(f"{written} bytes arrived of an object of {size}", "None: it is tried again")
    if checksum and hasher and hasher.digest() != checksum.expected:
        reason = f"the content does not match the object's {checksum.algorithm} checksum"
        raise TransientError(reason, "None: it is tried again")
    return checksum.algorithm if checksum else "length"
