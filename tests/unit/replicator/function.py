# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The function without Lambda and S3: one object that is invoked, and what it said."""

from __future__ import annotations

import io
import json
from typing import Any

from replicator import batch
from replicator.converge import Converger
from replicator.dead_letters import DeadLetters
from replicator.deadline import Deadline
from replicator.events import decode
from replicator.settings import DeleteMode
from replicator.settings import read_settings
from replicator.share import Share
from replicator.telemetry import Telemetry
from replicator.trash import Trash
from unit.replicator.fakes import FakeBucket
from unit.replicator.test_events import BUCKET


class Function:
    """The function without Lambda and S3."""

    def __init__(self, share: Share) -> None:
        self.share = share
        self.bucket = FakeBucket()
        self.output = io.StringIO()

    def invoke(self, event: object, seconds_left: float = 60, **environment: str) -> dict[str, object]:
        settings = read_settings({"MFT_BUCKET": BUCKET, "MFT_FAILURE_PREFIX": "", **environment})
        if settings.delete_mode is DeleteMode.TRASH:
            self.share.dispose = Trash(self.share.root_fd, settings.trash_days).take
        converger = Converger(self.bucket, self.share, settings, Deadline(seconds_left))
        letters = DeadLetters(self.bucket, settings.failure_prefix)
        return batch.run(decode(event), settings, converger, Telemetry(BUCKET, "request-1", self.output), letters)

    def letters(self) -> list[dict[str, Any]]:
        written = [content for key, (_, content) in self.bucket.objects.items() if key.startswith("failed/")]
        return [json.loads(content) for content in written]

    def lines(self, event: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.output.getvalue().splitlines()]
        return [line for line in lines if line.get("event") == event]

    def metrics(self) -> dict[str, Any]:
        lines = [json.loads(line) for line in self.output.getvalue().splitlines()]
        return {name: value for line in lines if "_aws" in line for name, value in line.items()}


def failures(*identifiers: str) -> dict[str, object]:
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in identifiers]}
