# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the function must take without harm: each through Lambda's entry point, with good messages beside it."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from replicator.errors import ShareUnusableError
from replicator.events import decode
from replicator.settings import SettingError
from unit.replicator.conftest import look_at
from unit.replicator.faults.function import Function
from unit.replicator.test_events import envelope
from unit.replicator.test_events import eventbridge
from unit.replicator.test_events import notification
from unit.replicator.test_events import queued
from unit.replicator.test_events import record
from unit.replicator.test_events import through_sns

FOREIGN = {"bucket": {"name": "other"}, "object": {"key": "home/a"}}
POISON: dict[str, object] = {
    "another bucket": {"Records": [record("home/a", s3=FOREIGN)]},
    "another service": {"Records": [{"eventSource": "aws:dynamodb", "eventName": "INSERT"}]},
    "another shape": {"detail-type": "Scheduled Event", "source": "aws.events", "detail": {}},
    "truncated JSON": json.dumps(notification("home/a"))[:-20],
    "not JSON": "reboot, please",
    "nothing": "",
    "a number": "12",
    "deep": "[" * 100_000,
    "deep and whole": '{"Records":' * 400 + "1" + "}" * 400,
    "a huge number": "9" * 100_000,
    "300 KB": json.dumps({"Records": ["x" * 300_000]}),
    "an SNS record without its envelope": {"Records": [{"EventSource": "aws:sns", "Sns": "x"}]},
    "an SNS record without a message": {"Records": [{"EventSource": "aws:sns"}]},
    "an SNS record of nothing": {"Records": [{"EventSource": "aws:sns", "Sns": None}]},
    "a notification of nothing": {"Type": "Notification", "Message": None},
    "an event of nothing": {"source": "aws.s3", "detail": None},
    "records of nothing": {"Records": [None, 1, "x", [], {}]},
    "s3 is a list": {"Records": [record("home/a", s3=["home/a"])]},
    "a key of bytes that are no text": {
        "Records": [record("home/a", s3={"bucket": {"name": "acme-landing"}, "object": {"key": "home/%ff"}})]
    },
    "a lone surrogate": json.dumps(eventbridge("home/\ud800")),
    "an empty key": {"Records": [record("")]},
    "a key that is no path": notification("home/../../outside/ledger.csv"),
    "an absolute key": notification("home//etc/passwd"),
    "a NUL": notification("home/a\0b"),
    "a name of 256 bytes": notification("home/" + "é" * 128),
    "the hidden directory": notification("home/.mft-replicator/incoming/x"),
}


@pytest.mark.parametrize("kind", POISON)
@pytest.mark.usefixtures("untouched")
def test_poison_fails_alone_and_says_why(function: Function, root: Path, kind: str) -> None:
    function.configure(MFT_FAILURE_PREFIX="")
    function.bucket.put("home/good", b"good")
    answer = function.handle(queued(notification("home/good"), POISON[kind], notification("home/good")))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    assert look_at(root) == {"good": b"good"}
    reports = [line for line in function.lines() if line.get("event") == "failed"]
    assert reports
    for line in reports:
        assert (line["outcome"], line["message_ids"]) == ("permanent_failure", ["m1"])
        assert line["reason"]
        assert line["remedy"]
        assert len(json.dumps(line)) < 4096, "a log line must not carry the whole message"


@pytest.mark.parametrize(
    "time", ["0001-01-01T00:00:00", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "yesterday", 7, None, "²"]
)
def test_an_odd_time_is_no_reason_to_fail(function: Function, root: Path, time: object) -> None:
    function.bucket.put("home/a", b"a")
    assert function.handle(queued({"Records": [record("home/a", eventTime=time)]})) == {"batchItemFailures": []}
    assert look_at(root) == {"a": b"a"}


@pytest.mark.parametrize("count", ["²", "", "-1", "many", None, 3, 10**30])
def test_an_odd_receive_count_is_no_reason_to_fail(function: Function, root: Path, count: object) -> None:
    function.bucket.put("home/a", b"a")
    event = queued(notification("home/a"))
    event["Records"][0]["attributes"] = {"ApproximateReceiveCount": count}
    assert function.handle(event) == {"batchItemFailures": []}
    event["Records"][0]["attributes"] = None
    assert function.handle(event) == {"batchItemFailures": []}
    del event["Records"][0]["attributes"]
    assert function.handle(event) == {"batchItemFailures": []}
    assert look_at(root) == {"a": b"a"}


@pytest.mark.parametrize("event", [{"Records": []}, queued(envelope({"Event": "s3:TestEvent"}))])
def test_an_empty_batch_is_done(function: Function, root: Path, event: dict[str, Any]) -> None:
    assert function.handle(event) == {"batchItemFailures": []}
    assert look_at(root) == {}


@pytest.mark.parametrize("event", [None, [], "x", 7, {}, {"Records": None}, {"Records": [None]}, {"Records": {}}])
def test_an_event_that_is_none_fails_the_invocation_readably(function: Function, event: object) -> None:
    function.configure(MFT_FAILURE_PREFIX="")
    with pytest.raises(Exception, match="could not be replicated"):
        function.handle(event)
    assert [line["level"] for line in function.lines() if line.get("event") == "failed"] == ["ERROR"]


