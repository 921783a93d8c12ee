# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One invocation's work: which keys, several at a time, and which messages that leaves undone.

All events of a key are one piece of work. A message is done when every key it names is done; only then does the queue
forget it. A key that can never be done is done when its dead letter is written. A failure is never hidden in a message
that also holds successes.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from collections.abc import Iterable

from replicator.capacity import affordable
from replicator.converge import LOOK_TOGETHER
from replicator.converge import Convergence
from replicator.converge import Converger
from replicator.converge import neighbours
from replicator.dead_letters import DeadLetters
from replicator.dead_letters import Failed
from replicator.errors import PermanentError
from replicator.errors import ReplicationError
from replicator.errors import TransientError
from replicator.errors import from_os
from replicator.events import Batch
from replicator.events import Change
from replicator.events import Message
from replicator.parallel import Item
from replicator.parallel import in_parallel
from replicator.paths import SharePath
from replicator.paths import locate
from replicator.settings import Settings
from replicator.telemetry import Telemetry


class Work:
    """One key of one batch, with everything its log line tells of the events that named it."""

    def __init__(self, key: str, path: SharePath) -> None:
        self.key = key
        self.path = path
        self.time: float | None = None
        self.attempt = 1
        self.messages: list[Message] = []
        self.done = Convergence()
        self.spent = 0.0
        self.failure: ReplicationError | None = None

    def add(self, change: Change, message: Message) -> None:
        if change.time is not None:
            # The oldest: the longest that somebody has waited for this key.
            self.time = change.time if self.time is None else min(self.time, change.time)
        self.done.version = change.version or self.done.version
        self.attempt = max(self.attempt, message.receive_count)
        # A message's changes come one after the other.
        if not self.messages or self.messages[-1] is not message:
            self.messages.append(message)


class BatchFailedError(Exception):
    """Raised where no queue can be told which messages failed, so that the caller tries the whole event again."""


def run(
    batch: Batch, settings: Settings, converger: Converger, telemetry: Telemetry, letters: DeadLetters
) -> dict[str, object]:
    """Do all the work; returns Lambda's partial batch response, or raises ``BatchFailedError`` without a queue."""
    runner = _Runner(settings, converger, telemetry, letters)
    try:
        failed = runner.run(batch)
    finally:
        telemetry.flush()
    if batch.from_queue:
        return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in failed]}
    if failed:
        raise BatchFailedError("some keys could not be replicated; the log lines of event 'failed' say which and why")
    return {}


