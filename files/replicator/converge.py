# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the share agree with what the bucket holds now for one key, without a lock and without a database.

Read the key's state, act on the share, read the state again; if it is no longer what was acted on, begin again. Two
workers on one key, duplicates and late events all come out right, because whoever acts last has looked after acting,
and S3's reads are strongly consistent (S3 user guide, "Amazon S3 data consistency model").
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field
from typing import TYPE_CHECKING

from replicator.deadline import Deadline
from replicator.errors import PermanentError
from replicator.errors import TransientError
from replicator.paths import SharePath
from replicator.paths import file_key
from replicator.paths import marker_key
from replicator.settings import DeleteMode
from replicator.share import Occupancy
from replicator.share import Share

if TYPE_CHECKING:
    from replicator.store import ObjectState
    from replicator.store import ObjectStream
    from replicator.store import Store

# A key that changes faster than it is copied goes back to the queue, so that others get their turn.
_MAX_ROUNDS = 5


@dataclass
class Convergence:
    """What was done for one key, for its log line."""

    action: str = "none"
    version: str | None = None
    bytes: int = 0
    rounds: int = 0
    verified: str | None = None
    finished_at: float | None = None
    pruned: list[str] = field(default_factory=list)
    revived: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[phase] = self.seconds.get(phase, 0.0) + time.perf_counter() - begun


class Converger:
    """One invocation's rule for keys; thread-safe."""

    def __init__(self, store: Store, share: Share, prefix: str, delete_mode: DeleteMode, deadline: Deadline) -> None:
        self._store = store
        self._share = share
        self._prefix = prefix
        self._delete_mode = delete_mode
        self._deadline = deadline

    def converge(self, key: str, path: SharePath, done: Convergence) -> None:
        """Make the share agree; raises ``ReplicationError`` or ``OSError``. ``done`` tells what was done either way."""
        for _ in range(_MAX_ROUNDS):
            self._deadline.check()
            done.rounds += 1
            placed = self._act(key, path, done)
            with done.timed("look"):
                now = self._store.head(key)
            if now == placed:
                return
        reason = f"the object changed during each of {_MAX_ROUNDS} attempts to copy it"
        raise TransientError(reason, "None: it is tried again")

    def _act(self, key: str, path: SharePath, done: Convergence) -> ObjectState | None:
        """Bring one state of the key to the share; returns that state."""
        with done.timed("read"):
            stream = self._store.open(key)
        if stream is None:
            if self._delete_mode is DeleteMode.KEEP:
                done.action = "kept"
            else:
                self._remove(path, done)
            return None
        try:
            done.version = stream.state.version
            if path.is_directory:
                self._make_directory(stream.state, path, done)
            else:
                self._place(stream, path, done)
            return stream.state
        finally:
            stream.close()

    def _place(self, stream: ObjectStream, path: SharePath, done: Convergence) -> None:
        with done.timed("copy"):
            staged = self._share.stage(stream, self._deadline)
        with done.timed("place"):
            self._share.place(staged, path)
        done.action, done.bytes, done.verified = "placed", staged.size, staged.verified
        done.finished_at = time.time()

    def _make_directory(self, state: ObjectState, path: SharePath, done: Convergence) -> None:
        if state.size:
            reason = f"the key ends with a slash, so it is a directory, but the object has {state.size} bytes"
            raise PermanentError(reason, "Copy the object to a key without the slash, and delete this one")
        with done.timed("place"):
            self._share.make_directory(path)
        done.action, done.finished_at = "directory", time.time()

    def _remove(self, path: SharePath, done: Convergence) -> None:
        with done.timed("place"):
            removed = not path.is_directory and self._share.remove_file(path)
            done.action = "removed" if removed else "absent"
            if removed:
                done.finished_at = time.time()
        with done.timed("tidy"):
            self._tidy(path.components if path.is_directory else path.parent, done)

    def _tidy(self, deepest: tuple[bytes, ...], done: Convergence) -> None:
        """Prune upwards the empty directories that the replicator made and no marker keeps.

        A directory that is already gone is gone through as well: a run that crashed may have pruned it and not come
        to look at what else belongs there.
        """
        for depth in range(len(deepest), 0, -1):
            directory = deepest[:depth]
            occupancy = self._share.occupancy(directory)
            if occupancy is Occupancy.IN_USE:
                return
            if occupancy is Occupancy.IDLE:
                if self._store.head(marker_key(directory, self._prefix)) is not None:
                    return
                if not self._share.prune(directory):
                    return
                done.pruned.append(str(SharePath(directory, is_directory=True)))
            if self._revive(directory, done):
                return

    def _revive(self, directory: tuple[bytes, ...], done: Convergence) -> bool:
        """Look again after a directory has gone: its marker may have come, or the file it kept out has its turn."""
        for key, path in (
            (marker_key(directory, self._prefix), SharePath(directory, is_directory=True)),
            (file_key(directory, self._prefix), SharePath(directory)),
        ):
            if self._store.head(key) is not None:
                try:
                    self.converge(key, path, Convergence())
                except PermanentError:
                    # Reported for the key itself, by the event that brought it.
                    continue
                done.revived.append(str(path))
                return True
        return False
