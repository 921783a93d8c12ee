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


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["Records", "s3", "eventSource", "Type", "Message", "x"]), inner, max_size=4)
    ),
)


@given(JSON)
def test_no_body_ever_raises(body: object) -> None:
    (message,) = decode(queued(json.dumps(body))).messages
    assert not message.changes
