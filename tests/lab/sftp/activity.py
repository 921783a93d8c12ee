# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log of a Transfer server: JSON lines with the fields of AWS Transfer Family's structured logs.

Field names and activity types are those of the user guide ("CloudWatch log structure for Transfer Family"). Each line
goes to standard output and, when the server names a log group (StructuredLogDestinations) that exists, to CloudWatch
Logs: in the background, so that no transfer ever waits for its log.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError
from botocore.exceptions import ClientError

# Lines waiting for CloudWatch; when it is slower than this, the newest are dropped rather than memory filled.
BACKLOG = 10_000
# "PutLogEvents: the maximum number of log events in a batch is 10,000"; small batches keep the log prompt.
BATCH = 500
# How long a log group that was not there is not asked for again.
ABSENT_SECONDS = 15.0


@dataclass(frozen=True)
class _Line:
    group: str
    stream: str
    timestamp: int
    message: str


def log_group(server: Mapping[str, Any]) -> str | None:
    """The log group a server logs to: the name within `arn:…:logs:region:account:log-group:NAME:*`."""
    for arn in server.get("StructuredLogDestinations") or []:
        fields = str(arn).split(":")
        if len(fields) > 6:
            return fields[6]
    return None


class ActivityLog:
    """Writes log lines; `run` sends those meant for CloudWatch Logs."""

    def __init__(self, logs: Any) -> None:
        self._logs = logs
        self._queue: asyncio.Queue[_Line] = asyncio.Queue(BACKLOG)
        self._streams: set[tuple[str, str]] = set()
        self._absent: dict[str, float] = {}

    def write(self, server: Mapping[str, Any], stream: str, fields: Mapping[str, object]) -> None:
        """One line, in the given stream of the server's log group."""
        message = json.dumps({name: value for name, value in fields.items() if value is not None}, ensure_ascii=False)
        sys.stdout.write(message + "\n")
        sys.stdout.flush()
        group = log_group(server)
        if group and not self._queue.full():
            self._queue.put_nowait(_Line(group, stream, int(time.time() * 1000), message))

    async def run(self) -> None:
        """Send lines for ever."""
        while True:
            lines = [await self._queue.get()]
            while len(lines) < BATCH and not self._queue.empty():
                lines.append(self._queue.get_nowait())
            await asyncio.to_thread(self._send, lines)

    def _send(self, lines: list[_Line]) -> None:
        streams: dict[tuple[str, str], list[_Line]] = {}
        for line in lines:
            streams.setdefault((line.group, line.stream), []).append(line)
        for (group, stream), events in streams.items():
            if time.monotonic() < self._absent.get(group, 0.0):
                continue
            try:
                self._put(group, stream, events)
            except (BotoCoreError, ClientError) as error:
                self._absent[group] = time.monotonic() + ABSENT_SECONDS
                self._streams.discard((group, stream))
                print(f"lab.sftp: cannot log to the group {group}: {error}", file=sys.stderr, flush=True)

    def _put(self, group: str, stream: str, events: list[_Line]) -> None:
        if (group, stream) not in self._streams:
            with contextlib.suppress(self._logs.exceptions.ResourceAlreadyExistsException):
                self._logs.create_log_stream(logGroupName=group, logStreamName=stream)
            if len(self._streams) >= BACKLOG:
                self._streams.clear()
            self._streams.add((group, stream))
        self._logs.put_log_events(
            logGroupName=group,
            logStreamName=stream,
            logEvents=[{"timestamp": line.timestamp, "message": line.message} for line in events],
        )
