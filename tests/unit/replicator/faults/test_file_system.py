# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A share that is full, read-only, slow, or answers any call with an error: what was there stays whole, what is said
to be done is done, and the next delivery finishes the rest."""

from __future__ import annotations

import errno
import itertools
import os
import time
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import ExitStack
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any
from typing import ClassVar
from unittest import mock

import pytest

from replicator.errors import ReplicationError
from replicator.errors import ShareUnusableError
from unit.replicator.conftest import look_at
from unit.replicator.faults.conftest import Mount
from unit.replicator.faults.function import Function
from unit.replicator.model.schedule import Clock
from unit.replicator.model.schedule import modules
from unit.replicator.stepping import TOUCHING
from unit.replicator.stepping import SteppedOs
from unit.replicator.test_events import notification
from unit.replicator.test_events import queued

CALLS = TOUCHING | {"fsync", "fdatasync", "fstat", "stat", "chmod", "fchmod", "close", "dup"}
Before = Callable[[str], None]


class EveryCallOs(SteppedOs):
    """As ``SteppedOs``, also for calls that only a server's failure makes interesting."""

    def __init__(self, before: Before) -> None:
        super().__init__(before)
        self._told = before

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in CALLS:
            return real

        def called(*args: Any, **kwargs: Any) -> Any:
            if name == "close":
                real(*args, **kwargs)  # Linux closes it even where it then says EIO.
                self._told(name)
                return None
            self._told(name)
            return real(*args, **kwargs)

        return called


@contextmanager
def watched(before: Before, clock: object = time) -> Iterator[None]:
    """Every call that the function's files make on the share is preceded by this."""
    stand_ins: dict[object, object] = {os: EveryCallOs(before), time: clock}
    with ExitStack() as stack:
        for module in modules():
            for name, value in list(vars(module).items()):
                if isinstance(value, ModuleType) and value in stand_ins:
                    stack.enter_context(mock.patch.object(module, name, stand_ins[value]))
        yield


class World:
    """A share with something of everything, and changes to it that are not replicated yet."""

    BEFORE: ClassVar = {"in/a": b"old", "gone/c": b"gone", "x": b"file"}
    AFTER: ClassVar = {"in/a": b"new", "deep/er/b": b"b", "x/y": b"in", "f": b""}

    def __init__(self, function: Function) -> None:
        self.function = function
        for key, content in self.BEFORE.items():
            function.bucket.put(f"home/{key}", content)
        assert function.tell(*[f"home/{key}" for key in self.BEFORE]) == []
        for key, content in self.AFTER.items():
            function.bucket.put(f"home/{key}", content)
        function.bucket.delete("home/gone/c")
        function.bucket.delete("home/x")
        self.keys = [f"home/{key}" for key in sorted({*self.BEFORE, *self.AFTER})]

    def deliver(self, keys: list[str]) -> list[str]:
        """The keys whose messages come again; an invocation that fails as a whole leaves all of them."""
        try:
            return self.function.tell(*keys)
        except (ReplicationError, OSError):
            return keys

    def is_whole(self, said_done: set[str]) -> None:
        tree = look_at(self.function.share)
        for name, content in tree.items():
            assert content is None or content in (self.BEFORE.get(name), self.AFTER.get(name)), name
        assert "in/a" in tree, "the old file went before the new one was there"
        for key in said_done:
            name = key.removeprefix("home/")
            found = tree.get(name)
            assert found == self.AFTER.get(name), f"{name} was said to be done and holds {found!r}"

    def is_done(self) -> None:
        assert look_at(self.function.share) == self.AFTER | dict.fromkeys(["in", "deep", "deep/er", "x"])


ERRORS = ["ENOSPC", "EDQUOT", "EIO", "ESTALE", "EROFS"]
KINDS = list(itertools.product(ERRORS, ["once", "from then on"], ["mirror", "trash"]))
# In each kind one call of so many is struck, another one in the next kind: each call in one of the twenty.
EVERY = int(os.environ.get("MFT_STORM_EVERY", "20"))


@pytest.mark.parametrize(("number", "lasting", "mode"), KINDS)
@pytest.mark.usefixtures("untouched")
def test_any_call_answered_with_an_error(
    tmp_path: Path, function: Function, number: str, lasting: str, mode: str
) -> None:
    """One at a time, the calls that one batch makes; alone, or with all that come after it."""
    function.configure(MFT_CONCURRENCY="1", MFT_DELETE_MODE=mode)
    struck = True
    for nth in itertools.count(1 + KINDS.index((number, lasting, mode)) % EVERY, EVERY):
        if not struck:
            break
        place = tmp_path / "share" / str(nth)
        place.mkdir()
        function.share = place
        function.configure(MFT_SHARE=str(place))
        world = World(function)
        calls = itertools.count(1)
        struck = False

        def fail(call: str, nth: int = nth, calls: Iterator[int] = calls) -> None:
            nonlocal struck
            at = next(calls)
            if at == nth or (lasting == "from then on" and at > nth):
                struck = True
                raise OSError(getattr(errno, number), os.strerror(getattr(errno, number)), call)

        with watched(fail):
            left = world.deliver(world.keys)
        world.is_whole(set(world.keys) - set(left))
        assert world.deliver(left) == []
        world.is_done()
    assert nth > 60


