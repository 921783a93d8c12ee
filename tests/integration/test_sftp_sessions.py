# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may log in to the lab's SFTP endpoint, what they see, and what happens when a session breaks off."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import time
import zipfile
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import pytest

from integration.sftp_client import MIB
from integration.sftp_client import ROLE
from integration.sftp_client import Gateway
from integration.sftp_client import Partner
from integration.sftp_client import wait_for

if TYPE_CHECKING:
    from integration.conftest import Lab

BANNER = "Acme Bank: authorised use only"


@pytest.fixture
def gateway(lab: Lab, aws: Callable[[str], Any], tmp_path: Path) -> Iterator[Gateway]:
    made = Gateway(lab, aws, tmp_path, PreAuthenticationLoginBanner=BANNER)
    yield made
    made.transfer.delete_server(ServerId=made.id)


def test_only_a_key_that_the_service_holds_now_logs_in(gateway: Gateway) -> None:
    acme, orders = gateway.user("acme"), gateway.user("orders")
    acme.does("pwd")
    orders.name = "acme"
    orders.fails("pwd", "Permission denied")
    user = gateway.transfer.describe_user(ServerId=gateway.id, UserName="acme")["User"]
    key_id = user["SshPublicKeys"][0]["SshPublicKeyId"]
    gateway.transfer.delete_ssh_public_key(ServerId=gateway.id, UserName="acme", SshPublicKeyId=key_id)
    acme.fails("pwd", "Permission denied")
    gateway.wait_log("AUTH_FAILURE", user="acme", method="publickey")
    gateway.transfer.import_ssh_public_key(ServerId=gateway.id, UserName="acme", SshPublicKeyBody=acme.public_key)
    acme.does("pwd")
    gateway.transfer.delete_user(ServerId=gateway.id, UserName="acme")
    acme.fails("pwd", "Permission denied")
    acme.name = "nobody"
    acme.fails("pwd", "Permission denied")


def test_a_login_is_logged_as_transfer_logs_it(gateway: Gateway) -> None:
    acme = gateway.user("acme")
    assert BANNER in acme.sftp("pwd").stderr
    line = gateway.wait_log("CONNECTED", user="acme")
    assert line["role"] == ROLE
    assert line["client"].startswith("SSH-2.0-OpenSSH_")
    assert line["ssh-public-key"] == acme.public_key.split()[1]
    assert line["resource-arn"].endswith(f":server/{gateway.id}")
    gateway.wait_log("DISCONNECTED", **{"session-id": line["session-id"]})


