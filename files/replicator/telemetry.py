# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the function says: one JSON line per key, and its metrics in CloudWatch's embedded format.

Both go to standard output, which Lambda ships without any network of the function's own.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter
from typing import TextIO

NAMESPACE = "mft.aws/replicator"
# CloudWatch user guide, "Embedded metric format specification": at most 100 values in one metric of one line.
_MAX_VALUES = 100
_UNITS = {
    "Files": "Count",
    "Bytes": "Bytes",
    "Deletions": "Count",
    "Skipped": "Count",
    "Retries": "Count",
    "Refetches": "Count",
    "TransientFailures": "Count",
    "PermanentFailures": "Count",
    "DeadLetters": "Count",
}
# Each write is a system call, and a chance for another thread to run: good news is gathered.
_MAX_GATHERED = 100
# CloudWatch Logs takes 256 KB a line (quotas); no honest line is near this.
_LONG_LINE = 32 * 1024
_LONG_TEXT = 2048
_MANY = 100


class Telemetry:
    """One invocation's lines and sums; thread-safe."""

    def __init__(self, bucket: str, request: str | None, output: TextIO | None = None) -> None:
        self._bucket = bucket
        self._request = request
        self._output = output
        self._lock = threading.Lock()
        self._gathered: list[str] = []
        self._sums: Counter[str] = Counter()
        self._lags: list[float] = []

    def log(self, level: str, event: str, **fields: object) -> None:
        """Say one line; fields that are None or empty are left out. Warnings and errors are written at once."""
        line = {"level": level, "event": event, "bucket": self._bucket, "request_id": self._request}
        self._say(line | fields, at_once=level != "INFO")

    def count(self, metric: str, amount: int = 1) -> None:
        with self._lock:
            self._sums[metric] += amount

    def lag(self, seconds: float) -> None:
        """How long after its event a change was visible on the share."""
        self._lags.append(round(max(seconds, 0.0), 3))

    def flush(self) -> None:
        """Write what was gathered, and the invocation's metrics."""
        sums: dict[str, object] = {name: self._sums[name] for name in _UNITS}
        self._embed(sums, _UNITS)
        for start in range(0, len(self._lags), _MAX_VALUES):
            self._embed({"LagSeconds": self._lags[start : start + _MAX_VALUES]}, {"LagSeconds": "Seconds"})
        with self._lock:
            self._write()

    def _embed(self, values: dict[str, object], units: dict[str, str]) -> None:
        metrics = [{"Name": name, "Unit": units[name]} for name in values]
        directive = {"Namespace": NAMESPACE, "Dimensions": [["Bucket"]], "Metrics": metrics}
        header = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}
        self._say({"_aws": header, "Bucket": self._bucket, **values})

    def _say(self, line: dict[str, object], at_once: bool = False) -> None:
        said = {name: value for name, value in line.items() if value is not None and value not in ("", [], {})}
        # ASCII only, so that no key can break a line or the log's encoding.
        text = json.dumps(said)
        if len(text) > _LONG_LINE:
            text = json.dumps({name: _shortened(value) for name, value in said.items()})
        with self._lock:
            self._gathered.append(text)
            if at_once or len(self._gathered) >= _MAX_GATHERED:
                self._write()

    def _write(self) -> None:
        output = self._output or sys.stdout
        output.write("\n".join(self._gathered) + "\n")
        output.flush()
        self._gathered.clear()


def _shortened(value: object) -> object:
    """What a stranger's message can make long: a name, a text, a list of messages."""
    if isinstance(value, str) and len(value) > _LONG_TEXT:
        return f"{value[:_LONG_TEXT]}… ({len(value)} characters)"
    if isinstance(value, list):
        shown = [_shortened(item) for item in value[:_MANY]]
        return shown if len(value) <= _MANY else [*shown, f"… ({len(value)} in all)"]
    return value
