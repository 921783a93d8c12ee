# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers from creation to deletion."""

from __future__ import annotations

from typing import Any

import pytest

from lab.transfer import MemoryEndpoints
from lab.transfer import TransferService
from unit.lab.transfer.support import ROLE
from unit.lab.transfer.support import Clock
from unit.lab.transfer.support import Refused

VPC = {"VpcId": "vpc-0a1b2c3d", "SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-0123456789abcdef0"]}


def described(service: TransferService, server_id: str) -> Any:
    return service.call("DescribeServer", {"ServerId": server_id})["Server"]


def test_defaults_of_a_server(service: TransferService, server_id: str) -> None:
    server = described(service, server_id)
    assert server.pop("HostKeyFingerprint").startswith("SHA256:")
    assert server == {
        "Arn": f"arn:aws:transfer:eu-central-1:111122223333:server/{server_id}",
        "Domain": "S3",
        "EndpointDetails": {},
        "EndpointType": "PUBLIC",
        "IdentityProviderType": "SERVICE_MANAGED",
        "IpAddressType": "IPV4",
        "ProtocolDetails": {"PassiveIp": "AUTO", "SetStatOption": "DEFAULT", "TlsSessionResumptionMode": "ENFORCED"},
        "Protocols": ["SFTP"],
        "S3StorageOptions": {"DirectoryListingOptimization": "DISABLED"},
        "SecurityPolicyName": "TransferSecurityPolicy-2024-01",
        "ServerId": server_id,
        "State": "ONLINE",
        "UserCount": 0,
    }


def test_a_new_server_is_starting_for_a_while(service: TransferService, clock: Clock, host_key: str) -> None:
    server_id = service.call("CreateServer", {"HostKey": host_key})["ServerId"]
    assert described(service, server_id)["State"] == "STARTING"
    clock.now += service.settings.settle_seconds - 0.001
    assert described(service, server_id)["State"] == "STARTING"
    clock.now += 0.001
    assert described(service, server_id)["State"] == "ONLINE"


def test_stop_and_start_pass_through_their_states(service: TransferService, clock: Clock, server_id: str) -> None:
    for operation, passing, reached in (("StopServer", "STOPPING", "OFFLINE"), ("StartServer", "STARTING", "ONLINE")):
        assert service.call(operation, {"ServerId": server_id}) == {}
        assert described(service, server_id)["State"] == passing
        clock.now += service.settings.settle_seconds
        assert described(service, server_id)["State"] == reached
        service.call(operation, {"ServerId": server_id})
        assert described(service, server_id)["State"] == reached


def test_a_server_cannot_turn_round_on_its_way(service: TransferService, server_id: str, refused: Refused) -> None:
    service.call("StopServer", {"ServerId": server_id})
    assert "STOPPING" in refused("InvalidRequestException", "StartServer", ServerId=server_id).message


def test_an_unknown_server_is_told_with_its_members(refused: Refused) -> None:
    for operation in ("DescribeServer", "DeleteServer", "StartServer", "StopServer", "UpdateServer", "ListUsers"):
        error = refused("ResourceNotFoundException", operation, ServerId="s-0123456789abcdef0")
        assert error.status == 400
        assert error.body() == {
            "__type": "ResourceNotFoundException",
            "Message": "Unknown server",
            "Resource": "s-0123456789abcdef0",
            "ResourceType": "Server",
        }


def test_deleting_a_server_takes_users_keys_and_tags_with_it(
    service: TransferService, server_id: str, refused: Refused, new_public_key: Any
) -> None:
    tags = [{"Key": "team", "Value": "payments"}]
    service.call("TagResource", {"Arn": service.arns.server(server_id), "Tags": tags})
    acme = {"ServerId": server_id, "UserName": "acme"}
    service.call("CreateUser", {**acme, "Role": ROLE, "SshPublicKeyBody": new_public_key(), "Tags": tags})
    service.call("DeleteServer", {"ServerId": server_id})
    refused("ResourceNotFoundException", "DescribeServer", ServerId=server_id)
    refused("ResourceNotFoundException", "DescribeUser", **acme)
    refused("ResourceNotFoundException", "ListTagsForResource", Arn=service.arns.user(server_id, "acme"))
    assert service.call("ListServers", {}) == {"Servers": []}


def test_vpc_server_owns_an_endpoint(service: TransferService, endpoints: MemoryEndpoints, host_key: str) -> None:
    server_id = service.call("CreateServer", {"EndpointType": "VPC", "EndpointDetails": VPC, "HostKey": host_key})[
        "ServerId"
    ]
    details = described(service, server_id)["EndpointDetails"]
    vpce_id = details["VpcEndpointId"]
    assert details == {
        "VpcId": VPC["VpcId"],
        "SubnetIds": VPC["SubnetIds"],
        "AddressAllocationIds": [],
        "VpcEndpointId": vpce_id,
    }
    assert endpoints.endpoints[vpce_id] == {**VPC, "AddressAllocationIds": [], "ServerId": server_id}
    service.call("DeleteServer", {"ServerId": server_id})
    assert endpoints.endpoints == {}


