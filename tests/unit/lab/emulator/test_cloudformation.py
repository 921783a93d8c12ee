# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CloudFormation's properties on their way to the services."""

from __future__ import annotations

from typing import Any

import pytest

from lab.emulator import ministack
from lab.emulator.cloudformation import resolver
from lab.emulator.cloudformation.security_group_rules import wire_parameters
from lab.emulator.cloudformation.typed import typed


def test_text_becomes_what_the_api_takes() -> None:
    given = {
        "FunctionName": "replicator",
        "BatchSize": "10",
        "Enabled": "false",
        "ScalingConfig": {"MaximumConcurrency": "5"},
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
    }
    assert typed("lambda", "CreateEventSourceMapping", given) == {
        "FunctionName": "replicator",
        "BatchSize": 10,
        "Enabled": False,
        "ScalingConfig": {"MaximumConcurrency": 5},
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
    }


def test_numbers_become_text_where_the_api_takes_text() -> None:
    given = {"Environment": {"Variables": {"MFT_RETRIES": 5, "MFT_KEEP": True}}, "Timeout": 30}
    assert typed("lambda", "CreateFunction", given) == {
        "Environment": {"Variables": {"MFT_RETRIES": "5", "MFT_KEEP": "true"}},
        "Timeout": 30,
    }


@pytest.mark.parametrize("value", ["5.5", "five", "", "-", "yes"])
def test_text_that_is_none_is_left_for_the_service_to_refuse(value: str) -> None:
    assert typed("lambda", "CreateFunction", {"Timeout": value}) == {"Timeout": value}
    assert typed("lambda", "CreateFunction", {"Publish": value}) == {"Publish": value}


RULE = {"GroupId": "sg-1", "IpProtocol": "tcp", "FromPort": 22, "ToPort": "22"}


@pytest.mark.parametrize(
    ("peer", "name"),
    [
        ({"CidrIp": "192.0.2.0/24"}, "IpRanges.1.CidrIp"),
        ({"CidrIpv6": "2001:db8::/32"}, "Ipv6Ranges.1.CidrIpv6"),
        ({"SourcePrefixListId": "pl-1"}, "PrefixListIds.1.PrefixListId"),
        ({"DestinationPrefixListId": "pl-1"}, "PrefixListIds.1.PrefixListId"),
        ({"SourceSecurityGroupId": "sg-2"}, "Groups.1.GroupId"),
        ({"DestinationSecurityGroupId": "sg-2"}, "Groups.1.GroupId"),
    ],
)
def test_a_rule_on_the_wire(peer: dict[str, Any], name: str) -> None:
    [value] = peer.values()
    assert wire_parameters({**RULE, **peer, "Description": "acme"}) == {
        "GroupId": "sg-1",
        "IpPermissions.1.IpProtocol": "tcp",
        "IpPermissions.1.FromPort": "22",
        "IpPermissions.1.ToPort": "22",
        f"IpPermissions.1.{name}": value,
        f"IpPermissions.1.{name.rsplit('.', 1)[0]}.Description": "acme",
    }


@pytest.mark.parametrize("peers", [{}, {"CidrIp": "192.0.2.0/24", "SourceSecurityGroupId": "sg-2"}, {"CidrIp": ""}])
def test_a_rule_has_exactly_one_peer(peers: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="Exactly one"):
        wire_parameters({**RULE, **peers})


RESOLVER = "AWS::Route53Resolver::ResolverEndpoint"
INBOUND = {
    "Name": "acme-gateway",
    "Direction": "INBOUND",
    "IpAddresses": [{"SubnetId": "subnet-1"}, {"SubnetId": "subnet-2"}],
    "SecurityGroupIds": ["sg-1"],
}


@pytest.fixture
def resolver_type(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The handler of resolver endpoints, in a VPC of two subnets."""
    handlers: dict[str, Any] = {}
    monkeypatch.setattr(ministack, "resource_handlers", lambda: handlers)
    monkeypatch.setattr(ministack, "replacing_properties", dict)
    monkeypatch.setattr(ministack, "tag_properties", dict)
    monkeypatch.setattr(ministack, "subnets", lambda: {f"subnet-{n}": {"VpcId": "vpc-1"} for n in (1, 2)})
    resolver.register("111122223333", "eu-central-1")
    handler: dict[str, Any] = handlers[RESOLVER]
    return handler


def test_resolver_endpoint_is_made_as_documented(resolver_type: dict[str, Any]) -> None:
    endpoint_id, attributes = resolver_type["create"]("Resolver", INBOUND, "acme-gateway")
    assert endpoint_id.startswith("rslvr-in-")
    assert attributes == {
        "Arn": f"arn:aws:route53resolver:eu-central-1:111122223333:resolver-endpoint/{endpoint_id}",
        "Direction": "INBOUND",
        "HostVPCId": "vpc-1",
        "IpAddressCount": "2",
        "Name": "acme-gateway",
        "ResolverEndpointId": endpoint_id,
    }
    assert resolver_type["update"](endpoint_id, INBOUND, INBOUND | {"Name": "other"}, "acme-gateway")[0] == endpoint_id


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"Direction": "BOTH"}, "Direction is BOTH"),
        ({"IpAddresses": [{"SubnetId": "subnet-1"}]}, "at least two"),
        ({"IpAddresses": [{"SubnetId": "subnet-1"}, {"SubnetId": "subnet-9"}]}, "'subnet-9' does not exist"),
        ({"SecurityGroupIds": []}, "SecurityGroupIds is empty"),
    ],
)
def test_resolver_endpoint_that_aws_refuses(resolver_type: dict[str, Any], change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        resolver_type["create"]("Resolver", INBOUND | change, "acme-gateway")
