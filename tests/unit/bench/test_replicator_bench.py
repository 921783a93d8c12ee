# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark measures what it says: its server answers as S3 does, its judge finds each wrong byte."""

from __future__ import annotations

import base64
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import boto3
import pytest
from awscrt import checksums
from botocore.config import Config
from botocore.exceptions import ClientError

from bench.replicator import catalog
from bench.replicator import targets
from bench.replicator.contestants import CHECKOUT
from bench.replicator.contestants import CONTESTANTS
from bench.replicator.contestants import Contestant
from bench.replicator.heats import WHOLE
from bench.replicator.heats import Heat
from bench.replicator.heats import items_of
from bench.replicator.medians import Runs
from bench.replicator.track import BenchError
from bench.replicator.track import Served
from bench.replicator.track import Track

WORKLOAD = "nested-60-4096"
OURS = {name: CONTESTANTS[name] for name in ("ours-10", "limit")}
HEAT = Heat("small", WORKLOAD, OURS, 1, most={"ours-10": 25})


@pytest.fixture(scope="module")
def track(tmp_path_factory: pytest.TempPathFactory) -> Track:
    # The checkout's own environment holds what ours and the limit need; the others need .venv-bench.
    return Track(tmp_path_factory.mktemp("track"), str(CHECKOUT / "files"), Path(sys.prefix))


@pytest.fixture(scope="module")
def served(track: Track) -> Iterator[Served]:
    with track.serve(WORKLOAD) as served:
        yield served


@pytest.fixture(scope="module")
def s3(served: Served) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{served.port}",
        region_name="eu-central-1",
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        config=Config(retries={"total_max_attempts": 1}),
    )


@pytest.fixture(scope="module")
def block(track: Track) -> memoryview:
    return memoryview((track.directory / "block").read_bytes())


def content(block: memoryview, item: catalog.Item) -> bytes:
    return b"".join(catalog.pieces(block, item))


def test_an_object_comes_with_what_s3_says_of_it(s3: Any, served: Served, block: memoryview) -> None:
    item = served.items[7]
    answer = s3.get_object(Bucket=catalog.BUCKET, Key=item.key, ChecksumMode="ENABLED")
    body = answer["Body"].read()
    assert body == content(block, item)
    assert answer["ChecksumCRC64NVME"] == base64.b64encode(checksums.crc64nvme(body).to_bytes(8, "big")).decode()
    assert answer["ChecksumType"] == "FULL_OBJECT"
    head = s3.head_object(Bucket=catalog.BUCKET, Key=item.key)
    names = ("ETag", "VersionId", "LastModified", "ContentLength")
    assert [head[name] for name in names] == [answer[name] for name in names]


def test_a_part_of_an_object_and_only_of_that_version(s3: Any, served: Served, block: memoryview) -> None:
    item = served.items[7]
    tag = s3.head_object(Bucket=catalog.BUCKET, Key=item.key)["ETag"]
    part = s3.get_object(Bucket=catalog.BUCKET, Key=item.key, Range="bytes=10-19", IfMatch=tag)
    assert part["Body"].read() == content(block, item)[10:20]
    assert part["ContentRange"] == "bytes 10-19/4096"
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.get_object(Bucket=catalog.BUCKET, Key=item.key, IfMatch='"another"')
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=catalog.BUCKET, Key="home/absent")


def test_listings_page_begin_after_a_key_and_gather_directories(s3: Any, served: Served) -> None:
    keys = sorted(item.key for item in served.items)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=catalog.BUCKET, PaginationConfig={"PageSize": 7})
    assert [entry["Key"] for page in pages for entry in page["Contents"]] == keys
    later = s3.list_objects_v2(Bucket=catalog.BUCKET, StartAfter=keys[40])
    assert [entry["Key"] for entry in later["Contents"]] == keys[41:]
    top = s3.list_objects_v2(Bucket=catalog.BUCKET, Prefix="home/", Delimiter="/")
    assert [entry["Prefix"] for entry in top["CommonPrefixes"]] == ["home/partner-00/", "home/partner-01/"]


