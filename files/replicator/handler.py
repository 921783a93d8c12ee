# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Lambda function: wires the parts together, once per process what can be kept, once per invocation what cannot."""

from __future__ import annotations

import os
import time
from functools import cache
from typing import Protocol

from replicator import batch
from replicator.capacity import affordable
from replicator.capacity import keep_to_one_processor
from replicator.converge import Converger
from replicator.dead_letters import DeadLetters
from replicator.deadline import Deadline
from replicator.events import decode
from replicator.s3client import Client
from replicator.s3client import create_client
from replicator.settings import DeleteMode
from replicator.settings import Settings
from replicator.settings import read_settings
from replicator.share import Share
from replicator.share import open_share
from replicator.store import S3Store
from replicator.telemetry import Telemetry
from replicator.trash import Trash

_SWEEP_EVERY_SECONDS = 3600


class Context(Protocol):
    """What the function uses of Lambda's context object."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int: ...


def handle(event: object, context: Context) -> dict[str, object]:
    """Lambda's entry point: one batch of messages, or one event."""
    return _process().handle(event, context)


@cache
def _process() -> Process:
    """Made at the first invocation, so that a setting's error stands in that invocation's log and answer."""
    settings = read_settings(os.environ)
    keep_to_one_processor(os.environ)
    return Process(settings, create_client(os.environ, settings.bucket))


class Process:
    """What lives as long as Lambda keeps the process."""

    def __init__(self, settings: Settings, client: Client) -> None:
        self._settings = settings
        self._client = client
        self._next_sweep = 0.0
        self._workers = affordable(settings.concurrency, os.environ)

    def handle(self, event: object, context: Context) -> dict[str, object]:
        settings = self._settings
        deadline = Deadline(context.get_remaining_time_in_millis() / 1000)
        telemetry = Telemetry(settings.bucket, context.aws_request_id)

        def displaced(path: str) -> None:
            telemetry.log("WARNING", "displaced", path=path, reason="a file gave place to a directory of its name")

        share = open_share(settings.share, settings.file_mode, settings.directory_mode, displaced)
        try:
            trash = Trash(share.root_fd, settings.trash_days)
            if settings.delete_mode is DeleteMode.TRASH:
                share.dispose = trash.take
            self._sweep(share, trash, deadline, telemetry)
            store = S3Store(self._client, deadline, lambda: telemetry.count("Retries"), settings.verify_etag)
            converger = Converger(store, share, settings, deadline)
            letters = DeadLetters(store, settings.failure_prefix)
            answer = batch.run(decode(event), settings, converger, telemetry, letters)
            share.sync(self._workers)
            return answer
        finally:
            share.close()

    def _sweep(self, share: Share, trash: Trash, deadline: Deadline, telemetry: Telemetry) -> None:
        if time.monotonic() < self._next_sweep:
            return
        self._next_sweep = time.monotonic() + _SWEEP_EVERY_SECONDS
        try:
            swept = share.workspace.sweep(share.inode, deadline)
            # Whatever becomes of deletions today, what was put into the trash before goes when its days are over.
            trash.sweep(deadline)
        except OSError as error:
            telemetry.log("WARNING", "sweep failed", reason=str(error))
        else:
            if swept:
                telemetry.log("INFO", "swept", leftovers=swept, reason="runs that were killed left them")
