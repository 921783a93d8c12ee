# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The replicator's own hidden directory at the root of the share: what is not finished, and what must be remembered.

``incoming/``     files and directories under random names, until they are whole and renamed into place
``partial/``      what there is of large objects whose copy has stopped (partials.py)
``directories/``  a note for each directory the replicator made, so that only those are ever pruned

A directory is noted before it is renamed into place and the note is dropped after it is removed, so a crash leaves at
worst a note too many. A note's name holds the directory's inode number: a directory that somebody removed and made
again is theirs. Its text is the directory's path, so that notes of directories that are gone can be found and swept. (A
mark on the directory itself would be simpler, but EFS has no extended attributes and mode bits are the users'.)

Leftovers of killed runs are swept by age alone, the time since anything was last done to them (a staged file already
has its object's time). Lambda kills an invocation after 900 seconds (AWS::Lambda::Function, Timeout), so what nobody
has touched for an hour has no owner, and clocks may differ by 45 minutes. Locks would be the worse judge: a frozen
function loses its NFS lease and with it the lock, while it may still wake up. And should a live file ever be swept, its
rename fails and the key is tried again; nothing wrong is ever placed.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import random
import secrets
import stat
import time
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import suppress

from replicator.deadline import Deadline
from replicator.errors import OutOfTimeError
from replicator.errors import ShareUnusableError
from replicator.partials import Partials
from replicator.partials import names_in
from replicator.paths import HIDDEN_DIRECTORY

DIRECTORY_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NOTE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
# Readable as well: what is put aside unfinished is read once more (partials.py).
_CREATE_FLAGS = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_STALE_AFTER_SECONDS = 3600
# A sweep comes out of the time of the batch that it runs before; what it does not reach, a later one does. There is a
# note for each directory, all of them old, and hardly any to drop: they are looked at in one of so many sweeps.
_MAX_SWEEP_SECONDS = 5.0
_NOTES_EVERY = 16
# Which inode number is at that path now; None if there is no directory.
Find = Callable[[tuple[bytes, ...]], "int | None"]


class Workspace:
    """Opened once per invocation; every name in it is the replicator's."""

    def __init__(self, root_fd: int) -> None:
        opened: list[int] = []
        hidden = _enter(root_fd, HIDDEN_DIRECTORY)
        try:
            for name in (b"incoming", b"directories", b"partial"):
                opened.append(_enter(hidden, name))
        except BaseException:
            for descriptor in opened:
                os.close(descriptor)
            raise
        finally:
            os.close(hidden)
        self.incoming_fd, self._notes_fd, self._partial_fd = opened
        # One random number for all names: drawing one is a system call.
        self._run = secrets.token_hex(16)
        self._numbers = itertools.count()
        self.partials = Partials(self._partial_fd, self.incoming_fd, self._new_name)

    def close(self) -> None:
        for descriptor in (self._partial_fd, self._notes_fd, self.incoming_fd):
            os.close(descriptor)

    def create_file(self, mode: int) -> tuple[int, bytes]:
        """A new file to write to, and its name in ``incoming``."""
        name = self._new_name()
        return os.open(name, _CREATE_FLAGS, mode, dir_fd=self.incoming_fd), name

    def _new_name(self) -> bytes:
        return f"{self._run}-{next(self._numbers)}".encode("ascii")

    def discard(self, name: bytes) -> None:
        """Remove a file that was not placed; one that cannot be removed now is swept later."""
        try:
            os.unlink(name, dir_fd=self.incoming_fd)
        except OSError:
            return

    def create_directory(self, components: tuple[bytes, ...], mode: int) -> tuple[bytes, int]:
        """A new directory, noted as the replicator's at its future place: its name in ``incoming`` and inode number."""
        name = self._new_name()
        os.mkdir(name, mode, dir_fd=self.incoming_fd)
        found = os.stat(name, dir_fd=self.incoming_fd, follow_symlinks=False)
        if stat.S_IMODE(found.st_mode) != mode:  # mkdir's mode is cut by the umask
            os.chmod(name, mode, dir_fd=self.incoming_fd)
        note = os.open(_note_name(components, found.st_ino), _NOTE_FLAGS, 0o600, dir_fd=self._notes_fd)
        try:
            os.write(note, b"/".join(components))
        finally:
            os.close(note)
        return name, found.st_ino

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

    def sweep(self, find: Find, deadline: Deadline) -> int:
        """Remove what dead runs have left, as far as the time goes; returns how many."""
        swept, until = 0, deadline.within(_MAX_SWEEP_SECONDS)
        with suppress(OutOfTimeError):
            swept += self._sweep_incoming(until)
            swept += self.partials.sweep(until)
            if not random.randrange(_NOTES_EVERY):  # noqa: S311
                swept += self._sweep_notes(find, until)
        return swept

    def _sweep_incoming(self, deadline: Deadline) -> int:
        swept = 0
        for name, found in _stale(self.incoming_fd, deadline):
            remove = os.rmdir if stat.S_ISDIR(found.st_mode) else os.unlink
            with suppress(OSError):  # another sweeper was faster, or the next one tries again
                remove(name, dir_fd=self.incoming_fd)
                swept += 1
        return swept

    def _sweep_notes(self, find: Find, deadline: Deadline) -> int:
        """Drop notes of directories that are gone."""
        swept = 0
        for name, _ in _stale(self._notes_fd, deadline):
            with suppress(OSError, ValueError):
                inode = int(name.partition(".")[2])
                note = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._notes_fd)
                try:
                    components = tuple(os.read(note, 4096).split(b"/"))
                finally:
                    os.close(note)
                # A note whose text is not whole was never followed by its directory.
                if _note_name(components, inode).decode("ascii") != name or find(components) != inode:
                    os.unlink(name, dir_fd=self._notes_fd)
                    swept += 1
        return swept


def _stale(directory_fd: int, deadline: Deadline) -> Iterator[tuple[str, os.stat_result]]:
    """What nobody has done anything to for long, in any order: the time may not suffice for all."""
    oldest = time.time() - _STALE_AFTER_SECONDS
    names = names_in(directory_fd)
    random.shuffle(names)
    for name in names:
        deadline.check()
        with suppress(OSError):
            found = os.stat(name, dir_fd=directory_fd, follow_symlinks=False)
            # No time of a staged file but ctime is the replicator's own.
            if max(found.st_mtime, found.st_ctime) < oldest:
                yield name, found


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
