# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the settings let through: patterns, size, the tag; the share is the bucket as filtered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from unit.replicator.function import Function
from unit.replicator.function import failures
from unit.replicator.test_events import notification
from unit.replicator.test_events import queued
from unit.replicator.test_events import record

GATE = {"MFT_REQUIRED_TAG": "scan=clean"}
CLEAN = {"scan": "clean", "team": "payments"}
INFECTED = {"scan": "infected"}


@pytest.fixture
def told(function: Function) -> Any:
    """Tell the gated function of keys; the outcome of each."""

    def tell(*keys: str, **environment: str) -> list[str]:
        seen = len(function.lines("converged"))
        assert function.invoke(queued(notification(*keys)), **{**GATE, **environment}) == failures()
        return [line["outcome"] for line in function.lines("converged")[seen:]]

    return tell


def test_the_event_that_brings_the_tag_triggers_the_copy(function: Function, told: Any, tree: Any) -> None:
    function.bucket.put("home/a", b"x")
    assert told("home/a") == ["withheld"]
    assert tree() == {}
    assert function.metrics()["Skipped"] == 1
    function.bucket.tagged["home/a"] = CLEAN
    tagging = record("home/a", eventName="ObjectTagging:Put", eventVersion="2.3")
    assert function.invoke(queued({"Records": [tagging]}), **GATE) == failures()
    assert tree() == {"a": b"x"}


def test_a_tag_that_is_taken_away_takes_the_file_away(function: Function, told: Any, tree: Any) -> None:
    function.bucket.put("home/in/a", b"x")
    function.bucket.tagged["home/in/a"] = CLEAN
    assert told("home/in/a") == ["placed"]
    function.bucket.tagged["home/in/a"] = INFECTED
    assert told("home/in/a") == ["withheld"]
    assert tree() == {}
    assert function.metrics()["Deletions"] == 1


def test_a_new_version_is_unclean_until_its_own_tag_comes(function: Function, told: Any, tree: Any) -> None:
    function.bucket.put("home/a", b"old")
    function.bucket.tagged["home/a"] = CLEAN
    told("home/a")
    function.bucket.put("home/a", b"new")
    assert told("home/a") == ["withheld"]
    assert tree() == {}
    function.bucket.tagged["home/a"] = CLEAN
    assert told("home/a") == ["placed"]
    assert tree() == {"a": b"new"}


def test_where_deletions_are_kept_a_withheld_version_leaves_the_old_file(
    function: Function, told: Any, tree: Any
) -> None:
    function.bucket.put("home/a", b"old")
    function.bucket.tagged["home/a"] = CLEAN
    told("home/a")
    function.bucket.put("home/a", b"new")
    assert told("home/a", MFT_DELETE_MODE="keep") == ["withheld"]
    assert tree() == {"a": b"old"}


@pytest.mark.parametrize("step", ["readinto", "head"])
def test_a_tag_that_changes_during_the_copy_is_seen(function: Function, told: Any, tree: Any, step: str) -> None:
    function.bucket.put("home/a", b"x")
    function.bucket.tagged["home/a"] = CLEAN
    changes = [INFECTED]

    def change(now: str) -> None:
        if now == step and changes:
            function.bucket.tagged["home/a"] = changes.pop()

    function.bucket.boundary = change
    assert told("home/a") == ["withheld"]
    assert tree() == {}
    assert function.metrics()["Refetches"] == 1


def test_a_tag_that_comes_while_the_file_is_withheld_is_seen(function: Function, told: Any, tree: Any) -> None:
    function.bucket.put("home/a", b"x")

    def change(step: str) -> None:
        if step == "head":
            function.bucket.tagged["home/a"] = CLEAN

    function.bucket.boundary = change
    assert told("home/a") == ["placed"]
    assert tree() == {"a": b"x"}


def test_directory_markers_need_no_tag(function: Function, told: Any, tree: Any) -> None:
    function.bucket.put("home/in/", b"")
    assert told("home/in/") == ["directory"]
    assert tree() == {"in": None}


def test_a_bucket_without_versions_cannot_be_gated(function: Function) -> None:
    function.bucket.put("home/a", b"x")
    state, content = function.bucket.objects["home/a"]
    function.bucket.objects["home/a"] = (type(state)(state.etag, state.size, state.modified, None), content)
    assert function.invoke(queued(notification("home/a")), **GATE) == failures("m0")
    assert "versioning" in function.lines("failed")[0]["remedy"]


