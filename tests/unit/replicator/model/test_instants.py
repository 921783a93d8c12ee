# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every single instant: a worker held up, or killed, at each of its calls in turn while the world goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from replicator.converge import Convergence
from replicator.converge import Converger
from replicator.deadline import Deadline
from replicator.errors import PermanentError
from replicator.paths import locate
from replicator.settings import read_settings
from replicator.share import open_share
from unit.replicator.conftest import look_at
from unit.replicator.fakes import FakeBucket
from unit.replicator.stepping import KilledError
from unit.replicator.stepping import SteppedOs
from unit.replicator.stepping import Worker
from unit.replicator.stepping import boundary
from unit.replicator.test_events import BUCKET

SETTINGS = read_settings({"MFT_BUCKET": BUCKET, "MFT_PREFIX": "", "MFT_FAILURE_PREFIX": ""})
Change = Callable[[FakeBucket], None]


def put(key: str, content: bytes) -> Change:
    return lambda bucket: bucket.put(key, content)


def delete(key: str) -> Change:
    return lambda bucket: bucket.delete(key)


# What the bucket holds first, the change a worker is told of, the change another one is told of, what must come out.
MEETINGS = {
    "two uploads": ([], ("in/a", put("in/a", b"old")), ("in/a", put("in/a", b"new")), {"in": None, "in/a": b"new"}),
    "upload, deletion": ([], ("in/a", put("in/a", b"old")), ("in/a", delete("in/a")), {}),
    "deletion, upload": (
        [("in/a", put("in/a", b"old"))],
        ("in/a", delete("in/a")),
        ("in/a", put("in/a", b"new")),
        {"in": None, "in/a": b"new"},
    ),
    "deletion, neighbour": (
        [("in/a", put("in/a", b"old"))],
        ("in/a", delete("in/a")),
        ("in/b", put("in/b", b"new")),
        {"in": None, "in/b": b"new"},
    ),
    "deletion, marker": (
        [("in/a", put("in/a", b"old"))],
        ("in/a", delete("in/a")),
        ("in/", put("in/", b"")),
        {"in": None},
    ),
    "file, directory": ([], ("x", put("x", b"file")), ("x/y", put("x/y", b"in")), {"x": None, "x/y": b"in"}),
    "directory, file": ([], ("x/y", put("x/y", b"in")), ("x", put("x", b"file")), {"x": None, "x/y": b"in"}),
    "directory goes, file comes": (
        [("x/y", put("x/y", b"in"))],
        ("x/y", delete("x/y")),
        ("x", put("x", b"file")),
        {"x": b"file"},
    ),
    "directory goes, kept-out file": (
        [("x/y", put("x/y", b"in")), ("x", put("x", b"file"))],
        ("x/y", delete("x/y")),
        ("z", put("z", b"else")),
        {"x": b"file", "z": b"else"},
    ),
}
Told = tuple[str, Change]


@pytest.fixture(autouse=True)
def stepped(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("share", "workspace"):
        monkeypatch.setattr(f"replicator.{name}.os", SteppedOs())


class World:
    """One share and one bucket, and workers on them."""

    def __init__(self, root: Path, first: list[Told]) -> None:
        root.mkdir()
        self.root = root
        self.bucket = FakeBucket(boundary)
        for told in first:
            self.tell(told).run()

    def tell(self, told: Told) -> Run:
        key, change = told
        change(self.bucket)
        return self.again(key)

    def again(self, key: str) -> Run:
        return Run(self, key)


class Run:
    """A worker on one key."""

    def __init__(self, world: World, key: str) -> None:
        path = locate(key, "")
        assert path is not None
        share = open_share(str(world.root), 0o640, 0o750)

        def work() -> None:
            try:
                Converger(world.bucket, share, SETTINGS, Deadline(1e6)).converge(key, path, Convergence())
            finally:
                share.close()

        self.worker = Worker(work)

    def run(self, calls: int = 10_000) -> None:
        while calls and not self.worker.finished:
            self.worker.step()
            calls -= 1
        if self.worker.error and not isinstance(self.worker.error, (PermanentError, KilledError)):
            raise self.worker.error


@pytest.mark.parametrize("meeting", MEETINGS)
def test_a_worker_held_up_at_any_call_while_another_does_all_its_work(tmp_path: Path, meeting: str) -> None:
    first, one, other, outcome = MEETINGS[meeting]
    instant, held_up = 0, True
    while held_up:
        instant += 1
        world = World(tmp_path / str(instant), first)
        late = world.tell(one)
        late.run(instant)
        held_up = not late.worker.finished
        world.tell(other).run()
        late.run()
        assert look_at(world.root) == outcome, f"held up before its call {instant}"
    assert instant > 5


@pytest.mark.parametrize("meeting", MEETINGS)
def test_a_worker_killed_at_any_call_and_its_message_delivered_again(tmp_path: Path, meeting: str) -> None:
    first, one, other, outcome = MEETINGS[meeting]
    instant, alive = 0, True
    while alive:
        instant += 1
        world = World(tmp_path / str(instant), first)
        victim = world.tell(one)
        victim.run(instant)
        alive = not victim.worker.finished
        victim.worker.kill()
        assert set(look_at(world.root).values()) <= {b"old", b"new", b"file", b"in", None}
        world.tell(other).run()
        world.again(one[0]).run()
        assert look_at(world.root) == outcome, f"killed before its call {instant}"
    assert instant > 5
