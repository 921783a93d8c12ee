# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The replicator on a real S3 API: real events through SNS and SQS, odd keys, versions, checksums, refusals."""

from __future__ import annotations

import base64
import json
import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from integration.conftest import Lab
from replicator.checksums import Checksum
from replicator.deadline import Deadline
from replicator.errors import PermanentError
from replicator.handler import Process
from replicator.s3client import Client
from replicator.s3client import create_client
from replicator.settings import read_settings
from replicator.store import ObjectChangedError
from replicator.store import S3Store

ODD_KEYS = [
    "home/acme/in/invoice été (1).csv",
    "home/acme/in/a b  c",
    "home/p+q",
    "home/p%2Bq",
    "home/100%",
    "home/100%25",
    "home/?#&=;:@$,'\"<>[]{}|\\^`~",
    "home/" + "é" * 127,
    "home/🏦",
]
NO_PATHS = ["home/a//b", "home/./x", "home/../x"]


class Context:
    aws_request_id = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


class Site:
    """A versioned bucket whose events go to a queue through a topic, a share, and the function between them."""

    def __init__(self, aws: Callable[[str], Any], share: Path) -> None:
        self.s3, self.sqs, self.share = aws("s3"), aws("sqs"), share
        name = f"acme-{uuid.uuid4().hex[:12]}"
        self.bucket = name
        self.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        self.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        topic = aws("sns").create_topic(Name=name)["TopicArn"]
        self.queue = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])["Attributes"]
        aws("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=attributes["QueueArn"])
        events = {"TopicArn": topic, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}
        self.s3.put_bucket_notification_configuration(
            Bucket=name, NotificationConfiguration={"TopicConfigurations": [events]}
        )
        self.client = create_client(os.environ, name)
        settings = {"MFT_BUCKET": name, "MFT_SHARE": str(share), "MFT_FAILURE_PREFIX": ""}
        self.process = Process(read_settings(settings), self.client)

    def put(self, key: str, content: bytes, **arguments: str) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=content, **arguments)

    def deliver(self, messages: int) -> list[str]:
        """Give the function that many messages of the queue in one batch; the bodies of those that failed."""
        records: list[dict[str, Any]] = []
        until = time.monotonic() + 20
        while len(records) < messages:
            assert time.monotonic() < until, f"{len(records)} of {messages} messages came"
            answer = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in answer.get("Messages", []):
                if "s3:TestEvent" not in message["Body"]:
                    records.append(
                        {"messageId": message["MessageId"], "body": message["Body"], "eventSource": "aws:sqs"}
                    )
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        response: Any = self.process.handle({"Records": records}, Context())
        failed = {item["itemIdentifier"] for item in response["batchItemFailures"]}
        return [record["body"] for record in records if record["messageId"] in failed]

    def files(self) -> dict[str, bytes]:
        paths = [path for path in self.share.rglob("*") if path.is_file() and ".mft-replicator" not in path.parts]
        return {str(path.relative_to(self.share)): path.read_bytes() for path in paths}


