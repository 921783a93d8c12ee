# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A permanent failure is written into the bucket at once, always under the same name, and its message is done."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from replicator import batch
from replicator.dead_letters import DeadLetters
from replicator.dead_letters import Failed
from replicator.errors import PermanentError
from replicator.errors import from_s3
from replicator.events import Message
from replicator.events import decode
from unit.replicator.fakes import FakeBucket
from unit.replicator.function import Function
from unit.replicator.function import failures
from unit.replicator.test_events import BUCKET
from unit.replicator.test_events import notification
from unit.replicator.test_events import queued
from unit.replicator.test_events import record
from unit.replicator.test_events import through_sns

ON = {"MFT_FAILURE_PREFIX": "failed/"}
DENIED = from_s3("SlowDown", 503, "Please reduce your request rate.")


def written(function: Function) -> set[str]:
    return {key for key in function.bucket.objects if key.startswith("failed/")}


def test_poison_is_written_and_its_message_done(function: Function, tree: Any) -> None:
    function.bucket.put("home/a", b"x")
    event = queued(notification("home/a"), notification("home/../x", "home/a"))
    assert function.invoke(event, **ON) == failures()
    assert tree() == {"a": b"x"}
    (key,) = written(function)
    assert re.fullmatch(r"failed/2026-11-22/[0-9a-f]{64}\.json", key)
    (letter,) = function.letters()
    assert (letter["format"], letter["format_version"]) == ("mft.aws/dead-letter", 1)
    assert (letter["bucket"], letter["key"], letter["version"]) == (BUCKET, "home/../x", "v7")
    assert (letter["event_time"], letter["attempt"]) == ("2026-11-22T08:30:00.000Z", 3)
    assert letter["message_ids"] == ["m1"]
    assert "'..'" in letter["reason"]
    assert letter["remedy"]
    assert (letter["body"], letter["body_is_cut"]) == (None, False)
    (line,) = function.lines("failed")
    assert (line["level"], line["outcome"], line["dead_letter"]) == ("ERROR", "permanent_failure", key)
    assert (function.metrics()["PermanentFailures"], function.metrics()["DeadLetters"]) == (1, 1)


def test_the_change_in_a_letter_is_work_again(function: Function, tree: Any) -> None:
    key = "home/été (1)+%2B.csv"
    function.bucket.refusals[key] = from_s3("AccessDenied", 403, "Access Denied")
    assert function.invoke(queued(notification(key)), **ON) == failures()
    (letter,) = function.letters()
    del function.bucket.refusals[key]
    function.bucket.put(key, b"x")
    assert function.invoke(queued(json.dumps(letter["redrive"])), **ON) == failures()
    assert tree() == {"été (1)+%2B.csv": b"x"}
    ((again,),) = [message.changes for message in decode(queued(letter["redrive"])).messages]
    assert (again.key, again.bucket, again.time) == (key, BUCKET, 1795336200.0)


def test_a_message_that_is_no_event_is_written_with_its_body(function: Function) -> None:
    bodies = ["not json", "{}", '{"Records": [{"eventSource": "aws:s3"', "x" * 300_000, "", '"\ud800"']
    assert function.invoke(queued(*bodies), **ON) == failures()
    letters = {letter["message_ids"][0]: letter for letter in function.letters()}
    assert [letters[f"m{number}"]["body"] for number in (0, 1, 2, 4)] == [bodies[number] for number in (0, 1, 2, 4)]
    assert len(letters["m3"]["body"]) == 256 * 1024
    assert [letter["body_is_cut"] for letter in letters.values()].count(True) == 1
    assert letters["m5"]["body"] == '"\\ud800"'
    assert {letter["redrive"] for letter in letters.values()} == {None}


def test_messages_with_one_reason_and_different_bodies_are_different_failures(function: Function) -> None:
    assert function.invoke(queued("x1", "x2"), **ON) == failures()
    assert len({letter["reason"] for letter in function.letters()}) == 1
    assert {letter["body"] for letter in function.letters()} == {"x1", "x2"}


def test_the_same_failure_has_the_same_name_whenever_it_comes(function: Function) -> None:
    for _ in range(2):
        function.invoke(queued(notification("home/../x"), "poison"), **ON)
    named = {letter["key"]: key for key, letter in zip(sorted(written(function)), function.letters(), strict=True)}
    assert len(named) == 2


def test_the_day_of_a_message_without_event_is_that_of_its_first_receipt(function: Function) -> None:
    event = queued("poison")
    event["Records"][0]["attributes"]["ApproximateFirstReceiveTimestamp"] = "1772323199999"
    function.invoke(event, **ON)
    (key,) = written(function)
    assert key.startswith("failed/2026-02-28/")
    assert function.letters()[0]["first_seen"] == "2026-02-28T23:59:59.999Z"


