# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every wrapping an S3 event arrives in, and everything that only looks like one."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replicator.events import Batch
from replicator.events import decode

BUCKET = "acme-landing"


def record(key: str, **changes: Any) -> dict[str, Any]:
    made = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventTime": "2026-11-22T08:30:00.000Z",
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": BUCKET}, "object": {"key": quote_plus(key, safe="/"), "versionId": "v7"}},
    }
    return made | changes


def notification(*keys: str) -> dict[str, Any]:
    return {"Records": [record(key) for key in keys]}


def envelope(content: dict[str, Any]) -> dict[str, Any]:
    return {"Type": "Notification", "MessageId": "0", "Message": json.dumps(content)}


def queued(*bodies: object) -> dict[str, Any]:
    texts = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
    attributes = {"ApproximateReceiveCount": "3"}
    return {
        "Records": [
            {"messageId": f"m{number}", "eventSource": "aws:sqs", "attributes": attributes, "body": text}
            for number, text in enumerate(texts)
        ]
    }


def eventbridge(key: str) -> dict[str, Any]:
    detail = {"version": "0", "bucket": {"name": BUCKET}, "object": {"key": key, "version-id": "v7"}}
    time = "2026-11-22T08:30:00Z"
    return {"version": "0", "source": "aws.s3", "detail-type": "Object Created", "time": time, "detail": detail}


def through_sns(content: dict[str, Any]) -> dict[str, Any]:
    return {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": json.dumps(content)}}]}


def keys(batch: Batch) -> list[list[str]]:
    return [[change.key for change in message.changes] for message in batch.messages]


NAMES = ["home/acme/in/invoice été (1).csv", "home/p+q", "home/p%2Bq", "home/100%.txt", "home/a  b"]


@pytest.mark.parametrize(
    "event",
    [
        queued(envelope(notification(*NAMES))),
        queued(notification(*NAMES)),
        through_sns(notification(*NAMES)),
        notification(*NAMES),
    ],
    ids=["SQS of SNS", "SQS raw", "SNS", "S3"],
)
def test_every_wrapping_of_a_notification(event: dict[str, Any]) -> None:
    batch = decode(event)
    assert keys(batch) == [NAMES]
    assert not batch.messages[0].problems
    change = batch.messages[0].changes[0]
    assert (change.bucket, change.version, change.time) == (BUCKET, "v7", 1795336200.0)


@pytest.mark.parametrize("wrap", [lambda event: event, queued, lambda event: queued(envelope(event)), through_sns])
def test_a_key_from_eventbridge_is_not_decoded(wrap: Any) -> None:
    assert keys(decode(wrap(eventbridge("home/p+q %2B")))) == [["home/p+q %2B"]]


def test_all_records_of_all_messages() -> None:
    batch = decode(queued(notification("home/a", "home/b"), envelope(notification("home/c"))))
    assert batch.from_queue
    assert keys(batch) == [["home/a", "home/b"], ["home/c"]]
    assert [message.receive_count for message in batch.messages] == [3, 3]


def test_the_test_event_of_a_new_notification_is_no_work_and_no_failure() -> None:
    batch = decode(queued(envelope({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKET})))
    assert keys(batch) == [[]]
    assert not batch.messages[0].problems


def test_an_empty_batch() -> None:
    assert decode({"Records": []}) == Batch([], from_queue=True)


@pytest.mark.parametrize("version", ["2.0", "2.1", "2.4", "2.99"])
def test_minor_versions_only_add(version: str) -> None:
    assert keys(decode({"Records": [record("home/a", eventVersion=version)]})) == [["home/a"]]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("not json", "not JSON"),
        ('{"Records": [{"eventSource": "aws:s3"', "not JSON"),
        ("[" * 150_000, "not JSON"),
        ("[]", "is a list"),
        ("{}", "none of the shapes"),
        ({"Records": [record("x", eventVersion="3.0")]}, "version '3.0'"),
        ({"Records": [record("x", eventSource="aws:dynamodb")]}, "comes from 'aws:dynamodb'"),
        ({"Records": [record("x", s3={})]}, "no bucket or no key"),
        ({"Records": [record("x", s3={"bucket": {"name": BUCKET}, "object": {"key": "%FF"}})]}, "not encoded UTF-8"),
        ({"Records": [None]}, "comes from None"),
        ({"source": "aws.s3", "detail": {}}, "no bucket or no key"),
        ({"Records": [{"EventSource": "aws:sns", "Sns": "x"}]}, "not JSON"),
        ({"Records": [{"EventSource": "aws:sns"}]}, "is a NoneType"),
        ("x" * 300_000, "not JSON"),
        ("", "not JSON"),
        (envelope(envelope(envelope(envelope(envelope(envelope(notification("home/a"))))))), "too many times"),
    ],
)
def test_a_malformed_message_is_a_problem_of_its_own(body: object, reason: str) -> None:
    batch = decode(queued(notification("home/good"), body))
    assert keys(batch)[0] == ["home/good"]
    assert not batch.messages[0].problems
    (problem,) = batch.messages[1].problems
    assert reason in problem.reason
    assert problem.remedy


