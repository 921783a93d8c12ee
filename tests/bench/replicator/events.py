# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the contestants are told: keys one a line, or events in the wrappings that AWS delivers them in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from bench.replicator.catalog import BUCKET
from bench.replicator.catalog import Item

_TOPIC = "arn:aws:sns:eu-central-1:123456789012:orders-objects"
_QUEUE = "arn:aws:sqs:eu-central-1:123456789012:orders-replicator"
_TIME = "2026-11-24T12:00:00.000Z"


def write_keys(path: Path, items: Iterable[Item]) -> None:
    path.write_text("\n".join([BUCKET, *(item.key for item in items)]), encoding="utf-8")


def write_batches(path: Path, items: list[Item], size: int) -> None:
    """For ours: S3 → SNS → SQS → Lambda, so many messages a batch."""
    with path.open("w", encoding="utf-8") as file:
        for start in range(0, len(items), size):
            records = [_queued(item) for item in items[start : start + size]]
            file.write(json.dumps({"Records": records}) + "\n")


def write_notifications(path: Path, items: Iterable[Item]) -> None:
    """For the source design's function: S3 → SNS → Lambda, one event an invocation."""
    with path.open("w", encoding="utf-8") as file:
        for item in items:
            record = {"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": _envelope(item)}
            file.write(json.dumps({"Records": [record]}) + "\n")


def _queued(item: Item) -> dict[str, Any]:
    """Lambda developer guide, "Using Lambda with Amazon SQS", the example event."""
    identifier = _identifier(item, "sqs")
    body = json.dumps(_envelope(item), indent=2)
    return {
        "messageId": identifier,
        "receiptHandle": "AQEB" + hashlib.sha512(item.key.encode()).hexdigest() * 3,
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": "1795521600123",
            "SenderId": "AIDAIT2UOQQY3AUEKVGXU",
            "ApproximateFirstReceiveTimestamp": "1795521600129",
        },
        "messageAttributes": {},
        "md5OfBody": hashlib.md5(body.encode(), usedforsecurity=False).hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": _QUEUE,
        "awsRegion": "eu-central-1",
    }


def _envelope(item: Item) -> dict[str, Any]:
    """SNS developer guide, "HTTP/HTTPS notification JSON format"."""
    return {
        "Type": "Notification",
        "MessageId": _identifier(item, "sns"),
        "TopicArn": _TOPIC,
        "Subject": "Amazon S3 Notification",
        "Message": json.dumps(_notification(item)),
        "Timestamp": _TIME,
        "SignatureVersion": "1",
        "Signature": "EXAMPLEpH+" * 34,
        "SigningCertURL": "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem",
        "UnsubscribeURL": f"https://sns.eu-central-1.amazonaws.com/?Action=Unsubscribe&SubscriptionArn={_TOPIC}:1",
        "MessageAttributes": {},
    }


def _notification(item: Item) -> dict[str, Any]:
    """S3 user guide, "Event message structure"."""
    return {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "awsRegion": "eu-central-1",
                "eventTime": _TIME,
                "eventName": "ObjectCreated:Put",
                "userIdentity": {"principalId": "AWS:AROAEXAMPLE:acme.sftp.s-0123456789abcdef0"},
                "requestParameters": {"sourceIPAddress": "10.0.1.17"},
                "responseElements": {"x-amz-request-id": "0123456789ABCDEF", "x-amz-id-2": "0123456789abcdef" * 4},
                "s3": {
                    "s3SchemaVersion": "1.0",
                    "configurationId": "replicator",
                    "bucket": {
                        "name": BUCKET,
                        "ownerIdentity": {"principalId": "A3NL1KOZZKExample"},
                        "arn": f"arn:aws:s3:::{BUCKET}",
                    },
                    "object": {
                        "key": quote_plus(item.key, safe="/"),
                        "size": item.size,
                        "eTag": hashlib.md5(item.key.encode(), usedforsecurity=False).hexdigest(),
                        "versionId": f"3HL4kqtJlcpXroDTDmJ.{item.offset}",
                        "sequencer": "0055AED6DCD90281E5",
                    },
                },
            }
        ]
    }


def _identifier(item: Item, kind: str) -> str:
    digest = hashlib.sha256(f"{kind} {item.key}".encode()).hexdigest()
    return "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:32]))