def test_a_letter_that_cannot_be_written_leaves_the_message_to_the_queue(function: Function, tree: Any) -> None:
    function.bucket.put("home/a", b"x")
    function.bucket.read_only = DENIED
    event = queued(notification("home/a"), notification("home/../x"), "poison")
    assert function.invoke(event, **ON) == failures("m1", "m2")
    assert tree() == {"a": b"x"}
    assert all("SlowDown" in line["dead_letter_problem"] for line in function.lines("failed"))
    assert function.metrics()["DeadLetters"] == 0


def test_letters_are_written_several_at_a_time_and_after_the_work(
    function: Function, monkeypatch: pytest.MonkeyPatch, tree: Any
) -> None:
    together, order = threading.Barrier(4), []
    put, opened = function.bucket.put, function.bucket.open
    for number in range(20):
        put(f"home/{number:02}", b"too large")
    put("home/a", b"x")

    def slow(key: str, content: bytes) -> None:
        together.wait(timeout=5)
        order.append("letter")
        put(key, content)

    def noted(key: str) -> Any:
        order.append("copy")
        return opened(key)

    monkeypatch.setattr(function.bucket, "put", slow)
    monkeypatch.setattr(function.bucket, "open", noted)
    work = [notification(f"home/{number:02}") for number in range(20)] + [notification("home/a")]
    poison = [notification(f"home/../{number}") for number in range(4)]
    limits = {"MFT_MAXIMUM_BYTES": "5", "MFT_CONCURRENCY": "4"}
    assert function.invoke(queued(*poison, *work[4:]), **ON, **limits) == failures()
    assert tree() == {"a": b"x"}
    assert len(function.letters()) == 20
    assert order.index("letter") > order.index("copy")
    assert order[-4:] == ["letter"] * 4


def test_a_message_with_a_transient_failure_comes_again_although_its_poison_was_written(function: Function) -> None:
    function.bucket.refusals["home/a"] = DENIED
    assert function.invoke(queued(notification("home/a", "home/../x")), **ON) == failures("m0")
    assert [letter["key"] for letter in function.letters()] == ["home/../x"]


@pytest.mark.parametrize("wrap", [through_sns, lambda content: content])
def test_without_a_queue_poison_is_written_and_only_transient_failures_raise(function: Function, wrap: Any) -> None:
    assert function.invoke(wrap(notification("home/../x")), **ON) == {}
    assert [letter["key"] for letter in function.letters()] == ["home/../x"]
    function.bucket.refusals["home/a"] = DENIED
    with pytest.raises(batch.BatchFailedError):
        function.invoke(wrap(notification("home/a")), **ON)
    function.bucket.read_only = DENIED
    with pytest.raises(batch.BatchFailedError):
        function.invoke(wrap(notification("home/../x")), **ON)


def test_a_foreign_bucket_is_named_in_the_letter(function: Function) -> None:
    foreign = record("home/a", s3={"bucket": {"name": "other"}, "object": {"key": "home/a"}})
    assert function.invoke(queued({"Records": [foreign]}), **ON) == failures()
    (letter,) = function.letters()
    assert (letter["bucket"], letter["redrive"]["Records"][0]["s3"]["bucket"]["name"]) == ("other", "other")


def test_a_letter_that_comes_back_as_an_event_is_no_work(function: Function) -> None:
    function.invoke(queued("poison"), **ON)
    (key,) = written(function)
    assert function.invoke(queued(notification(key)), **ON) == failures()
    assert [line["reason"] for line in function.lines("ignored")] == ["outside the served prefix"]


TEXTS = st.text(st.characters())  # lone surrogates too, which JSON can hold


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60)
@given(st.tuples(TEXTS, TEXTS, TEXTS), st.none() | TEXTS, st.none() | TEXTS, st.none() | st.floats(allow_nan=False))
def test_any_failure_can_be_written_and_is_told_from_any_other(
    texts: tuple[str, str, str], key: str | None, version: str | None, time: float | None
) -> None:
    store, (bucket, reason, body) = FakeBucket(), texts
    letters = DeadLetters(store, "failed/")
    messages = [Message("m1", body=body, first_seen=1e9)]

    def write(key: str | None, version: str | None) -> str:
        return letters.write(Failed(PermanentError(reason, "remedy"), messages, bucket, key, version, time))

    name = write(key, version)
    assert name == write(key, version)
    assert name != write(key, (version or "") + "x")
    assert name != write((key or "") + "x", version)
    assert re.fullmatch(r"failed/-?\d{4}-\d\d-\d\d/[0-9a-f]{64}\.json", name)
    letter = json.loads(store.objects[name][1])
    assert (letter["key"], letter["version"], letter["reason"]) == (key, version, reason)


def test_the_name_is_the_digest_that_the_format_says(function: Function) -> None:
    function.invoke(queued(notification("home/../x")), **ON)
    (key,), (letter,) = written(function), function.letters()
    identity = json.dumps([letter["bucket"], letter["key"], letter["version"], letter["reason"]])
    assert hashlib.sha256(identity.encode()).hexdigest() in key
