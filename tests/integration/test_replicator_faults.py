# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole function on a real S3 API behind a proxy that fails as S3 and networks do.

Whatever happens, a reader sees the old file until the new one is whole; what can pass is borne, or left to the queue,
and the next delivery succeeds; what cannot is a dead letter that says what to do.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from integration.conftest import Lab
from lab.faultproxy import FaultProxy
from replicator.handler import Process
from replicator.s3client import create_client
from replicator.settings import read_settings
from replicator.store import Patience
from replicator.store import S3Store

KIB = 1024
OLD = b"old;" * (40 * KIB)
NEW = b"new;" * (60 * KIB)
# Silence is borne for a fraction of a second in place of ten, and so on: the same code in less time.
PATIENCE = Patience(seconds=0.3, attempts=4, backoff=0.005)
PASSING = ["slow_down", "internal_error", "reset", "reset_before", "short", "stalled", "silent"]
# After half of the body came, the rest is asked for, not all of it again.
BROKEN_OFF = {"reset", "short", "stalled"}
KEY = "home/acme/in/orders.csv"


class Context:
    aws_request_id = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


class Site:
    """A bucket, the proxy before it, the function that reads through the proxy, and a reader of the share."""

    def __init__(self, s3: Any, proxy: FaultProxy, share: Path, environment: dict[str, str], said: Any) -> None:
        self.s3, self.proxy, self.share = s3, proxy, share
        self.bucket = f"acme-{uuid.uuid4().hex[:12]}"
        self._environment = environment | {"AWS_ENDPOINT_URL": proxy.url, "MFT_BUCKET": self.bucket}
        self._said = said
        self.s3.create_bucket(Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        self.s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})
        self.lines: list[dict[str, Any]] = []
        self.metrics: dict[str, Any] = {}
        self.configure()

    def configure(self, **environment: str) -> None:
        self._environment |= environment
        self._process = Process(read_settings(self._environment), create_client(self._environment, self.bucket))

    def put(self, key: str, content: bytes, **arguments: str) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=content, **arguments)

    def deliver(self, *keys: str, receives: int = 1) -> list[str]:
        """One message for each key, in one batch; the keys whose messages come again."""
        item = {"eventVersion": "2.1", "eventSource": "aws:s3", "eventTime": "2026-11-24T08:00:00Z"}
        records = [
            {
                "messageId": f"m{number}",
                "eventSource": "aws:sqs",
                "attributes": {"ApproximateReceiveCount": str(receives)},
                "body": json.dumps(
                    {"Records": [item | {"s3": {"bucket": {"name": self.bucket}, "object": {"key": key}}}]}
                ),
            }
            for number, key in enumerate(keys)
        ]
        answer: Any = self._process.handle({"Records": records}, Context())
        said = [json.loads(line) for line in self._said().out.splitlines()]
        self.lines = [line for line in said if "event" in line]
        self.metrics = {name: value for line in said if "_aws" in line for name, value in line.items()}
        return [keys[int(failure["itemIdentifier"][1:])] for failure in answer["batchItemFailures"]]

    def outcomes(self) -> list[str]:
        return [line["outcome"] for line in self.lines if "outcome" in line]

    def letters(self) -> list[dict[str, Any]]:
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix="failed/").get("Contents", [])
        bodies = [self.s3.get_object(Bucket=self.bucket, Key=found["Key"])["Body"].read() for found in listed]
        return [json.loads(body) for body in bodies]

    def file(self, key: str = KEY) -> Path:
        return self.share / key.removeprefix("home/")

    def leftovers(self) -> list[str]:
        return [path.name for path in (self.share / ".mft-replicator" / "incoming").iterdir()]


@pytest.fixture
def site(
    aws: Callable[[str], Any],
    lab: Lab,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Site]:
    (tmp_path / "share").mkdir()
    monkeypatch.setattr("replicator.handler.S3Store", partial(S3Store, patience=PATIENCE))
    environment = {name: value for name, value in lab.env.items() if name.startswith("AWS_")}
    environment |= {"MFT_SHARE": str(tmp_path / "share"), "MFT_CONCURRENCY": "4"}
    with FaultProxy(lab.endpoint_url) as proxy:
        site = Site(aws("s3"), proxy, tmp_path / "share", environment, capsys.readouterr)
        site.put(KEY, OLD)
        assert site.deliver(KEY) == []
        proxy.clear()
        site.put(KEY, NEW)
        with watched(site.file()):
            yield site
    assert [path.name for path in tmp_path.iterdir()] == ["share"]


