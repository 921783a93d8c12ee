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
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from replicator.deadline import Deadline
from replicator.errors import PermanentError
from replicator.errors import ShareUnusableError
from replicator.errors import TransientError
from replicator.errors import from_os
from replicator.parallel import in_parallel
from replicator.paths import SharePath
from replicator.paths import readable
from replicator.staging import StagedFile
from replicator.staging import stage
from replicator.workspace import DIRECTORY_FLAGS
from replicator.workspace import Workspace

if TYPE_CHECKING:
    from replicator.store import ObjectStream

# Directories held open during an invocation; more are opened anew each time.
_MAX_HELD = 128
# Each attempt at a place is lost only to another worker's success there.
_MAX_ATTEMPTS = 32
_MOUNTS = Path("/mnt")
_IN_THE_WAY = {errno.EISDIR, errno.ENOTEMPTY, errno.EEXIST}
_NOT_THERE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}
_GONE = {*_NOT_THERE, errno.ESTALE}


class Occupancy(Enum):
    """What a directory of the share is to the replicator."""

    ABSENT = "absent"
    IDLE = "idle"  # empty, and made by the replicator
    IN_USE = "in use"


# Takes the last of these names out of the directory, with the errors of os.unlink.
Dispose = Callable[[int, tuple[bytes, ...]], None]