def test_a_server_that_cannot_be_made_leaves_no_endpoint(
    service: TransferService, endpoints: MemoryEndpoints, refused: Refused
) -> None:
    refused(
        "InvalidRequestException", "CreateServer", EndpointType="VPC", EndpointDetails=VPC, HostKey="not a private key"
    )
    assert endpoints.endpoints == {}
    assert service.call("ListServers", {})["Servers"] == []


def test_what_ec2_refuses_is_an_invalid_request(
    service: TransferService, endpoints: MemoryEndpoints, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    def create(*_: object) -> str:
        raise ValueError("The subnet ID 'subnet-1' does not exist")

    monkeypatch.setattr(endpoints, "create", create)
    error = refused("InvalidRequestException", "CreateServer", EndpointType="VPC", EndpointDetails=VPC)
    assert error.message == "The subnet ID 'subnet-1' does not exist"
    assert service.call("ListServers", {})["Servers"] == []


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"EndpointType": "VPC_ENDPOINT", "EndpointDetails": {"VpcEndpointId": "vpce-0123456789abcdef0"}}, "closed"),
        ({"EndpointType": "PUBLIC", "EndpointDetails": VPC}, "EndpointType: PUBLIC"),
        ({"EndpointType": "VPC"}, "VpcId"),
        (
            {"EndpointType": "VPC", "EndpointDetails": {**VPC, "VpcEndpointId": "vpce-0123456789abcdef0"}},
            "VPC Endpoint ID unsupported",
        ),
        (
            {"EndpointType": "VPC", "EndpointDetails": {**VPC, "AddressAllocationIds": ["eipalloc-1"]}},
            "equal in length",
        ),
        (
            {"EndpointType": "VPC", "EndpointDetails": {**VPC, "AddressAllocationIds": ["eipalloc-1"] * 2}},
            "duplicates",
        ),
        (
            {
                "EndpointType": "VPC",
                "EndpointDetails": {**VPC, "AddressAllocationIds": ["eipalloc-1", "eipalloc-2"]},
                "IpAddressType": "DUALSTACK",
            },
            "DUALSTACK",
        ),
        ({"Protocols": ["FTP"]}, "EndpointType must be VPC"),
        ({"Protocols": ["SFTP", "SFTP"]}, "duplicates"),
        ({"Protocols": ["FTPS"], "EndpointType": "VPC", "EndpointDetails": VPC}, "SERVICE_MANAGED"),
        (
            {
                "Protocols": ["FTPS"],
                "EndpointType": "VPC",
                "EndpointDetails": VPC,
                "IdentityProviderType": "AWS_DIRECTORY_SERVICE",
                "IdentityProviderDetails": {"DirectoryId": "d-0123456789"},
            },
            "Certificate",
        ),
        ({"Protocols": ["AS2"]}, "AS2"),
        (
            {"IdentityProviderDetails": {"SftpAuthenticationMethods": "PUBLIC_KEY"}},
            "Must specify IdentityProviderType with IdentityProviderDetails",
        ),
        ({"IdentityProviderType": "AWS_LAMBDA"}, "Function"),
        (
            {
                "IdentityProviderType": "API_GATEWAY",
                "IdentityProviderDetails": {"Url": "https://id.acme.example/prod"},
            },
            "InvocationRole",
        ),
        ({"SecurityPolicyName": "TransferSecurityPolicy-2099-01"}, "TransferSecurityPolicy-2099-01"),
        ({"ProtocolDetails": {"SftpPorts": [{"SftpPort": 23}]}}, "22 or from 2000"),
        ({"Domain": "EFS", "S3StorageOptions": {"DirectoryListingOptimization": "ENABLED"}}, "Domain: S3"),
    ],
)
def test_members_that_do_not_go_together(
    service: TransferService, refused: Refused, parameters: dict[str, Any], text: str
) -> None:
    assert text in refused("InvalidRequestException", "CreateServer", **parameters).message
    assert service.call("ListServers", {})["Servers"] == []


def test_a_workflow_must_exist(refused: Refused) -> None:
    detail = {"WorkflowId": "w-0123456789abcdef0", "ExecutionRole": ROLE}
    error = refused("ResourceNotFoundException", "CreateServer", WorkflowDetails={"OnPartialUpload": [detail]})
    assert error.members["ResourceType"] == "Workflow"


def test_listed_servers(service: TransferService, server_id: str, user: dict[str, str]) -> None:
    assert service.call("ListServers", {})["Servers"] == [
        {
            "Arn": service.arns.server(server_id),
            "Domain": "S3",
            "EndpointType": "PUBLIC",
            "IdentityProviderType": "SERVICE_MANAGED",
            "ServerId": server_id,
            "State": "ONLINE",
            "UserCount": 1,
        }
    ]


def test_what_only_the_service_knows(service: TransferService, server_id: str) -> None:
    (server,) = service.inside_servers()
    assert server["ServerId"] == server_id
    assert server["HostKeys"][0].startswith("-----BEGIN OPENSSH PRIVATE KEY-----")
    assert "HostKeys" not in described(service, server_id)