@pytest.mark.usefixtures("untouched")
def test_a_full_share_keeps_what_it_has_and_deletions_make_room(function: Function, mounted: Mount) -> None:
    function.configure(MFT_CONCURRENCY="1")
    bucket = function.bucket
    bucket.put("home/a", b"old")
    bucket.put("home/filler", b"f" * 700_000)
    assert function.tell("home/a", "home/filler") == []
    bucket.put("home/a", b"n" * 500_000)
    bucket.put("home/small", b"small")
    assert function.tell("home/a", "home/small") == ["home/a"]
    kept = {"a": b"old", "filler": b"f" * 700_000, "small": b"small"}
    assert look_at(function.share) == kept
    assert incoming(function.share) == []
    said = [line for line in function.lines() if line.get("event") == "failed"]
    assert [(line["outcome"], line["reason"], line["remedy"]) for line in said] == [
        (
            "transient_failure",
            "the share answered ENOSPC: No space left on device",
            "Free space on the share, or enlarge it",
        )
    ]
    # To the last block: not even the probe's file can be made.
    with pytest.raises(OSError, match="No space"):
        (mounted.place / ".mft-replicator" / "filler").write_bytes(b"f" * 1_048_576)
    bucket.delete("home/filler")
    assert function.tell("home/filler") == []
    assert "filler" not in look_at(function.share)
    (mounted.place / ".mft-replicator" / "filler").unlink()
    assert function.tell("home/a") == []
    assert look_at(function.share) == {"a": b"n" * 500_000, "small": b"small"}


@pytest.mark.usefixtures("untouched")
def test_a_share_without_inodes_keeps_what_it_has(function: Function, mounted: Mount) -> None:
    function.bucket.put("home/in/a", b"old")
    function.bucket.put("home/in/gone", b"x")
    assert function.tell("home/in/a", "home/in/gone") == []
    for number in itertools.count():
        try:
            (mounted.place / f"theirs-{number}").touch()
        except OSError:
            break
    function.bucket.put("home/in/a", b"new")
    function.bucket.put("home/new/b", b"b")
    function.bucket.delete("home/in/gone")
    keys = ("home/in/a", "home/new/b")
    assert function.tell(*keys, "home/in/gone") == list(keys)
    assert (mounted.place / "in/a").read_bytes() == b"old"
    for file in mounted.place.glob("theirs-*"):
        file.unlink()
    assert function.tell(*keys) == []
    assert look_at(function.share) == {"in": None, "in/a": b"new", "new": None, "new/b": b"b"}


@pytest.mark.usefixtures("untouched")
def test_a_read_only_share_stops_the_invocation_with_one_clear_error(function: Function, mounted: Mount) -> None:
    function.bucket.put("home/a", b"old")
    assert function.tell("home/a") == []
    function.bucket.put("home/a", b"new")
    asked: list[str] = []
    function.bucket.boundary = asked.append
    mounted.read_only(True)
    try:
        with pytest.raises(ShareUnusableError, match="cannot be written to: Read-only file system") as refused:
            function.tell("home/a")
        assert str(function.share) in str(refused.value)
        assert asked == [], "S3 was asked although nothing could be placed"
        assert look_at(function.share) == {"a": b"old"}
    finally:
        mounted.read_only(False)
    assert function.tell("home/a") == []
    assert look_at(function.share) == {"a": b"new"}


@pytest.mark.usefixtures("untouched")
def test_a_share_that_becomes_read_only_during_a_batch(function: Function, mounted: Mount) -> None:
    function.configure(MFT_CONCURRENCY="1")
    for key in ("home/a", "home/b", "home/c"):
        function.bucket.put(key, b"old")
    assert function.tell("home/a", "home/b", "home/c") == []
    function.bucket.put("home/a", b"new")
    function.bucket.put("home/b", b"new")
    function.bucket.delete("home/c")
    seen: list[str] = []

    def remount(step: str) -> None:
        seen.append(step)
        if seen.count("get") == 2:
            mounted.read_only(True)

    function.bucket.boundary = remount
    try:
        left = function.tell("home/a", "home/b", "home/c")
    except OSError:
        left = ["home/a", "home/b", "home/c"]
    finally:
        function.bucket.boundary = lambda step: None
        mounted.read_only(False)
    assert set(left) >= {"home/b", "home/c"}
    assert look_at(function.share) == {"a": b"new", "b": b"old", "c": b"old"}
    assert function.tell(*left) == []
    assert look_at(function.share) == {"a": b"new", "b": b"new"}


@pytest.mark.usefixtures("untouched")
def test_a_slow_share_is_left_in_time_and_the_rest_comes_again(function: Function) -> None:
    """Each call takes 2 s, an invocation has 60: nothing is half done, nothing said to be done is not."""
    keys = [f"home/in/{number}" for number in range(12)]
    for key in keys:
        function.bucket.put(key, key.encode())
    function.configure(MFT_CONCURRENCY="1")
    left, invocations = keys, 0
    while left:
        clock = Clock()

        def slow(_: str, clock: Clock = clock) -> None:
            clock.seconds += 2

        with watched(slow, clock):
            function.configure()
            left = function.tell(*left, seconds=60)
        invocations += 1
        tree = look_at(function.share)
        for key in set(keys) - set(left):
            assert tree[key.removeprefix("home/")] == key.encode()
        assert invocations < 40, "it never comes to an end"
        assert clock.seconds < 60 + 30, "Lambda would have killed it"
    assert invocations > 1
    assert set(look_at(function.share)) == {"in", *(key.removeprefix("home/") for key in keys)}
    assert incoming(function.share) == []


def test_a_whole_batch_with_no_share_is_delivered_again(function: Function, root: Path) -> None:
    """The share comes back: the very same event then succeeds."""
    function.bucket.put("home/a", b"a")
    event = queued(notification("home/a"))
    root.rename(root.parent / "away")
    with pytest.raises(ShareUnusableError):
        function.handle(event)
    assert not root.exists()
    (root.parent / "away").rename(root)
    assert function.handle(event) == {"batchItemFailures": []}
    assert look_at(root) == {"a": b"a"}


def incoming(share: Path) -> list[str]:
    return [entry.name for entry in (share / ".mft-replicator/incoming").iterdir()]
