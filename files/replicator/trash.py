# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The trash on the share: ``.mft-replicator/trash/<UTC date>/<path>``, where deleted files can be fetched back from.

A file is renamed into it, so it keeps its owner, mode and time and costs no copy. Where something of that name is there
already, the name that collides is given a suffix (``orders.csv~153012-8c2f1a``), and nothing is ever overwritten: a
name is first taken with ``O_EXCL``, then the file is renamed onto what holds the name. (A hard link would do the same
in one step, but Linux refuses links to other users' files, which is what an access point's files look like.) A run that
is killed between the two leaves an empty file in the trash, and the next one takes another name.

The day's directory is removed as a whole when it is old; the files' own times are the objects'.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import time
from contextlib import suppress
from datetime import UTC
from datetime import date
from datetime import datetime
from datetime import timedelta

from replicator.deadline import Deadline
from replicator.errors import OutOfTimeError
from replicator.errors import TransientError
from replicator.paths import HIDDEN_DIRECTORY
from replicator.paths import readable
from replicator.workspace import DIRECTORY_FLAGS

TRASH_DIRECTORY = b"trash"
_PLACEHOLDER_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_MAX_NAME_BYTES = 255
_MAX_ATTEMPTS = 8
_NO_DIRECTORY = {errno.ENOTDIR, errno.ELOOP}
# A sweep comes out of the time of the batch that it runs before; what it does not finish, the next one does.
_MAX_SWEEP_SECONDS = 5.0


class Trash:
    """The trash of one share; thread-safe."""

    def __init__(self, root_fd: int, days: int) -> None:
        self._root_fd = root_fd
        self._days = days

    def take(self, parent_fd: int, components: tuple[bytes, ...]) -> None:
        """Move a file out of its directory; raises what ``os.unlink`` would, or ``TransientError``."""
        try:
            slot_fd, name = self._reserve(components)
        except OSError as error:
            if error.errno not in (errno.ENOENT, *_NO_DIRECTORY):
                raise
            # Never to be taken for "the file is not there".
            raise _changing(components) from error
        try:
            try:
                os.rename(components[-1], name, src_dir_fd=parent_fd, dst_dir_fd=slot_fd)
            except OSError as error:
                self._release(slot_fd, name, components)
                if error.errno == errno.ENOTDIR:
                    # A directory cannot be renamed onto a file; unlink says so otherwise.
                    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR)) from error
                raise
            os.fsync(slot_fd)
        finally:
            os.close(slot_fd)

    def sweep(self, deadline: Deadline) -> int:
        """Remove the days that are too old, as far as the time goes; returns how many files that were."""
        oldest = _today() - timedelta(days=self._days)
        sweeper = _Sweeper(deadline)
        try:
            trash_fd = _descend(self._root_fd, (HIDDEN_DIRECTORY, TRASH_DIRECTORY))
        except FileNotFoundError:
            return 0
        try:
            with os.scandir(trash_fd) as entries:
                days = [entry.name for entry in entries if _is_before(entry.name, oldest)]
            with suppress(OutOfTimeError):
                for day in sorted(days):
                    sweeper.remove_tree(trash_fd, day)
        finally:
            os.close(trash_fd)
        return sweeper.removed

    def _reserve(self, components: tuple[bytes, ...]) -> tuple[int, bytes]:
        """Take a name that nothing has: the open directory it is in, and an empty file of that name."""
        day = _today().isoformat().encode("ascii")
        directory_fd = os.dup(self._root_fd)
        try:
            for name in (HIDDEN_DIRECTORY, TRASH_DIRECTORY, day, *components[:-1]):
                entered = _enter(directory_fd, name)
                os.close(directory_fd)
                directory_fd = entered
            name = components[-1]
            for _ in range(_MAX_ATTEMPTS):
                try:
                    os.close(os.open(name, _PLACEHOLDER_FLAGS, 0o600, dir_fd=directory_fd))
                except FileExistsError:
                    name = _suffixed(components[-1])
                else:
                    return directory_fd, name
            raise _changing(components)
        except BaseException:
            os.close(directory_fd)
            raise

    def _release(self, slot_fd: int, name: bytes, components: tuple[bytes, ...]) -> None:
        try:
            os.unlink(name, dir_fd=slot_fd)
        except FileNotFoundError:
            # The name was swept from under us, and the failure that led here may be of that.
            raise _changing(components) from None


class _Sweeper:
    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._end = time.monotonic() + _MAX_SWEEP_SECONDS
        self.removed = 0

    def remove_tree(self, parent_fd: int, name: str) -> None:
        """Remove a directory and all in it; what cannot be removed now is left to the next sweep."""
        with suppress(OSError):
            directory_fd = os.open(name, DIRECTORY_FLAGS, dir_fd=parent_fd)
            try:
                with os.scandir(directory_fd) as entries:
                    for entry in entries:
                        self._check()
                        if entry.is_dir(follow_symlinks=False):
                            self.remove_tree(directory_fd, entry.name)
                        else:
                            os.unlink(entry.name, dir_fd=directory_fd)
                            self.removed += 1
            finally:
                os.close(directory_fd)
            os.rmdir(name, dir_fd=parent_fd)

    def _check(self) -> None:
        self._deadline.check()
        if time.monotonic() >= self._end:
            raise OutOfTimeError


def _enter(parent_fd: int, name: bytes) -> int:
    """Open a directory, made if need be; under another name where a file has this one."""
    wanted = name
    for _ in range(_MAX_ATTEMPTS):
        try:
            return os.open(name, DIRECTORY_FLAGS, dir_fd=parent_fd)
        except FileNotFoundError:
            with suppress(FileExistsError):
                os.mkdir(name, 0o700, dir_fd=parent_fd)
        except OSError as error:
            if error.errno not in _NO_DIRECTORY:
                raise
            name = _suffixed(wanted)
    return os.open(name, DIRECTORY_FLAGS, dir_fd=parent_fd)


def _descend(root_fd: int, components: tuple[bytes, ...]) -> int:
    directory_fd = os.dup(root_fd)
    for name in components:
        try:
            entered = os.open(name, DIRECTORY_FLAGS, dir_fd=directory_fd)
        finally:
            os.close(directory_fd)
        directory_fd = entered
    return directory_fd


def _suffixed(name: bytes) -> bytes:
    """The time for the person who looks, six random digits against a collision of the suffixes."""
    suffix = f"~{datetime.now(UTC):%H%M%S}-{secrets.token_hex(3)}".encode("ascii")
    return name[: _MAX_NAME_BYTES - len(suffix)] + suffix


def _today() -> date:
    return datetime.fromtimestamp(time.time(), UTC).date()


def _is_before(name: str, oldest: date) -> bool:
    if not _DATE.fullmatch(name):
        return False  # Not made by the replicator.
    try:
        return date.fromisoformat(name) < oldest
    except ValueError:
        return False


def _changing(components: tuple[bytes, ...]) -> TransientError:
    return TransientError(
        f"the trash changed while {readable(components)!r} was moved to it", "None: it is tried again"
    )
