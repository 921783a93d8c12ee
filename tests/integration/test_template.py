# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The template's modes deployed to the lab, and changed while they stand."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING
from typing import Any

import pytest

from integration.gateway_stack import Gateway
from integration.gateway_stack import deploy

if TYPE_CHECKING:
    from integration.conftest import Lab

Aws = Callable[[str], Any]
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJqfm8yZ1hYxO0cJ2nV9xkq5j8bT3mQ4rW6uE7sD1fGh acme-batch"


def name_of(gateway: Gateway) -> str:
    return gateway.outputs["FunctionName"].removesuffix("-replicator")


def update(gateway: Gateway, **changed: str) -> tuple[str, list[str]]:
    """Change parameters; the stack's state then, and why resources failed."""
    name, cloudformation = name_of(gateway), gateway.aws("cloudformation")
    [stack] = cloudformation.describe_stacks(StackName=name)["Stacks"]
    parameters = [
        {"ParameterKey": key, "ParameterValue": changed[key]}
        if key in changed
        else {"ParameterKey": key, "UsePreviousValue": True}
        for key in (parameter["ParameterKey"] for parameter in stack["Parameters"])
    ]
    arguments = {"UsePreviousTemplate": True, "Parameters": parameters, "Capabilities": ["CAPABILITY_IAM"]}
    cloudformation.update_stack(StackName=name, **arguments)
    until = time.monotonic() + 60
    while (stack := cloudformation.describe_stacks(StackName=name)["Stacks"][0])["StackStatus"].endswith("PROGRESS"):
        assert time.monotonic() < until
        time.sleep(0.1)
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    failed = [e.get("ResourceStatusReason", "") for e in events if e["ResourceStatus"].endswith("FAILED")]
    gateway.outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
    return stack["StackStatus"], failed


def records(gateway: Gateway) -> dict[str, Any]:
    """The zone's addresses by name."""
    listed = gateway.aws("route53").list_resource_record_sets(HostedZoneId=gateway.outputs["DnsZoneId"])
    return {
        entry["Name"].rstrip("."): entry["AliasTarget"]["DNSName"].rstrip(".")
        if "AliasTarget" in entry
        else [record["Value"] for record in entry["ResourceRecords"]]
        for entry in listed["ResourceRecordSets"]
        if entry["Type"] == "A"
    }


def endpoint(gateway: Gateway) -> dict[str, Any]:
    vpce_id = gateway.outputs["ServerVpcEndpointId"]
    [found] = gateway.aws("ec2").describe_vpc_endpoints(VpcEndpointIds=[vpce_id])["VpcEndpoints"]
    return dict(found)


@pytest.fixture(scope="module")
def gateway(lab: Lab, aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> Gateway:
    """What somebody gets who chooses two zones."""
    return deploy(lab, aws, tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="module")
def hybrid(lab: Lab, aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> Gateway:
    """In a VPC that was there before, delivered by topic, with everything on that is off by default."""
    ec2 = aws("ec2")
    vpc_id = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc_id, CidrBlock=f"10.9.{number}.0/24", AvailabilityZone=f"{lab.region}{zone}")
        for number, zone in enumerate("ab")
    ]
    table = ec2.create_route_table(VpcId=vpc_id)["RouteTable"]["RouteTableId"]
    return deploy(
        lab,
        aws,
        tmp_path_factory.mktemp("package"),
        CreateVpc="false",
        VpcId=vpc_id,
        FirstSubnetId=subnets[0]["Subnet"]["SubnetId"],
        SecondSubnetId=subnets[1]["Subnet"]["SubnetId"],
        RouteTableIds=table,
        S3PrefixListId="pl-0123456789abcdef0",
        SftpClientPrefixListId="pl-0123456789abcdef1",
        ApplicationHostCidr="10.9.0.0/16",
        ResolverClientCidr="10.20.0.0/16",
        Delivery="topic",
        RequiredTag="scan=clean",
        DnsZoneName="files.acme.internal",
        UserName="acme",
        SshPublicKey=PUBLIC_KEY,
        PreLoginBanner="Authorised use only",
        AlarmEmail="operations@example.com",
        ThroughputMode="provisioned",
        ProvisionedMibps="64",
    )