def test_a_mixed_batch_fails_nothing_but_its_poison(function: Function, root: Path) -> None:
    """All poison of this file in one batch, each between good messages."""
    function.configure(MFT_FAILURE_PREFIX="")
    bodies: list[object] = []
    for number, poison in enumerate(POISON.values()):
        function.bucket.put(f"home/{number}", b"good")
        bodies += [notification(f"home/{number}"), poison]
    answer = function.handle(queued(*bodies))
    assert [item["itemIdentifier"] for item in answer["batchItemFailures"]] == [
        f"m{number}" for number in range(1, len(bodies), 2)
    ]
    assert look_at(root) == {str(number): b"good" for number in range(len(POISON))}


# Everything a message can be made of, in places where it belongs and where it does not.
SCRAPS = st.sampled_from(
    [
        *("aws:s3", "aws:sns", "aws:sqs", "aws.s3", "Notification", "acme-landing", "home/a", "home/%ff", "2.1", "3.0"),
        *("2026-11-22T08:30:00Z", "0001-01-01", "\ud800", "", "²"),
    ]
)
MEMBERS = st.sampled_from(
    [
        *(
            "Records",
            "eventSource",
            "EventSource",
            "eventVersion",
            "eventTime",
            "s3",
            "bucket",
            "object",
            "name",
            "key",
        ),
        *("Sns", "Message", "Type", "Event", "source", "detail", "time", "versionId", "version-id"),
        *("messageId", "attributes", "ApproximateReceiveCount", "body"),
    ]
)
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | SCRAPS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBERS, inner, max_size=5),
    max_leaves=12,
)


@settings(derandomize=True, deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(DOCUMENTS)
def test_no_document_ever_stops_a_batch(document: object) -> None:
    """Neither as the invocation's event, nor as a message's body, nor in its wrappings."""
    decode(document)
    decode({"Records": [{"eventSource": "aws:sqs", "messageId": "m0", "body": document}]})
    for body in (document, {"Records": [document]}, {"Type": "Notification", "Message": document}):
        good, odd = decode(queued(notification("home/good"), json.dumps(body))).messages
        assert [change.key for change in good.changes] == ["home/good"]
        for change in odd.changes:
            assert (type(change.bucket), type(change.key)) == (str, str)
    decode(through_sns({"x": document}))


MUTATIONS = st.tuples(
    st.sampled_from([notification("home/a"), envelope(notification("home/a")), eventbridge("home/a")]),
    st.lists(st.integers(0, 10_000), min_size=1, max_size=3),
    DOCUMENTS,
)


@settings(derandomize=True, deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(MUTATIONS)
def test_no_mutilated_event_ever_stops_a_batch(mutation: tuple[dict[str, Any], list[int], object]) -> None:
    """Any member of a real event replaced by anything."""
    event, places, scrap = mutation
    mutilated = json.loads(json.dumps(event))
    for place in places:
        _replace(mutilated, place, scrap)
    good, _ = decode(queued(notification("home/good"), json.dumps(mutilated))).messages
    assert [change.key for change in good.changes] == ["home/good"]


def _replace(document: Any, place: int, scrap: object) -> None:
    while isinstance(document, dict | list) and document:
        names = list(document) if isinstance(document, dict) else list(range(len(document)))
        name = names[place % len(names)]
        place //= len(names)
        if not place or not isinstance(document[name], dict | list):
            document[name] = copy.deepcopy(scrap)  # a scrap must not come to hold itself
            return
        document = document[name]


@pytest.mark.parametrize("made", ["nothing", "a file", "a dangling link"])
def test_a_share_that_is_not_there_stops_the_invocation_at_once(function: Function, tmp_path: Path, made: str) -> None:
    place = tmp_path / "mnt"
    if made == "a file":
        place.write_text("x")
    elif made == "a dangling link":
        place.symlink_to(tmp_path / "none")
    before = sorted(path.name for path in tmp_path.iterdir())
    function.configure(MFT_SHARE=str(place))
    function.bucket.put("home/a", b"a")
    function.bucket.boundary = lambda step: pytest.fail("no key may be touched")
    with pytest.raises(ShareUnusableError, match=r"MFT_SHARE .* cannot be used: it cannot be opened") as refused:
        function.tell("home/a")
    assert "Mount the file system there" in str(refused.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == before, "something was made in the mount's place"


@pytest.mark.parametrize("place", ["/tmp", "/", str(Path(__file__).parents[4])])  # noqa: S108
def test_the_functions_own_disk_is_never_filled(function: Function, place: str) -> None:
    before = sorted(os.listdir(place))  # noqa: PTH208
    function.configure(MFT_SHARE=place)
    function.bucket.put("home/a", b"a")
    with pytest.raises((ShareUnusableError, SettingError), match="MFT_SHARE"):
        function.tell("home/a")
    assert ".mft-replicator" not in os.listdir(place)  # noqa: PTH208
    assert "a" not in set(os.listdir(place)) - set(before)  # noqa: PTH208
