# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A program: invocations of the function, each a process of its own that is killed at a random instant, each followed
by the queue's next delivery in a process that lives.

usage: killing.py SHARE KILLS SEED DELETE_MODE; prints what it has seen as JSON.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import random
import signal
import statistics
import sys
import time
from pathlib import Path
from typing import Any
from unittest import mock

import replicator.staging
from replicator import handler
from replicator.handler import Process
from replicator.settings import read_settings
from unit.replicator.conftest import look_at
from unit.replicator.fakes import FakeBucket
from unit.replicator.faults.function import Context
from unit.replicator.test_events import BUCKET
from unit.replicator.test_events import notification
from unit.replicator.test_events import queued

NAMES = ["a", "in/a", "in/b", "in/deep/c", "d/e", "d/f", "x", "x/y", "z/", "été"]
NO_CLIENT: Any = None


class Site:
    def __init__(self, share: Path, dice: random.Random, delete_mode: str) -> None:
        self.share, self.dice = share, dice
        environment = {"MFT_BUCKET": BUCKET, "MFT_SHARE": str(share), "MFT_DELETE_MODE": delete_mode}
        self.settings = read_settings(environment)
        self.bucket = FakeBucket(chunk=8192)
        handler.S3Store = lambda *_, **__: self.bucket  # type: ignore[assignment, misc]
        self.once: dict[str, set[bytes]] = {}
        self.number = 0

    def change(self) -> list[str]:
        """Something happens to some of the names; the keys of its events."""
        changed = self.dice.sample(NAMES, self.dice.randint(3, len(NAMES)))
        for name in changed:
            self.number += 1
            if self.dice.random() < 0.3:
                self.bucket.delete(f"home/{name}")
            else:
                content = b"" if name.endswith("/") else b"%05d" % self.number * self.dice.randint(0, 40_000)
                self.once.setdefault(name, set()).add(content)
                self.bucket.put(f"home/{name}", content)
        return [f"home/{name}" for name in changed]

    def invoke(self, keys: list[str]) -> None:
        """A cold start, which sweeps as well."""
        with contextlib.redirect_stdout(io.StringIO()) as said:
            event = queued(*[notification(key) for key in keys])
            answer = Process(self.settings, NO_CLIENT).handle(event, Context(60))
        assert answer == {"batchItemFailures": []}, said.getvalue()

    def start(self, keys: list[str]) -> int:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                self.invoke(keys)
                status = 0
            finally:
                os._exit(status)
        return child

    def nothing_partial(self) -> None:
        for name, content in look_at(self.share).items():
            assert content is None or content in self.once[name], f"{name}: {content[:20]!r}… of {len(content)} bytes"

    def share_is_bucket(self) -> None:
        held = {k[5:]: content for k, (_, content) in self.bucket.objects.items() if k.startswith("home/")}
        directories = {name[:end] for name in held for end in range(len(name)) if name[end] == "/"}
        files = {name: content for name, content in held.items() if name not in directories and name[-1] != "/"}
        assert look_at(self.share) == files | dict.fromkeys(directories)

    def leftovers(self) -> int:
        hidden = self.share / ".mft-replicator"
        return sum(1 for name in ("incoming", "partial") for _ in (hidden / name).iterdir())


def main(share: Path, kills: int, dice: random.Random, delete_mode: str) -> None:
    site = Site(share, dice, delete_mode)
    # Some of the objects are large enough to be resumed.
    for module in (replicator.staging, replicator.partials):
        mock.patch.object(module, "WORTH_KEEPING_BYTES", 100_000).start()
    usual = []
    for _ in range(10):
        begun = time.monotonic()
        assert os.waitpid(site.start(site.change()), 0)[1] == 0, "a run that nobody killed failed"
        usual.append(time.monotonic() - begun)
    killed = attempts = 0
    while killed < kills:
        attempts += 1
        assert attempts < 10 * kills, "most runs were over before they were killed"
        keys = site.change()
        child = site.start(keys)
        time.sleep(dice.uniform(0, statistics.median(usual)))
        os.kill(child, signal.SIGKILL)
        killed += os.WIFSIGNALED(os.waitpid(child, 0)[1])
        site.nothing_partial()
        site.invoke(keys)
        site.share_is_bucket()
    leftovers = site.leftovers()
    # Two days later all that they left is gone.
    later = time.time() + 200_000
    with mock.patch.object(time, "time", lambda: later):
        for _ in itertools.repeat(None, 3):
            site.invoke([])
    assert site.leftovers() == 0
    site.share_is_bucket()
    print(json.dumps({"killed": killed, "of": attempts, "leftovers": leftovers, "usual": statistics.median(usual)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), random.Random(int(sys.argv[3])), sys.argv[4])  # noqa: S311
