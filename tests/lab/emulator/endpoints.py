# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VPC endpoints as EC2 shows them: DNS names, security groups, network interfaces, filters. ministack keeps less."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from collections.abc import Sequence
from datetime import UTC
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape

from lab.emulator import ministack
from lab.emulator.ministack import Record
from lab.emulator.ministack import WireParameters
from lab.emulator.ministack import WireResponse

# EC2's own hosted zone for interface endpoints differs by region; the lab needs only something of its form.
_HOSTED_ZONE_ID = "Z1HUB23UULQXV"


class VpcEndpoints:
    """Transfer's directory of endpoints, kept where ec2:DescribeVpcEndpoints finds them."""

    def __init__(self, account_id: str, region: str) -> None:
        self._account_id = account_id
        self._region = region

    def create(
        self,
        vpc_id: str,
        subnet_ids: Sequence[str],
        security_group_ids: Sequence[str],
        address_allocation_ids: Sequence[str],
        server_id: str,
    ) -> str:
        _check_subnets(vpc_id, subnet_ids)
        vpce_id = f"vpce-{secrets.token_hex(9)[:17]}"
        ministack.vpc_endpoints()[vpce_id] = interface_endpoint(
            {
                "VpcEndpointId": vpce_id,
                "VpcEndpointType": "Interface",
                "VpcId": vpc_id,
                "ServiceName": f"com.amazonaws.{self._region}.transfer.server",
                "State": "available",
                "SubnetIds": list(subnet_ids),
                "SecurityGroupIds": list(security_group_ids),
                "AddressAllocationIds": list(address_allocation_ids),
                "OwnerId": self._account_id,
                "CreationTimestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
        )
        ministack.ec2_tags()[vpce_id] = [{"Key": "TransferServerId", "Value": server_id}]
        return vpce_id

    def modify(self, vpce_id: str, subnet_ids: Sequence[str], address_allocation_ids: Sequence[str]) -> None:
        endpoint = ministack.vpc_endpoints().get(vpce_id)
        if endpoint is None:
            raise ValueError(f"The Vpc Endpoint Id '{vpce_id}' does not exist")
        _check_subnets(str(endpoint["VpcId"]), subnet_ids)
        endpoint.update(SubnetIds=list(subnet_ids), AddressAllocationIds=list(address_allocation_ids))
        interface_endpoint(endpoint)

    def delete(self, vpce_id: str) -> None:
        ministack.vpc_endpoints().pop(vpce_id, None)
        ministack.ec2_tags().pop(vpce_id, None)


def _check_subnets(vpc_id: str, subnet_ids: Sequence[str]) -> None:
    subnets = ministack.subnets()
    for subnet_id in subnet_ids:
        if subnet_id not in subnets:
            raise ValueError(f"The subnet ID '{subnet_id}' does not exist")
        if subnets[subnet_id]["VpcId"] != vpc_id:
            raise ValueError(f"Subnet {subnet_id} is not in VPC {vpc_id}")


def interface_endpoint(endpoint: Record) -> Record:
    """Give an interface endpoint its DNS names and network interfaces, in place.

    The form is PrivateLink's ("Access AWS services through AWS PrivateLink", DNS hostnames): a regional name
    `endpoint_id-suffix.service.region.vpce.amazonaws.com`, then one name a zone.
    """
    vpce_id = str(endpoint["VpcEndpointId"])
    region, *service = str(endpoint["ServiceName"]).removeprefix("com.amazonaws.").split(".")
    suffix = f"{'.'.join(reversed(service))}.{region}.vpce.amazonaws.com"
    label = f"{vpce_id}-{vpce_id[-8:]}"
    subnets = ministack.subnets()
    zones = sorted({str(subnets[s]["AvailabilityZone"]) for s in endpoint["SubnetIds"] if s in subnets})
    names = [f"{label}.{suffix}", *(f"{label}-{zone}.{suffix}" for zone in zones)]
    endpoint["DnsEntries"] = [{"DnsName": name, "HostedZoneId": _HOSTED_ZONE_ID} for name in names]
    endpoint["NetworkInterfaceIds"] = [f"eni-{vpce_id[-9:]}{subnet[-8:]}" for subnet in endpoint["SubnetIds"]]
    return endpoint


def register_actions() -> None:
    """Answer these EC2 operations ourselves, on ministack's own records."""
    actions = ministack.ec2_actions()
    create, modify = actions["CreateVpcEndpoint"], actions["ModifyVpcEndpoint"]

    def create_endpoint(parameters: WireParameters) -> WireResponse:
        before = set(ministack.vpc_endpoints())
        status, headers, body = create(parameters)
        for vpce_id in set(ministack.vpc_endpoints()) - before:
            endpoint = ministack.vpc_endpoints()[vpce_id]
            endpoint["SecurityGroupIds"] = _members(parameters, "SecurityGroupId")
            if endpoint["VpcEndpointType"] == "Interface":
                interface_endpoint(endpoint)
            body = _response("CreateVpcEndpointResponse", _render(endpoint, "vpcEndpoint"))
        return status, headers, body

    def modify_endpoint(parameters: WireParameters) -> WireResponse:
        for group in _members(parameters, "AddSecurityGroupId"):
            if group not in ministack.security_groups():
                return _error("InvalidGroup.NotFound", f"The security group '{group}' does not exist")
        response = modify(parameters)
        endpoint = ministack.vpc_endpoints().get((parameters.get("VpcEndpointId") or [""])[0])
        if response[0] < 400 and endpoint is not None:
            removed = _members(parameters, "RemoveSecurityGroupId")
            kept = [group for group in endpoint.get("SecurityGroupIds", []) if group not in removed]
            added = [group for group in _members(parameters, "AddSecurityGroupId") if group not in kept]
            endpoint["SecurityGroupIds"] = kept + added
            if endpoint["VpcEndpointType"] == "Interface":
                interface_endpoint(endpoint)
        return response

    actions.update(
        CreateVpcEndpoint=create_endpoint, ModifyVpcEndpoint=modify_endpoint, DescribeVpcEndpoints=describe_endpoints
    )


def describe_endpoints(parameters: WireParameters) -> WireResponse:
    endpoints = ministack.vpc_endpoints()
    wanted = _members(parameters, "VpcEndpointId")
    for vpce_id in wanted:
        if vpce_id not in endpoints:
            return _error("InvalidVpcEndpointId.NotFound", f"The Vpc Endpoint Id '{vpce_id}' does not exist")
    filters = ministack.ec2_filters(parameters)
    found = [
        endpoint
        for vpce_id, endpoint in endpoints.items()
        if (not wanted or vpce_id in wanted) and _matches(endpoint, filters)
    ]
    items = "".join(_render(endpoint, "item") for endpoint in found)
    body = _response("DescribeVpcEndpointsResponse", f"<vpcEndpointSet>{items}</vpcEndpointSet>")
    return 200, {"Content-Type": "application/xml"}, body


_FILTERS = {
    "vpc-endpoint-id": "VpcEndpointId",
    "vpc-endpoint-type": "VpcEndpointType",
    "vpc-endpoint-state": "State",
    "vpc-id": "VpcId",
    "service-name": "ServiceName",
}


def _matches(endpoint: Record, filters: dict[str, list[str]]) -> bool:
    return ministack.matches_tag_filters(endpoint["VpcEndpointId"], filters) and all(
        endpoint.get(_FILTERS[name]) in values for name, values in filters.items() if name in _FILTERS
    )


def _members(parameters: WireParameters, prefix: str) -> list[str]:
    found: list[str] = []
    while (value := parameters.get(f"{prefix}.{len(found) + 1}")) is not None:
        found.append(value[0])
    return found


def _error(code: str, message: str) -> WireResponse:
    error = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    return 400, {"Content-Type": "application/xml"}, f"<Response><Errors>{error}</Errors></Response>".encode()


def _response(root: str, content: str) -> bytes:
    namespace = "http://ec2.amazonaws.com/doc/2016-11-15/"
    return f'<{root} xmlns="{namespace}"><requestId>{secrets.token_hex(16)}</requestId>{content}</{root}>'.encode()


def _render(endpoint: Record, tag: str) -> str:
    fields: dict[str, Any] = {
        "vpcEndpointId": endpoint["VpcEndpointId"],
        "vpcEndpointType": endpoint["VpcEndpointType"],
        "vpcId": endpoint["VpcId"],
        "serviceName": endpoint["ServiceName"],
        "state": endpoint["State"],
        "ownerId": endpoint["OwnerId"],
        "privateDnsEnabled": str(endpoint.get("PrivateDnsEnabled", False)).lower(),
        "requesterManaged": str("AddressAllocationIds" in endpoint).lower(),
        "creationTimestamp": endpoint.get("CreationTimestamp"),
        "policyDocument": endpoint.get("PolicyDocument"),
    }
    text = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in fields.items() if value is not None)
    groups = _items("groupSet", (f"<groupId>{group}</groupId>" for group in endpoint.get("SecurityGroupIds", [])))
    names = (
        f"<dnsName>{entry['DnsName']}</dnsName><hostedZoneId>{entry['HostedZoneId']}</hostedZoneId>"
        for entry in endpoint.get("DnsEntries", [])
    )
    tags = (
        f"<key>{escape(entry['Key'])}</key><value>{escape(entry['Value'])}</value>"
        for entry in ministack.ec2_tags().get(endpoint["VpcEndpointId"], [])
    )
    lists = (
        _items("routeTableIdSet", endpoint.get("RouteTableIds", [])),
        _items("subnetIdSet", endpoint.get("SubnetIds", [])),
        _items("networkInterfaceIdSet", endpoint.get("NetworkInterfaceIds", [])),
        _items("dnsEntrySet", names),
        _items("tagSet", tags),
    )
    return f"<{tag}>{text}{groups}{''.join(lists)}</{tag}>"


def _items(name: str, contents: Iterable[str]) -> str:
    return f"<{name}>{''.join(f'<item>{content}</item>' for content in contents)}</{name}>"
