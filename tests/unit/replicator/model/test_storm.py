# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any storm of uploads, deletions, old versions and renames, of late, doubled, reordered and lost events, of workers
stepped one call at a time, cut short and killed.

Whenever a reader looks, every file holds a whole content that its key once had. When the events have stopped (and a
full comparison has run, if any was lost), the share holds just what the bucket holds, by the rule for colliding keys.

Each run makes the same examples; ``MFT_STORM_EXAMPLES=2000`` makes as many new ones.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck
from hypothesis import Phase
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine
from hypothesis.stateful import initialize
from hypothesis.stateful import invariant
from hypothesis.stateful import precondition
from hypothesis.stateful import rule

from replicator.errors import PermanentError
from replicator.paths import locate
from unit.replicator.conftest import look_at
from unit.replicator.model.world import INVOCATIONS
from unit.replicator.model.world import LONG_TIME
from unit.replicator.model.world import PREFIX
from unit.replicator.model.world import World

# "theirs" is a directory that an application made, "link" leads out of the share.
PLAIN = ["f", "été b.csv", "a b+c%2Bd", "new\nline"]
NAMES = [
    *PLAIN,
    *("a", "a/b", "a/b/c", "a/", "a/b/", "d/e", "d/", "d/f"),
    *("été/ü", "x" * 255 + "/" + "é" * 127),
    *("theirs", "theirs/n", "theirs/m/n", "link/x"),
    *("a//b", "../x", "a/./b", ".mft-replicator/incoming/x", "y" * 256, "nul\0"),
]
# The settings of a run, and the names that mean something definite under them.
MODES: dict[str, tuple[dict[str, str], list[str]]] = {
    "mirror": ({}, NAMES),
    "trash": ({"MFT_DELETE_MODE": "trash"}, NAMES),
    "keep": ({"MFT_DELETE_MODE": "keep"}, PLAIN),
    "filters": ({"MFT_INCLUDE": "a*,d/*,f,th*", "MFT_EXCLUDE": "a,d/e,*%2B*"}, NAMES),
    "tag": ({"MFT_REQUIRED_TAG": "scan=clean"}, NAMES),
    "largest": ({"MFT_MAXIMUM_BYTES": "50"}, PLAIN),
}
INCLUDED = ("a", "d/", "f", "th")
EXAMPLES = int(os.environ.get("MFT_STORM_EXAMPLES", "0"))


def is_path(name: str) -> bool:
    try:
        return locate(PREFIX + name, PREFIX) is not None
    except PermanentError:
        return False


def expected(contents: dict[str, bytes]) -> dict[str, bytes | None]:
    """The rule for colliding names, said again and otherwise than the replicator says it."""
    names = {
        name: content
        for name, content in contents.items()
        if is_path(name) and not name.startswith("link/") and not (name.endswith("/") and content)
    }
    directories = {name[:end] for name in names for end in range(len(name)) if name[end] == "/"} | {"theirs"}
    files: dict[str, bytes | None] = {
        name: content for name, content in names.items() if name not in directories and not name.endswith("/")
    }
    return files | dict.fromkeys(directories) | {"link": None}


def may_be_refused(name: str, names: list[str]) -> bool:
    """Whether some state of these keys makes this one a permanent failure."""
    return (
        not is_path(name)
        or name == "theirs"
        or name.startswith("link/")
        or name.endswith("/")  # may have content
        or any(other.startswith(name + "/") for other in names)
    )


