# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS::Route53Resolver::ResolverEndpoint, which ministack does not know: checked, kept and returned; it answers no DNS.

Reference: AWS CloudFormation template reference, AWS::Route53Resolver::ResolverEndpoint.
"""

from __future__ import annotations

import secrets

from lab.emulator import ministack
from lab.emulator.ministack import Record

_TYPE = "AWS::Route53Resolver::ResolverEndpoint"
_PREFIXES = {"INBOUND": "rslvr-in", "OUTBOUND": "rslvr-out"}


def register(account_id: str, region: str) -> None:
    endpoints = _Endpoints(f"arn:aws:route53resolver:{region}:{account_id}:resolver-endpoint")
    ministack.resource_handlers()[_TYPE] = {
        "create": endpoints.create,
        "update": endpoints.update,
        "delete": endpoints.delete,
    }
    ministack.replacing_properties()[_TYPE] = ("Direction", "SecurityGroupIds")
    ministack.tag_properties()[_TYPE] = ("Tags", "list")


class _Endpoints:
    def __init__(self, arn: str) -> None:
        self._arn = arn

    def create(self, logical_id: str, properties: Record, stack_name: str) -> tuple[str, Record]:
        direction = str(properties.get("Direction"))
        if direction not in _PREFIXES:
            raise ValueError(f"Direction is {direction}: it must be one of {', '.join(_PREFIXES)}")
        return self._described(f"{_PREFIXES[direction]}-{secrets.token_hex(9)[:17]}", properties)

    def update(self, physical_id: str, old: Record, new: Record, stack_name: str) -> tuple[str, Record]:
        return self._described(physical_id, new)

    def delete(self, physical_id: str, properties: Record) -> None:
        """Nothing is kept outside the stack."""

    def _described(self, endpoint_id: str, properties: Record) -> tuple[str, Record]:
        addresses = properties.get("IpAddresses") or []
        # Route 53 Resolver API, CreateResolverEndpoint: at least two, for high availability.
        if len(addresses) < 2:
            raise ValueError(f"{len(addresses)} IpAddresses: a resolver endpoint needs at least two")
        if not properties.get("SecurityGroupIds"):
            raise ValueError("SecurityGroupIds is empty: a resolver endpoint needs a security group")
        subnets = ministack.subnets()
        unknown = [str(address["SubnetId"]) for address in addresses if address["SubnetId"] not in subnets]
        if unknown:
            raise ValueError(f"The subnet ID '{unknown[0]}' does not exist")
        return endpoint_id, {
            "Arn": f"{self._arn}/{endpoint_id}",
            "Direction": properties["Direction"],
            "HostVPCId": subnets[addresses[0]["SubnetId"]]["VpcId"],
            "IpAddressCount": str(len(addresses)),
            "Name": properties.get("Name", ""),
            "ResolverEndpointId": endpoint_id,
        }