def test_many_keys_are_gated_one_by_one(function: Function, told: Any, tree: Any) -> None:
    keys = [f"home/{number:02}" for number in range(40)]
    for key in keys:
        function.bucket.put(key, key.encode())
        if int(key[-1]) % 2:
            function.bucket.tagged[key] = CLEAN
    assert sorted(told(*keys)) == ["placed"] * 20 + ["withheld"] * 20
    assert len(tree()) == 20


def test_a_withheld_file_is_not_brought_back_when_its_directory_goes(function: Function, told: Any, tree: Any) -> None:
    function.bucket.put("home/d/a", b"file")
    function.bucket.put("home/d/a/b", b"below")
    function.bucket.tagged["home/d/a/b"] = CLEAN
    told("home/d/a/b")
    function.bucket.delete("home/d/a/b")
    told("home/d/a/b")
    assert tree() == {}


def test_an_excluded_key_is_left_alone_altogether(function: Function, root: Path, tree: Any) -> None:
    (root / "acme").mkdir()
    (root / "acme" / "a.lock").write_bytes(b"the application's own")
    function.bucket.put("home/acme/a.csv", b"x")
    function.bucket.put("home/acme/b.tmp", b"x")
    event = queued(*[notification(f"home/acme/{name}") for name in ("a.csv", "b.tmp", "a.lock")])
    assert function.invoke(event, MFT_INCLUDE="acme/*", MFT_EXCLUDE="*.tmp,*.lock") == failures()
    assert tree() == {"acme": None, "acme/a.csv": b"x", "acme/a.lock": b"the application's own"}
    assert {line["reason"] for line in function.lines("ignored")} == {"excluded by MFT_INCLUDE or MFT_EXCLUDE"}
    assert function.metrics()["Skipped"] == 2


def test_a_file_whose_key_becomes_excluded_stays(function: Function, tree: Any) -> None:
    function.bucket.put("home/a.tmp", b"x")
    function.invoke(queued(notification("home/a.tmp")))
    function.bucket.delete("home/a.tmp")
    function.invoke(queued(notification("home/a.tmp")), MFT_EXCLUDE="*.tmp")
    assert tree() == {"a.tmp": b"x"}


def test_an_excluded_marker_keeps_no_directory_and_an_excluded_file_does_not_come_back(
    function: Function, tree: Any
) -> None:
    excluded = {"MFT_EXCLUDE": "in/,a"}
    for key in ("home/in/", "home/a"):
        function.bucket.put(key, b"")
    for key in ("home/in/x", "home/a/x"):
        function.bucket.put(key, b"x")
        function.invoke(queued(notification(key)), **excluded)
        function.bucket.delete(key)
        function.invoke(queued(notification(key)), **excluded)
    assert tree() == {}


def test_too_large_is_a_permanent_failure_and_the_old_file_stays(function: Function, tree: Any) -> None:
    function.bucket.put("home/a", b"12345")
    assert function.invoke(queued(notification("home/a")), MFT_MAXIMUM_BYTES="5") == failures()
    function.bucket.put("home/a", b"123456")
    assert function.invoke(queued(notification("home/a")), MFT_MAXIMUM_BYTES="5") == failures("m0")
    assert tree() == {"a": b"12345"}
    (line,) = function.lines("failed")
    assert "has 6 bytes, the largest allowed has 5" in line["reason"]
    assert "MFT_MAXIMUM_BYTES" in line["remedy"]


def test_a_marker_with_content_keeps_no_directory(function: Function, tree: Any) -> None:
    function.bucket.put("home/in/", b"x")
    function.bucket.put("home/in/a", b"x")
    function.invoke(queued(notification("home/in/a")))
    function.bucket.delete("home/in/a")
    function.invoke(queued(notification("home/in/a")))
    assert tree() == {}


def test_a_marker_that_gets_content_keeps_its_directory_no_longer(function: Function, tree: Any) -> None:
    function.bucket.put("home/in/", b"")
    function.invoke(queued(notification("home/in/")))
    assert tree() == {"in": None}
    function.bucket.put("home/in/", b"x")
    assert function.invoke(queued(notification("home/in/"))) == failures("m0")
    assert tree() == {}
