# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole function on a share, with a bucket in memory: what Lambda would call, and what it answered and said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from replicator import handler
from unit.replicator.fakes import FakeBucket
from unit.replicator.test_events import BUCKET
from unit.replicator.test_events import notification
from unit.replicator.test_events import queued


class Context:
    aws_request_id = "request-1"

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self._seconds * 1000)


class Function:
    """``handler.handle`` with the environment that the template would give it."""

    def __init__(self, share: Path, monkeypatch: pytest.MonkeyPatch, said: Callable[[], str]) -> None:
        self.share = share
        self.bucket = FakeBucket()
        self._said = said
        self._monkeypatch = monkeypatch
        monkeypatch.setattr("replicator.handler.S3Store", lambda *_, **__: self.bucket)
        monkeypatch.setenv("AWS_REGION", "eu-central-1")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        self.configure(MFT_BUCKET=BUCKET, MFT_SHARE=str(share))

    def configure(self, **environment: str) -> None:
        """A cold start with these settings besides."""
        for name, value in environment.items():
            self._monkeypatch.setenv(name, value)
        handler._process.cache_clear()

    def handle(self, event: object, seconds: float = 60) -> Any:
        return handler.handle(event, Context(seconds))

    def tell(self, *keys: str, seconds: float = 60) -> list[str]:
        """One message for each key; the keys whose messages failed."""
        answer = self.handle(queued(*[notification(key) for key in keys]), seconds)
        return [keys[int(item["itemIdentifier"][1:])] for item in answer["batchItemFailures"]]

    def lines(self) -> list[dict[str, Any]]:
        """What was logged since the last time."""
        return [json.loads(line) for line in self._said().splitlines()]
