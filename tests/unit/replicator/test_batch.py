# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One invocation: which messages fail, and what the log says of each key."""

from __future__ import annotations

import time
from typing import Any

import pytest

from replicator import batch
from replicator.errors import from_s3
from replicator.settings import DeleteMode
from replicator.store import ObjectChangedError
from replicator.telemetry import Telemetry
from unit.replicator.fakes import FakeStream
from unit.replicator.function import Function
from unit.replicator.function import failures
from unit.replicator.test_events import BUCKET
from unit.replicator.test_events import envelope
from unit.replicator.test_events import notification
from unit.replicator.test_events import queued
from unit.replicator.test_events import record


def test_good_messages_pass_and_poison_fails_alone(function: Function, tree: Any) -> None:
    for key in ("home/a", "home/b", "home/c"):
        function.bucket.put(key, key.encode())
    function.bucket.refusals["home/c"] = from_s3("SlowDown", 503, "Please reduce your request rate.")
    answer = function.invoke(
        queued(
            notification("home/a"),
            "not json",
            notification("home/../x", "home/b"),
            notification("home/c"),
            envelope({"Event": "s3:TestEvent"}),
        )
    )
    assert answer == failures("m1", "m2", "m3")
    assert tree() == {"a": b"home/a", "b": b"home/b"}
    assert {line["outcome"] for line in function.lines("converged")} == {"placed"}
    reports = {line["message_ids"][0]: line for line in function.lines("failed")}
    assert reports["m1"]["outcome"] == "permanent_failure"
    poison = reports["m2"]
    assert (poison["bucket"], poison["key"], poison["version"], poison["attempt"]) == (BUCKET, "home/../x", "v7", 3)
    assert "'..'" in poison["reason"]
    assert poison["remedy"]
    assert (reports["m3"]["level"], reports["m3"]["outcome"]) == ("WARNING", "transient_failure")
    metrics = function.metrics()
    assert (metrics["Files"], metrics["Bytes"]) == (2, 12)
    assert (metrics["PermanentFailures"], metrics["TransientFailures"]) == (2, 1)


def test_an_empty_batch_is_done(function: Function) -> None:
    assert function.invoke({"Records": []}) == failures()
    assert function.invoke(queued({"Records": []})) == failures()


def test_many_events_of_a_key_are_one_piece_of_work_whose_failure_is_theirs_all(function: Function) -> None:
    function.bucket.put("home/a", b"x")
    function.bucket.put("home/b", b"x")
    both = queued(notification("home/a", "home/a"), notification("home/a", "home/b"), notification("home/b"))
    assert function.invoke(both) == failures()
    told = {line["key"]: line["message_ids"] for line in function.lines("converged")}
    assert told == {"home/a": ["m0", "m1"], "home/b": ["m1", "m2"]}
    assert len(function.lines("converged")) == 2
    function.bucket.refusals["home/a"] = from_s3("InternalError", 500, "We encountered an internal error.")
    assert function.invoke(both) == failures("m0", "m1")


def test_a_foreign_bucket_is_a_permanent_failure(function: Function) -> None:
    foreign = record("home/a", s3={"bucket": {"name": "other"}, "object": {"key": "home/a"}})
    assert function.invoke(queued({"Records": [foreign]})) == failures("m0")
    (line,) = function.lines("failed")
    assert "'other'" in line["reason"]
    assert line["bucket"] == "other"


def test_a_key_outside_the_prefix_is_ignored(function: Function, tree: Any) -> None:
    function.bucket.put("quarantine/a", b"x")
    assert function.invoke(queued(notification("quarantine/a", "home/"))) == failures()
    assert tree() == {}


def test_when_time_is_over_the_rest_goes_back_to_the_queue(function: Function, tree: Any) -> None:
    function.bucket.put("home/a", b"x")
    function.bucket.put("home/b", b"x")
    assert function.invoke(queued(notification("home/a"), notification("home/b")), 0) == failures("m0", "m1")
    assert tree() == {}


