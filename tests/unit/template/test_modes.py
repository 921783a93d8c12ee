# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every mode in every partition: nothing refers to what is not made, and what cannot work is refused in a sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from unit.template.parsed import strings
from unit.template.parsed import template
from unit.template.resolved import ACCOUNT
from unit.template.resolved import BEIJING
from unit.template.resolved import EVERYTHING
from unit.template.resolved import EXISTING_VPC
from unit.template.resolved import FIRST_USER
from unit.template.resolved import FRANKFURT
from unit.template.resolved import GOVERNMENT
from unit.template.resolved import MODES
from unit.template.resolved import Region
from unit.template.resolved import Stack

REGIONS = {region.partition: region for region in (FRANKFURT, BEIJING, GOVERNMENT)}


def texts(stack: Stack) -> Iterator[str]:
    yield from strings([stack.resources, stack.outputs])


@pytest.mark.parametrize("partition", REGIONS)
@pytest.mark.parametrize("mode", MODES)
def test_mode_resolves(mode: str, partition: str) -> None:
    region = REGIONS[partition]
    parameters = dict(MODES[mode])
    if "PermissionsBoundaryArn" in parameters:
        parameters["PermissionsBoundaryArn"] = f"arn:{partition}:iam::{ACCOUNT}:policy/boundary"
    stack = Stack(region, **parameters)
    assert stack.broken_rules() == []
    for text in texts(stack):
        assert not text.startswith("Fn::")
        for part in text.split("arn:")[1:]:
            assert part.startswith(f"{partition}:"), text
        if "amazonaws.com" in text and not text.endswith((".amazonaws.com", "amazonaws.com*")):
            assert text.endswith(f".{region.suffix}"), text


def test_every_condition_is_met_and_unmet_by_some_mode() -> None:
    """Otherwise the modes here leave a branch of the template unseen."""
    seen = [Stack(**mode).conditions for mode in MODES.values()]
    for name in template()["Conditions"]:
        assert {conditions[name] for conditions in seen} == {True, False}, name


def test_names_are_of_the_partition() -> None:
    stack = Stack(BEIJING)
    assert stack.outputs["FileSystemDnsName"].endswith(".efs.cn-north-1.amazonaws.com.cn")
    assert stack.outputs["ServerEndpointName"].endswith(".server.transfer.cn-north-1.amazonaws.com.cn")
    principals = [statement["Principal"] for statement in stack.resources["Key"]["KeyPolicy"]["Statement"]]
    assert {"Service": "logs.cn-north-1.amazonaws.com.cn"} in principals


@pytest.mark.parametrize("mode", [mode for mode in MODES if "existing VPC" in mode])
def test_existing_vpc_is_used_and_not_changed(mode: str) -> None:
    stack = Stack(**MODES[mode])
    for kind in ("VPC", "Subnet", "RouteTable", "SubnetRouteTableAssociation"):
        assert not stack.of_type(f"AWS::EC2::{kind}")
    subnets = [EXISTING_VPC["FirstSubnetId"], EXISTING_VPC["SecondSubnetId"]]
    assert [target["SubnetId"] for target in stack.of_type("AWS::EFS::MountTarget").values()] == subnets
    assert stack.resources["Function"]["VpcConfig"]["SubnetIds"] == subnets
    assert stack.resources["Server"]["EndpointDetails"]["SubnetIds"] == subnets
    assert stack.resources["Server"]["EndpointDetails"]["VpcId"] == EXISTING_VPC["VpcId"]
    assert {group["VpcId"] for group in stack.of_type("AWS::EC2::SecurityGroup").values()} == {EXISTING_VPC["VpcId"]}
    assert stack.outputs["VpcId"] == EXISTING_VPC["VpcId"]
    if zones := stack.of_type("AWS::Route53::HostedZone"):
        assert zones["Zone"]["VPCs"] == [{"VPCId": EXISTING_VPC["VpcId"], "VPCRegion": "eu-central-1"}]


def test_s3_endpoint_goes_where_its_route_tables_are() -> None:
    assert "S3Endpoint" not in Stack(**EXISTING_VPC).resources
    stack = Stack(**EXISTING_VPC, RouteTableIds="rtb-01234567,rtb-89abcdef")
    assert stack.resources["S3Endpoint"]["RouteTableIds"] == ["rtb-01234567", "rtb-89abcdef"]
    assert stack.resources["S3Endpoint"]["VpcId"] == EXISTING_VPC["VpcId"]
    assert Stack().resources["S3Endpoint"]["RouteTableIds"] == [Stack().reference("RouteTable")]


