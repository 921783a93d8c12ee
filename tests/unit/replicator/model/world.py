# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A versioned bucket, a queue, a share with a reader, and the whole function invoked on them by several processes.

Nothing runs but what the test steps.
"""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from replicator.handler import Process
from replicator.settings import read_settings
from replicator.store import ObjectState
from unit.replicator.fakes import FakeBucket
from unit.replicator.model.schedule import WAITING
from unit.replicator.model.schedule import Clock
from unit.replicator.model.schedule import stepped
from unit.replicator.stepping import Worker
from unit.replicator.stepping import boundary
from unit.replicator.stepping import current_worker
from unit.replicator.test_events import BUCKET
from unit.replicator.test_events import envelope
from unit.replicator.test_events import eventbridge
from unit.replicator.test_events import notification

PREFIX = "home/"
NO_CLIENT: Any = None
INVOCATIONS = 3
LONG_TIME = 900.0
_CALLS_UNTIL_STUCK = 60_000
# What a step of a worker can have no visible effect of.
_UNSEEN = {"start", "open", "get", "head", "tags", "page", "put", "readinto", "scandir", "listdir", "utime", *WAITING}
# So that the few bytes and keys of a storm go where large objects and large batches go.
_SMALL = {
    "replicator.partials.WORTH_KEEPING_BYTES": 60,
    "replicator.staging.WORTH_KEEPING_BYTES": 60,
    "replicator.staging._CHUNK_BYTES": 40,
    "replicator.batch.LOOK_TOGETHER": 2,
    "replicator.converge.LOOK_TOGETHER": 2,
}

Body = dict[str, Any]
WRAPPINGS: list[Callable[[list[str]], list[tuple[list[str], Body]]]] = [
    lambda keys: [(keys, notification(*keys))],
    lambda keys: [(keys, envelope(notification(*keys)))],
    lambda keys: [([key], eventbridge(key)) for key in keys],
]


class VersionedBucket(FakeBucket):
    """Remembers what each key held before; ``None`` in a history is a delete marker."""

    def __init__(self) -> None:
        super().__init__(boundary, chunk=40)
        self.history: dict[str, list[tuple[ObjectState, bytes] | None]] = {}

    def upload(self, key: str, content: bytes) -> None:
        self.put(key, content)
        self.history.setdefault(key, []).append(self.objects[key])

    def mark_deleted(self, key: str) -> None:
        self.delete(key)
        self.history.setdefault(key, []).append(None)

    def remove_newest_version(self, key: str) -> None:
        """What was before comes back, or nothing does."""
        self.history[key].pop()
        before = self.history[key][-1] if self.history[key] else None
        if before:
            self.objects[key] = before
        else:
            self.delete(key)

    def put(self, key: str, content: bytes) -> None:
        boundary("put")
        super().put(key, content)

    def contents(self) -> dict[str, bytes]:
        """What partners see of it; dead letters are elsewhere."""
        return {key: content for key, (_, content) in self.objects.items() if key.startswith(PREFIX)}


@dataclass(eq=False)
class Message:
    identifier: str
    keys: list[str]
    body: str
    receives: int = 0

    def record(self) -> dict[str, Any]:
        attributes = {"ApproximateReceiveCount": str(self.receives)}
        return {
            "messageId": self.identifier,
            "eventSource": "aws:sqs",
            "attributes": attributes,
            "body": self.body,
        }


@dataclass(eq=False)
class Invocation:
    """One batch in one process; what Lambda's context object tells is of this invocation."""

    aws_request_id: str
    messages: list[Message]
    process: Process
    clock: Clock
    end: float
    workers: list[Worker] = field(default_factory=list)
    response: Any = None

    def get_remaining_time_in_millis(self) -> int:
        return int((self.end - self.clock.seconds) * 1000)


