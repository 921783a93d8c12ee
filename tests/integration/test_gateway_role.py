# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Role gateway on the lab, as an operator meets it: preview, creation, a run that changes nothing, updates, refusals,
failures said in one sentence, teardown. The tests tell one story, in order, on one stack."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import pytest

if TYPE_CHECKING:
    from conftest import Lab

CHECKOUT = Path(__file__).resolve().parents[2]
STACK = "acme-gateway"
PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.include_role:
        name: mft.aws.gateway
        tasks_from: "{{ entry | default('main') }}"
    - ansible.builtin.copy:
        content: "{{ gateway_outputs | default({}) | to_json }}"
        dest: "{{ outputs_file }}"
        mode: "0600"
      when: outputs_file is defined
      check_mode: false
      changed_when: false
"""


class Run:
    """One ansible-playbook run: its output, and what its recap counted."""

    def __init__(self, completed: subprocess.CompletedProcess[str]) -> None:
        self.output = completed.stdout + completed.stderr
        counted = re.search(r"localhost +: ok=\d+ +changed=(\d+) +unreachable=0 +failed=(\d+)", self.output)
        assert counted, self.output
        self.changed, self.failed = int(counted[1]), int(counted[2])
        self.status = completed.returncode

    @property
    def message(self) -> str:
        """What the task that failed says."""
        found = re.search(r"^fatal: .*?FAILED! => (\{.*)$", self.output, re.M)
        assert found, self.output
        message: str = json.loads(found[1])["msg"]
        return message

    def succeeded(self) -> Run:
        assert self.status == 0, self.output
        return self


Play = Callable[..., Run]


@pytest.fixture(scope="module")
def play(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Play:
    """Run the role with these variables."""
    directory = tmp_path_factory.mktemp("gateway")
    (directory / "play.yml").write_text(PLAYBOOK)
    (directory / "tmp").mkdir()
    env = lab.env | {"TMPDIR": str(directory / "tmp"), "ANSIBLE_HOME": str(directory / "home")}

    def run(*words: str, **variables: Any) -> Run:
        extra = {"gateway_stack_name": STACK} | variables
        completed = subprocess.run(
            ["ansible-playbook", "play.yml", "-e", json.dumps(extra), *words],
            cwd=directory,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        left = [path.name for path in (directory / "tmp").iterdir() if path.name.startswith("mft-gateway-")]
        assert not left, f"the role left {left} in the temporary directory"
        return Run(completed)

    return run


@pytest.fixture
def everything(aws: Callable[[str], Any]) -> Callable[[], dict[str, Any]]:
    """What stands in the account: for comparing before and after."""

    def snapshot() -> dict[str, Any]:
        stacks = aws("cloudformation").describe_stacks()["Stacks"]
        return {
            "stacks": {
                s["StackName"]: (s["StackStatus"], s.get("LastUpdatedTime"), str(s.get("Parameters"))) for s in stacks
            },
            "change sets": [
                c["ChangeSetName"]
                for s in stacks
                for c in aws("cloudformation").list_change_sets(StackName=s["StackName"])["Summaries"]
            ],
            "objects": {
                b["Name"]: sorted(
                    (v["Key"], v["VersionId"])
                    for v in aws("s3").list_object_versions(Bucket=b["Name"]).get("Versions", [])
                )
                for b in aws("s3").list_buckets()["Buckets"]
            },
            "functions": [f["FunctionName"] for f in aws("lambda").list_functions()["Functions"]],
            "log groups": [g["logGroupName"] for g in aws("logs").describe_log_groups()["logGroups"]],
            "servers": [s["ServerId"] for s in aws("transfer").list_servers()["Servers"]],
            "file systems": [f["FileSystemId"] for f in aws("efs").describe_file_systems()["FileSystems"]],
        }

    return snapshot


def stack(aws: Callable[[str], Any], name: str = STACK) -> dict[str, Any]:
    described: dict[str, Any] = aws("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    return described


def outputs(aws: Callable[[str], Any]) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in stack(aws)["Outputs"]}


def test_check_mode_shows_what_would_be_made_and_makes_nothing(
    play: Play, everything: Callable[[], dict[str, Any]]
) -> None:
    before = everything()
    run = play("--check").succeeded()
    assert run.changed == 1
    assert f"Stack {STACK} would be created in eu-central-1" in run.output
    assert "add      Server (AWS::Transfer::Server)" in run.output
    assert everything() == before


def test_failed_creation_is_taken_back(play: Play, aws: Callable[[str], Any]) -> None:
    run = play(gateway_parameters={"SecurityPolicyName": "TransferSecurityPolicy-1999-12"})
    assert run.failed == 1
    assert run.message.startswith(f"Stack {STACK} could not be created. AWS::Transfer::Server Server CREATE_FAILED: ")
    assert "TransferSecurityPolicy-1999-12" in run.message
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
    assert [re.sub(r"[0-9a-f]{64}", "HASH", key) for key in keys] == ["packages/HASH.zip", "templates/HASH.yaml"]
    template = aws("s3").get_object(Bucket=archive, Key=keys[1])["Body"].read()
    assert template == (CHECKOUT / "files/cloudformation/gateway.yaml").read_bytes()
    function = aws("lambda").get_function_configuration(FunctionName=outputs(aws)["FunctionName"])
    assert function["FileSystemConfigs"][0]["LocalMountPath"] == "/mnt/sftp"


def test_second_run_changes_nothing(play: Play, everything: Callable[[], dict[str, Any]]) -> None:
    before = everything()
    run = play(gateway_tags={"owner": "payments"}).succeeded()
    assert run.changed == 0
    assert f"Stack {STACK} is as it should be." in run.output
    assert everything() == before


def test_check_mode_shows_an_update_and_makes_none(play: Play, everything: Callable[[], dict[str, Any]]) -> None:
    before = everything()
    run = play(
        "--check", gateway_tags={"owner": "payments"}, gateway_parameters={"DeliveryDelaySeconds": 0}
    ).succeeded()
    assert run.changed == 1
    assert "modify   Queue (AWS::SQS::Queue): DelaySeconds" in run.output
    assert everything() == before


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


def test_failed_update_names_the_first_resource_that_failed(play: Play, aws: Callable[[str], Any]) -> None:
    run = play(
        gateway_tags={"owner": "payments"},
        gateway_parameters={"DeliveryDelaySeconds": 0, "SecurityPolicyName": "TransferSecurityPolicy-1999-12"},
    )
    assert run.failed == 1
    assert run.message.startswith(f"Stack {STACK} could not be updated. AWS::Transfer::Server Server UPDATE_FAILED: ")
    assert "TransferSecurityPolicy-1999-12" in run.message
    assert run.message.endswith("It is as it was before.")
    assert len(run.message) < 600
    server = aws("transfer").describe_server(ServerId=outputs(aws)["ServerId"])["Server"]
    assert server["SecurityPolicyName"] == "TransferSecurityPolicy-2025-03"


def test_replacement_of_what_holds_data_is_refused(
    play: Play, tmp_path: Path, everything: Callable[[], dict[str, Any]]
) -> None:
    text = (CHECKOUT / "files/cloudformation/gateway.yaml").read_text()
    changed = tmp_path / "gateway.yaml"
    changed.write_text(text.replace("PerformanceMode: generalPurpose", "PerformanceMode: maxIO"))
    before = everything()
    variables = {
        "gateway_tags": {"owner": "payments"},
        "gateway_parameters": {"DeliveryDelaySeconds": 0},
        "__gateway_template": str(changed),
    }
    run = play(**variables)
    assert run.failed == 1
    assert "REPLACE  FileSystem (AWS::EFS::FileSystem): PerformanceMode" in run.output
    assert "gateway_replaceable: [FileSystem]" in run.message
    assert everything() == before
    # Named by the operator, the same change is let through; check mode is enough to see it.
    assert play("--check", **variables, gateway_replaceable=["FileSystem"]).succeeded().changed == 1


def test_info_changes_nothing(play: Play, aws: Callable[[str], Any]) -> None:
    run = play(entry="info").succeeded()
    assert run.changed == 0
    assert outputs(aws)["ServerId"] in run.output


def test_teardown_asks_for_the_name(play: Play, everything: Callable[[], dict[str, Any]]) -> None:
    before = everything()
    run = play(entry="teardown", gateway_teardown_confirm="acme")
    assert run.failed == 1
    assert "it has to be the stack's name" in run.message
    assert everything() == before


def test_teardown_deletes_the_stack_and_keeps_the_files(play: Play, aws: Callable[[str], Any]) -> None:
    facts = outputs(aws)
    run = play(entry="teardown", gateway_teardown_confirm=STACK).succeeded()
    assert run.changed
    assert facts["BucketName"] in run.output
    assert facts["FileSystemId"] in run.output
    names = [s["StackName"] for s in aws("cloudformation").describe_stacks()["Stacks"]]
    assert STACK not in names
    assert facts["ServerId"] not in [s["ServerId"] for s in aws("transfer").list_servers()["Servers"]]
    kept = aws("s3").get_object(Bucket=facts["BucketName"], Key="home/acme/in/invoice été (1).csv")
    assert kept["Body"].read().startswith(b"invoice")

    again = play(entry="teardown", gateway_teardown_confirm=STACK).succeeded()
    assert again.changed == 0
    assert f"There is no stack {STACK}." in again.output


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"gateway_stack_name": "acme_gateway"}, "gateway_stack_name is 'acme_gateway'"),
        (
            {"gateway_zones": ["eu-central-1a", "eu-west-1a"]},
            "there have to be two different ones of region eu-central-1",
        ),
    ],
)
def test_bad_input_is_refused_before_anything_is_made(
    play: Play, everything: Callable[[], dict[str, Any]], variables: dict[str, Any], said: str
) -> None:
    before = everything()
    run = play(**variables)
    assert run.failed == 1
    assert said in run.message
    assert everything() == before