def test_prefix_list_alone_lets_no_other_network_in() -> None:
    stack = Stack(**MODES["existing VPC, prefix list"])
    assert "SecurityGroupIngress" not in stack.resources["ServerSecurityGroup"]
    [rule] = [r for r in stack.of_type("AWS::EC2::SecurityGroupIngress").values() if r["FromPort"] == 22]
    assert rule["SourcePrefixListId"] == MODES["existing VPC, prefix list"]["SftpClientPrefixListId"]


def test_queue_delivers() -> None:
    stack = Stack()
    assert stack.resources["Subscription"]["Endpoint"] == stack.attribute("Queue", "Arn")
    assert stack.resources["EventSource"]["EventSourceArn"] == stack.attribute("Queue", "Arn")
    assert not {"FunctionSubscription", "GivenUpEvents", "TopicInvokesFunction"} & stack.resources.keys()
    assert "QueueUrl" in stack.outputs


def test_topic_delivers_and_what_was_given_up_reaches_the_dead_letters() -> None:
    stack = Stack(Delivery="topic")
    assert not {"Queue", "QueuePolicy", "EventSource", "Subscription"} & stack.resources.keys()
    assert "QueueUrl" not in stack.outputs
    dead = stack.attribute("DeadLetterQueue", "Arn")
    subscription = stack.resources["FunctionSubscription"]
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("lambda", stack.attribute("Function", "Arn"))
    assert subscription["RedrivePolicy"] == {"deadLetterTargetArn": dead}
    given_up = stack.resources["GivenUpEvents"]
    assert given_up["FunctionName"] == stack.reference("Function")
    assert given_up["DestinationConfig"]["OnFailure"]["Destination"] == dead
    assert given_up["MaximumRetryAttempts"] == 2
    # An event that comes before these stand would be refused, or lost when it fails.
    body = template()["Resources"]["FunctionSubscription"]
    assert set(body["DependsOn"]) == {"DeadLetterQueuePolicy", "GivenUpEvents", "TopicInvokesFunction"}


def test_names_follow_what_they_name() -> None:
    stack = Stack()
    alias = stack.resources["ServerRecord"]["AliasTarget"]
    assert alias["DNSName"] == stack.attribute("ServerEndpoint", "DnsName")
    assert alias["HostedZoneId"] == stack.attribute("ServerEndpoint", "HostedZoneId")
    addresses = [stack.attribute(f"{which}MountTarget", "IpAddress") for which in ("First", "Second")]
    assert stack.resources["ShareRecord"]["ResourceRecords"] == addresses
    assert stack.resources["FirstShareRecord"]["ResourceRecords"] == addresses[:1]
    assert stack.resources["SecondShareRecord"]["ResourceRecords"] == addresses[1:]
    assert stack.outputs["ServerDnsName"] == stack.resources["ServerRecord"]["Name"] == "sftp.mft.internal"
    given = Stack(DnsZoneId="Z0123456789ABCDEFGHIJ")
    assert not given.of_type("AWS::Route53::HostedZone")
    assert {r["HostedZoneId"] for r in given.of_type("AWS::Route53::RecordSet").values()} == {"Z0123456789ABCDEFGHIJ"}
    assert not Stack(DnsZoneName="").of_type("AWS::Route53::RecordSet")


def test_further_groups_come_after_the_servers_own() -> None:
    own = Stack().attribute("ServerSecurityGroup", "GroupId")
    assert Stack().resources["ServerEndpoint"]["SecurityGroupIds"] == [own]
    more = Stack(ServerSecurityGroupIds="sg-01234567,sg-89abcdef")
    assert more.resources["ServerEndpoint"]["SecurityGroupIds"] == [own, "sg-01234567", "sg-89abcdef"]
    # UpdateServer cannot change the groups of a VPC server (Transfer API, EndpointDetails): that property stays.
    assert more.resources["Server"] == Stack().resources["Server"]


def test_everything_that_can_be_asked_for_arrives() -> None:
    stack = Stack(**EVERYTHING)
    share = stack.resources["FileSystem"]
    assert share["LifecyclePolicies"] == [
        {"TransitionToIA": "AFTER_30_DAYS"},
        {"TransitionToPrimaryStorageClass": "AFTER_1_ACCESS"},
    ]
    assert (share["ThroughputMode"], share["ProvisionedThroughputInMibps"]) == ("provisioned", "64")
    server = stack.resources["Server"]
    assert server["PreAuthenticationLoginBanner"] == EVERYTHING["PreLoginBanner"]
    assert server["PostAuthenticationLoginBanner"] == EVERYTHING["PostLoginBanner"]
    assert stack.resources["Function"]["ReservedConcurrentExecutions"] == "20"
    assert stack.resources["Bucket"]["LoggingConfiguration"]["DestinationBucketName"] == "acme-access-logs"
    boundaries = {role["PermissionsBoundary"] for role in stack.of_type("AWS::IAM::Role").values()}
    assert boundaries == {EVERYTHING["PermissionsBoundaryArn"]}
    resolver = stack.resources["ResolverEndpoint"]
    assert resolver["Direction"] == "INBOUND"
    assert [a["SubnetId"] for a in resolver["IpAddresses"]] == ["FirstSubnet-id", "SecondSubnet-id"]