class watched:  # noqa: N801 (used as a function)
    """A reader who never stops looking: what it sees is the old content or the new one, and it is always there."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._over = threading.Event()
        self._wrong: list[str] = []
        self._looks = 0
        self._thread = threading.Thread(target=self._look)

    def _look(self) -> None:
        while not self._over.wait(0.001):
            try:
                content = self._file.read_bytes()
            except OSError as error:
                self._wrong.append(str(error))
            else:
                self._looks += 1
                if content not in (OLD, NEW):
                    self._wrong.append(f"{len(content)} bytes, {content[:8]!r} … {content[-8:]!r}")

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        assert not self._wrong, self._wrong[:3]
        assert self._looks


@pytest.mark.parametrize("kind", PASSING)
def test_what_passes_within_the_invocation_is_borne_and_counted(site: Site, kind: str) -> None:
    site.proxy.strike(kind, "GET", KEY, times=2)
    assert site.deliver(KEY) == []
    assert site.proxy.struck() == [kind, kind]
    assert site.file().read_bytes() == NEW
    assert site.outcomes() == ["placed"]
    # A kept connection that has ended is none: S3 may end one at any time.
    assert site.metrics["Retries"] in ([1, 2] if kind == "reset_before" else [2])
    assert (site.metrics["TransientFailures"], site.metrics["PermanentFailures"]) == (0, 0)
    ranges = [request.range for request in site.proxy.requests if request.method == "GET"]
    assert len(ranges) == 3
    resumed = [found for found in ranges if found]
    assert bool(resumed) == (kind in BROKEN_OFF), ranges
    assert site.leftovers() == []


@pytest.mark.parametrize("kind", PASSING)
def test_what_lasts_is_left_to_the_queue_and_the_next_delivery_succeeds(site: Site, kind: str) -> None:
    site.proxy.strike(kind, "GET", KEY, times=1 if kind == "stalled" else None)
    site.proxy.strike("silent", "GET", KEY, times=None)  # comes into force where the first one has struck
    site.put("home/other", b"other")
    assert site.deliver(KEY, "home/other") == [KEY]
    assert site.file().read_bytes() == OLD
    assert site.file("home/other").read_bytes() == b"other"
    [failed] = [line for line in site.lines if line["event"] == "failed"]
    assert (failed["outcome"], failed["level"], failed["key"]) == ("transient_failure", "WARNING", KEY)
    assert failed["reason"]
    # Where each attempt brings half of what is left, there are as many as it can be halved.
    most = 2 * PATIENCE.attempts + (18 if kind in BROKEN_OFF else 0)
    assert 2 <= len(site.proxy.struck()) <= most, "neither given up at once nor asked for ever"
    assert site.metrics["Retries"] >= 1
    assert site.letters() == []
    assert site.leftovers() == []
    site.proxy.clear()
    assert site.deliver(KEY, receives=2) == []
    assert site.file().read_bytes() == NEW
    assert [line["attempt"] for line in site.lines if line["event"] == "converged"] == [2]


@pytest.mark.parametrize("kind", ["slow_down", "internal_error", "reset_before", "silent"])
def test_a_look_that_fails_is_tried_again(site: Site, kind: str) -> None:
    site.proxy.strike(kind, "HEAD", KEY, times=2)
    assert site.deliver(KEY) == []
    assert site.file().read_bytes() == NEW
    site.proxy.strike(kind, "HEAD", KEY, times=None)
    assert site.deliver(KEY) == [KEY], "without the second look nothing is known to be done"
    assert site.outcomes() == ["transient_failure"]
    assert site.file().read_bytes() == NEW


def test_a_content_that_was_changed_on_its_way_never_arrives(site: Site) -> None:
    """The object's own checksum tells; the SDK that uploaded it gave it one."""
    site.proxy.strike("flipped", "GET", KEY, times=None)
    assert site.deliver(KEY) == [KEY]
    assert site.file().read_bytes() == OLD
    [failed] = [line for line in site.lines if line["event"] == "failed"]
    assert failed["outcome"] == "transient_failure"
    assert "checksum" in failed["reason"]
    assert site.leftovers() == []
    site.proxy.clear()
    assert site.deliver(KEY, receives=2) == []
    assert site.file().read_bytes() == NEW


@pytest.mark.parametrize(("kind", "at"), [("reset", "GET"), ("short", "GET"), ("stalled", "GET")])
def test_an_object_that_is_overwritten_while_its_copy_is_broken_off(site: Site, kind: str, at: str) -> None:
    """The rest of the new object must not come behind the half of the old one."""
    site.put(KEY, OLD[:-4] + b"odd;")
    site.proxy.strike(kind, at, KEY, then=lambda: site.put(KEY, NEW))
    assert site.deliver(KEY) == []
    assert site.file().read_bytes() == NEW
    assert site.leftovers() == []


