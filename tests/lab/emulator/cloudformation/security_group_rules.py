# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS::EC2::SecurityGroupIngress and ::SecurityGroupEgress, by EC2's own operations."""

from __future__ import annotations

from lab.emulator import ministack
from lab.emulator.ministack import Record

# Template reference: everything but the description makes a new rule.
_REPLACING = (
    *("CidrIp", "CidrIpv6", "FromPort", "GroupId", "GroupName", "IpProtocol", "ToPort"),
    *("SourcePrefixListId", "SourceSecurityGroupId", "SourceSecurityGroupName", "SourceSecurityGroupOwnerId"),
    *("DestinationPrefixListId", "DestinationSecurityGroupId"),
)


def register() -> None:
    for direction in ("Ingress", "Egress"):
        resource_type = f"AWS::EC2::SecurityGroup{direction}"
        rule = _Rule(direction)
        ministack.resource_handlers()[resource_type] = {
            "create": rule.create,
            "update": rule.update,
            "delete": rule.delete,
        }
        ministack.replacing_properties()[resource_type] = _REPLACING


class _Rule:
    def __init__(self, direction: str) -> None:
        self._direction = direction

    def create(self, logical_id: str, properties: Record, stack_name: str) -> tuple[str, Record]:
        rule_id = ministack.authorize_security_group(self._direction, wire_parameters(properties))
        return rule_id, {"Id": rule_id}

    def update(self, physical_id: str, old: Record, new: Record, stack_name: str) -> tuple[str, Record]:
        # Only the description can differ here.
        self.delete(physical_id, old)
        return self.create(physical_id, new, stack_name)

    def delete(self, physical_id: str, properties: Record) -> None:
        try:
            ministack.call_ec2(f"RevokeSecurityGroup{self._direction}", wire_parameters(properties))
        except ministack.ServiceError as error:
            if error.code not in ("InvalidGroup.NotFound", "InvalidPermission.NotFound"):
                raise


def wire_parameters(properties: Record) -> dict[str, str]:
    """The rule as the EC2 query protocol writes it."""
    rule = {"IpProtocol": str(properties["IpProtocol"])}
    for name in ("FromPort", "ToPort"):
        if name in properties:
            rule[name] = str(properties[name])
    peers = {
        "IpRanges.1.CidrIp": properties.get("CidrIp"),
        "Ipv6Ranges.1.CidrIpv6": properties.get("CidrIpv6"),
        "PrefixListIds.1.PrefixListId": properties.get("SourcePrefixListId")
        or properties.get("DestinationPrefixListId"),
        "Groups.1.GroupId": properties.get("SourceSecurityGroupId") or properties.get("DestinationSecurityGroupId"),
    }
    given = {name: str(value) for name, value in peers.items() if value}
    if len(given) != 1:
        raise ValueError(
            "Exactly one of CidrIp, CidrIpv6, a prefix list and a security group must be specified for a rule"
        )
    rule |= given
    if properties.get("Description"):
        rule[f"{next(iter(given)).rsplit('.', 1)[0]}.Description"] = str(properties["Description"])
    return {
        "GroupId": str(properties["GroupId"]),
        **{f"IpPermissions.1.{name}": value for name, value in rule.items()},
    }