def test_defaults_leave_out_what_was_not_asked_for() -> None:
    stack = Stack()
    absent: dict[str, set[str]] = {
        "FileSystem": {"LifecyclePolicies", "ProvisionedThroughputInMibps"},
        "Server": {"PreAuthenticationLoginBanner", "PostAuthenticationLoginBanner"},
        "Function": {"ReservedConcurrentExecutions"},
        "Bucket": {"LoggingConfiguration"},
    }
    for name, members in absent.items():
        assert not members & stack.resources[name].keys()
    assert not {"User", "ResolverEndpoint", "AlarmSubscription"} & stack.resources.keys()
    assert stack.resources["FileSystem"]["BackupPolicy"] == {"Status": "ENABLED"}
    assert Stack(ShareBackup="false").resources["FileSystem"]["BackupPolicy"] == {"Status": "DISABLED"}


@pytest.mark.parametrize("region", REGIONS.values(), ids=list(REGIONS))
def test_first_user_is_at_home_under_the_served_prefix(region: Region) -> None:
    stack = Stack(region, **FIRST_USER)
    user = stack.resources["User"]
    bucket = stack.reference("Bucket")
    assert user["HomeDirectoryMappings"] == [{"Entry": "/", "Target": f"/{bucket}/home/acme"}]
    assert user["SshPublicKeys"] == [FIRST_USER["SshPublicKey"]]
    policy: dict[str, Any] = json.loads(user["Policy"])
    assert [statement["Sid"] for statement in policy["Statement"]] == ["ListHome", "UseHome", "UseKey"]


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"SecondZone": "eu-central-1a"}, "FirstZone and SecondZone must be two different"),
        ({"CreateVpc": "false"}, "VpcId must name the VPC"),
        (EXISTING_VPC | {"SecondSubnetId": ""}, "FirstSubnetId and SecondSubnetId must name two subnets"),
        (EXISTING_VPC | {"SecondSubnetId": EXISTING_VPC["FirstSubnetId"]}, "must name two subnets"),
        (EXISTING_VPC | {"S3PrefixListId": ""}, "S3PrefixListId must name the prefix list of S3"),
        (EXISTING_VPC | {"SftpClientCidr": ""}, "SftpClientPrefixListId must say who may connect"),
        (EXISTING_VPC | {"ApplicationHostCidr": ""}, "ApplicationHostCidr must say who may mount"),
        ({"VpcId": "vpc-01234567"}, "CreateVpc is true, so VpcId"),
        ({"DnsZoneName": "", "DnsZoneId": "Z0123456789ABCDEFGHIJ"}, "DnsZoneId needs DnsZoneName"),
        ({"UserName": "acme"}, "UserName and SshPublicKey go together"),
        ({"SshPublicKey": FIRST_USER["SshPublicKey"]}, "UserName and SshPublicKey go together"),
        ({"ThroughputMode": "provisioned"}, "ProvisionedMibps goes with ThroughputMode provisioned"),
        ({"ProvisionedMibps": "64"}, "ProvisionedMibps goes with ThroughputMode provisioned"),
        ({"PosixUid": "0"}, "PosixUid 0 needs RootAccess true"),
        ({"BatchSize": "11"}, "A BatchSize above 10 needs BatchWindowSeconds"),
    ],
)
def test_rule_says_what_is_missing(parameters: dict[str, str], said: str) -> None:
    assert any(said in rule for rule in Stack(**parameters).broken_rules())


@pytest.mark.parametrize(
    "parameters",
    [
        {"BatchSize": "1000", "BatchWindowSeconds": "1"},
        {"PosixUid": "0", "RootAccess": "true"},
        FIRST_USER,
    ],
)
def test_rule_lets_through_what_fits(parameters: dict[str, str]) -> None:
    assert Stack(**parameters).broken_rules() == []


def test_every_rule_is_a_sentence_that_names_a_parameter() -> None:
    for rule in template()["Rules"].values():
        for assertion in rule["Assertions"]:
            sentence = assertion["AssertDescription"].strip()
            assert sentence.endswith(".")
            assert any(name in sentence for name in template()["Parameters"])