def test_a_malformed_record_leaves_the_others_of_its_message() -> None:
    body = {"Records": [record("home/a"), record("x", eventVersion="9.0"), record("home/b")]}
    (message,) = decode(queued(body)).messages
    assert [change.key for change in message.changes] == ["home/a", "home/b"]
    assert len(message.problems) == 1


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_key_survives_the_encoding(key: str) -> None:
    assert keys(decode(queued(envelope(notification(key))))) == [[key]]


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.sampled_from(range(5)))
def test_any_key_survives_any_wrapping(key: str, wrapping: int) -> None:
    wraps = [
        lambda: queued(notification(key)),
        lambda: through_sns(notification(key)),
        lambda: notification(key),
        lambda: queued(envelope(eventbridge(key))),
        lambda: eventbridge(key),
    ]
    assert keys(decode(wraps[wrapping]())) == [[key]]


def test_a_tagging_event_is_an_event_like_any() -> None:
    tagging = record("home/a", eventName="ObjectTagging:Put", eventVersion="2.3")
    bridged = eventbridge("home/a") | {"detail-type": "Object Tags Added"}
    assert keys(decode({"Records": [tagging]})) == keys(decode(bridged)) == [["home/a"]]


@pytest.mark.parametrize("document", [{"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKET}])
@pytest.mark.parametrize("wrap", [lambda event: event, queued, lambda event: queued(envelope(event)), through_sns])
def test_a_test_event_in_any_wrapping(wrap: Any, document: dict[str, Any]) -> None:
    (message,) = decode(wrap(document)).messages
    assert (message.changes, message.problems) == ([], [])


def test_what_the_queue_says_of_a_message() -> None:
    event = queued("x")
    event["Records"][0]["attributes"] = {
        "ApproximateReceiveCount": "17",
        "ApproximateFirstReceiveTimestamp": "1772323199999",
    }
    (message,) = decode(event).messages
    assert (message.identifier, message.receive_count, message.first_seen, message.body) == (
        "m0",
        17,
        1772323199.999,
        "x",
    )


@pytest.mark.parametrize(
    "spoiled",
    [
        {"attributes": None},
        {"attributes": {"ApproximateReceiveCount": "²"}},
        {"attributes": {"ApproximateReceiveCount": None, "ApproximateFirstReceiveTimestamp": "9" * 400}},
        {"attributes": []},
        {"body": None},
        {"body": 7},
    ],
)
def test_a_queue_that_says_odd_things_of_a_message_spoils_no_other(spoiled: dict[str, Any]) -> None:
    event = queued(notification("home/a"), notification("home/b"))
    event["Records"][1] |= spoiled
    good, odd = decode(event).messages
    assert [change.key for change in good.changes] == ["home/a"]
    assert odd.receive_count == (3 if "body" in spoiled else 1)
    assert bool(odd.problems) == ("body" in spoiled)


def test_a_message_without_identity_fails_the_whole_batch() -> None:
    """An empty identifier is how Lambda is told so (Lambda developer guide, "Reporting batch item failures")."""
    event = queued("x", "y")
    del event["Records"][1]["messageId"]
    event["Records"].append(None)
    assert [message.identifier for message in decode(event).messages] == ["m0", "", ""]


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "yesterday", "", 7, None])
def test_a_time_that_is_none_is_left_out(time: object) -> None:
    (message,) = decode({"Records": [record("home/a", eventTime=time)]}).messages
    (change,) = message.changes
    assert isinstance(change.time, (float, type(None)))


TEXTS = st.text(st.characters())  # Lone surrogates too.
NAMES_OF_FIELDS = [
    *("Records", "s3", "bucket", "object", "key", "name", "eventSource", "EventSource", "Sns", "Type", "Message"),
    *("Event", "source", "detail", "eventVersion", "eventTime", "attributes", "messageId", "body", "x"),
]
SAID = st.sampled_from(["aws:s3", "aws:sns", "aws:sqs", "aws.s3", "Notification", "2.1", "s3:TestEvent", "%FF", "{}"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS | SAID,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES_OF_FIELDS), inner, max_size=5),
)


@given(JSON)
def test_nothing_ever_raises(event: object) -> None:
    decode(event)
    (message,) = decode(queued(json.dumps(event))).messages
    assert all(problem.remedy for problem in message.problems)
    decode(queued(notification("home/a")) | {"Records": [{"eventSource": "aws:sqs", "body": event}, event]})
