# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The replicator's own hidden directory at the root of the share: what is not finished, and what must be remembered.

``incoming/``     files and directories under random names, until they are whole and renamed into place
``directories/``  one empty-handed note for each directory the replicator made, so that only those are ever pruned

A directory is noted before it is renamed into place and the note is dropped after it is removed, so a crash leaves at
worst a note too many. A note's name holds the directory's inode number: a directory that somebody removed and made
again is theirs. (A mark on the directory itself would be simpler, but EFS has no extended attributes and mode bits are
the users'.)

Leftovers of killed runs are swept by age alone. Lambda kills an invocation after 900 seconds (AWS::Lambda::Function,
Timeout), so what nobody has touched for an hour has no owner, and clocks may differ by 45 minutes. Locks would be the
worse judge: a frozen function loses its NFS lease and with it the lock, while it may still wake up. And should a live
file ever be swept, its rename fails and the key is tried again; nothing wrong is ever placed.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
import time
from contextlib import suppress

from replicator.deadline import Deadline
from replicator.errors import OutOfTimeError
from replicator.errors import ShareUnusableError
from replicator.paths import HIDDEN_DIRECTORY

DIRECTORY_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_CREATE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_STALE_AFTER_SECONDS = 3600


class Workspace:
    """Opened once per invocation; every name in it is the replicator's."""

    def __init__(self, root_fd: int) -> None:
        hidden = _enter(root_fd, HIDDEN_DIRECTORY)
        try:
            self.incoming_fd = _enter(hidden, b"incoming")
            try:
                self._notes_fd = _enter(hidden, b"directories")
            except BaseException:
                os.close(self.incoming_fd)
                raise
        finally:
            os.close(hidden)

    def close(self) -> None:
        os.close(self._notes_fd)
        os.close(self.incoming_fd)

    def create_file(self, mode: int) -> tuple[int, bytes]:
        """A new file to write to, and its random name in ``incoming``."""
        name = secrets.token_hex(16).encode("ascii")
        return os.open(name, _CREATE_FLAGS, mode, dir_fd=self.incoming_fd), name

    def discard(self, name: bytes) -> None:
        """Remove a file that was not placed; one that cannot be removed now is swept later."""
        try:
            os.unlink(name, dir_fd=self.incoming_fd)
        except OSError:
            return

    def create_directory(self, components: tuple[bytes, ...], mode: int) -> tuple[bytes, int]:
        """A new directory, noted as the replicator's at its future place: its random name and inode number."""
        name = secrets.token_hex(16).encode("ascii")
        os.mkdir(name, 0o700, dir_fd=self.incoming_fd)
        descriptor = os.open(name, DIRECTORY_FLAGS, dir_fd=self.incoming_fd)
        try:
            os.fchmod(descriptor, mode)  # mkdir's mode is cut by the umask
            inode = os.fstat(descriptor).st_ino
        finally:
            os.close(descriptor)
        note = os.open(_note_name(components, inode), _CREATE_FLAGS & ~os.O_EXCL, 0o600, dir_fd=self._notes_fd)
        os.close(note)
        return name, inode

    def discard_directory(self, name: bytes, components: tuple[bytes, ...], inode: int) -> None:
        """Undo ``create_directory``."""
        self.forget(components, inode)
        try:
            os.rmdir(name, dir_fd=self.incoming_fd)
        except OSError:
            return

    def made(self, components: tuple[bytes, ...], inode: int) -> bool:
        """Whether the replicator made the directory that is there now."""
        try:
            os.stat(_note_name(components, inode), dir_fd=self._notes_fd, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def forget(self, components: tuple[bytes, ...], inode: int) -> None:
        """The directory has gone."""
        try:
            os.unlink(_note_name(components, inode), dir_fd=self._notes_fd)
        except FileNotFoundError:
            return

    def probe(self) -> None:
        """Fail on a share that cannot be written to."""
        descriptor, name = self.create_file(0o600)
        os.close(descriptor)
        self.discard(name)

    def sweep(self, deadline: Deadline) -> int:
        """Remove what dead runs have left, as far as the time goes; returns how many."""
        oldest, swept = time.time() - _STALE_AFTER_SECONDS, 0
        with os.scandir(self.incoming_fd) as entries:
            for entry in entries:
                try:
                    deadline.check()
                    found = os.stat(entry.name, dir_fd=self.incoming_fd, follow_symlinks=False)
                    if found.st_mtime < oldest:
                        remove = os.rmdir if stat.S_ISDIR(found.st_mode) else os.unlink
                        remove(entry.name, dir_fd=self.incoming_fd)
                        swept += 1
                except OutOfTimeError:
                    break
                except OSError:
                    continue  # Another sweeper was faster, or the next one will try again.
        return swept


def _note_name(components: tuple[bytes, ...], inode: int) -> bytes:
    # A path can be longer than a name.
    return f"{hashlib.sha256(b'/'.join(components)).hexdigest()[:40]}.{inode}".encode("ascii")


def _enter(parent_fd: int, name: bytes) -> int:
    try:
        try:
            return os.open(name, DIRECTORY_FLAGS, dir_fd=parent_fd)
        except FileNotFoundError:
            with suppress(FileExistsError):
                os.mkdir(name, 0o700, dir_fd=parent_fd)
            return os.open(name, DIRECTORY_FLAGS, dir_fd=parent_fd)
    except NotADirectoryError:
        hidden = HIDDEN_DIRECTORY.decode("ascii")
        reason = f"the replicator's own {hidden!r} on the share is, or holds, something else than directories"
        raise ShareUnusableError(reason, f"Remove {hidden!r} from the root of the share, it is made again") from None
