# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One invocation's work: which keys, several at a time, and which messages that leaves undone.

All events of a key are one piece of work. A message is done when every key it names is done; only then does the queue
forget it. A failure is never hidden in a message that also holds successes.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from dataclasses import field

from replicator.converge import Convergence
from replicator.converge import Converger
from replicator.errors import PermanentError
from replicator.errors import ReplicationError
from replicator.errors import TransientError
from replicator.errors import from_os
from replicator.events import Batch
from replicator.events import Change
from replicator.events import Message
from replicator.paths import SharePath
from replicator.paths import locate
from replicator.settings import Settings
from replicator.telemetry import Telemetry


@dataclass
class Work:
    """One key of one batch, with everything its log line tells of the events that named it."""

    key: str
    path: SharePath
    time: float | None = None
    version: str | None = None
    attempt: int = 1
    messages: list[Message] = field(default_factory=list)

    def add(self, change: Change, message: Message) -> None:
        if change.time is not None:
            # The oldest: the longest that somebody has waited for this key.
            self.time = change.time if self.time is None else min(self.time, change.time)
        self.version = change.version or self.version
        self.attempt = max(self.attempt, message.receive_count)
        if message not in self.messages:
            self.messages.append(message)


class BatchFailedError(Exception):
    """Raised where no queue can be told which messages failed, so that the caller tries the whole event again."""


def run(batch: Batch, settings: Settings, converger: Converger, telemetry: Telemetry) -> dict[str, object]:
    """Do all the work; returns Lambda's partial batch response, or raises ``BatchFailedError`` without a queue."""
    runner = _Runner(settings, converger, telemetry)
    failed = runner.run(batch)
    telemetry.flush()
    if batch.from_queue:
        return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in failed]}
    if failed:
        raise BatchFailedError("some keys could not be replicated; the log lines with level ERROR say which and why")
    return {}


class _Runner:
    def __init__(self, settings: Settings, converger: Converger, telemetry: Telemetry) -> None:
        self._settings = settings
        self._converger = converger
        self._telemetry = telemetry

    def run(self, batch: Batch) -> list[str | None]:
        """The identifiers of the messages that failed, in the order they came."""
        failed: set[int] = set()
        work: dict[str, Work] = {}
        for message in batch.messages:
            if not self._gather(message, work):
                failed.add(id(message))
        if work:
            with ThreadPoolExecutor(max_workers=min(self._settings.concurrency, len(work))) as pool:
                # Waits for every thread: one that outlived the invocation would be frozen with it, and go on placing
                # what it had read when Lambda thaws it for another batch.
                for piece, succeeded in zip(work.values(), pool.map(self._attempt, work.values()), strict=True):
                    if not succeeded:
                        failed.update(id(message) for message in piece.messages)
        return [message.identifier for message in batch.messages if id(message) in failed]

    def _gather(self, message: Message, work: dict[str, Work]) -> bool:
        """Sort a message's changes into the work; False if part of it can never be done."""
        sound = not message.problems
        for problem in message.problems:
            self._report(problem, Convergence(), message_ids=_identifiers([message]))
        for change in message.changes:
            try:
                self._sort(change, message, work)
            except PermanentError as problem:
                sound = False
                self._report(
                    problem,
                    Convergence(),
                    key=change.key,
                    version=change.version,
                    attempt=message.receive_count,
                    message_ids=_identifiers([message]),
                )
        return sound

    def _sort(self, change: Change, message: Message, work: dict[str, Work]) -> None:
        if change.bucket != self._settings.bucket:
            reason = f"the event is of bucket {change.bucket!r}, this function replicates {self._settings.bucket!r}"
            raise PermanentError(reason, "Remove that bucket's notification to this queue, or set MFT_BUCKET")
        path = locate(change.key, self._settings.prefix)
        if path is None:
            self._telemetry.log("INFO", "ignored", key=change.key, reason="outside the served prefix")
            return
        work.setdefault(change.key, Work(change.key, path)).add(change, message)

    def _attempt(self, work: Work) -> bool:
        """Converge one key and tell of it; whatever goes wrong is this key's alone."""
        done, begun = Convergence(version=work.version), time.perf_counter()
        failure: ReplicationError | None = None
        try:
            self._converger.converge(work.key, work.path, done)
        except ReplicationError as error:
            failure = error
        except OSError as error:
            failure = from_os(error)
        except Exception as error:  # noqa: BLE001 (a bug must not take the other keys with it)
            failure = TransientError(f"unexpected {type(error).__name__}: {error}", "Report this as a bug")
        done.seconds["total"] = time.perf_counter() - begun
        details: dict[str, object] = {
            "key": work.key,
            "version": done.version,
            "attempt": work.attempt,
            "rounds": done.rounds,
            "seconds": {phase: round(seconds, 4) for phase, seconds in done.seconds.items()},
            "message_ids": _identifiers(work.messages),
        }
        self._telemetry.count("Refetches", max(done.rounds - 1, 0))
        if failure:
            self._report(failure, done, **details)
            return False
        self._tell(work, done, details)
        return True

    def _tell(self, work: Work, done: Convergence, details: Mapping[str, object]) -> None:
        lag = None
        if done.finished_at is not None and work.time is not None:
            lag = round(done.finished_at - work.time, 3)
            self._telemetry.lag(lag)
        if done.action == "placed":
            self._telemetry.count("Files")
            self._telemetry.count("Bytes", done.bytes)
        if done.action == "removed":
            self._telemetry.count("Deletions")
        self._telemetry.log(
            "INFO",
            "converged",
            outcome=done.action,
            bytes=done.bytes,
            verified=done.verified,
            lag_seconds=lag,
            pruned=done.pruned,
            revived=done.revived,
            **details,
        )

    def _report(self, failure: ReplicationError, done: Convergence, **details: object) -> None:
        permanent = isinstance(failure, PermanentError)
        self._telemetry.count("PermanentFailures" if permanent else "TransientFailures")
        self._telemetry.log(
            "ERROR" if permanent else "WARNING",
            "failed",
            outcome="permanent_failure" if permanent else "transient_failure",
            reason=failure.reason,
            remedy=failure.remedy,
            pruned=done.pruned,
            **details,
        )


def _identifiers(messages: list[Message]) -> list[str]:
    return [message.identifier for message in messages if message.identifier]