def test_friendly_names_stand_for_the_real_ones(gateway: Gateway) -> None:
    real = gateway.outputs["ServerVpcEndpointName"]
    assert real == endpoint(gateway)["DnsEntries"][0]["DnsName"]
    first, second = gateway.outputs["FirstMountTargetAddress"], gateway.outputs["SecondMountTargetAddress"]
    assert records(gateway) == {
        gateway.outputs["ServerDnsName"]: real,
        "share.mft.internal": [first, second],
        "share-1.mft.internal": [first],
        "share-2.mft.internal": [second],
    }


def test_failure_record_reaches_the_dead_letters_and_nothing_else_does(gateway: Gateway) -> None:
    gateway.put("failed/2026-11-24/record.json", b'{"reason": "too large"}')
    [letter] = gateway.dead_letters(1)
    assert letter == {"reason": "too large"}
    # The test message that S3 sends to every new destination came before it, and stayed out.
    answer = gateway.aws("sqs").receive_message(QueueUrl=gateway.outputs["DeadLetterQueueUrl"])
    assert not [message for message in answer.get("Messages", []) if "TestEvent" in message["Body"]]


def test_security_groups_of_the_live_server_change(gateway: Gateway) -> None:
    [own] = [group["GroupId"] for group in endpoint(gateway)["Groups"]]
    vpc_id = gateway.outputs["VpcId"]
    more = gateway.aws("ec2").create_security_group(VpcId=vpc_id, GroupName="partners", Description="more")["GroupId"]
    server = gateway.outputs["ServerId"]
    assert update(gateway, ServerSecurityGroupIds=more) == ("UPDATE_COMPLETE", [])
    assert {group["GroupId"] for group in endpoint(gateway)["Groups"]} == {own, more}
    assert update(gateway, ServerSecurityGroupIds="") == ("UPDATE_COMPLETE", [])
    assert [group["GroupId"] for group in endpoint(gateway)["Groups"]] == [own]
    assert gateway.outputs["ServerId"] == server


def test_refused_security_group_is_taken_back_with_its_reason(gateway: Gateway) -> None:
    before = endpoint(gateway)["Groups"]
    status, failed = update(gateway, ServerSecurityGroupIds="sg-00000000000000000")
    assert status == "UPDATE_ROLLBACK_COMPLETE"
    assert [reason for reason in failed if "The security group 'sg-00000000000000000' does not exist" in reason]
    assert endpoint(gateway)["Groups"] == before


def test_names_are_changed_and_taken_away(gateway: Gateway) -> None:
    real = gateway.outputs["ServerVpcEndpointName"]
    assert update(gateway, ServerHostName="files") == ("UPDATE_COMPLETE", [])
    assert records(gateway)["files.mft.internal"] == real
    assert "sftp.mft.internal" not in records(gateway)
    zone = gateway.outputs["DnsZoneId"]
    assert update(gateway, DnsZoneName="") == ("UPDATE_COMPLETE", [])
    assert zone not in [z["Id"].rpartition("/")[2] for z in gateway.aws("route53").list_hosted_zones()["HostedZones"]]
    assert gateway.outputs["ServerVpcEndpointName"] == real


def test_delivery_changes_while_the_stack_stands(gateway: Gateway) -> None:
    assert update(gateway, Delivery="topic")[0] == "UPDATE_COMPLETE"
    assert "QueueUrl" not in gateway.outputs
    gateway.put("home/acme/in/by-topic.csv", b"1")
    gateway.wait_for(lambda: "acme/in/by-topic.csv" in gateway.files())
    assert update(gateway, Delivery="queue")[0] == "UPDATE_COMPLETE"
    gateway.put("home/acme/in/by-queue.csv", b"2")
    gateway.wait_for(lambda: "acme/in/by-queue.csv" in gateway.files())


