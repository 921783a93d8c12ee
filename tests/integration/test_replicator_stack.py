# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the bucket to the share through the real template's own topic, queue, function and dead letters.

``MFT_BURST=10000`` makes the burst as large as that; by default it is what a few seconds carry.
"""

from __future__ import annotations

import json
import os
import random
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from integration.conftest import Lab
from integration.gateway_stack import Gateway
from integration.gateway_stack import deploy
from integration.sftp_client import MIB
from integration.sftp_client import Partner
from integration.sftp_client import wait_for
from integration.test_sftp_sessions import cut_off

BURST = int(os.environ.get("MFT_BURST", "400"))
# Each becomes a path that cannot be, in another way.
POISON = ["home/burst//{}", "home/burst/../../{}", "home/burst/./{}", "home/" + "é" * 128 + "{}"]


@pytest.fixture(scope="module")
def gateway(lab: Lab, aws: Callable[[str], Any], tmp_path_factory: pytest.TempPathFactory) -> Gateway:
    return deploy(
        lab,
        aws,
        tmp_path_factory.mktemp("gateway"),
        # What the workflow of a truncated upload takes here, and some to spare.
        DeliveryDelaySeconds="4",
        BatchSize="100",
        BatchWindowSeconds="1",
    )


def test_a_truncated_upload_is_quarantined_and_never_seen_on_the_share(
    gateway: Gateway, lab: Lab, tmp_path: Path
) -> None:
    s3, server = gateway.aws("s3"), gateway.outputs["ServerId"]

    def port() -> int | None:
        try:
            with urllib.request.urlopen(f"{lab.endpoint_url}/_lab/sftp/{server}", timeout=10) as answer:
                return int(json.load(answer)["port"])
        except urllib.error.HTTPError:
            return None

    endpoint: Any = SimpleNamespace(port=wait_for("the endpoint", port))
    partner = Partner(endpoint, "acme", tmp_path)
    gateway.aws("transfer").create_user(
        ServerId=server,
        UserName="acme",
        Role=gateway.outputs["UserRoleArn"],
        HomeDirectoryType="LOGICAL",
        HomeDirectoryMappings=[{"Entry": "/", "Target": f"/{gateway.bucket}/home/acme"}],
        SshPublicKeyBody=partner.public_key,
    )
    whole, large = tmp_path / "whole", tmp_path / "large"
    whole.write_bytes(b"the whole payments of yesterday")
    large.write_bytes(os.urandom(24 * MIB))
    partner.does(f"put {whole} payments.dat")
    placed = gateway.share / "acme" / "payments.dat"
    wait_for("yesterday's file", placed.is_file, seconds=60)
    seen: set[bytes] = set()
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.01):
            seen.add(placed.read_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        cut_off(partner, large, lambda: s3.list_multipart_uploads(Bucket=gateway.bucket).get("Uploads"))
        quarantine = wait_for("the quarantine", lambda: listed(gateway, "quarantine/"), seconds=60)
        wait_for("the queue's end", lambda: gateway.waiting() == 0, seconds=60)
        time.sleep(1)  # what the function was given last is done
    finally:
        over.set()
        watcher.join()
    assert seen == {whole.read_bytes()}
    [key] = quarantine
    held = s3.get_object(Bucket=gateway.bucket, Key=key)["Body"].read()
    assert large.read_bytes().startswith(held)
    assert len(held) < 24 * MIB


def listed(gateway: Gateway, prefix: str) -> list[str]:
    found = gateway.aws("s3").list_objects_v2(Bucket=gateway.bucket, Prefix=prefix).get("Contents", [])
    return [item["Key"] for item in found]


def test_a_burst_arrives_whole_and_of_it_dies_what_has_to(gateway: Gateway) -> None:
    """One in a hundred is poison; each of these is in the dead-letter queue, and none of its neighbours."""
    good = [f"home/burst/{number % 20:02}/{number % 7}/{number:05}.csv" for number in range(BURST)]
    poison = [POISON[number % len(POISON)].format(number) for number in range(BURST // 100)]
    content = {key: f"{key};".encode() * 40 for key in good}
    shuffled = [*good, *poison]
    random.Random(1).shuffle(shuffled)  # noqa: S311
    places = {key: gateway.share / key.removeprefix("home/") for key in good}
    begun = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda key: gateway.put(key, content.get(key, b"poison")), shuffled))
    uploaded = time.monotonic()

    def arrived() -> bool:
        return gateway.waiting() == 0 and sum(1 for _ in (gateway.share / "burst").rglob("*.csv")) == BURST

    wait_for("the burst", arrived, seconds=60 + BURST / 20)
    done = time.monotonic()
    print(f"{BURST} files: uploaded in {uploaded - begun:.1f} s, all on the share {done - begun:.1f} s after the first")
    assert [key for key, place in places.items() if place.read_bytes() != content[key]] == []
    letters = gateway.dead_letters(len(poison), seconds=60)
    assert sorted(letter["key"] for letter in letters) == sorted(poison)
    assert sorted(path.name for path in gateway.share.iterdir()) == [".mft-replicator", "acme", "burst"]
    assert list((gateway.share / ".mft-replicator" / "incoming").iterdir()) == []