def test_there_is_no_shell(gateway: Gateway) -> None:
    acme = gateway.user("acme")
    command = ["ssh", "-p", str(gateway.port), *acme.options(), "acme@127.0.0.1", "id"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode != 0
    assert "uid=" not in done.stdout


def test_the_security_policy_decides_what_is_negotiated(gateway: Gateway) -> None:
    acme = gateway.user("acme")
    old = ("-c", "chacha20-poly1305@openssh.com")
    acme.fails("pwd", "no matching cipher", *old)
    acme.does("pwd", "-c", "aes256-gcm@openssh.com")
    gateway.update(SecurityPolicyName="TransferSecurityPolicy-2018-11")
    acme.does("pwd", *old)


def test_host_keys_are_the_servers_own_and_follow_changes(gateway: Gateway) -> None:
    def shown() -> set[str]:
        scan = subprocess.run(
            ["ssh-keyscan", "-p", str(gateway.port), "127.0.0.1"],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        found = subprocess.run(
            ["ssh-keygen", "-lf", "-"], input=scan.stdout, capture_output=True, text=True, check=True
        )
        return {line.split()[1].rstrip("=") for line in found.stdout.splitlines()}

    def held() -> dict[str, str]:
        listed = gateway.transfer.list_host_keys(ServerId=gateway.id)["HostKeys"]
        return {key["HostKeyId"]: key["Fingerprint"].rstrip("=") for key in listed}

    first = held()
    assert shown() == set(first.values())
    imported = gateway.directory / "legacy"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", imported], check=True)
    answer = gateway.transfer.import_host_key(ServerId=gateway.id, HostKeyBody=imported.read_text())
    time.sleep(0.6)
    described = gateway.transfer.list_host_keys(ServerId=gateway.id)["HostKeys"]
    rivals = [key["HostKeyId"] for key in described if key["Type"] == "ssh-ed25519" and key["HostKeyId"] in first]
    if rivals:
        assert held()[answer["HostKeyId"]] not in shown(), "the oldest key of a type is the one served"
        gateway.transfer.delete_host_key(ServerId=gateway.id, HostKeyId=rivals[0])
    wait_for("the new host key", lambda: shown() == set(held().values()))


def test_an_offline_server_refuses_and_comes_back_on_its_port(gateway: Gateway) -> None:
    acme = gateway.user("acme")
    standing = acme.start()
    assert standing.stdin is not None
    standing.stdin.write("pwd\n")
    standing.stdin.flush()
    gateway.wait_log("CONNECTED", user="acme")
    gateway.transfer.stop_server(ServerId=gateway.id)
    gateway.transfer.get_waiter("server_offline").wait(ServerId=gateway.id, WaiterConfig={"Delay": 1})
    time.sleep(0.6)
    acme.fails("pwd", "Connection refused")
    standing.communicate("ls\n", timeout=20)
    assert standing.returncode != 0, "a session outlived its server"
    gateway.transfer.start_server(ServerId=gateway.id)
    wait_for("the server again", lambda: acme.sftp("pwd").returncode == 0)
    assert gateway.reported_port() == gateway.port


def test_a_deleted_server_is_gone(lab: Lab, aws: Callable[[str], Any], tmp_path: Path) -> None:
    gateway = Gateway(lab, aws, tmp_path)
    acme = gateway.user("acme")
    acme.does("pwd")
    gateway.transfer.delete_server(ServerId=gateway.id)
    time.sleep(0.6)
    acme.fails("pwd", "Connection refused")


def test_a_logical_home_is_its_mappings_and_nothing_else(gateway: Gateway) -> None:
    def put(key: str) -> None:
        gateway.s3.put_object(Bucket=gateway.bucket, Key=key, Body=key.encode())

    for key in ("in/acme/a.csv", "reports/orders.csv", "reports/secret.csv", "archive/old.csv"):
        put(key)
    payments = gateway.user(
        "payments",
        home=[
            {"Entry": "/in", "Target": f"/{gateway.bucket}/in/acme"},
            {"Entry": "/done/archive", "Target": f"/{gateway.bucket}/archive"},
            {"Entry": "/shared/orders.csv", "Target": f"/{gateway.bucket}/reports/orders.csv", "Type": "FILE"},
        ],
    )
    assert payments.names() == ["done", "in", "shared"]
    assert payments.names("in") == ["in/a.csv"]
    assert payments.names("done/archive") == ["done/archive/old.csv"]
    assert payments.names("shared") == ["shared/orders.csv"]
    local = gateway.directory / "got"
    payments.does(f"get shared/orders.csv {local}")
    assert local.read_bytes() == b"reports/orders.csv"
    payments.fails(f"get in/../../reports/secret.csv {local}", "not found")
    payments.fails(f"get shared/../reports/secret.csv {local}", "not found")
    payments.fails(f"put {local} top.csv", "No such file or directory")
    payments.fails("rmdir shared", "Permission denied")
    payments.fails("rename in done/other", "Permission denied")


def test_a_path_home_shows_bucket_paths(gateway: Gateway) -> None:
    gateway.s3.put_object(Bucket=gateway.bucket, Key="home/orders/a.csv", Body=b"x")
    orders = gateway.user("orders", home=f"/{gateway.bucket}/home/orders")
    assert f"Remote working directory: /{gateway.bucket}/home/orders" in orders.does("pwd")
    assert orders.names() == ["a.csv"]


def cut_off(partner: Partner, local: Path, started: Callable[[], object]) -> None:
    """Begin an upload and kill the client, ssh and all, once it is under way."""
    client = partner.start("-l", "40000")  # kbit/s
    assert client.stdin is not None
    client.stdin.write(f"put {local} payments.dat\n")
    client.stdin.flush()
    wait_for("the upload being under way", started)
    os.killpg(client.pid, signal.SIGKILL)
    client.communicate()


def test_a_cut_off_upload_is_stored_truncated_and_moved_away(gateway: Gateway) -> None:
    location = {"S3FileLocation": {"Bucket": gateway.bucket, "Key": "quarantine/${Transfer:UserName}/"}}
    steps = [
        {"Type": "COPY", "CopyStepDetails": {"Name": "keep", "DestinationFileLocation": location}},
        {"Type": "TAG", "TagStepDetails": {"Name": "mark", "Tags": [{"Key": "state", "Value": "cut off"}]}},
        {"Type": "DELETE", "DeleteStepDetails": {"Name": "drop", "SourceFileLocation": "${original.file}"}},
    ]
    workflow = gateway.transfer.create_workflow(Steps=steps)["WorkflowId"]
    detail = {"WorkflowId": workflow, "ExecutionRole": ROLE}
    gateway.update(WorkflowDetails={"OnPartialUpload": [detail]})
    acme = gateway.user("acme")
    small, large = gateway.directory / "small", gateway.directory / "large"
    small.write_bytes(b"the whole payments of yesterday")
    large.write_bytes(os.urandom(40 * MIB))
    acme.does(f"put {small} payments.dat")

    def under_way() -> object:
        return gateway.s3.list_multipart_uploads(Bucket=gateway.bucket).get("Uploads")

    cut_off(acme, large, under_way)
    line = gateway.wait_log("PARTIAL_CLOSE", path=f"/{gateway.bucket}/home/acme/payments.dat")
    moved = "quarantine/acme/payments.dat"
    wait_for("the workflow's end", lambda: [line for line in gateway.log() if line.get("type") == "ExecutionCompleted"])
    truncated = gateway.content(moved)
    assert len(truncated) == int(line["bytes-in"])
    assert 8 * MIB <= len(truncated) < 40 * MIB
    assert large.read_bytes().startswith(truncated)
    assert not under_way()
    tags = gateway.s3.get_object_tagging(Bucket=gateway.bucket, Key=moved)["TagSet"]
    assert tags == [{"Key": "state", "Value": "cut off"}]
    # The step deleted the version that was cut off: the whole file it had replaced is the current one again.
    assert gateway.content("home/acme/payments.dat") == small.read_bytes()


def test_a_cut_off_upload_stays_where_no_workflow_moves_it(gateway: Gateway) -> None:
    acme = gateway.user("acme")
    large = gateway.directory / "large"
    large.write_bytes(os.urandom(40 * MIB))
    path = f"/{gateway.bucket}/home/acme/payments.dat"
    cut_off(acme, large, lambda: [line for line in gateway.log() if line.get("path") == path])
    line = gateway.wait_log("PARTIAL_CLOSE", path=path)
    content = gateway.content("home/acme/payments.dat")
    assert large.read_bytes().startswith(content)
    assert len(content) == int(line["bytes-in"]) < 40 * MIB


def test_a_whole_upload_runs_the_other_workflow(gateway: Gateway) -> None:
    steps = [{"Type": "TAG", "TagStepDetails": {"Name": "mark", "Tags": [{"Key": "state", "Value": "whole"}]}}]
    workflow = gateway.transfer.create_workflow(Steps=steps)["WorkflowId"]
    gateway.update(WorkflowDetails={"OnUpload": [{"WorkflowId": workflow, "ExecutionRole": ROLE}]})
    acme = gateway.user("acme")
    (gateway.directory / "f").write_bytes(b"x")
    acme.does(f"put {gateway.directory}/f a.csv")
    tags = wait_for(
        "the tag", lambda: gateway.s3.get_object_tagging(Bucket=gateway.bucket, Key="home/acme/a.csv")["TagSet"]
    )
    assert tags == [{"Key": "state", "Value": "whole"}]


STEP_FUNCTION = """
import boto3

def handle(event, context):
    execution = event["serviceMetadata"]["executionDetails"]
    boto3.client("transfer").send_workflow_step_state(
        WorkflowId=execution["workflowId"],
        ExecutionId=execution["executionId"],
        Token=event["token"],
        Status="FAILURE" if event["fileLocation"]["key"].endswith(".exe") else "SUCCESS",
    )
"""


def test_a_custom_step_decides_by_its_function(gateway: Gateway, aws: Callable[[str], Any]) -> None:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("scan.py", STEP_FUNCTION)
    function = aws("lambda").create_function(
        FunctionName=f"scan-{gateway.id}",
        Runtime="python3.13",
        Handler="scan.handle",
        Role=ROLE,
        Code={"ZipFile": package.getvalue()},
        Timeout=30,
    )
    clean = {"Name": "clean", "Tags": [{"Key": "state", "Value": "clean"}]}
    refused = {"Name": "refused", "Tags": [{"Key": "state", "Value": "refused"}]}
    workflow = gateway.transfer.create_workflow(
        Steps=[
            {"Type": "CUSTOM", "CustomStepDetails": {"Name": "scan", "Target": function["FunctionArn"]}},
            {"Type": "TAG", "TagStepDetails": clean},
        ],
        OnExceptionSteps=[{"Type": "TAG", "TagStepDetails": refused}],
    )["WorkflowId"]
    gateway.update(WorkflowDetails={"OnUpload": [{"WorkflowId": workflow, "ExecutionRole": ROLE}]})
    acme = gateway.user("acme")
    (gateway.directory / "f").write_bytes(b"x")
    acme.does(f"put {gateway.directory}/f a.csv\nput {gateway.directory}/f a.exe")

    def state(name: str) -> str | None:
        tags = gateway.s3.get_object_tagging(Bucket=gateway.bucket, Key=f"home/acme/{name}")["TagSet"]
        return next((tag["Value"] for tag in tags), None)

    assert wait_for("the tag of a.csv", lambda: state("a.csv")) == "clean"
    assert wait_for("the tag of a.exe", lambda: state("a.exe")) == "refused"


def test_the_log_goes_to_the_servers_log_group(gateway: Gateway, aws: Callable[[str], Any]) -> None:
    logs, group = aws("logs"), f"/aws/transfer/{gateway.id}"
    logs.create_log_group(logGroupName=group)
    arn = f"arn:aws:logs:{gateway.lab.region}:{gateway.lab.account_id}:log-group:{group}:*"
    gateway.update(StructuredLogDestinations=[arn])
    gateway.user("acme").does("pwd")

    def events() -> list[str]:
        streams = logs.describe_log_streams(logGroupName=group)["logStreams"]
        names = [stream["logStreamName"] for stream in streams if stream["logStreamName"].startswith("acme.")]
        found = [logs.get_log_events(logGroupName=group, logStreamName=name)["events"] for name in names]
        return [json.loads(event["message"])["activity-type"] for stream in found for event in stream]

    wait_for("both lines", lambda: events() == ["CONNECTED", "DISCONNECTED"])