class _Runner:
    def __init__(self, settings: Settings, converger: Converger, telemetry: Telemetry, letters: DeadLetters) -> None:
        self._settings = settings
        self._converger = converger
        self._telemetry = telemetry
        self._letters = letters
        self._workers = affordable(settings.concurrency, os.environ)
        # The messages that are not done, by identity.
        self._undone: set[int] = set()

    def run(self, batch: Batch) -> list[str | None]:
        """The identifiers of the messages that failed, in the order they came."""
        refused: list[Failed] = []
        work: dict[str, Work] = {}
        for message in batch.messages:
            refused += [Failed(problem, [message], self._settings.bucket) for problem in message.problems]
            for change in message.changes:
                try:
                    self._sort(change, message, work)
                except PermanentError as problem:
                    refused.append(_refused(problem, change, message))
        if len(work) >= LOOK_TOGETHER and self._converger.looks_together:
            self._converge_together(list(work.values()))
        else:
            self._in_parallel(self._converge, work.values())
        # After the work: a bucket that cannot be written to must not hold up what can be done.
        self._in_parallel(self._bury, refused)
        return [message.identifier for message in batch.messages if id(message) in self._undone]

    def _sort(self, change: Change, message: Message, work: dict[str, Work]) -> None:
        known = work.get(change.key)
        if change.bucket != self._settings.bucket:
            reason = f"the event is of bucket {change.bucket!r}, this function replicates {self._settings.bucket!r}"
            raise PermanentError(reason, "Remove that bucket's notification to this queue, or set MFT_BUCKET")
        if known is None:
            path = locate(change.key, self._settings.prefix)
            if path is None or not self._converger.admits(change.key):
                reason = "outside the served prefix" if path is None else "excluded by MFT_INCLUDE or MFT_EXCLUDE"
                self._telemetry.count("Skipped")
                self._telemetry.log("INFO", "ignored", key=change.key, reason=reason)
                return
            known = work[change.key] = Work(change.key, path)
        known.add(change, message)

    def _in_parallel(self, function: Callable[[Item], None], items: Iterable[Item]) -> None:
        in_parallel(self._workers, function, items)

    def _converge_together(self, work: list[Work]) -> None:
        """Act on all keys, then look at neighbours by one listing; what that does not settle is settled one by one."""
        self._in_parallel(self._act, _spread(work))
        acted = [(piece.key, piece.done) for piece in work if piece.failure is None]
        settled: set[str] = set()

        def look(group: list[tuple[str, Convergence]]) -> None:
            try:
                settled.update(self._converger.settled_among(group))
            except Exception as error:  # noqa: BLE001 (nothing is lost but a saving)
                reason = f"{type(error).__name__}: {error}"
                self._telemetry.log("WARNING", "listing failed", reason=reason, remedy="None: each key is asked for")

        self._in_parallel(look, neighbours(acted))
        for piece in work:
            if piece.key in settled:
                self._conclude(piece)
        self._in_parallel(self._conclude, [piece for piece in work if piece.failure is not None])
        rest = [piece for piece in work if piece.failure is None and piece.key not in settled]
        self._in_parallel(self._converge, rest)

    def _act(self, work: Work) -> None:
        self._attempt(work, self._converger.act)

    def _converge(self, work: Work) -> None:
        self._attempt(work, self._converger.converge)
        self._conclude(work)

    def _attempt(self, work: Work, step: Callable[[str, SharePath, Convergence], None]) -> None:
        """Whatever goes wrong is this key's alone."""
        begun = time.perf_counter()
        try:
            step(work.key, work.path, work.done)
        except ReplicationError as error:
            work.failure = error
        except OSError as error:
            work.failure = from_os(error)
        except Exception as error:  # noqa: BLE001 (a bug must not take the other keys with it)
            work.failure = TransientError(f"unexpected {type(error).__name__}: {error}", "Report this as a bug")
        work.spent += time.perf_counter() - begun

    def _conclude(self, work: Work) -> None:
        """Tell of a key, and decide what becomes of its messages."""
        done, lag = work.done, None
        if done.finished_at is not None and work.time is not None:
            lag = round(done.finished_at - work.time, 3)
            self._telemetry.lag(lag)
        self._count(done)
        details: dict[str, object] = {
            "key": work.key,
            "version": done.version,
            "attempt": work.attempt,
            "rounds": done.rounds,
            "bytes": done.bytes,
            "seconds": {phase: round(seconds, 4) for phase, seconds in done.seconds.items()}
            | {"total": round(work.spent, 4)},
            "pruned": done.pruned,
            "revived": done.revived,
            "message_ids": _identifiers(work.messages),
        }
        if work.failure is None:
            self._telemetry.log(
                "INFO", "converged", outcome=done.action, verified=done.verified, lag_seconds=lag, **details
            )
        elif isinstance(work.failure, PermanentError):
            bucket, version = self._settings.bucket, done.version
            self._bury(Failed(work.failure, work.messages, bucket, work.key, version, work.time, work.attempt), details)
        else:
            self._telemetry.count("TransientFailures")
            self._leave_undone(work.messages)
            self._report("WARNING", "transient_failure", work.failure, details)

    def _count(self, done: Convergence) -> None:
        if done.rounds > 1:
            self._telemetry.count("Refetches", done.rounds - 1)
        if done.action == "placed":
            self._telemetry.count("Files")
            self._telemetry.count("Bytes", done.bytes)
        if done.action == "withheld":
            self._telemetry.count("Skipped")
        if done.removed:
            self._telemetry.count("Deletions")

    def _bury(self, failed: Failed, details: dict[str, object] | None = None) -> None:
        """A permanent failure: its dead letter lets its messages go; without one, the queue's own limit has to."""
        self._telemetry.count("PermanentFailures")
        told = details or {
            "bucket": failed.bucket,
            "key": failed.key,
            "version": failed.version,
            "attempt": failed.attempt,
            "message_ids": _identifiers(failed.messages),
        }
        letter, unwritten = None, None
        if self._letters.enabled:
            try:
                letter = self._letters.write(failed)
                self._telemetry.count("DeadLetters")
            except ReplicationError as error:
                unwritten = error.reason
            except Exception as error:  # noqa: BLE001 (the message then goes the longer way)
                unwritten = f"unexpected {type(error).__name__}: {error}"
        if letter is None:
            self._leave_undone(failed.messages)
        more = {"dead_letter": letter, "dead_letter_problem": unwritten}
        self._report("ERROR", "permanent_failure", failed.problem, told | more)

    def _report(self, level: str, outcome: str, failure: ReplicationError, details: dict[str, object]) -> None:
        self._telemetry.log(level, "failed", outcome=outcome, reason=failure.reason, remedy=failure.remedy, **details)

    def _leave_undone(self, messages: Iterable[Message]) -> None:
        self._undone.update(id(message) for message in messages)


def _spread(work: list[Work]) -> list[Work]:
    """First one key of each directory, then the second of each: those of one directory wait for each other.

    It is made once, and a file server changes one directory by one request at a time.
    """
    turns: Counter[tuple[bytes, ...]] = Counter()

    def turn(piece: Work) -> int:
        turns[piece.path.parent] += 1
        return turns[piece.path.parent]

    return sorted(work, key=turn)


def _refused(problem: PermanentError, change: Change, message: Message) -> Failed:
    return Failed(
        problem, [message], change.bucket, change.key, change.version, change.time, attempt=message.receive_count
    )


def _identifiers(messages: Iterable[Message]) -> list[str]:
    return [message.identifier for message in messages if message.identifier]