class World:
    """Everything there is; ``close`` it."""

    def __init__(self, folder: Path) -> None:
        self.root, self.outside = folder / "share", folder / "outside"
        self.root.mkdir()
        self.outside.mkdir()
        (self.outside / "ledger.csv").write_text("untouched")
        self.environment = {"MFT_BUCKET": BUCKET, "MFT_PREFIX": PREFIX, "MFT_SHARE": str(self.root)}
        self.clock = Clock()
        self.bucket = VersionedBucket()
        self.random = random.Random(0)  # noqa: S311 (a schedule, not a secret)
        self.queue: list[Message] = []
        self.running: list[Invocation] = []
        self.lines: list[dict[str, Any]] = []
        self.after_change: Callable[[], None] = lambda: None
        self._idle: list[Process] = []
        self._log = io.StringIO()
        self._numbers = 0
        self._owners: dict[Worker, Invocation] = {}
        self._priorities: dict[Worker, float] = {}
        self._patches = ExitStack()
        self._patches.enter_context(stepped(self.clock, self._spawn))
        self._patches.enter_context(mock.patch("replicator.handler.S3Store", lambda *_, **__: self.bucket))
        for name, value in _SMALL.items():
            self._patches.enter_context(mock.patch(name, value))
        self._patches.enter_context(mock.patch("replicator.telemetry.sys", SimpleNamespace(stdout=self._log)))

    def close(self) -> None:
        for invocation in list(self.running):
            self.kill(invocation)
        self._patches.close()

    # The queue

    def send(self, *keys: str) -> None:
        """One event of each key, in some wrapping."""
        for named, body in self.random.choice(WRAPPINGS)(list(keys)):
            self.queue.append(Message(self._name("m"), named, json.dumps(body)))

    def deliver(self, count: int, seconds: float = LONG_TIME) -> None:
        """Hand any messages to a process, warm or cold, in any order; now and then the queue keeps one all the same."""
        batch: list[Message] = []
        while self.queue and len(batch) < count:
            message = self.random.choice(self.queue)
            if message in batch:
                break
            message.receives += 1
            batch.append(message)
            if self.random.random() < 0.9:
                self.queue.remove(message)
        if batch:
            self.invoke(batch, seconds, cold=self.random.random() < 0.3)

    # The function

    def invoke(self, messages: list[Message], seconds: float = LONG_TIME, *, cold: bool = True) -> Invocation:
        cold = cold or not self._idle
        process = Process(read_settings(self.environment), NO_CLIENT) if cold else self._idle.pop()
        end = self.clock.seconds + seconds
        invocation = Invocation(self._name("request-"), messages, process, self.clock, end)
        event = {"Records": [message.record() for message in messages]}

        def work() -> None:
            invocation.response = process.handle(event, invocation)

        self.running.append(invocation)
        self._start(work, invocation)
        return invocation

    def step(self) -> None:
        """One call of the worker with the highest priority, which now and then falls behind the others.

        Priorities and not dice for every call: what goes wrong goes wrong because one worker is held up at one call
        while others do all their work (Burckhardt et al., "A randomized scheduler with probabilistic guarantees").
        """
        if not self._priorities:
            return
        worker = max(self._priorities, key=self._priorities.__getitem__)
        invocation, step = self._owners[worker], worker.next_step
        worker.step()
        if step not in _UNSEEN:
            self.after_change()
        if worker.finished:
            del self._priorities[worker], self._owners[worker]
        elif worker.next_step in WAITING or self.random.random() < 0.08:
            self._priorities[worker] = self.random.random() * min(self._priorities.values())
        if worker is invocation.workers[0] and worker.finished:
            self._settle(invocation)

    def advance(self, invocation: Invocation, calls: int = _CALLS_UNTIL_STUCK) -> None:
        """The next calls of one invocation that has no threads beside its own."""
        [worker] = invocation.workers
        while calls and not worker.finished:
            calls -= 1
            worker.step()
            self.after_change()
        if worker.finished and invocation in self.running:
            del self._priorities[worker], self._owners[worker]
            self._settle(invocation)

    def kill(self, invocation: Invocation) -> None:
        """As kill -9: none of its threads makes another call, whatever its exception handlers try."""
        for worker in invocation.workers:
            worker.killed = True
        for worker in invocation.workers:
            worker.kill()
            self._priorities.pop(worker, None)
            self._owners.pop(worker, None)
        self.running.remove(invocation)
        self.queue += [message for message in invocation.messages if message not in self.queue]

    def run(self) -> None:
        """Until the queue is empty and nothing runs."""
        for _ in range(_CALLS_UNTIL_STUCK):
            if self.queue and len(self.running) < INVOCATIONS:
                self.deliver(self.random.randint(1, 4))
            if not self.running:
                return
            self.step()
        waiting = [(message.keys, message.receives) for message in self.queue]
        raise AssertionError(f"the queue never becomes empty: {waiting}, last said: {self.lines[-3:]}")

    def sweep_after_hours(self) -> None:
        """A process that starts when nothing else has run for more than a day, and a trash that is kept for longer."""
        assert not self.running
        self.clock.ahead = 100_000
        self.invoke([])
        while self.running:
            self.step()
        self.clock.ahead = 0

    def _start(self, work: Callable[[], None], invocation: Invocation) -> Worker:
        worker = Worker(work)
        invocation.workers.append(worker)
        self._owners[worker] = invocation
        self._priorities[worker] = self.random.random()
        return worker

    def _spawn(self, work: Callable[[], None]) -> Worker:
        parent = current_worker()
        assert parent
        return self._start(work, self._owners[parent])

    def _settle(self, invocation: Invocation) -> None:
        """The queue forgets a message that was done, and delivers any other again."""
        error = invocation.workers[0].error
        if error is not None:
            raise error
        self.running.remove(invocation)
        self._idle.append(invocation.process)
        said = [json.loads(line) for line in self._log.getvalue().splitlines()]
        self._log.seek(0)
        self._log.truncate()
        self.lines += said
        failed = {item["itemIdentifier"] for item in invocation.response["batchItemFailures"]}
        for message in invocation.messages:
            if message.identifier in failed and message not in self.queue:
                self.queue.append(message)

    def _name(self, kind: str) -> str:
        self._numbers += 1
        return f"{kind}{self._numbers}"
