# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files through the lab's SFTP endpoint, seen by an unmodified OpenSSH client."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import pytest

from integration.sftp_client import MIB
from integration.sftp_client import Gateway
from integration.sftp_client import Partner
from integration.sftp_client import endpoint_process
from integration.sftp_client import resident

if TYPE_CHECKING:
    from integration.conftest import Lab


@pytest.fixture(scope="module")
def gateway(lab: Lab, aws: Callable[[str], Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    made = Gateway(
        lab, aws, tmp_path_factory.mktemp("partners"), PreAuthenticationLoginBanner="Acme Bank: authorised use only"
    )
    yield made
    made.transfer.delete_server(ServerId=made.id)


@pytest.fixture(scope="module")
def acme(gateway: Gateway) -> Partner:
    return gateway.user("acme")


NAMES = ["payments.csv", "invoice été (1).csv", "a+b%20c%.csv", "-dash", 'what\'s "this".txt', "日本.csv"]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_arrives_under_its_own_name(gateway: Gateway, acme: Partner, tmp_path: Path, name: str) -> None:
    local, back = tmp_path / "local", tmp_path / "back"
    local.write_bytes(name.encode() * 100)
    quoted = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    acme.does(f"put {local} ./{quoted}\nget ./{quoted} {back}")
    assert gateway.content(f"home/acme/{name}") == back.read_bytes() == local.read_bytes()
    head = gateway.s3.head_object(Bucket=gateway.bucket, Key=f"home/acme/{name}")
    assert head["Metadata"] == {"user-agent": "AWSTransfer", "user-agent-id": f"acme@{gateway.id}"}
    assert name in acme.names()


def test_an_empty_file_is_a_file(gateway: Gateway, acme: Partner, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    acme.does(f"put {tmp_path}/empty\nget empty {tmp_path}/back")
    assert gateway.content("home/acme/empty") == (tmp_path / "back").read_bytes() == b""


def test_200_mb_go_through_in_bounded_memory(gateway: Gateway, acme: Partner, tmp_path: Path) -> None:
    big, back = tmp_path / "big.bin", tmp_path / "back.bin"
    big.write_bytes(os.urandom(MIB) * 200)
    acme.does(f"put {tmp_path}/big.bin warm\nrm warm")
    process = endpoint_process(gateway.lab)
    (process / "clear_refs").write_text("5")  # VmHWM starts anew (proc(5))
    before = resident(process, "VmRSS")
    acme.does(f"put {big} big.bin\nget big.bin {back}")
    growth = resident(process, "VmHWM") - before
    assert growth < 96 * MIB, f"the endpoint grew by {growth // MIB} MiB for a file of 200 MiB"
    digest = hashlib.file_digest(big.open("rb"), "sha256").digest()
    assert hashlib.file_digest(back.open("rb"), "sha256").digest() == digest
    stored = hashlib.sha256()
    for piece in gateway.s3.get_object(Bucket=gateway.bucket, Key="home/acme/big.bin")["Body"].iter_chunks(MIB):
        stored.update(piece)
    assert stored.digest() == digest
    acme.does("rm big.bin")


def test_each_upload_is_one_event(gateway: Gateway, acme: Partner, aws: Callable[[str], Any], tmp_path: Path) -> None:
    sqs = aws("sqs")
    url = sqs.create_queue(QueueName=f"{gateway.bucket}-events")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    targets = [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]
    gateway.s3.put_bucket_notification_configuration(
        Bucket=gateway.bucket, NotificationConfiguration={"QueueConfigurations": targets}
    )
    (tmp_path / "small").write_bytes(b"orders")
    (tmp_path / "large").write_bytes(os.urandom(20 * MIB))
    acme.does(f"put {tmp_path}/small ev/small\nput {tmp_path}/large ev/large\nput {tmp_path}/small ev/end")
    seen: dict[str, list[str]] = {}
    while "home/acme/ev/end" not in seen:
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=5)["Messages"]:
            for record in json.loads(message["Body"]).get("Records", []):
                seen.setdefault(record["s3"]["object"]["key"], []).append(record["eventName"])
    gateway.s3.put_bucket_notification_configuration(Bucket=gateway.bucket, NotificationConfiguration={})
    assert seen["home/acme/ev/small"] == ["ObjectCreated:Put"]
    assert seen["home/acme/ev/large"] == ["ObjectCreated:CompleteMultipartUpload"]


def test_directories(gateway: Gateway, acme: Partner, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x")
    acme.does(f"mkdir orders\nput {tmp_path}/f orders/one.csv")
    assert gateway.keys("home/acme/orders") == ["home/acme/orders/", "home/acme/orders/one.csv"]
    acme.fails("mkdir orders", "Failure")
    acme.fails("rmdir orders", "Failure")
    acme.fails("rm orders", "Failure")
    acme.fails("ls nowhere", "not found")
    acme.does("rm orders/one.csv\nrmdir orders")
    assert gateway.keys("home/acme/orders") == []
    acme.fails("rmdir orders", "No such file")


def test_a_long_listing_is_complete(gateway: Gateway, acme: Partner) -> None:
    names = [f"{number:04}.csv" for number in range(1100)]
    with ThreadPoolExecutor(4) as threads:
        list(
            threads.map(
                lambda name: gateway.s3.put_object(Bucket=gateway.bucket, Key=f"home/acme/many/{name}", Body=b""), names
            )
        )
    assert [Path(name).name for name in acme.names("many")] == names


def test_rename_copies_and_never_replaces(gateway: Gateway, acme: Partner, tmp_path: Path) -> None:
    (tmp_path / "new").write_bytes(b"new")
    (tmp_path / "old").write_bytes(b"old")
    acme.does(f"mkdir ren\nput {tmp_path}/new ren/.new.part\nput {tmp_path}/old ren/old")
    acme.fails("rename ren/.new.part ren/old", "Failure")
    assert gateway.content("home/acme/ren/old") == b"old"
    acme.does("rename ren/.new.part ren/new")
    assert gateway.keys("home/acme/ren/") == ["home/acme/ren/", "home/acme/ren/new", "home/acme/ren/old"]
    assert gateway.content("home/acme/ren/new") == b"new"
    acme.fails("rename ren ren2", "Operation unsupported")
    acme.fails("rename ren/nothing ren/x", "No such file")


def test_what_s3_cannot_do_is_refused(gateway: Gateway, acme: Partner, tmp_path: Path) -> None:
    (tmp_path / "short").write_bytes(b"payments")
    (tmp_path / "longer").write_bytes(b"payments, and more")
    acme.does(f"put {tmp_path}/short app.csv")
    acme.fails(f"reput {tmp_path}/longer app.csv", "Operation unsupported")
    assert gateway.content("home/acme/app.csv") == b"payments"
    acme.fails("symlink app.csv link", "Operation unsupported")
    acme.fails("ln app.csv hard", "hardlink")
    gateway.wait_log("ERROR", operation="OPEN", message="Cannot open file in mode: APPEND|CREATE|WRITE")


def test_setstat_follows_the_servers_setting(gateway: Gateway, acme: Partner, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x")
    acme.does(f"put {tmp_path}/f stat.csv")
    acme.fails("chmod 600 stat.csv", "Operation unsupported")
    gateway.update(ProtocolDetails={"SetStatOption": "ENABLE_NO_OP"})
    acme.does(f"chmod 600 stat.csv\nput -p {tmp_path}/f stat2.csv")
    gateway.wait_log("SETSTAT", path=f"/{gateway.bucket}/home/acme/stat.csv")
    gateway.update(ProtocolDetails={"SetStatOption": "DEFAULT"})
    acme.fails("chmod 600 stat.csv", "Operation unsupported")
