# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers, and the module for them."""

from __future__ import annotations

import time
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import pytest

from integration.conftest import Lab
from integration.support import Faults
from integration.support import run_module
from integration.transfer_server.support import Described
from integration.transfer_server.support import Server
from unit.module_utils.transfer import examples


@pytest.fixture
def online(aws: Callable[[str], Any]) -> Callable[..., str]:
    """Creates a server and gives its id once it is ONLINE."""

    def create(**settings: Any) -> str:
        transfer = aws("transfer")
        server_id: str = transfer.create_server(IdentityProviderType="SERVICE_MANAGED", **settings)["ServerId"]
        while transfer.describe_server(ServerId=server_id)["Server"]["State"] != "ONLINE":
            time.sleep(0.1)
        return server_id

    return create


@pytest.fixture
def server_id(aws: Callable[[str], Any], online: Callable[..., str], faults: Faults) -> Iterator[str]:
    created = online()
    yield created
    faults.clear()
    aws("transfer").delete_server(ServerId=created)


@pytest.fixture
def server(lab: Lab, server_id: str) -> Server:
    """Runs the module for the test's own server."""

    def run(*, check: bool = False, **arguments: Any) -> dict[str, Any]:
        return run_module(lab, "transfer_server", check=check, server_id=server_id, **arguments)

    return run


@pytest.fixture
def described(aws: Callable[[str], Any], server_id: str) -> Described:
    return lambda: aws("transfer").describe_server(ServerId=server_id)["Server"]  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def workflow(aws: Callable[[str], Any]) -> Iterator[dict[str, str]]:
    transfer = aws("transfer")
    step = {"Type": "TAG", "TagStepDetails": {"Name": "seen", "Tags": [{"Key": "seen", "Value": "yes"}]}}
    workflow_id = transfer.create_workflow(Steps=[step])["WorkflowId"]
    yield {"workflow_id": workflow_id, "execution_role": examples.ROLE}
    transfer.delete_workflow(WorkflowId=workflow_id)


@pytest.fixture
def vpc(aws: Callable[[str], Any], online: Callable[..., str], faults: Faults) -> Iterator[dict[str, Any]]:
    """A server in a VPC, and three security groups of which it has the first."""
    ec2 = aws("ec2")
    vpc_id = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    zones = [zone["ZoneName"] for zone in ec2.describe_availability_zones()["AvailabilityZones"]][:2]
    subnets = [
        ec2.create_subnet(VpcId=vpc_id, CidrBlock=f"10.20.{number}.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]
        for number, zone in enumerate(zones)
    ]
    groups = [
        ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc_id)["GroupId"]
        for name in ("sftp", "partners", "operators")
    ]
    details = {"VpcId": vpc_id, "SubnetIds": subnets, "SecurityGroupIds": groups[:1]}
    created = online(EndpointType="VPC", EndpointDetails=details)
    yield {"server_id": created, "vpc_id": vpc_id, "subnets": subnets, "groups": groups}
    faults.clear()
    aws("transfer").delete_server(ServerId=created)
