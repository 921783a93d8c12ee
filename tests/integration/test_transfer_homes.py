# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module transfer_homes on the lab's S3: check, run, check again, run again."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from integration.conftest import Lab
from integration.documented import assert_returned
from integration.documented import documentation
from integration.support import run_module
from integration.support import run_playbook
from integration.transfer_support import four_runs

Homes = Callable[..., dict[str, Any]]
Keys = Callable[[], list[str]]


@pytest.fixture
def bucket(aws: Callable[[str], Any]) -> Iterator[str]:
    s3, name = aws("s3"), f"bank-transfers-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    yield name
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name):
        s3.delete_objects(Bucket=name, Delete={"Objects": [{"Key": item["Key"]} for item in page["Contents"]]})
    s3.delete_bucket(Bucket=name)


@pytest.fixture
def homes(lab: Lab, bucket: str) -> Homes:
    def run(homes: list[str], *, check: bool = False, **arguments: Any) -> dict[str, Any]:
        return run_module(lab, "transfer_homes", check=check, **{"bucket": bucket, "homes": homes, **arguments})

    return run


@pytest.fixture
def keys(aws: Callable[[str], Any], bucket: str) -> Keys:
    def listed() -> list[str]:
        pages = aws("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    return listed


def test_what_is_not_there_is_made_and_nothing_else(
    homes: Homes, keys: Keys, aws: Callable[[str], Any], bucket: str
) -> None:
    for key in ("home/acme/in/rates.csv", "home/acme2/", "home/orders"):
        aws("s3").put_object(Bucket=bucket, Key=key, Body=b"1")
    done = four_runs(homes, ["home/orders", "home/acme", "archive/über uns", "home/acme-2"])
    assert done["created"] == ["archive/über uns", "home/acme-2", "home/orders"]
    assert keys() == [
        "archive/über uns/",
        "home/acme-2/",
        "home/acme/in/rates.csv",
        "home/acme2/",
        "home/orders",
        "home/orders/",
    ]


def test_a_check_makes_nothing(homes: Homes, aws: Callable[[str], Any], bucket: str) -> None:
    aws("s3").put_object(Bucket=bucket, Key="x")
    assert homes(["home/acme"], check=True)["created"] == ["home/acme"]
    assert [item["Key"] for item in aws("s3").list_objects_v2(Bucket=bucket)["Contents"]] == ["x"]


def test_homes_over_a_page_boundary(homes: Homes, keys: Keys) -> None:
    some = [f"home/partner-{number:04}" for number in range(1100)]
    missing = {some[position] for position in (0, 999, 1000, 1099)}
    homes([home for home in some if home not in missing])
    assert homes(some, check=True)["created"] == sorted(missing)
    homes(some)
    assert keys() == [f"{home}/" for home in some]


def test_what_cannot_be_is_told_before_anything_is_made(homes: Homes, keys: Keys, lab: Lab) -> None:
    assert "2 problems found" in homes(["home/acme", "/home/orders", "home/../rates"])["msg"]
    unknown = homes(["home/acme"], bucket="bank-of-nobody")
    assert unknown["msg"].startswith("Failed to list bucket bank-of-nobody: An error occurred (NoSuchBucket)")
    homes(["home/payments"])
    assert keys() == ["home/payments/"]


def test_what_is_documented_is_what_is_returned(homes: Homes) -> None:
    result = homes(["home/acme"])
    returned = {name: result[name] for name in set(result) - {"changed", "diff", "invocation"}}
    assert_returned(documentation("transfer_homes", "RETURN"), returned)
    assert result["created"] == documentation("transfer_homes", "RETURN")["created"]["sample"]


def test_the_examples_run(lab: Lab, bucket: str, keys: Keys, tmp_path: Path) -> None:
    tasks = documentation("transfer_homes", "EXAMPLES")
    for task in tasks:
        task["mft.aws.transfer_homes"]["bucket"] = bucket
    report = run_playbook(lab, tmp_path, tasks, "--diff")
    assert report["rc"] == 0, report["stdout"]
    assert keys() == ["home/acme/", "home/orders/"]
