# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Through the stack's own topic, queue and notifications: what can never arrive is in the dead-letter queue within
seconds, with its reason, and what came with it has arrived; the tag gate and the trash on the same stack."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC
from datetime import datetime
from typing import Any

import pytest

from integration.conftest import Lab
from integration.gateway_stack import Gateway
from integration.gateway_stack import deploy


@pytest.fixture(scope="module")
def gateway(lab: Lab, aws: Callable[[str], Any], tmp_path_factory: pytest.TempPathFactory) -> Gateway:
    return deploy(
        lab,
        aws,
        tmp_path_factory.mktemp("gateway"),
        RequiredTag="scan=clean",
        DeleteMode="trash",
        ExcludePatterns="*.tmp",
        MaximumFileBytes="100",
        # One batch for what is sent together.
        BatchWindowSeconds="1",
    )


def test_poison_is_in_the_dead_letter_queue_within_seconds_and_the_good_ones_arrive(gateway: Gateway) -> None:
    gateway.put("home/in/good.csv", b"1", Tagging="scan=clean")
    gateway.put("home/in/../bad.csv", b"2", Tagging="scan=clean")
    gateway.put("home/in/large.csv", b"3" * 101, Tagging="scan=clean")
    gateway.put("home/in/skipped.tmp", b"4", Tagging="scan=clean")
    gateway.send("this is no event", json.dumps({"Records": [{"eventSource": "aws:s3", "eventVersion": "9.0"}]}))
    letters = gateway.dead_letters(4, seconds=15)
    reasons = {letter["key"] or letter["body"][:10]: letter["reason"] for letter in letters}
    assert "'..'" in reasons["home/in/../bad.csv"]
    assert "101 bytes" in reasons["home/in/large.csv"]
    assert "not JSON" in reasons["this is no"]
    assert len(reasons) == 4
    assert all(letter["bucket"] == gateway.bucket and letter["remedy"] for letter in letters)
    gateway.wait_for(lambda: "in/good.csv" in gateway.files())
    assert gateway.files() == {"in/good.csv": b"1"}
    gateway.wait_for(lambda: gateway.waiting() == 0)


def test_a_letter_is_redriven_by_its_own_notification(gateway: Gateway) -> None:
    gateway.put("home/in/again.csv", b"5" * 101, Tagging="scan=clean")
    (letter,) = gateway.dead_letters(1)
    gateway.put("home/in/again.csv", b"5", Tagging="scan=other")
    gateway.aws("s3").put_object_tagging(
        Bucket=gateway.bucket, Key="home/in/again.csv", Tagging={"TagSet": [{"Key": "scan", "Value": "clean"}]}
    )
    gateway.send(json.dumps(letter["redrive"]))
    gateway.wait_for(lambda: gateway.files().get("in/again.csv") == b"5")


def test_each_event_of_a_tag_brings_the_file_or_takes_it_to_the_trash(gateway: Gateway) -> None:
    gateway.put("home/in/scanned.csv", b"6")
    for value, there in (("clean", True), ("infected", False), ("clean", True), ("infected", False)):
        tags = {"TagSet": [{"Key": "scan", "Value": value}]}
        gateway.aws("s3").put_object_tagging(Bucket=gateway.bucket, Key="home/in/scanned.csv", Tagging=tags)
        gateway.wait_for(lambda there=there: ("in/scanned.csv" in gateway.files()) is there)
    day = gateway.share / ".mft-replicator/trash" / f"{datetime.now(UTC):%Y-%m-%d}" / "in"
    assert (day / "scanned.csv").read_bytes() == b"6"
    assert [path.read_bytes() for path in day.glob("scanned.csv~*")] == [b"6"]
