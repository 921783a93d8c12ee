# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Role gateway on the lab, as an operator meets it: preview, creation, a run that changes nothing, updates, refusals,
failures said in one sentence, teardown. The tests tell one story, in order, on one stack."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import pytest

from integration.gateway_runs import TEMPLATE
from integration.gateway_runs import Play
from integration.gateway_runs import everything

if TYPE_CHECKING:
    from integration.conftest import Lab

STACK = "acme-gateway"


@pytest.fixture(scope="module")
def play(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Play:
    return Play(lab, tmp_path_factory.mktemp("gateway"), gateway_stack_name=STACK)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], str]:
    """The path of the template with one text in the place of another."""

    def changed(old: str, new: str) -> str:
        text = TEMPLATE.read_text()
        assert text.count(old) == 1, old
        path = tmp_path_factory.mktemp("template") / "gateway.yaml"
        path.write_text(text.replace(old, new))
        return str(path)

    return changed


@pytest.fixture(scope="module")
def broken_template(template: Callable[[str, str], str]) -> str:
    """A template that everybody takes for right, until the server is made."""
    return template("SecurityPolicyName: !Ref SecurityPolicyName", "SecurityPolicyName: TransferSecurityPolicy-1999-12")


def stack(aws: Callable[[str], Any], name: str = STACK) -> dict[str, Any]:
    described: dict[str, Any] = aws("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    return described


def outputs(aws: Callable[[str], Any]) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in stack(aws)["Outputs"]}


def test_check_mode_shows_what_would_be_made_and_makes_nothing(play: Play, aws: Callable[[str], Any]) -> None:
    before = everything(aws)
    run = play("--check").succeeded()
    assert run.changed == 1
    assert f"Stack {STACK} would be created in eu-central-1" in run.output
    assert "add      Server (AWS::Transfer::Server)" in run.output
    assert everything(aws) == before


def test_failed_creation_is_taken_back(play: Play, aws: Callable[[str], Any], broken_template: str) -> None:
    run = play(__gateway_template=broken_template)
    assert run.failed == 1
    assert run.message.startswith(f"Stack {STACK} could not be created. Server (AWS::Transfer::Server) ")
    assert "TransferSecurityPolicy-1999-12" in run.message
    assert run.message.endswith("What had been made was taken back.")
    assert len(run.message) < 600
    assert stack(aws)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert not [b["Name"] for b in aws("s3").list_buckets()["Buckets"] if b["Name"].startswith(f"{STACK}-1")]


def test_next_run_starts_afresh_and_creates(play: Play, aws: Callable[[str], Any], lab: Lab, tmp_path: Path) -> None:
    run = play(outputs_file=str(tmp_path / "outputs.json"), gateway_tags={"owner": "payments"}).succeeded()
    assert run.changed
    described = stack(aws)
    assert described["StackStatus"] == "CREATE_COMPLETE"
    assert described["EnableTerminationProtection"] is True
    assert {"Key": "owner", "Value": "payments"} in described["Tags"]
    assert json.loads((tmp_path / "outputs.json").read_text()) == outputs(aws)
    policy = json.loads(aws("cloudformation").get_stack_policy(StackName=STACK)["StackPolicyBody"])
    assert "LogicalResourceId/Bucket" in policy["Statement"][1]["Resource"]

    archive = f"{STACK}-artefacts-{lab.account_id}-{lab.region}"
    assert aws("s3").get_bucket_versioning(Bucket=archive)["Status"] == "Enabled"
    keys = [o["Key"] for o in aws("s3").list_objects_v2(Bucket=archive)["Contents"]]
    # Two templates were deployed: the broken one, and the one that stands.
    assert {re.sub(r"[0-9a-f]{64}", "HASH", key) for key in keys} == {"packages/HASH.zip", "templates/HASH.yaml"}
    kept = [
        aws("s3").get_object(Bucket=archive, Key=key)["Body"].read() for key in keys if key.startswith("templates/")
    ]
    assert TEMPLATE.read_bytes() in kept
    # Events were shown while they happened, not only their sum afterwards.
    assert re.search(r"^  \d\d:\d\d:\d\d  CREATE_COMPLETE      Server \(AWS::Transfer::Server\)$", run.output, re.M)
    function = aws("lambda").get_function_configuration(FunctionName=outputs(aws)["FunctionName"])
    assert function["FileSystemConfigs"][0]["LocalMountPath"] == "/mnt/sftp"


def test_second_run_changes_nothing(play: Play, aws: Callable[[str], Any]) -> None:
    before = everything(aws)
    run = play(gateway_tags={"owner": "payments"}).succeeded()
    assert run.changed == 0
    assert f"Stack {STACK} is as it should be." in run.output
    assert everything(aws) == before


def test_check_mode_shows_an_update_and_makes_none(play: Play, aws: Callable[[str], Any]) -> None:
    before = everything(aws)
    run = play(
        "--check", gateway_tags={"owner": "payments"}, gateway_parameters={"DeliveryDelaySeconds": 0}
    ).succeeded()
    assert run.changed == 1
    assert re.search(r"modify   Queue \(AWS::SQS::Queue\) \S+: DelaySeconds", run.output)
    assert everything(aws) == before


