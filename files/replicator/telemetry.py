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
    "Retries": "Count",
    "Refetches": "Count",
    "TransientFailures": "Count",
    "PermanentFailures": "Count",
}


class Telemetry:
    """One invocation's lines and sums; thread-safe."""

    def __init__(self, bucket: str, request: str | None, output: TextIO | None = None) -> None:
        self._bucket = bucket
        self._request = request
        self._output = output
        self._lock = threading.Lock()
        self._sums: Counter[str] = Counter()
        self._lags: list[float] = []

    def log(self, level: str, event: str, **fields: object) -> None:
        """Write one line; fields that are None or empty are left out."""
        line = {"level": level, "event": event, "bucket": self._bucket, "request_id": self._request}
        self._write(line | fields)

    def count(self, metric: str, amount: int = 1) -> None:
        with self._lock:
            self._sums[metric] += amount

    def lag(self, seconds: float) -> None:
        """How long after its event a change was visible on the share."""
        with self._lock:
            self._lags.append(round(max(seconds, 0.0), 3))

    def flush(self) -> None:
        """Write the invocation's metrics."""
        sums: dict[str, object] = {name: self._sums[name] for name in _UNITS}
        self._embed(sums, _UNITS)
        for start in range(0, len(self._lags), _MAX_VALUES):
            self._embed({"LagSeconds": self._lags[start : start + _MAX_VALUES]}, {"LagSeconds": "Seconds"})

    def _embed(self, values: dict[str, object], units: dict[str, str]) -> None:
        metrics = [{"Name": name, "Unit": units[name]} for name in values]
        directive = {"Namespace": NAMESPACE, "Dimensions": [["Bucket"]], "Metrics": metrics}
        header = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}
        self._write({"_aws": header, "Bucket": self._bucket, **values})

    def _write(self, line: dict[str, object]) -> None:
        said = {name: value for name, value in line.items() if value is not None and value not in ("", [], {})}
        # ASCII only, so that no key can break a line or the log's encoding; one write, so that threads do not mix.
        text = json.dumps(said) + "\n"
        output = self._output or sys.stdout
        with self._lock:
            output.write(text)
            output.flush()
