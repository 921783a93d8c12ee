# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the share agree with what the bucket holds now for one key, without a lock and without a database.

Read the key's state, act on the share, read the state again; if it is no longer what was acted on, begin again. Two
workers on one key, duplicates and late events all come out right, because whoever acts last has looked after acting,
and S3's reads are strongly consistent (S3 user guide, "Amazon S3 data consistency model").

What the bucket "holds" is what the settings let through: an object without the required tag is not there for the
share, and its tag belongs to what is read and looked at again. Filters (filters.py) are about keys, not states: a key
that they do not admit never comes here.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from os.path import commonprefix
from typing import TYPE_CHECKING

from replicator.deadline import Deadline
from replicator.errors import PermanentError
from replicator.errors import TransientError
from replicator.filters import Filters
from replicator.paths import SharePath
from replicator.paths import file_key
from replicator.paths import marker_key
from replicator.settings import DeleteMode
from replicator.settings import Settings
from replicator.share import Occupancy
from replicator.share import Share
from replicator.store import ObjectChangedError
from replicator.store import ObjectState

if TYPE_CHECKING:
    from replicator.store import ObjectStream
    from replicator.store import Store

# A key that changes faster than it is copied goes back to the queue, so that others get their turn.
_MAX_ROUNDS = 5
# A page of a listing costs as much money as 12.5 HEADs (S3 pricing: LIST as PUT, HEAD as GET).
LOOK_TOGETHER = 16
_GONE = ObjectState(etag="", size=-1, modified=0.0, version=None)


class Convergence:
    """What was done for one key: for its log line, and to be looked at again."""

    def __init__(self, rounds: int = 0, state: ObjectState | None = None) -> None:
        self.action = "none"
        self.version: str | None = None
        self.bytes = 0
        self.rounds = rounds
        self.verified: str | None = None
        self.removed = False
        self.finished_at: float | None = None
        self.pruned: list[str] = []
        self.revived: list[str] = []
        self.seconds: dict[str, float] = {}
        self.state = state
        self.passed = False

    def spent(self, phase: str, begun: float) -> None:
        self.seconds[phase] = self.seconds.get(phase, 0.0) + time.perf_counter() - begun


Acted = tuple[str, Convergence]