@pytest.fixture
def site(aws: Callable[[str], Any], lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    for name, value in lab.env.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    share = tmp_path / "share"
    share.mkdir()
    return Site(aws, share)


def store_of(client: Client) -> S3Store:
    return S3Store(client, Deadline(60), lambda: None)


def test_odd_keys_arrive_each_as_itself_and_impossible_ones_fail_alone(site: Site) -> None:
    for key in ODD_KEYS + NO_PATHS:
        site.put(key, key.encode())
    failed = site.deliver(len(ODD_KEYS + NO_PATHS))
    assert site.files() == {key.removeprefix("home/"): key.encode() for key in ODD_KEYS}
    names = [json.loads(json.loads(body)["Message"])["Records"][0]["s3"]["object"]["key"] for body in failed]
    assert sorted(names) == sorted(NO_PATHS)


def test_overwrites_follow_and_deletions_are_mirrored(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.put("home/acme/in/orders.csv", b"1")
    site.put("home/acme/in/", b"")
    assert site.deliver(2) == []
    site.put("home/acme/in/orders.csv", b"22")
    assert site.deliver(1) == []
    assert site.files() == {"acme/in/orders.csv": b"22"}
    modified = site.s3.head_object(Bucket=site.bucket, Key="home/acme/in/orders.csv")["LastModified"]
    assert (site.share / "acme/in/orders.csv").stat().st_mtime == modified.timestamp()
    site.s3.delete_object(Bucket=site.bucket, Key="home/acme/in/orders.csv")
    assert site.deliver(1) == []
    assert site.files() == {}
    assert (site.share / "acme/in").is_dir()
    site.s3.delete_object(Bucket=site.bucket, Key="home/acme/in/")
    assert site.deliver(1) == []
    assert [path.name for path in site.share.iterdir()] == [".mft-replicator"]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert all(line["lag_seconds"] >= -1 for line in lines if line.get("outcome") == "placed")


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_the_objects_own_checksum_is_verified(site: Site, capsys: pytest.CaptureFixture[str], algorithm: str) -> None:
    content = b"payments" * 50_000
    hasher = Checksum(algorithm, b"").hasher()
    hasher.update(memoryview(content))
    # Said by us, so that botocore needs no library of its own for it.
    stated = {f"Checksum{algorithm}": base64.b64encode(hasher.digest()).decode()}
    site.put("home/a", content, **stated)
    assert site.deliver(1) == []
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["verified"] for line in lines if line.get("event") == "converged"] == [algorithm]
    assert site.files() == {"a": content}


def test_get_head_and_list_tell_the_same_state(site: Site) -> None:
    store = store_of(site.client)
    site.put("home/a", b"first")
    site.put("home/a", b"second")
    stream = store.open("home/a")
    assert stream
    assert stream.state == store.head("home/a")
    assert (stream.state.size, bool(stream.state.version)) == (6, True)
    stream.close()
    assert store.open("home/none") is None
    assert store.head("home/none") is None
    for key in ODD_KEYS:
        site.put(key, key.encode())
    listed = dict(store.page("home/", ""))
    assert sorted(listed) == sorted([*ODD_KEYS, "home/a"])
    assert listed["home/a"] == stream.state._replace(version=None)
    assert [key for key, _ in store.page("home/", "home/p+q")] == sorted(key for key in listed if key > "home/p+q")


def test_a_copy_goes_on_in_the_middle(site: Site) -> None:
    store = store_of(site.client)
    site.put("home/a", b"0123456789")
    stream = store.open("home/a")
    assert stream
    stream.resume_at(7)
    buffer = memoryview(bytearray(16))
    assert stream.readinto(buffer) == 3
    assert bytes(buffer[:3]) == b"789"
    assert stream.readinto(buffer) == 0
    stream.resume_at(7)
    site.put("home/a", b"abcdefghij")
    with pytest.raises(ObjectChangedError):
        stream.readinto(buffer)


def test_small_objects_and_tags(site: Site) -> None:
    store = store_of(site.client)
    store.put("failed/2026-11-24/1.json", b"{}")
    assert site.s3.get_object(Bucket=site.bucket, Key="failed/2026-11-24/1.json")["Body"].read() == b"{}"
    site.put("home/a", b"1", Tagging="scan=clean%20%26%20fine")
    state = store.head("home/a")
    assert state
    assert store.tags("home/a", state.version) == {"scan": "clean & fine"}
    assert store.tags("home/none", None) is None


def test_a_missing_bucket_is_no_missing_object(site: Site) -> None:
    store = store_of(create_client(os.environ, "acme-no-such-bucket"))
    with pytest.raises(PermanentError, match="NoSuchBucket") as refused:
        store.open("home/a")
    assert "MFT_BUCKET" in refused.value.remedy
