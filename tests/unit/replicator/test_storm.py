# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any storm of puts, deletes, late, doubled and reordered events, workers stepped one call at a time, and kills.

Whenever a reader looks, every file holds a whole content that its key once had. When the events have stopped, the share
holds just what the bucket holds, by the rule for colliding keys.
"""

from __future__ import annotations

import random
import shutil
import tempfile
from pathlib import Path
from unittest import mock

from hypothesis import HealthCheck
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine
from hypothesis.stateful import initialize
from hypothesis.stateful import invariant
from hypothesis.stateful import precondition
from hypothesis.stateful import rule

from replicator.converge import Convergence
from replicator.converge import Converger
from replicator.deadline import Deadline
from replicator.errors import PermanentError
from replicator.errors import TransientError
from replicator.paths import locate
from replicator.settings import DeleteMode
from replicator.share import open_share
from unit.replicator.conftest import look_at
from unit.replicator.fakes import FakeBucket
from unit.replicator.stepping import KilledError
from unit.replicator.stepping import SteppedOs
from unit.replicator.stepping import Worker
from unit.replicator.stepping import boundary

KEYS = st.sampled_from(["home/a", "home/a/b", "home/a/b/c", "home/a/", "home/a/b/", "home/d/e", "home/d/", "home/f"])
WORKERS = 3


def expected(keys: dict[str, bytes]) -> dict[str, bytes | None]:
    """The rule for colliding keys, said again and otherwise than the replicator says it."""
    names = {key.removeprefix("home/"): content for key, content in keys.items()}
    directories = {name[:end] for name in names for end in range(len(name)) if name[end] == "/"}
    files: dict[str, bytes | None] = {
        name: content for name, content in names.items() if name not in directories and not name.endswith("/")
    }
    return files | dict.fromkeys(directories)


class Storm(RuleBasedStateMachine):
    """One bucket, one share, one queue, a few workers."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="storm-"))
        self.root = self.folder / "share"
        self.root.mkdir()
        stepped = SteppedOs()
        self.patches = [mock.patch(f"replicator.{name}.os", stepped) for name in ("share", "workspace")]
        for patch in self.patches:
            patch.start()
        self.bucket = FakeBucket(boundary, chunk=40)
        self.once: dict[str, set[bytes]] = {}
        self.queue: list[str] = []
        self.workers: list[tuple[str, Worker]] = []
        self.priorities: dict[Worker, float] = {}
        self.number = 0
        self.random = random.Random(0)  # noqa: S311
        self.keys: list[str] = []

    @initialize(seed=st.integers(0, 2**32), keys=st.sets(KEYS, min_size=1, max_size=3))
    def begin(self, seed: int, keys: set[str]) -> None:
        """Few keys at a time, so that workers meet; a seed, because a schedule is too long to be drawn call by call."""
        self.random = random.Random(seed)  # noqa: S311 (a schedule, not a secret)
        self.keys = sorted(keys)

    @rule(repeats=st.integers(1, 6))
    def put(self, repeats: int) -> None:
        key = self.random.choice(self.keys)
        self.number += 1
        content = b"" if key.endswith("/") else f"{key}#{self.number};".encode() * repeats
        self.once.setdefault(key.removeprefix("home/"), set()).add(content)
        self.bucket.put(key, content)
        self.queue.append(key)

    @rule()
    def delete(self) -> None:
        key = self.random.choice(self.keys)
        if key in self.bucket.objects:
            self.bucket.delete(key)
            self.queue.append(key)

    @rule(messages=st.integers(1, WORKERS), calls=st.integers(1, 60))
    def work_on(self, messages: int, calls: int) -> None:
        """Deliver any messages, in any order; then let any worker make its next calls."""
        for _ in range(messages):
            self.deliver()
        for _ in range(calls):
            self.step_any()

    @precondition(lambda self: self.workers)
    @rule()
    def kill(self) -> None:
        key, worker = self.random.choice(self.workers)
        worker.kill()
        self.settle(key, worker)

    def deliver(self) -> None:
        if self.queue and len(self.workers) < WORKERS:
            key = self.random.choice(self.queue)
            if self.random.random() < 0.9:
                self.queue.remove(key)  # Otherwise the queue delivers it once more.
            self.start(key)

    def step_any(self) -> None:
        """One call of the worker with the highest priority, which now and then falls behind the others.

        Priorities and not dice for every call: what goes wrong goes wrong because one worker is held up at one call
        while others do all their work (Burckhardt et al., "A randomized scheduler with probabilistic guarantees").
        """
        if self.workers:
            key, worker = max(self.workers, key=lambda entry: self.priorities[entry[1]])
            changes = worker.next_step in ("write", "rename", "unlink", "rmdir")
            worker.step()
            if changes:
                self.nothing_partial_is_seen()
            if self.random.random() < 0.08:
                self.priorities[worker] = self.random.random() / 2
            self.settle(key, worker)

    def start(self, key: str) -> None:
        path = locate(key, "home/")
        assert path is not None
        share = open_share(str(self.root), 0o640, 0o750)

        def work() -> None:
            try:
                converger = Converger(self.bucket, share, "home/", DeleteMode.MIRROR, Deadline(1e6))
                converger.converge(key, path, Convergence())
            finally:
                share.close()

        worker = Worker(work)
        self.priorities[worker] = self.random.random()
        self.workers.append((key, worker))

    def settle(self, key: str, worker: Worker) -> None:
        """The queue forgets a message that was done, buries a permanent failure, and delivers any other again."""
        if not worker.finished:
            return
        self.workers.remove((key, worker))
        if isinstance(worker.error, (KilledError, TransientError)):
            self.queue.append(key)
        elif worker.error is not None and not isinstance(worker.error, PermanentError):
            raise worker.error

    @invariant()
    def nothing_partial_is_seen(self) -> None:
        for name, content in look_at(self.root).items():
            assert content is None or content in self.once[name], f"{name} holds {content!r}"

    def teardown(self) -> None:
        try:
            while self.queue or self.workers:
                self.deliver()
                self.step_any()
            held = {key: content for key, (_, content) in self.bucket.objects.items()}
            assert look_at(self.root) == expected(held)
        finally:
            for _, worker in self.workers:
                worker.kill()
            for patch in self.patches:
                patch.stop()
            shutil.rmtree(self.folder)


TestStorm = Storm.TestCase
TestStorm.settings = settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