def test_update_of_a_parameter(play: Play, aws: Callable[[str], Any]) -> None:
    before = outputs(aws)
    run = play(gateway_tags={"owner": "payments"}, gateway_parameters={"DeliveryDelaySeconds": 0}).succeeded()
    assert run.changed
    attributes = aws("sqs").get_queue_attributes(QueueUrl=before["QueueUrl"], AttributeNames=["DelaySeconds"])
    assert attributes["Attributes"]["DelaySeconds"] == "0"
    assert outputs(aws) == before
    assert stack(aws)["EnableTerminationProtection"] is True


def test_a_file_in_the_bucket_appears_on_the_share(aws: Callable[[str], Any], lab: Lab) -> None:
    facts = outputs(aws)
    content = "invoice;amount\nété;12,50\n".encode()
    aws("s3").put_object(Bucket=facts["BucketName"], Key="home/acme/in/invoice été (1).csv", Body=content)
    share = lab.efs_directory / facts["FileSystemId"] / facts["AccessPointPath"].strip("/")
    placed = share / "acme/in/invoice été (1).csv"
    deadline = time.monotonic() + 60
    while not placed.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert placed.read_bytes() == content
    assert placed.stat().st_mode & 0o777 == 0o640


def test_failed_update_names_the_first_resource_that_failed(
    play: Play, aws: Callable[[str], Any], broken_template: str
) -> None:
    run = play(gateway_tags={"owner": "payments"}, __gateway_template=broken_template)
    assert run.failed == 1
    assert run.message.startswith(f"Stack {STACK} could not be updated. Server (AWS::Transfer::Server) ")
    assert "TransferSecurityPolicy-1999-12" in run.message
    assert run.message.endswith("It is as it was before.")
    assert len(run.message) < 600
    server = aws("transfer").describe_server(ServerId=outputs(aws)["ServerId"])["Server"]
    assert server["SecurityPolicyName"] == "TransferSecurityPolicy-2025-03"


def test_replacement_of_what_holds_data_is_refused(
    play: Play, template: Callable[[str, str], str], aws: Callable[[str], Any]
) -> None:
    before = everything(aws)
    variables = {
        "gateway_tags": {"owner": "payments"},
        "gateway_parameters": {"DeliveryDelaySeconds": 0},
        "__gateway_template": template("PerformanceMode: generalPurpose", "PerformanceMode: maxIO"),
    }
    run = play(**variables)
    assert run.failed == 1
    assert re.search(r"REPLACE  FileSystem \(AWS::EFS::FileSystem\) fs-\w+: PerformanceMode", run.message)
    assert "[FileSystem]" in run.message
    assert "gateway_replaceable" in run.message
    assert everything(aws) == before
    # Named by the operator, the same change is let through; check mode is enough to see it.
    assert play("--check", **variables, gateway_replaceable=["FileSystem"]).succeeded().changed == 1
    assert everything(aws) == before


def test_info_drift_and_an_unconfirmed_teardown_change_nothing(play: Play, aws: Callable[[str], Any]) -> None:
    facts = outputs(aws)
    aws("sqs").set_queue_attributes(QueueUrl=facts["QueueUrl"], Attributes={"DelaySeconds": "77"})
    before = everything(aws)
    run = play(entries=["info", "drift", "teardown"], gateway_teardown_confirm="acme")
    assert (run.changed, run.failed) == (0, 1)
    assert facts["ServerId"] in run.output
    assert '"state": "ONLINE"' in run.output
    assert '"problems": []' in run.output
    assert "1 resource changed elsewhere" in run.output
    assert "DelaySeconds is 77, should be 0" in run.output
    assert "it has to be the stack's name" in run.message
    assert everything(aws) == before


@pytest.fixture(scope="module")
def kept() -> dict[str, str]:
    """What the stack's outputs were, for the test that comes after its end."""
    return {}


def test_teardown_deletes_the_stack_and_keeps_the_files(
    play: Play, aws: Callable[[str], Any], kept: dict[str, str]
) -> None:
    facts = outputs(aws)
    run = play(entries=["teardown"], gateway_teardown_confirm=STACK).succeeded()
    assert run.changed
    assert facts["BucketName"] in run.output
    assert facts["FileSystemId"] in run.output
    names = [s["StackName"] for s in aws("cloudformation").describe_stacks()["Stacks"]]
    assert STACK not in names
    assert facts["ServerId"] not in [s["ServerId"] for s in aws("transfer").list_servers()["Servers"]]
    invoice = aws("s3").get_object(Bucket=facts["BucketName"], Key="home/acme/in/invoice été (1).csv")
    assert invoice["Body"].read().startswith(b"invoice")
    kept.update(facts)


def test_what_was_kept_can_still_be_deleted(play: Play, aws: Callable[[str], Any], kept: dict[str, str]) -> None:
    run = play(
        entries=["teardown"],
        gateway_teardown_confirm=STACK,
        gateway_teardown_data="delete",
        gateway_teardown_artefacts=True,
    ).succeeded()
    assert f"There is no stack {STACK}." in run.output
    assert not [b["Name"] for b in aws("s3").list_buckets()["Buckets"] if b["Name"].startswith(STACK)]
    assert kept["FileSystemId"] not in [f["FileSystemId"] for f in aws("efs").describe_file_systems()["FileSystems"]]
    assert not [g for g in aws("logs").describe_log_groups()["logGroups"] if STACK in g["logGroupName"]]
    assert aws("kms").describe_key(KeyId=kept["KeyArn"])["KeyMetadata"]["KeyState"] == "PendingDeletion"
