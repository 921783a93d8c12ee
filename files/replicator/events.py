# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the function is told: which keys may have changed, in whatever wrapping that arrives.

S3 notifications come through SQS (raw, or wrapped by SNS), SNS, S3 itself or EventBridge. Only bucket and key count:
the kind, order and version of events decide nothing (the time and version are kept for the log).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from typing import NamedTuple
from urllib.parse import unquote_plus

from replicator.errors import PermanentError

# SQS holds an SNS envelope that holds an S3 document: two, and one to spare.
_MAX_WRAPPINGS = 4
_REMEDY = "Send only S3 event notifications here; look at the message in the dead-letter queue, then delete it"


class Change(NamedTuple):
    """This key may have changed."""

    bucket: str
    key: str
    version: str | None = None
    time: float | None = None


class Message:
    """What the queue delivers, retries and buries as one; ``identifier`` is None where there is no queue.

    ``first_seen`` is the same however often the message is delivered; the dead letters' names build on that.
    """

    def __init__(
        self, identifier: str | None, body: object = None, receive_count: int = 1, first_seen: float | None = None
    ) -> None:
        self.identifier = identifier
        self.body = body
        self.receive_count = receive_count
        self.first_seen = first_seen
        self.changes: list[Change] = []
        self.problems: list[PermanentError] = []


class Batch(NamedTuple):
    """One invocation's messages; only a queue can be told that some of them failed."""

    messages: list[Message]
    from_queue: bool


def decode(event: object) -> Batch:
    """Take an invocation's event apart; what is malformed becomes a problem of its message and spoils no other."""
    records = event.get("Records") if isinstance(event, dict) else None
    if isinstance(records, list) and (not records or _source(records[0]) == "aws:sqs"):
        return Batch([_queued(record) for record in records], from_queue=True)
    message = Message(identifier=None, body=event)
    _collect(event, message, _MAX_WRAPPINGS)
    return Batch([message], from_queue=False)


def _source(record: object) -> str | None:
    if not isinstance(record, dict):
        return None
    # SQS and S3 write eventSource, SNS writes EventSource.
    source = record.get("eventSource", record.get("EventSource"))
    return source if isinstance(source, str) else None


def _queued(record: object) -> Message:
    """Lambda developer guide, "Using Lambda with Amazon SQS": attributes are texts, times in milliseconds."""
    content: dict[str, Any] = record if isinstance(record, dict) else {}
    attributes = content.get("attributes")
    received: dict[str, Any] = attributes if isinstance(attributes, dict) else {}
    identifier = content.get("messageId")
    first_seen = _number(received.get("ApproximateFirstReceiveTimestamp"))
    message = Message(
        identifier=identifier if isinstance(identifier, str) else "",
        body=content.get("body"),
        receive_count=_number(received.get("ApproximateReceiveCount")) or 1,
        first_seen=first_seen / 1000 if first_seen else None,
    )
    _collect(message.body, message, _MAX_WRAPPINGS)
    return message


def _number(text: object) -> int | None:
    # 15 digits: any time in milliseconds that a calendar can hold.
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) <= 15 else None


def _collect(document: object, message: Message, wrappings_left: int) -> None:
    """Add to the message every change found, and every part that could not be understood."""
    try:
        for inner in _layers(document):
            if isinstance(inner, Change):
                message.changes.append(inner)
            elif isinstance(inner, PermanentError):
                message.problems.append(inner)
            elif wrappings_left == 0:
                raise PermanentError("the message is wrapped too many times", _REMEDY)
            else:
                _collect(inner, message, wrappings_left - 1)
    except PermanentError as problem:
        message.problems.append(problem)


def _layers(document: object) -> Iterator[object]:
    """Take off one wrapping: yields changes, problems, or what is still wrapped."""
    content = _parsed(document)
    if content.get("Event") == "s3:TestEvent":
        return  # S3 sends it, without Records, when the notification is set up.
    if content.get("source") == "aws.s3" and "detail" in content:
        yield _from_eventbridge(content)
    elif content.get("Type") == "Notification" and "Message" in content:
        yield content["Message"]
    elif isinstance(content.get("Records"), list):
        for record in content["Records"]:
            if _source(record) == "aws:sns":
                sns = record.get("Sns")
                yield sns.get("Message") if isinstance(sns, dict) else sns
            else:
                yield _understood(record)
    else:
        raise PermanentError("the message is not an S3 event: it has none of the shapes S3's events come in", _REMEDY)


def _parsed(document: object) -> dict[str, Any]:
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except (ValueError, RecursionError) as error:
            raise PermanentError(f"the message is not JSON: {error}", _REMEDY) from None
    if not isinstance(document, dict):
        raise PermanentError(f"the message is a {type(document).__name__}, not an S3 event", _REMEDY)
    return document


def _understood(record: object) -> Change | PermanentError:
    try:
        return _from_notification(record)
    except PermanentError as problem:
        return problem


def _from_notification(record: Any) -> Change:
    """S3 user guide, "Event message structure": minor versions only add, keys are form-encoded."""
    if _source(record) != "aws:s3":
        raise PermanentError(f"a record comes from {_source(record)!r}, not from 'aws:s3'", _REMEDY)
    version = record.get("eventVersion")
    if not isinstance(version, str) or version.split(".")[0] != "2":
        remedy = "Update the replicator to one that knows this version"
        raise PermanentError(f"the event has version {version!r}, only 2.x is known", remedy)
    try:
        bucket, item = record["s3"]["bucket"]["name"], record["s3"]["object"]
        # errors="strict": a key decoded with replacement characters would be another object's key.
        key = unquote_plus(item["key"], errors="strict")
        return _change(bucket, key, item.get("versionId"), record.get("eventTime"))
    except (KeyError, TypeError, AttributeError):
        raise PermanentError("a record names no bucket or no key", _REMEDY) from None
    except UnicodeDecodeError:
        raise PermanentError("a record's key is not encoded UTF-8", _REMEDY) from None


def _from_eventbridge(content: dict[str, Any]) -> Change:
    """S3 user guide, "EventBridge event message structure"; unlike in notifications the key is not encoded."""
    try:
        bucket, item = content["detail"]["bucket"]["name"], content["detail"]["object"]
        return _change(bucket, item["key"], item.get("version-id"), content.get("time"))
    except (KeyError, TypeError, AttributeError):
        raise PermanentError("the EventBridge event names no bucket or no key", _REMEDY) from None


def _change(bucket: object, key: object, version: object, time: object) -> Change:
    if not isinstance(bucket, str) or not isinstance(key, str) or not bucket or not key:
        raise KeyError
    return Change(bucket, key, version if isinstance(version, str) else None, _timestamp(time))


def _timestamp(time: object) -> float | None:
    try:
        return datetime.fromisoformat(time).timestamp() if isinstance(time, str) else None
    except (ValueError, OverflowError, OSError):
        return None  # Not a time, or none that the platform's calendar holds.
