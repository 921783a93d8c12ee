# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab adds to ministack's CloudFormation, deployed by a stack and seen through the services' own APIs."""

from __future__ import annotations

import copy
import json
import os
import time
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import pytest
from botocore.exceptions import ClientError

from integration.orders_stack import KEY_2
from integration.orders_stack import Stack
from integration.orders_stack import new_stack

if TYPE_CHECKING:
    from integration.conftest import Lab

Aws = Callable[[str], Any]


@pytest.fixture(scope="module")
def stack(aws: Aws) -> Iterator[Stack]:
    deployed = new_stack(aws)
    assert deployed.deploy("CREATE") == "CREATE_COMPLETE", deployed.failures()
    yield deployed
    deployed.cloudformation.delete_stack(StackName=deployed.name)


@pytest.fixture(scope="module")
def outputs(stack: Stack) -> dict[str, str]:
    return stack.outputs()


def eventually(found: Callable[[], Any], seconds: float = 20.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
    return value


def describe_server(aws: Aws, server_id: str) -> dict[str, Any]:
    return dict(aws("transfer").describe_server(ServerId=server_id)["Server"])


def test_references_to_transfer_resources_are_those_that_aws_documents(outputs: dict[str, str], lab: Lab) -> None:
    prefix = f"arn:aws:transfer:{lab.region}:{lab.account_id}"
    assert outputs["ServerRef"] == f"{prefix}:server/{outputs['ServerId']}"
    assert outputs["UserRef"] == f"{prefix}:user/{outputs['ServerId']}/acme"
    assert outputs["WorkflowRef"].startswith("w-")
    assert outputs["ServerState"] == "ONLINE", "CloudFormation waits for it"


def test_the_server_has_what_the_template_says_and_the_stacks_tags(aws: Aws, outputs: dict[str, str]) -> None:
    server = describe_server(aws, outputs["ServerId"])
    assert server["PreAuthenticationLoginBanner"] == "acme only"
    assert server["ProtocolDetails"]["SetStatOption"] == "ENABLE_NO_OP"
    assert server["WorkflowDetails"]["OnPartialUpload"][0]["WorkflowId"] == outputs["WorkflowRef"]
    tags = {tag["Key"]: tag["Value"] for tag in server["Tags"]}
    assert tags == {"team": "payments", "application": "orders"}


def test_ec2_shows_the_servers_endpoint_with_its_dns_names(aws: Aws, outputs: dict[str, str]) -> None:
    vpce_id = describe_server(aws, outputs["ServerId"])["EndpointDetails"]["VpcEndpointId"]
    [endpoint] = aws("ec2").describe_vpc_endpoints(VpcEndpointIds=[vpce_id])["VpcEndpoints"]
    assert endpoint["VpcId"] == outputs["Vpc"]
    assert endpoint["VpcEndpointType"] == "Interface"
    names = [entry["DnsName"] for entry in endpoint["DnsEntries"]]
    assert names[0].startswith(f"{vpce_id}-")
    assert names[0].endswith(".vpce.amazonaws.com")
    assert len(names) == 3, "one for the region, one for each zone"
    assert len(endpoint["Groups"]) == 1
    assert len(endpoint["NetworkInterfaceIds"]) == 2


def test_security_groups_of_an_endpoint_are_changed_by_ec2(aws: Aws, outputs: dict[str, str]) -> None:
    """The only way for a Transfer server, see UpdateServer's EndpointDetails."""
    ec2 = aws("ec2")
    vpce_id = describe_server(aws, outputs["ServerId"])["EndpointDetails"]["VpcEndpointId"]
    ec2.modify_vpc_endpoint(VpcEndpointId=vpce_id, AddSecurityGroupIds=[outputs["FunctionGroup"]])
    [endpoint] = ec2.describe_vpc_endpoints(VpcEndpointIds=[vpce_id])["VpcEndpoints"]
    assert outputs["FunctionGroup"] in [group["GroupId"] for group in endpoint["Groups"]]
    ec2.modify_vpc_endpoint(VpcEndpointId=vpce_id, RemoveSecurityGroupIds=[outputs["FunctionGroup"]])
    [endpoint] = ec2.describe_vpc_endpoints(VpcEndpointIds=[vpce_id])["VpcEndpoints"]
    assert len(endpoint["Groups"]) == 1


def test_endpoints_are_filtered_and_an_unknown_one_is_an_error(aws: Aws, outputs: dict[str, str]) -> None:
    ec2 = aws("ec2")
    of_vpc = [{"Name": "vpc-id", "Values": [outputs["Vpc"]]}]
    assert len(ec2.describe_vpc_endpoints(Filters=of_vpc)["VpcEndpoints"]) == 2
    logs = [*of_vpc, {"Name": "service-name", "Values": ["com.amazonaws.eu-central-1.logs"]}]
    assert len(ec2.describe_vpc_endpoints(Filters=logs)["VpcEndpoints"]) == 1
    with pytest.raises(ClientError, match=r"InvalidVpcEndpointId\.NotFound"):
        ec2.describe_vpc_endpoints(VpcEndpointIds=["vpce-0123456789abcdef0"])


def test_a_custom_resource_reads_an_interface_endpoints_name(outputs: dict[str, str]) -> None:
    assert outputs["FirstName"].startswith("vpce-")
    assert outputs["FirstName"].endswith(".logs.eu-central-1.vpce.amazonaws.com")


def test_security_group_rules_join_the_groups(aws: Aws, outputs: dict[str, str]) -> None:
    groups = aws("ec2").describe_security_groups(GroupIds=[outputs["FileSystemGroup"], outputs["FunctionGroup"]])
    by_id = {group["GroupId"]: group for group in groups["SecurityGroups"]}
    [ingress] = by_id[outputs["FileSystemGroup"]]["IpPermissions"]
    assert (ingress["FromPort"], ingress["ToPort"]) == (2049, 2049)
    assert ingress["UserIdGroupPairs"][0]["GroupId"] == outputs["FunctionGroup"]
    assert ingress["UserIdGroupPairs"][0]["Description"] == "replicator"
    egress = by_id[outputs["FunctionGroup"]]["IpPermissionsEgress"]
    assert [pair["GroupId"] for rule in egress for pair in rule["UserIdGroupPairs"]] == [outputs["FileSystemGroup"]]
    assert outputs["RuleId"].startswith("sgr-")


def test_the_zone_is_private_to_its_vpc(aws: Aws, outputs: dict[str, str]) -> None:
    zone = aws("route53").get_hosted_zone(Id=outputs["Zone"])
    assert zone["HostedZone"]["Config"]["PrivateZone"] is True
    assert zone["VPCs"] == [{"VPCRegion": "eu-central-1", "VPCId": outputs["Vpc"]}]


def test_the_function_has_its_network_file_system_and_concurrency(aws: Aws, outputs: dict[str, str]) -> None:
    function = aws("lambda").get_function(FunctionName=outputs["Function"])
    configuration = function["Configuration"]
    assert len(configuration["VpcConfig"]["SubnetIds"]) == 2
    assert configuration["VpcConfig"]["VpcId"] == outputs["Vpc"]
    assert configuration["FileSystemConfigs"][0]["LocalMountPath"] == "/mnt/sftp"
    assert configuration["Environment"]["Variables"]["SHARE"] == "/mnt/sftp", "as the template says, not as it runs"
    assert function["Concurrency"]["ReservedConcurrentExecutions"] == 3
    mapping = aws("lambda").get_event_source_mapping(UUID=outputs["Mapping"])
    assert mapping["ScalingConfig"]["MaximumConcurrency"] == 3


def invoke(aws: Aws, outputs: dict[str, str]) -> dict[str, Any]:
    answer = aws("lambda").invoke(FunctionName=outputs["Function"], Payload=b"{}")
    content: dict[str, Any] = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, content
    return content


def share(lab: Lab, outputs: dict[str, str]) -> Path:
    return lab.efs_directory / outputs["FileSystem"] / "sftp" / "home"


def test_the_function_sees_the_access_points_directory_at_its_mount_path(
    aws: Aws, lab: Lab, outputs: dict[str, str]
) -> None:
    seen = invoke(aws, outputs)
    assert seen["share"] == str(share(lab, outputs))
    assert seen["plain"] == "/mnt/sftp-other", "only the path itself and what is below it is moved"
    assert "PYTHONPATH" not in seen["names"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take another identity")
def test_the_function_is_the_access_points_user(aws: Aws, lab: Lab, outputs: dict[str, str]) -> None:
    seen = invoke(aws, outputs)
    assert (seen["uid"], seen["gid"], seen["groups"]) == (10042, 10043, [10044])
    made = share(lab, outputs).stat()
    assert (made.st_uid, made.st_gid, made.st_mode & 0o777) == (10042, 10043, 0o750)


def test_the_function_stays_warm(aws: Aws, outputs: dict[str, str]) -> None:
    assert len({invoke(aws, outputs)["started"] for _ in range(3)}) == 1


def test_an_object_put_under_the_prefix_reaches_the_function(aws: Aws, lab: Lab, outputs: dict[str, str]) -> None:
    s3 = aws("s3")
    s3.put_object(Bucket=outputs["Bucket"], Key="elsewhere/not-served.csv", Body=b"1")
    s3.put_object(Bucket=outputs["Bucket"], Key="home/acme/invoice été (1)+.csv", Body=b"1")
    arrived = share(lab, outputs) / "invoice été (1)+.csv"
    eventually(arrived.exists)
    assert arrived.read_text() == "ObjectCreated:Put"
    assert not (arrived.parent / "not-served.csv").exists()
    if os.geteuid() == 0:
        assert (arrived.stat().st_uid, arrived.stat().st_gid) == (10042, 10043)


def test_a_poison_message_reaches_the_dead_letter_queue_and_the_others_do_not(
    aws: Aws, lab: Lab, outputs: dict[str, str]
) -> None:
    for name in ("good-1.csv", "poison.csv", "good-2.csv"):
        aws("s3").put_object(Bucket=outputs["Bucket"], Key=f"home/acme/{name}", Body=b"1")
    eventually(lambda: all((share(lab, outputs) / f"good-{number}.csv").exists() for number in (1, 2)))
    receive = aws("sqs").receive_message
    dead = eventually(lambda: receive(QueueUrl=outputs["Dead"], MaxNumberOfMessages=10).get("Messages"))
    assert ["poison.csv" in message["Body"] for message in dead] == [True]


def test_updates_change_what_they_name_in_place(aws: Aws, stack: Stack, outputs: dict[str, str]) -> None:
    before = describe_server(aws, outputs["ServerId"])
    resources = stack.template["Resources"]
    server, user = resources["Server"]["Properties"], resources["User"]["Properties"]
    del server["PreAuthenticationLoginBanner"], server["WorkflowDetails"]
    server["Tags"] = [{"Key": "team", "Value": "orders"}]
    server["ProtocolDetails"] = {"SetStatOption": "DEFAULT"}
    user["SshPublicKeys"] = [KEY_2]
    user["HomeDirectoryMappings"][0]["Target"] = "/orders/home/acme"
    resources["ShareFromFunction"]["Properties"]["FromPort"] = 111
    resources["Function"]["Properties"]["Environment"]["Variables"]["SHARE"] = "/mnt/sftp/below"
    stack.template["Parameters"]["Concurrency"]["Default"] = 5

    assert stack.deploy("UPDATE") == "UPDATE_COMPLETE", stack.failures()

    assert stack.outputs()["ServerId"] == outputs["ServerId"]
    after = describe_server(aws, outputs["ServerId"])
    assert after["State"] == "ONLINE"
    assert "PreAuthenticationLoginBanner" not in after
    assert "OnPartialUpload" not in after.get("WorkflowDetails", {})
    assert after["ProtocolDetails"]["SetStatOption"] == "DEFAULT"
    assert after["HostKeyFingerprint"] == before["HostKeyFingerprint"]
    assert {tag["Key"]: tag["Value"] for tag in after["Tags"]} == {"team": "orders", "application": "orders"}
    changed = aws("transfer").describe_user(ServerId=outputs["ServerId"], UserName="acme")["User"]
    assert [key["SshPublicKeyBody"].split()[1] for key in changed["SshPublicKeys"]] == [KEY_2.split()[1]]
    assert changed["HomeDirectoryMappings"] == [{"Entry": "/", "Target": "/orders/home/acme"}]
    [group] = aws("ec2").describe_security_groups(GroupIds=[outputs["FileSystemGroup"]])["SecurityGroups"]
    assert [rule["FromPort"] for rule in group["IpPermissions"]] == [111]
    assert invoke(aws, outputs)["share"].endswith("/sftp/home/below")
    mapping = aws("lambda").get_event_source_mapping(UUID=outputs["Mapping"])
    assert mapping["ScalingConfig"]["MaximumConcurrency"] == 5


def test_a_function_that_does_not_wait_for_its_mount_targets_is_refused(aws: Aws) -> None:
    refused = new_stack(aws)
    for name in ("TargetA", "TargetB"):
        del refused.template["Resources"][name]
    del refused.template["Resources"]["Function"]["DependsOn"]
    assert refused.deploy("CREATE") == "ROLLBACK_COMPLETE"
    assert "no mount target in eu-central-1a, eu-central-1b" in refused.failures()["Function"]
    assert not [
        server
        for server in aws("transfer").list_servers()["Servers"]
        if refused.name in json.dumps(describe_server(aws, server["ServerId"]), default=str)
    ]


def test_what_transfer_refuses_fails_the_stack_with_its_reason(aws: Aws) -> None:
    refused = new_stack(aws)
    refused.template["Resources"]["User"]["Properties"]["UserName"] = "root"
    assert refused.deploy("CREATE") == "ROLLBACK_COMPLETE"
    assert "root" in refused.failures()["User"]


def test_deleting_the_stack_leaves_nothing_of_it(aws: Aws, lab: Lab) -> None:
    doomed = new_stack(aws)
    doomed.template = copy.deepcopy(doomed.template)
    assert doomed.deploy("CREATE") == "CREATE_COMPLETE", doomed.failures()
    found = doomed.outputs()
    invoke(aws, found)
    # Somebody has been tidying up by hand: that must not stop CloudFormation.
    aws("transfer").delete_user(ServerId=found["ServerId"], UserName="acme")
    vpce_id = describe_server(aws, found["ServerId"])["EndpointDetails"]["VpcEndpointId"]

    doomed.name = doomed.describe()["StackId"]
    doomed.cloudformation.delete_stack(StackName=doomed.name)
    assert doomed.wait() == "DELETE_COMPLETE", doomed.failures()

    assert found["ServerId"] not in [server["ServerId"] for server in aws("transfer").list_servers()["Servers"]]
    assert found["WorkflowRef"] not in [flow["WorkflowId"] for flow in aws("transfer").list_workflows()["Workflows"]]
    with pytest.raises(ClientError, match="NotFound"):
        aws("ec2").describe_vpc_endpoints(VpcEndpointIds=[vpce_id])
    assert not (lab.efs_directory / found["FileSystem"]).exists()
    assert not list((lab.directory / "tmp").glob(f"*{found['Function']}*")), "its warm process is gone"