class Converger:
    """One invocation's rule for keys; thread-safe. What it raises is ``ReplicationError`` or ``OSError``."""

    def __init__(self, store: Store, share: Share, settings: Settings, deadline: Deadline) -> None:
        self._store = store
        self._share = share
        self._prefix = settings.prefix
        self._delete_mode = settings.delete_mode
        self._maximum_bytes = settings.maximum_bytes
        self._required_tag = settings.required_tag
        self._filters = Filters(settings.include, settings.exclude)
        self._deadline = deadline

    def admits(self, key: str) -> bool:
        """Whether a key under the served prefix is the replicator's business."""
        return self._filters.admit(key[len(self._prefix) :])

    def converge(self, key: str, path: SharePath, done: Convergence) -> None:
        """Make the share agree; ``done`` tells what was done, also where this raises.

        A key that was acted on already (``act``) is looked at first.
        """
        while not (done.rounds and self._is_settled(key, done)):
            if done.rounds == _MAX_ROUNDS:
                reason = f"the object changed during each of {_MAX_ROUNDS} attempts to copy it"
                raise TransientError(reason, "None: it is tried again")
            self.act(key, path, done)

    def act(self, key: str, path: SharePath, done: Convergence) -> None:
        """Bring the key's state to the share, once; it has to be looked at again afterwards."""
        self._deadline.check()
        done.rounds += 1
        begun = time.perf_counter()
        stream = self._store.open(key)
        try:
            done.state = stream.state if stream else None
            done.passed = done.state is not None and self._passes(key, done.state)
            done.spent("read", begun)
            if stream is None or not done.passed:
                self._withdraw(path, done)
            elif path.is_directory:
                self._make_directory(stream.state, path, done)
            else:
                self._place(stream, path, done)
        except ObjectChangedError:
            # What was read is no state of the key any more: the next look cannot find it.
            done.state = _GONE
        finally:
            if stream is not None:
                stream.close()

    @property
    def looks_together(self) -> bool:
        """Whether one listing can tell that many keys are settled; it does not tell their tags."""
        return self._required_tag is None

    def settled_among(self, acted: Sequence[Acted]) -> set[str]:
        """Which of the keys that were acted on are settled, by listings; of the others nothing is known.

        Pages are read from the first key on, as long as each answers for enough of the keys to pay.
        """
        rest = sorted(acted, key=lambda entry: entry[0])
        settled: set[str] = set()
        prefix = commonprefix([key for key, _ in rest])  # noqa: RUF071 (of characters: keys are no paths to S3)
        # A listing begins after a key, and little can come between a key and the same without its end.
        after = rest[0][0][:-1] if rest else ""
        while len(rest) >= LOOK_TOGETHER:
            begun = time.perf_counter()
            page = self._store.page(prefix, after)
            if not page:
                break
            after, found = page[-1][0], dict(page)
            answered = [entry for entry in rest if entry[0] <= after]
            rest = rest[len(answered) :]
            for key, done in answered:
                if _same(found.get(key), done.state):
                    done.seconds["look"] = (time.perf_counter() - begun) / len(answered)
                    settled.add(key)
            if len(answered) < LOOK_TOGETHER:
                break
        return settled

    def _is_settled(self, key: str, done: Convergence) -> bool:
        begun = time.perf_counter()
        now = self._store.head(key)
        settled = _same(now, done.state)
        if settled and now is not None and self._required_tag:
            settled = self._passes(key, now) == done.passed
        done.spent("look", begun)
        return settled

    def _passes(self, key: str, state: ObjectState) -> bool:
        """Whether the object has the required tag. A directory marker has no content that could be unclean."""
        if self._required_tag is None or key.endswith("/"):
            return True
        if state.version is None:
            reason = "the bucket keeps no versions, so a tag does not tell which content it was given to"
            raise PermanentError(reason, "Enable the bucket's versioning, or leave MFT_REQUIRED_TAG empty")
        name, value = self._required_tag
        tags = self._store.tags(key, state.version)
        return tags is not None and tags.get(name) == value

    def _place(self, stream: ObjectStream, path: SharePath, done: Convergence) -> None:
        state = stream.state
        done.version = state.version
        if self._maximum_bytes and state.size > self._maximum_bytes:
            reason = f"the object has {state.size:,} bytes, the largest allowed has {self._maximum_bytes:,}"
            raise PermanentError(reason, "Upload something smaller, or raise MFT_MAXIMUM_BYTES and redrive")
        begun = time.perf_counter()
        staged = self._share.stage(stream, self._deadline, path)
        done.spent("copy", begun)
        begun = time.perf_counter()
        self._share.place(staged, path)
        done.spent("place", begun)
        done.action, done.bytes, done.verified = "placed", staged.size, staged.verified
        done.finished_at = time.time()

    def _make_directory(self, state: ObjectState, path: SharePath, done: Convergence) -> None:
        done.version = state.version
        begun = time.perf_counter()
        if state.size:
            # No marker, so it keeps no directory either.
            self._tidy(path.components, done)
            reason = f"the key ends with a slash, so it is a directory, but the object has {state.size} bytes"
            raise PermanentError(reason, "Copy the object to a key without the slash, and delete this one")
        self._share.make_directory(path)
        done.spent("place", begun)
        done.action, done.finished_at = "directory", time.time()

    def _withdraw(self, path: SharePath, done: Convergence) -> None:
        """There is no object for the share to have."""
        withheld = done.state is not None
        if self._delete_mode is DeleteMode.KEEP:
            done.action = "withheld" if withheld else "kept"
            return
        begun = time.perf_counter()
        done.removed = not path.is_directory and self._share.remove_file(path)
        if done.removed:
            done.finished_at = time.time()
        if withheld:
            done.action = "withheld"
        elif not done.removed:
            done.action = "absent"
        else:
            done.action = "trashed" if self._delete_mode is DeleteMode.TRASH else "removed"
        done.spent("place", begun)
        begun = time.perf_counter()
        self._tidy(path.components if path.is_directory else path.parent, done)
        done.spent("tidy", begun)

    def _tidy(self, deepest: tuple[bytes, ...], done: Convergence) -> None:
        """Prune upwards the empty directories that the replicator made and no marker keeps.

        A directory that is already gone is gone through as well: a run that crashed may have pruned it and not come
        to look at what else belongs there.
        """
        for depth in range(len(deepest), 0, -1):
            self._deadline.check()
            directory = deepest[:depth]
            occupancy = self._share.occupancy(directory)
            if occupancy is Occupancy.IN_USE:
                return
            if occupancy is Occupancy.IDLE:
                if self._has_marker(directory):
                    return
                if not self._share.prune(directory):
                    return
                done.pruned.append(str(SharePath(directory, is_directory=True)))
            if self._revive(directory, done):
                return

    def _revive(self, directory: tuple[bytes, ...], done: Convergence) -> bool:
        """Look again after a directory has gone: its marker may have come, or the file it kept out has its turn."""
        revived = Convergence()
        try:
            if self._has_marker(directory):
                path, key = SharePath(directory, is_directory=True), marker_key(directory, self._prefix)
            else:
                path, key = SharePath(directory), file_key(directory, self._prefix)
                state = self._store.head(key) if self.admits(key) else None
                if state is None or not self._passes(key, state):
                    return False
            self.converge(key, path, revived)
        except PermanentError:
            return False  # Reported for the key itself, by the event that brought it.
        if revived.action in ("placed", "directory"):
            done.revived.append(str(path))
            return True
        return False

    def _has_marker(self, directory: tuple[bytes, ...]) -> bool:
        key = marker_key(directory, self._prefix)
        if not self.admits(key):
            return False
        state = self._store.head(key)
        return state is not None and state.size == 0


def neighbours(acted: Sequence[Acted]) -> list[list[Acted]]:
    """Groups of keys that a listing may answer for: each directory's, and those of all small directories together."""
    directories: dict[str, list[Acted]] = {}
    for entry in acted:
        directories.setdefault(entry[0].rpartition("/")[0], []).append(entry)
    groups = [group for group in directories.values() if len(group) >= LOOK_TOGETHER]
    small = [entry for group in directories.values() if len(group) < LOOK_TOGETHER for entry in group]
    return [*groups, small] if len(small) >= LOOK_TOGETHER else groups


def _same(one: ObjectState | None, other: ObjectState | None) -> bool:
    """Whether two looks saw the same content: a listing knows no version, and no fractions of seconds are promised."""
    if one is None or other is None:
        return one is other
    return one.etag == other.etag and one.size == other.size and int(one.modified) == int(other.modified)