def test_an_object_that_is_deleted_while_its_copy_is_broken_off(site: Site) -> None:
    key = "home/acme/in/short-lived.csv"
    site.put(key, NEW)
    site.proxy.strike("reset", "GET", key, then=lambda: site.s3.delete_object(Bucket=site.bucket, Key=key))
    assert site.deliver(key) == []
    assert not site.file(key).exists()
    assert site.leftovers() == []


@pytest.mark.parametrize(
    ("kind", "remedy"),
    [
        ("denied", "s3:GetObject"),
        ("denied_by_kms", "kms:Decrypt"),
        ("key_gone", "kms:Decrypt"),
        ("key_disabled", "keep that key enabled"),
    ],
)
@pytest.mark.parametrize("at", ["GET", "any"])
def test_a_refusal_is_permanent_and_says_who_refused(site: Site, kind: str, remedy: str, at: str) -> None:
    """At once, as a dead letter; and told apart, though a refused HEAD says nothing at all."""
    site.proxy.strike(kind, None if at == "any" else at, KEY, times=None)
    site.put("home/other", b"other")
    assert site.deliver(KEY, "home/other") == []
    assert site.file().read_bytes() == OLD
    assert site.file("home/other").read_bytes() == b"other"
    [letter] = site.letters()
    assert (letter["bucket"], letter["key"]) == (site.bucket, KEY)
    assert remedy in letter["remedy"]
    assert ("KMS" in letter["reason"]) == (kind != "denied")
    assert len(site.proxy.struck()) <= 2, "what cannot pass is not asked for again and again"
    # The remedy was applied; the letter says what has to be delivered again.
    site.proxy.clear()
    [record] = letter["redrive"]["Records"]
    assert site.deliver(record["s3"]["object"]["key"]) == []
    assert site.file().read_bytes() == NEW


def test_a_refused_look_is_told_apart_as_well(site: Site) -> None:
    """Only the HEAD is refused, as by a policy that changes in the meantime: the GET has no reason to give then."""
    site.proxy.strike("denied", "HEAD", KEY, times=1)
    left = site.deliver(KEY)
    assert site.file().read_bytes() == NEW
    assert site.metrics["PermanentFailures"] == 0
    assert site.metrics["Refetches"] <= 1, "one odd answer is no reason to copy the object again and again"
    assert site.deliver(*left, receives=2) == []


def test_a_dead_letter_that_cannot_be_written_leaves_the_message_to_the_queue(site: Site) -> None:
    site.proxy.strike("denied", "GET", KEY, times=None)
    site.proxy.strike("denied", "PUT", times=None)
    assert site.deliver(KEY) == [KEY]
    [failed] = [line for line in site.lines if line["event"] == "failed"]
    assert failed["outcome"] == "permanent_failure"
    assert "AccessDenied" in failed["dead_letter_problem"]
    assert site.letters() == []


@pytest.mark.parametrize("kind", ["slow_down", "denied", "reset", "silent"])
def test_a_listing_that_fails_is_done_without(site: Site, kind: str) -> None:
    keys = [f"home/acme/in/{number:02}" for number in range(20)]
    for key in keys:
        site.put(key, key.encode())
    site.proxy.strike(kind, "GET", f"{site.bucket}/?", times=None)
    assert site.deliver(*keys) == []
    assert site.proxy.struck()
    assert {key: site.file(key).read_bytes() for key in keys} == {key: key.encode() for key in keys}


def test_everything_at_once(site: Site) -> None:
    """Of many keys every third answer is spoiled in some way; after a few deliveries all are there."""
    keys = [f"home/acme/out/{number:02}" for number in range(24)]
    for key in keys:
        site.put(key, key.encode() * 3000)
    kinds = [*PASSING[:5], "flipped"]
    for number in range(40):
        site.proxy.strike(kinds[number % len(kinds)], after=3 * number)
    left, deliveries, begun = keys, 0, time.monotonic()
    while left:
        deliveries += 1
        assert deliveries < 12
        left = site.deliver(*left, receives=deliveries)
    assert time.monotonic() - begun < 20
    assert {key: site.file(key).read_bytes() for key in keys} == {key: key.encode() * 3000 for key in keys}
    assert site.leftovers() == []
    assert site.letters() == []