def test_answers_come_as_late_as_told_any_number_at_a_time(track: Track) -> None:
    latency, count = 0.2, 10

    def read(item: catalog.Item) -> int:
        with urlopen(f"http://127.0.0.1:{far.port}/{catalog.BUCKET}/{item.key}") as answer:
            return len(answer.read())

    with track.serve(WORKLOAD, latency) as far, ThreadPoolExecutor(count) as pool:
        began = time.monotonic()
        assert list(pool.map(read, far.items[:count])) == [4096] * count
        assert latency <= time.monotonic() - began < latency * count


def test_runs_are_measured_and_every_byte_is_compared(track: Track, served: Served) -> None:
    run = track.run(served, HEAT, "ours-10", 0)
    assert (run["objects"], run["bytes"]) == (25, 25 * 4096)
    assert 0 < run["user"] + run["system"] < run["seconds"] * (os.cpu_count() or 1) + 0.1
    assert 5_000 < run["peak_kib"] < 200_000
    assert track.run(served, HEAT, "limit", 0)["objects"] == 60


def test_a_contestant_that_copies_nothing_or_fails_ends_the_run(track: Track, served: Served) -> None:
    idle = {"idle": Contestant("idle", lambda task: ["true"]), "broken": Contestant("broken", lambda task: ["false"])}
    heat = replace(HEAT, contestants=idle)
    with pytest.raises(BenchError, match="idle copied 60 of 60 files wrongly"):
        track.run(served, heat, "idle", 0)
    with pytest.raises(BenchError, match="ended with 1"):
        track.run(served, heat, "broken", 0)


def test_one_wrong_byte_a_missing_and_a_surplus_file_are_found(block: memoryview, tmp_path: Path) -> None:
    items = items_of("nested-3-4096")
    for item in items:
        (tmp_path / item.path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / item.path).write_bytes(content(block, item))
    assert catalog.differences(block, items, tmp_path) == []
    wrong = bytearray(content(block, items[0]))
    wrong[4095] ^= 1
    (tmp_path / items[0].path).write_bytes(wrong)
    (tmp_path / items[1].path).unlink()
    (tmp_path / "surplus").touch()
    assert catalog.differences(block, items, tmp_path) == [items[0].path, items[1].path, "surplus"]


def test_a_large_object_repeats_the_block(block: memoryview) -> None:
    item = replace(items_of("large-2-1073741824")[1], size=catalog.BLOCK_BYTES + 5)
    whole = content(block, item)
    assert len(whole) == item.size
    assert whole[:5] == whole[-5:] == bytes(block[item.offset : item.offset + 5])


def test_a_missed_target_says_by_how_much() -> None:
    names = [heat.name for heat in WHOLE]
    ours = {"user": 2.0, "system": 1.0, "peak_kib": 25_000, "objects": 1000, "bytes": 4_096_000, "seconds": 2.0}
    peer = ours | {"seconds": 1.0, "user": 1.0}
    runs = [ours | {"heat": heat, "contestant": name} for heat in names for name in ("ours", "ours-10", "ours-1000")]
    runs += [peer | {"heat": heat, "contestant": name} for heat in names for name in ("s5cmd", "source")]
    found = {target.text: target for target in targets.judged(Runs(runs), import_seconds=0.1)}
    slower = found["1,000 × 1 MiB in memory: s5cmd's MB/s"]  # noqa: RUF001
    assert (slower.met, slower.by) == (False, "by 50 %")
    dearer = found["10,000 × 4 KiB in memory: s5cmd's CPU an object"]  # noqa: RUF001
    assert (dearer.met, dearer.by, dearer.measured) == (False, "by 50 %", "3.000 ms")
    assert found["import of the function"].met
    assert found["peak memory, the largest of all runs"].measured == "26 MB"
