# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Role gateway on a lab: its creation, runs that find nothing to change, and a teardown with a full bucket.

    PYTHONPATH=tests .venv/bin/python tests/bench/gateway.py

prints a table: wall time of the whole ansible-playbook run and API calls, counted by a proxy before the lab. Then the
same number of versions is deleted by mft.aws.s3_bucket_contents and by amazon.aws.s3_bucket with force, taking turns,
each run by ansible; a run on a bucket that is not there shows what of that is ansible's start. Figures are medians of
--rounds; creation and teardown are done once.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from typing import NamedTuple

import boto3
from botocore.config import Config

from integration.conftest import Lab
from integration.conftest import connect
from integration.conftest import lab_command
from integration.gateway_runs import Play
from integration.support import CHECKOUT
from lab.faultproxy import FaultProxy

STACK = "acme-gateway"
BUCKET = "acme-versions"
BIN = CHECKOUT / ".venv" / "bin"
# Outside the served prefix: what is measured is not the replicator.
PREFIX = "archive/"
DELETIONS = {
    "mft.aws.s3_bucket_contents": {"bucket": BUCKET, "state": "absent"},
    "amazon.aws.s3_bucket, force": {"name": BUCKET, "state": "absent", "force": True},
}


class Figures(NamedTuple):
    seconds: float
    calls: float


def clients(lab: Lab) -> Callable[[str], Any]:
    names = {"aws_access_key_id": "AWS_ACCESS_KEY_ID", "aws_secret_access_key": "AWS_SECRET_ACCESS_KEY"}
    keys: dict[str, Any] = {option: lab.env[name] for option, name in names.items()}
    client: Any = boto3.client  # one of hundreds of overloads for a name that is known
    return lambda service: client(
        service,
        endpoint_url=lab.endpoint_url,
        region_name=lab.region,
        config=Config(max_pool_connections=4),
        **keys,
    )


def fill(s3: Any, bucket: str, versions: int) -> None:
    def put(number: int) -> None:
        s3.put_object(Bucket=bucket, Key=f"{PREFIX}{number % (versions // 2 or 1)}", Body=b"x")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, range(versions)))


def measured(proxy: FaultProxy, run: Callable[[], object]) -> Figures:
    proxy.clear()
    began = time.monotonic()
    run()
    return Figures(time.monotonic() - began, len(proxy.requests))


def delete(lab: Lab, way: str) -> None:
    module = way.split(",", maxsplit=1)[0]
    command = [str(BIN / "ansible"), "localhost", "-m", module, "-a", json.dumps(DELETIONS[way])]
    completed = subprocess.run(command, env=lab.env, capture_output=True, text=True, check=False)
    if completed.returncode:
        sys.exit(f"error: {module} failed:\n{completed.stdout[-2000:]}{completed.stderr[-2000:]}")


def role(lab: Lab, proxy: FaultProxy, directory: Path, options: argparse.Namespace) -> list[tuple[str, list[Figures]]]:
    play = Play(lab, directory, gateway_stack_name=STACK)
    aws = clients(lab)
    created = measured(proxy, lambda: play().succeeded())
    unchanged = [measured(proxy, lambda: play().succeeded()) for _ in range(options.rounds)]
    outputs = aws("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]["Outputs"]
    bucket = next(output["OutputValue"] for output in outputs if output["OutputKey"] == "BucketName")
    fill(aws("s3"), bucket, options.versions)
    removal: dict[str, Any] = {
        "entries": ["teardown"],
        "gateway_teardown_confirm": STACK,
        "gateway_teardown_data": "delete",
    }
    removed = measured(proxy, lambda: play(**removal).succeeded())
    left = [found["Name"] for found in aws("s3").list_buckets()["Buckets"] if found["Name"] == bucket]
    if left:
        sys.exit(f"error: the teardown left bucket {bucket}")
    return [
        ("creation", [created]),
        ("nothing to change", unchanged),
        (f"teardown, {options.versions} versions in the bucket", [removed]),
    ]


def deletions(lab: Lab, proxy: FaultProxy, options: argparse.Namespace) -> list[tuple[str, list[Figures]]]:
    s3 = clients(lab)("s3")
    full: dict[str, list[Figures]] = {way: [] for way in DELETIONS}
    absent: dict[str, list[Figures]] = {way: [] for way in DELETIONS}
    for _ in range(options.rounds):
        for way in DELETIONS:
            location = {"LocationConstraint": lab.region}
            s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=location)
            s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
            fill(s3, BUCKET, options.versions)
            full[way].append(measured(proxy, lambda way=way: delete(lab, way)))  # type: ignore[misc]
            if "force" not in way:
                s3.delete_bucket(Bucket=BUCKET)
            absent[way].append(measured(proxy, lambda way=way: delete(lab, way)))  # type: ignore[misc]
    return [
        *((f"{way}: {options.versions} versions", figures) for way, figures in full.items()),
        *((f"{way}: no such bucket", figures) for way, figures in absent.items()),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure role gateway on a lab")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--versions", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mft-bench-") as name:
        directory = Path(name)
        lab_command(directory / "lab", "up")
        try:
            lab = connect(directory / "lab")
            with FaultProxy(lab.endpoint_url) as proxy:
                path = f"{BIN}:{os.environ['PATH']}"
                counted = dataclasses.replace(lab, env=lab.env | {"AWS_ENDPOINT_URL": proxy.url, "PATH": path})
                (directory / "runs").mkdir()
                rows = role(counted, proxy, directory / "runs", options) + deletions(counted, proxy, options)
        finally:
            lab_command(directory / "lab", "down")
    print("| what | runs | seconds | API calls |\n|---|--:|--:|--:|")
    for what, figures in rows:
        seconds, calls = (statistics.median(values) for values in zip(*figures, strict=True))
        print(f"| {what} | {len(figures)} | {seconds:.1f} | {calls:.0f} |")
    load = ", ".join(f"{average:.1f}" for average in os.getloadavg())
    print(f"\n{os.cpu_count()} CPUs, load averages of 1, 5 and 15 minutes at the end: {load}.")


if __name__ == "__main__":
    main()
