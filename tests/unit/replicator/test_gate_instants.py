# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tag gate at every instant: a worker held up, or killed, before each of its calls in turn while the tag changes
and another worker does all its work. An unclean file is never what stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from replicator.converge import Convergence
from replicator.converge import Converger
from replicator.deadline import Deadline
from replicator.paths import locate
from replicator.settings import read_settings
from replicator.share import open_share
from replicator.trash import Trash
from unit.replicator.conftest import look_at
from unit.replicator.fakes import FakeBucket
from unit.replicator.stepping import SteppedOs
from unit.replicator.stepping import Worker
from unit.replicator.stepping import boundary

SETTINGS = read_settings({"MFT_BUCKET": "acme-landing", "MFT_REQUIRED_TAG": "scan=clean", "MFT_DELETE_MODE": "trash"})
CLEAN, INFECTED = {"scan": "clean"}, {"scan": "infected"}
KEY = "home/in/a"


@pytest.fixture(autouse=True)
def stepped(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("share", "staging", "workspace", "trash"):
        monkeypatch.setattr(f"replicator.{name}.os", SteppedOs())


def start(bucket: FakeBucket, root: Path) -> Worker:
    path = locate(KEY, SETTINGS.prefix)
    assert path
    share = open_share(str(root), SETTINGS.file_mode, SETTINGS.directory_mode)
    share.dispose = Trash(share.root_fd, SETTINGS.trash_days).take

    def work() -> None:
        try:
            Converger(bucket, share, SETTINGS, Deadline(1e6)).converge(KEY, path, Convergence())
        finally:
            share.close()

    return Worker(work)


def finish(worker: Worker) -> None:
    while not worker.finished:
        worker.step()
    if worker.error:
        raise worker.error


@pytest.mark.parametrize("killed", [False, True], ids=["held up", "killed"])
@pytest.mark.parametrize(("tags", "outcome"), [(INFECTED, {}), (CLEAN, {"in": None, "in/a": b"x"})], ids=["out", "in"])
@pytest.mark.parametrize("placed", [False, True], ids=["new", "placed before"])
def test_whoever_acts_last_has_seen_the_tag(
    tmp_path: Path, tags: dict[str, str], outcome: dict[str, bytes | None], placed: bool, killed: bool
) -> None:
    instant, unfinished = 0, True
    while unfinished:
        instant += 1
        bucket, root = FakeBucket(boundary), tmp_path / str(instant)
        root.mkdir()
        bucket.put(KEY, b"x")
        if placed:
            bucket.tagged[KEY] = CLEAN
            finish(start(bucket, root))
        bucket.tagged[KEY] = CLEAN if tags is INFECTED else INFECTED
        late = start(bucket, root)
        for _ in range(instant):
            late.step()
        unfinished = not late.finished
        bucket.tagged[KEY] = tags
        if killed and unfinished:
            late.kill()
            finish(start(bucket, root))  # The queue delivers the killed worker's message again.
        finish(start(bucket, root))
        if not killed:
            finish(late)
        assert look_at(root) == outcome, f"{'killed' if killed else 'held up'} before its call {instant}"
    assert instant > 5