class Share:
    """One invocation's hold on the share; thread-safe."""

    def __init__(
        self,
        root_fd: int,
        file_mode: int,
        directory_mode: int,
        displaced: Callable[[str], None] = lambda path: None,
    ) -> None:
        self.root_fd = root_fd
        self._file_mode = file_mode
        self._directory_mode = directory_mode
        self._displaced = displaced
        self.dispose: Dispose = _unlink
        # Threads that need the same new directory would otherwise all make it, and replace one another's.
        self._making: dict[tuple[bytes, ...], threading.Lock] = {}
        self._held: dict[tuple[bytes, ...], int] = {(): root_fd}
        self._lost: list[int] = []
        self._changed: set[tuple[bytes, ...]] = set()
        self.workspace = Workspace(root_fd)

    def close(self) -> None:
        self.workspace.close()
        for descriptor in (*self._held.values(), *self._lost):
            os.close(descriptor)

    def stage(self, stream: ObjectStream, deadline: Deadline, path: SharePath | None = None) -> StagedFile:
        """Copy an object's content into the workspace; see ``staging.stage``."""
        return stage(self.workspace, stream, deadline, path, self._file_mode)

    def place(self, staged: StagedFile, path: SharePath) -> None:
        """Rename a staged file to its path, over what was there; it is discarded if that fails."""

        def rename(parent_fd: int) -> None:
            try:
                os.rename(staged.name, path.name, src_dir_fd=self.workspace.incoming_fd, dst_dir_fd=parent_fd)
            except OSError as error:
                if error.errno in _IN_THE_WAY:
                    raise _directory_wins(path.components) from error
                raise

        try:
            self._in_directory(path.parent, rename)
        except BaseException:
            self.workspace.discard(staged.name)
            raise

    def make_directory(self, path: SharePath) -> None:
        """Make a directory, unless it is there."""
        self._in_directory(path.components, lambda directory_fd: None)

    def remove_file(self, path: SharePath) -> bool:
        """Remove a file, if there is one; what is there but is no file stays."""
        try:
            with self._opened(path.parent) as parent_fd:
                self.dispose(parent_fd, path.components)
                self._changed.add(path.parent)
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
                self._changed.add(components[:-1])
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR, errno.ELOOP):
                return False
            if error.errno == errno.ENOENT:
                return True
            raise
        return True

    def sync(self, workers: int = 1) -> None:
        """Flush every directory that has changed, so that all outlives a crash of the server.

        To be called before the messages are deleted from the queue. Raises ``TransientError`` if a directory cannot be
        flushed, or if one that files were placed in has been moved away in the meantime.
        """
        changed, self._changed = self._changed, set()
        in_parallel(workers, self._sync, list(changed))

    def _sync(self, components: tuple[bytes, ...]) -> None:
        held = self._held.get(components)
        try:
            if held is None:
                with self._opened(components) as directory_fd:
                    os.fsync(directory_fd)
            elif components and not self._stands(components, held):
                self._refuse_moved(components, held)
            else:
                os.fsync(held)
        except OSError as error:
            # Pruned or replaced: that has changed a directory above it, or is somebody else's doing.
            if error.errno not in _GONE:
                problem = from_os(error)
                reason = f"the directory {readable(components)!r} could not be flushed: {problem.reason}"
                raise TransientError(reason, problem.remedy) from error

    def _stands(self, components: tuple[bytes, ...], held: int) -> bool:
        try:
            found = os.stat(b"/".join(components), dir_fd=self.root_fd, follow_symlinks=False)
        except OSError as error:
            if error.errno in _GONE:
                return False
            raise
        return os.path.samestat(found, os.fstat(held))

    @staticmethod
    def _refuse_moved(components: tuple[bytes, ...], held: int) -> None:
        if os.fstat(held).st_nlink:  # ESTALE where it was removed, on NFS
            reason = f"the directory {readable(components)!r} was moved away while files were placed in it"
            raise TransientError(reason, "None: the queue delivers the messages again")

    def inode(self, components: tuple[bytes, ...]) -> int | None:
        """The inode number of the directory at that path; None if there is none."""
        try:
            with self._opened(components) as directory_fd:
                return os.fstat(directory_fd).st_ino
        except OSError as error:
            if error.errno in _GONE:
                return None
            raise

    def _in_directory(self, components: tuple[bytes, ...], act: Callable[[int], None]) -> None:
        """Act in a directory made if need be; begin again when another worker prunes it in the meantime."""
        for _ in range(_MAX_ATTEMPTS):
            try:
                with self._opened(components, held=True) as directory_fd:
                    act(directory_fd)
                    self._changed.add(components)
                    return
            except OSError as error:
                if error.errno not in (errno.ENOENT, errno.ESTALE):
                    raise
                self._let_go(components)
        reason = f"the directory {readable(components)!r} disappears as often as it is made"
        raise TransientError(reason, "None: it is tried again")

    @contextmanager
    def _opened(self, components: tuple[bytes, ...], held: bool = False) -> Iterator[int]:
        """A directory, walked to from the root; with ``held`` from the nearest that is held, and made if need be.

        A held directory may have gone from its path. Of one that was removed the first use tells; one that was moved
        is noticed by ``sync``.
        """
        depth = len(components) if held else 0
        while components[:depth] not in self._held:
            depth -= 1
        descriptor = self._held.get(components[:depth], self.root_fd)
        mine = False
        try:
            for end in range(depth + 1, len(components) + 1):
                entered = self._enter(descriptor, components[:end], make=held)
                if mine:
                    os.close(descriptor)
                mine = not (held and len(self._held) < _MAX_HELD)
                descriptor = entered if mine else self._hold(components[:end], entered)
            yield descriptor
        finally:
            if mine:
                os.close(descriptor)

    def _hold(self, components: tuple[bytes, ...], descriptor: int) -> int:
        first = self._held.setdefault(components, descriptor)
        if first != descriptor:
            os.close(descriptor)  # another thread was faster
        return first

    def _let_go(self, components: tuple[bytes, ...]) -> None:
        """Forget what is held on the way to a directory; others may be using it, so it is closed at the end."""
        for depth in range(1, len(components) + 1):
            descriptor = self._held.pop(components[:depth], None)
            if descriptor is not None:
                self._lost.append(descriptor)

    def _enter(self, parent_fd: int, components: tuple[bytes, ...], make: bool) -> int:
        try:
            return os.open(components[-1], DIRECTORY_FLAGS, dir_fd=parent_fd)
        except OSError as error:
            if not make or error.errno not in _NOT_THERE:
                raise
        return self._make(parent_fd, components)

    def _make(self, parent_fd: int, components: tuple[bytes, ...]) -> int:
        """Make and open one directory; a file in its way gives place (paths.py, "the directory wins")."""
        name = components[-1]
        with self._making.setdefault(components, threading.Lock()):
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
            self._changed.add(components[:-1])
        except OSError as error:
            self.workspace.discard_directory(staged, components, inode)
            if error.errno not in (*_IN_THE_WAY, errno.ENOTDIR):
                raise

    def _displace(self, parent_fd: int, components: tuple[bytes, ...]) -> None:
        try:
            found = os.stat(components[-1], dir_fd=parent_fd, follow_symlinks=False)
            if stat.S_ISREG(found.st_mode):
                self.dispose(parent_fd, components)
                self._displaced(readable(components))
            elif not stat.S_ISDIR(found.st_mode):
                kind = "a symbolic link" if stat.S_ISLNK(found.st_mode) else "neither file nor directory"
                reason = f"{readable(components)!r} on the share is {kind}, and the key needs a directory there"
                raise PermanentError(reason, "Remove it from the share, or use another key")
        except (FileNotFoundError, IsADirectoryError):
            return  # Another worker was faster: look again.


def _unlink(parent_fd: int, components: tuple[bytes, ...]) -> None:
    os.unlink(components[-1], dir_fd=parent_fd)


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