def test_tag_releases_a_file(hybrid: Gateway) -> None:
    hybrid.put("home/acme/in/unscanned.csv", b"1")
    hybrid.put("home/acme/in/scanned.csv", b"2")
    tagging = {"TagSet": [{"Key": "scan", "Value": "clean"}]}
    hybrid.aws("s3").put_object_tagging(Bucket=hybrid.bucket, Key="home/acme/in/scanned.csv", Tagging=tagging)
    hybrid.wait_for(lambda: "acme/in/scanned.csv" in hybrid.files())
    assert hybrid.files() == {"acme/in/scanned.csv": b"2"}


def test_first_user_and_banner_are_there(hybrid: Gateway) -> None:
    server_id = hybrid.outputs["ServerId"]
    transfer = hybrid.aws("transfer")
    user = transfer.describe_user(ServerId=server_id, UserName="acme")["User"]
    assert user["HomeDirectoryMappings"][0]["Target"] == f"/{hybrid.bucket}/home/acme"
    assert user["SshPublicKeys"][0]["SshPublicKeyBody"] == PUBLIC_KEY
    assert (
        transfer.describe_server(ServerId=server_id)["Server"]["PreAuthenticationLoginBanner"] == "Authorised use only"
    )


def test_existing_vpc_holds_everything(hybrid: Gateway) -> None:
    assert endpoint(hybrid)["VpcId"] == hybrid.outputs["VpcId"]
    function = hybrid.aws("lambda").get_function_configuration(FunctionName=hybrid.outputs["FunctionName"])
    assert set(function["VpcConfig"]["SubnetIds"]) == set(endpoint(hybrid)["SubnetIds"])
    assert hybrid.outputs["ResolverEndpointId"].startswith("rslvr-in-")
    assert hybrid.outputs["ServerDnsName"] == "sftp.files.acme.internal"


def test_alarms_stand_and_nobody_else_hears_of_them(hybrid: Gateway) -> None:
    alarms = hybrid.aws("cloudwatch").describe_alarms(AlarmNamePrefix=f"{name_of(hybrid)}-")["MetricAlarms"]
    assert len(alarms) == 7, "without the queue's"
    assert {action for alarm in alarms for action in alarm["AlarmActions"]} == {hybrid.outputs["AlarmTopicArn"]}
    topic = hybrid.outputs["AlarmTopicArn"]
    subscriptions = hybrid.aws("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert [(s["Protocol"], s["Endpoint"]) for s in subscriptions] == [("email", "operations@example.com")]


def test_deletion_takes_names_and_server_and_keeps_the_files(hybrid: Gateway) -> None:
    name, cloudformation = name_of(hybrid), hybrid.aws("cloudformation")
    zone, server = hybrid.outputs["DnsZoneId"], hybrid.outputs["ServerId"]
    cloudformation.delete_stack(StackName=name)
    stack_exists = True
    until = time.monotonic() + 60
    while stack_exists:
        assert time.monotonic() < until
        stacks = cloudformation.list_stacks(StackStatusFilter=["DELETE_COMPLETE", "DELETE_FAILED"])["StackSummaries"]
        states = {stack["StackName"]: stack["StackStatus"] for stack in stacks}
        stack_exists = name not in states
        time.sleep(0.1)
    assert states[name] == "DELETE_COMPLETE"
    assert zone not in [z["Id"].rpartition("/")[2] for z in hybrid.aws("route53").list_hosted_zones()["HostedZones"]]
    assert server not in [s["ServerId"] for s in hybrid.aws("transfer").list_servers()["Servers"]]
    assert hybrid.aws("s3").get_object(Bucket=hybrid.bucket, Key="home/acme/in/scanned.csv")["Body"].read() == b"2"
