# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two invocations of the whole function: one held up, killed, or out of time at each of its calls in turn, while the
bucket changes and another one does all the work of that change. Batches are looked at by listings, large objects
resumed."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from unit.replicator.conftest import look_at
from unit.replicator.model.schedule import SECONDS_A_CALL
from unit.replicator.model.test_storm import expected
from unit.replicator.model.world import PREFIX
from unit.replicator.model.world import Message
from unit.replicator.model.world import World
from unit.replicator.test_events import notification

Change = Callable[[World], None]
LARGE = 400  # ten pieces, of which more than one is worth keeping (world.py)


def put(name: str, content: bytes) -> Change:
    return lambda world: world.bucket.upload(PREFIX + name, content)


def delete(name: str) -> Change:
    return lambda world: world.bucket.mark_deleted(PREFIX + name)


def tag(name: str, verdict: str) -> Change:
    return lambda world: world.bucket.tagged.__setitem__(PREFIX + name, {"scan": verdict})


def plant(world: World) -> None:
    """An application's link that leads out of the share."""
    if not (world.root / "link").is_symlink():
        (world.root / "link").symlink_to(world.outside)


def both(*changes: Change) -> Change:
    return lambda world: [change(world) for change in changes] and None


TAG = {"MFT_REQUIRED_TAG": "scan=clean"}
TRASH = {"MFT_DELETE_MODE": "trash"}
NO_A = {"MFT_EXCLUDE": "a"}
# Settings, what is there at first, what one invocation is told of, the change, what another one is told of.
MEETINGS: dict[str, tuple[dict[str, str], list[Change], list[str], Change, list[str]]] = {
    "overwritten": ({}, [put("in/a", b"old"), put("in/b", b"b")], ["in/a", "in/b"], put("in/a", b"new"), ["in/a"]),
    "overwritten by as much": ({}, [put("a", b"one"), put("b", b"b")], ["a", "b"], put("a", b"two"), ["a"]),
    "deleted": ({}, [put("in/a", b"old"), put("in/b", b"b")], ["in/a", "in/b"], delete("in/a"), ["in/a"]),
    "all deleted": (
        {},
        [put("in/a", b"old"), put("in/b", b"b")],
        ["in/a", "in/b"],
        both(delete("in/a"), delete("in/b")),
        ["in/b", "in/a"],
    ),
    "comes back": (
        TRASH,
        [put("in/a", b"old"), put("in/b", b"b"), delete("in/a"), delete("in/b")],
        ["in/a", "in/b"],
        both(put("in/a", b"new"), put("in/b", b"new")),
        ["in/a", "in/b"],
    ),
    "large, overwritten": (
        {},
        [put("a", b"o" * LARGE), put("b", b"b" * LARGE)],
        ["a", "b"],
        put("a", b"n" * LARGE),
        ["a"],
    ),
    "tag taken": (TAG, [put("a", b"a"), tag("a", "clean")], ["a"], tag("a", "infected"), ["a"]),
    "tag given": (TAG, [put("in/a", b"a"), tag("in/a", "infected")], ["in/a"], tag("in/a", "clean"), ["in/a"]),
    "new one without the tag": (TAG, [put("a", b"a"), tag("a", "clean")], ["a"], put("a", b"new"), ["a"]),
    "directory wins": ({}, [put("a", b"file"), put("b", b"b")], ["a", "b"], put("a/b", b"in"), ["a/b"]),
    "directory goes": (
        {},
        [put("a", b"file"), put("a/b", b"in"), put("b", b"b")],
        ["a/b", "b"],
        delete("a/b"),
        ["a/b"],
    ),
    "excluded file has no turn": (NO_A, [put("a", b"file"), put("a/b", b"in")], ["a/b"], delete("a/b"), ["a/b"]),
    "marker": ({}, [put("in/a", b"a"), delete("in/a")], ["in/a"], put("in/", b""), ["in/"]),
    "planted link": (
        {},
        [plant, put("link/x", b"x"), put("b", b"b")],
        ["link/x", "b"],
        put("link/x", b"y"),
        ["link/x"],
    ),
    "marker stays": ({}, [put("in/", b""), put("in/a", b"a")], ["in/", "in/a"], delete("in/a"), ["in/a"]),
    "marker gets content": ({}, [put("in/", b""), put("b", b"b")], ["in/", "b"], put("in/", b"x"), ["in/"]),
}
# Of being killed or out of time every other call will do: it is the meeting that is at stake here.
STRIDES = {"held up": 1, "killed": 2, "out of time": 2}
# What a reader may not miss at any instant.
ALWAYS = {
    "overwritten": {"in", "in/a", "in/b"},
    "overwritten by as much": {"a", "b"},
    "large, overwritten": {"a", "b"},
    "directory wins": {"b"},
    "directory goes": {"b"},
    "marker stays": {"in"},
    "marker gets content": {"b"},
}


def told(*names: str) -> list[Message]:
    """A message for each."""
    return [Message(name, [name], json.dumps(notification(PREFIX + name))) for name in names]


def is_sound(world: World, always: set[str]) -> None:
    """What a reader sees: whole contents that their keys once had, and all that must be there."""
    tree = look_at(world.root)
    for name, content in tree.items():
        once = [held[1] for held in world.bucket.history.get(PREFIX + name, []) if held]
        assert content is None or content in once, f"{name!r} holds {content[:50]!r}"
    assert not always - set(tree), f"{always - set(tree)} cannot be seen"


def wanted(world: World, environment: dict[str, str]) -> dict[str, bytes | None]:
    contents = {key.removeprefix(PREFIX): content for key, content in world.bucket.contents().items()}
    if environment is TAG:
        tags = {key.removeprefix(PREFIX): tags for key, tags in world.bucket.tagged.items()}
        contents = {name: content for name, content in contents.items() if tags.get(name) == {"scan": "clean"}}
    if environment is NO_A:
        contents.pop("a", None)
    planted = {"theirs", "link"} - {entry.name for entry in world.root.iterdir()}
    return {name: content for name, content in expected(contents).items() if name not in planted}


@pytest.mark.parametrize("how", STRIDES)
@pytest.mark.parametrize("meeting", MEETINGS)
def test_the_share_is_the_bucket_whenever_two_invocations_meet(tmp_path: Path, meeting: str, how: str) -> None:
    environment, first, names, change, changed = MEETINGS[meeting]
    instant, under_way = 0, True
    while under_way:
        instant += STRIDES[how]
        folder = tmp_path / str(instant)
        folder.mkdir()
        world = World(folder)
        world.environment |= environment | {"MFT_CONCURRENCY": "1"}
        try:
            # What was there before has been replicated, as far as that goes.
            for step in first:
                step(world)
                world.advance(world.invoke(told(*names)))
            world.after_change = partial(is_sound, world, ALWAYS.get(meeting, set()))
            if how == "out of time":
                late = world.invoke(told(*names), seconds=instant * SECONDS_A_CALL)
                world.advance(late)
                under_way = bool(world.queue)
            else:
                late = world.invoke(told(*names))
                world.advance(late, instant)
                under_way = late in world.running
            change(world)
            if how == "killed" and under_way:
                world.kill(late)
            world.advance(world.invoke(told(*changed)))
            if how == "held up" and under_way:
                world.advance(late)
            # What is not done comes again.
            for _ in range(3):
                again, world.queue = world.queue, []
                if again:
                    world.advance(world.invoke(again))
            assert world.queue == []
            assert look_at(world.root) == wanted(world, environment), f"at its call {instant}"
            assert [entry.name for entry in world.outside.iterdir()] == ["ledger.csv"]
        finally:
            world.close()
    assert instant > 10
