# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties of types that ministack knows but drops, added after its own handler has made the resource."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from lab.emulator import ministack
from lab.emulator.cloudformation.typed import typed
from lab.emulator.endpoints import interface_endpoint
from lab.emulator.filesystems import FileSystems
from lab.emulator.ministack import Record

# From the template's properties to those that ministack's handler gets; may refuse them.
Before = Callable[[Record], Record]
# Given the physical id and the properties; the attributes it returns are added to what Fn::GetAtt finds.
After = Callable[[str, Record], Record]


def register(file_systems: FileSystems) -> None:
    def function(properties: Record) -> Record:
        properties = typed("lambda", "CreateFunction", properties)
        _check_file_system(properties, file_systems)
        return properties

    _extend("AWS::Lambda::Function", before=function, after=_configure_function, after_delete=ministack.end_workers)
    _extend("AWS::Lambda::EventSourceMapping", before=partial(typed, "lambda", "CreateEventSourceMapping"))
    _extend("AWS::EC2::VPCEndpoint", after=_complete_endpoint)
    _extend("AWS::Route53::HostedZone", after=_make_zone_private)
    # Template reference, "Update requires: Replacement"; without a table ministack calls every change conditional.
    ministack.replacing_properties().setdefault("AWS::S3::Bucket", ("BucketName",))
    ministack.replacing_properties().setdefault("AWS::KMS::Key", ())


def _same(properties: Record) -> Record:
    return properties


def _nothing_more(_physical_id: str, _properties: Record) -> Record:
    return {}


def _extend(
    resource_type: str,
    before: Before = _same,
    after: After = _nothing_more,
    after_delete: Callable[[str], None] = lambda physical_id: None,
) -> None:
    handler = ministack.resource_handlers()[resource_type]
    create, update, delete = handler["create"], handler["update"], handler["delete"]

    def extended_create(logical_id: str, properties: Record, *rest: Any) -> tuple[str, Record]:
        wanted = before(properties)
        physical_id, attributes = create(logical_id, wanted, *rest)
        return physical_id, {**attributes, **after(physical_id, wanted)}

    def extended_update(physical_id: str, old: Record, new: Record, *rest: Any) -> tuple[str, Record]:
        wanted = before(new)
        physical_id, attributes = update(physical_id, old, wanted, *rest)
        return physical_id, {**attributes, **after(physical_id, wanted)}

    def extended_delete(physical_id: str, *rest: Any) -> None:
        delete(physical_id, *rest)
        after_delete(physical_id)

    handler.update(create=extended_create, update=extended_update, delete=extended_delete)


def _check_file_system(properties: Record, file_systems: FileSystems) -> None:
    for config in properties.get("FileSystemConfigs") or []:
        # Lambda developer guide: a function with a file system must be in the VPC of its mount targets.
        subnet_ids = (properties.get("VpcConfig") or {}).get("SubnetIds") or []
        if not subnet_ids:
            raise ValueError(
                "Function must be configured to execute in a VPC to reference access point "
                f"{config['Arn']} (InvalidParameterValueException)"
            )
        file_systems.check_reachable(str(config["Arn"]), subnet_ids)


def _configure_function(name: str, properties: Record) -> Record:
    ministack.configure_function(
        name,
        {
            "VpcConfig": properties.get("VpcConfig") or {"SubnetIds": [], "SecurityGroupIds": []},
            "FileSystemConfigs": properties.get("FileSystemConfigs") or [],
        },
    )
    reserved = properties.get("ReservedConcurrentExecutions")
    ministack.reserve_concurrency(name, reserved)
    return {}


def _complete_endpoint(vpce_id: str, properties: Record) -> Record:
    endpoint = ministack.vpc_endpoints()[vpce_id]
    if endpoint["VpcEndpointType"] != "Interface":
        return {}
    interface_endpoint(endpoint)
    return {
        # Template reference, AWS::EC2::VPCEndpoint: DnsEntries are strings "hosted zone:name".
        "DnsEntries": [f"{entry['HostedZoneId']}:{entry['DnsName']}" for entry in endpoint["DnsEntries"]],
        "NetworkInterfaceIds": endpoint["NetworkInterfaceIds"],
    }


def _make_zone_private(zone_id: str, properties: Record) -> Record:
    vpcs = properties.get("VPCs") or []
    if vpcs:
        zone = ministack.hosted_zones()[zone_id]
        zone["private"] = True
        zone["vpcs"] = [{"VPCId": str(vpc["VPCId"]), "VPCRegion": str(vpc["VPCRegion"])} for vpc in vpcs]
    return {}