def test_a_bug_is_one_keys_failure(function: Function, monkeypatch: pytest.MonkeyPatch, tree: Any) -> None:
    function.bucket.put("home/a", b"x")
    function.bucket.put("home/b", b"x")
    opened = function.bucket.open
    monkeypatch.setattr(function.bucket, "open", lambda key: 1 // 0 if key == "home/a" else opened(key))
    assert function.invoke(queued(notification("home/a"), notification("home/b"))) == failures("m0")
    assert tree() == {"b": b"x"}


@pytest.mark.parametrize("keys", [3, 40])
def test_a_key_whose_fate_is_unknown_fails_the_invocation(
    function: Function, monkeypatch: pytest.MonkeyPatch, keys: int
) -> None:
    """Its message must not count as done because its log line could not be written."""
    names = [f"home/{number}" for number in range(keys)]
    for name in names:
        function.bucket.put(name, b"x")
    monkeypatch.setattr(Telemetry, "lag", lambda *_: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        function.invoke(queued(*[notification(name) for name in names]))


def test_without_a_queue_a_failure_fails_the_invocation(function: Function, tree: Any) -> None:
    function.bucket.put("home/b", b"x")
    with pytest.raises(batch.BatchFailedError):
        function.invoke(notification("home/../a", "home/b"))
    assert tree() == {"b": b"x"}
    assert function.invoke(notification("home/b")) == {}


def test_deletions_are_mirrored_or_kept(function: Function, tree: Any) -> None:
    function.bucket.put("home/acme/a", b"x")
    function.invoke(queued(notification("home/acme/a")))
    function.bucket.delete("home/acme/a")
    assert function.invoke(queued(notification("home/acme/a")), MFT_DELETE_MODE=DeleteMode.KEEP.value) == failures()
    assert tree() == {"acme": None, "acme/a": b"x"}
    function.invoke(queued(notification("home/acme/a")))
    assert tree() == {}
    assert function.lines("converged")[-1]["pruned"] == ["acme/"]


def test_lag_is_told_from_the_oldest_event(function: Function) -> None:
    function.bucket.put("home/a", b"x")
    body = {"Records": [record("home/a", eventTime=f"2026-11-22T08:30:0{second}Z") for second in (5, 0, 9)]}
    function.invoke(queued(body))
    (lag,) = function.metrics()["LagSeconds"]
    assert lag == pytest.approx(max(time.time() - 1795336200, 0), abs=60)


def test_a_marker_with_content_is_refused(function: Function, tree: Any) -> None:
    function.bucket.put("home/in/", b"x")
    assert function.invoke(queued(notification("home/in/"))) == failures("m0")
    assert tree() == {}


def test_a_key_that_never_rests_goes_back_to_the_queue(function: Function, tree: Any) -> None:
    function.bucket.boundary = lambda step: function.bucket.put("home/a", b"x") if step == "head" else None
    function.bucket.put("home/a", b"x")
    assert function.invoke(queued(notification("home/a"))) == failures("m0")
    assert function.metrics()["Refetches"] == 4


def test_an_object_that_changes_during_its_copy_is_copied_anew(
    function: Function, monkeypatch: pytest.MonkeyPatch, tree: Any
) -> None:
    function.bucket.put("home/a", b"old")
    whole = FakeStream.readinto

    def changed(stream: FakeStream, buffer: memoryview, /) -> int:
        if stream.content == b"old":
            function.bucket.put("home/a", b"new")
            raise ObjectChangedError
        return whole(stream, buffer)

    monkeypatch.setattr(FakeStream, "readinto", changed)
    assert function.invoke(queued(notification("home/a"))) == failures()
    assert tree() == {"a": b"new"}
    assert function.metrics()["Refetches"] == 1


def test_five_hundred_keys(function: Function, tree: Any) -> None:
    names = [f"home/acme/{number % 7}/in/{number}" for number in range(500)]
    for name in names:
        function.bucket.put(name, name.encode())
    assert function.invoke(queued(*[notification(name) for name in names])) == failures()
    assert {f"home/{name}" for name, content in tree().items() if content is not None} == set(names)