class Storm(RuleBasedStateMachine):
    """One world and what has happened in it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="storm-"))
        self.world = World(self.folder)
        self.mode = "mirror"
        self.before: dict[str, bytes | None] = {}
        self.once: dict[str, set[bytes]] = {}
        self.deleted: set[str] = set()
        self.shown: set[str] = set()
        self.kept: set[str] = set()
        self.lost = False
        self.number = 0
        self.names: list[str] = []

    @initialize(seed=st.integers(0, 2**32), mode=st.sampled_from(sorted(MODES)), count=st.integers(1, 4))
    def begin(self, seed: int, mode: str, count: int) -> None:
        """Few keys at a time, so that workers meet; a seed, because a schedule is too long to be drawn call by call."""
        self.world.random = random.Random(seed)  # noqa: S311 (a schedule, not a secret)
        self.mode = mode
        environment, names = MODES[mode]
        self.world.environment |= environment
        # Neighbours, so that they collide more often than not.
        first = self.world.random.randrange(len(names))
        self.names = [names[(first + number) % len(names)] for number in range(count)]
        (self.world.root / "theirs").mkdir()
        (self.world.root / "link").symlink_to("../outside")
        self.world.after_change = self.what_a_reader_sees

    # The bucket

    def upload(self, name: str, content: bytes) -> None:
        self.once.setdefault(name, set()).add(content)
        self.world.bucket.upload(PREFIX + name, content)

    def tell(self, *names: str) -> None:
        keys = [PREFIX + name for name in names]
        if self.world.random.random() < 0.1:
            self.lost = True
        else:
            for _ in range(1 + (self.world.random.random() < 0.1)):
                self.world.send(*keys)

    def any_name(self) -> str:
        return self.world.random.choice(self.names)

    @rule(repeats=st.integers(0, 12))
    def put(self, repeats: int) -> None:
        name = self.any_name()
        self.number += 1
        # Few markers have content; those are refused.
        empty = name.endswith("/") and self.world.random.random() < 0.8
        content = b"" if empty else f"{name}#{self.number};".encode() * repeats
        if name.endswith("/") and content:
            self.deleted.add(name)
        self.upload(name, content)
        self.tell(name)

    @rule()
    def delete(self) -> None:
        name = self.any_name()
        if PREFIX + name in self.world.bucket.objects:
            self.deleted.add(name)
            self.world.bucket.mark_deleted(PREFIX + name)
            self.tell(name)

    @rule()
    def remove_a_version(self) -> None:
        name = self.any_name()
        if self.world.bucket.history.get(PREFIX + name):
            self.deleted.add(name)
            self.world.bucket.remove_newest_version(PREFIX + name)
            self.tell(name)

    @rule()
    def rename(self) -> None:
        """As SFTP does it: copy, then delete."""
        old, new = self.any_name(), self.any_name()
        held = self.world.bucket.contents().get(PREFIX + old)
        if held is not None and old != new:
            if new.endswith("/") and held:
                self.deleted.add(new)
            self.upload(new, held)
            self.deleted.add(old)
            self.world.bucket.mark_deleted(PREFIX + old)
            self.tell(new, old)

    @rule(clean=st.booleans())
    def scan(self, clean: bool) -> None:
        """A scanner gives its verdict by a tag."""
        name = self.any_name()
        if PREFIX + name in self.world.bucket.objects:
            self.world.bucket.tagged[PREFIX + name] = {"scan": "clean" if clean else "infected"}
            if self.mode == "tag":
                self.deleted.add(name)
            self.tell(name)

    @rule()
    def say_again(self) -> None:
        self.world.send(self.any_name())

    # The function

    @rule(messages=st.integers(1, 4), calls=st.integers(1, 80), hurried=st.booleans())
    def work(self, messages: int, calls: int, hurried: bool) -> None:
        if len(self.world.running) < INVOCATIONS:
            self.world.deliver(messages, self.world.random.random() if hurried else LONG_TIME)
        for _ in range(calls):
            self.world.step()

    @precondition(lambda self: self.world.running)
    @rule()
    def kill(self) -> None:
        self.world.kill(self.world.random.choice(self.world.running))

    @precondition(lambda self: not self.world.running)
    @rule()
    def hours_pass(self) -> None:
        """Nothing runs, so that whatever is in the workspace belongs to nobody."""
        self.world.sweep_after_hours()

    # What always holds

    @invariant()
    def what_a_reader_sees(self) -> None:
        tree = look_at(self.world.root)
        for name, content in tree.items():
            assert content is None or content in self.once.get(name, ()), f"{name!r} holds {content!r}"
        self.shown |= {name for name, content in tree.items() if content is not None}
        for name in self.shown - self.deleted:
            # What was never deleted is overwritten in one instant: it cannot be missed.
            assert name in tree or may_be_refused(name, self.names), f"{name!r} was missing"
        self.kept |= {name for name in self.names if name.endswith("/") and name[:-1] in tree and self.is_marker(name)}
        for name in self.kept - self.deleted:
            assert name[:-1] in tree, f"{name!r} was missing"
        if self.mode in ("trash", "keep"):
            gone = {content for name, content in self.before.items() if content and tree.get(name) is None}
            assert not gone or (self.mode == "trash" and gone <= self.trashed()), f"{gone} was lost"
        self.before = tree

    def is_marker(self, name: str) -> bool:
        held = self.world.bucket.objects.get(PREFIX + name)
        return held is not None and not held[1] and self.once[name] == {b""}

    def trashed(self) -> set[bytes]:
        files = (self.world.root / ".mft-replicator" / "trash").rglob("*")
        return {file.read_bytes() for file in files if file.is_file()}

    def nothing_outside_has_changed(self) -> None:
        assert sorted(entry.name for entry in self.folder.iterdir()) == ["outside", "share"]
        assert [entry.name for entry in self.world.outside.iterdir()] == ["ledger.csv"]
        assert (self.world.outside / "ledger.csv").read_text() == "untouched"

    def what_was_said_is_true(self) -> None:
        for line in self.world.lines:
            reason = line.get("reason", "")
            assert "unexpected" not in reason, line
            assert "disappears" not in reason, line
            assert "moved away" not in reason, line
            if line.get("outcome") == "permanent_failure":
                assert self.mode == "largest" or may_be_refused(line["key"].removeprefix(PREFIX), self.names), line
                assert line["dead_letter"] in self.world.bucket.objects

    # When the events have stopped

    def held(self) -> dict[str, bytes]:
        """What of the bucket is for the share under the run's settings."""
        contents = {key.removeprefix(PREFIX): content for key, content in self.world.bucket.contents().items()}
        if self.mode == "filters":
            return {
                name: content
                for name, content in contents.items()
                if name.startswith(INCLUDED) and name not in ("a", "d/e") and "%2B" not in name
            }
        if self.mode == "tag":
            clean = {key for key, tags in self.world.bucket.tagged.items() if tags == {"scan": "clean"}}
            return {name: held for name, held in contents.items() if name.endswith("/") or PREFIX + name in clean}
        return contents

    def compare_all(self) -> None:
        """An event for each key of which bucket or share say something else."""
        held, tree = self.held(), look_at(self.world.root)
        for name, content in held.items():
            if name.rstrip("/") not in tree or (not name.endswith("/") and tree[name] != content):
                self.world.send(PREFIX + name)
        for name, found in tree.items():
            told = name + ("/" if found is None else "")
            if told not in held:
                self.world.send(PREFIX + told)

    def share_is_bucket(self) -> None:
        tree, wanted = look_at(self.world.root), expected(self.held())
        if self.mode == "keep":
            # Beside what is there now, whatever was deleted.
            tree = {name: content for name, content in tree.items() if name in wanted}
        if self.mode == "largest":
            # What is too large leaves what was there before.
            large = {name for name, content in wanted.items() if content and len(content) > 50}
            tree = {name: content for name, content in tree.items() if name not in large}
            wanted = {name: content for name, content in wanted.items() if name not in large}
        assert tree == wanted

    def teardown(self) -> None:
        try:
            self.world.run()
            if self.lost:
                self.compare_all()
                self.world.run()
            self.share_is_bucket()
            self.nothing_outside_has_changed()
            self.what_was_said_is_true()
            self.world.sweep_after_hours()
            hidden = self.world.root / ".mft-replicator"
            assert [entry.name for name in ("incoming", "partial") for entry in (hidden / name).iterdir()] == []
        finally:
            self.world.close()
            shutil.rmtree(self.folder)


TestStorm = Storm.TestCase
TestStorm.settings = settings(
    max_examples=EXAMPLES or 120,
    derandomize=not EXAMPLES,
    database=None,
    print_blob=True,
    stateful_step_count=30,
    phases=[Phase.generate],  # shrinking helps little: the schedule is a seed
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
