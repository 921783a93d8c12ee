# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""UpdateServer: merging, clearing, and what needs a stopped server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lab.transfer import EndpointNotAvailableError
from lab.transfer import MemoryEndpoints
from lab.transfer import TransferService
from unit.lab.transfer.support import ROLE
from unit.lab.transfer.support import Clock
from unit.lab.transfer.support import Refused

VPC = {"VpcId": "vpc-0a1b2c3d", "SubnetIds": ["subnet-1", "subnet-2"]}
GROUP = "sg-0123456789abcdef0"


def described(service: TransferService, server_id: str) -> Any:
    return service.call("DescribeServer", {"ServerId": server_id})["Server"]


@pytest.fixture
def stop(service: TransferService, clock: Clock) -> Callable[[str], None]:
    def until_offline(server_id: str) -> None:
        service.call("StopServer", {"ServerId": server_id})
        clock.now += service.settings.settle_seconds

    return until_offline


@pytest.fixture
def vpc_server_id(service: TransferService, clock: Clock, host_key: str) -> str:
    details = {**VPC, "SecurityGroupIds": [GROUP]}
    created: str = service.call(
        "CreateServer", {"EndpointType": "VPC", "EndpointDetails": details, "HostKey": host_key}
    )["ServerId"]
    clock.now += service.settings.settle_seconds
    return created


def test_simple_members_are_replaced_and_the_rest_stays(service: TransferService, server_id: str) -> None:
    before = described(service, server_id)
    changes = {
        "SecurityPolicyName": "TransferSecurityPolicy-2025-03",
        "PreAuthenticationLoginBanner": "acme payments, authorised users only",
        "LoggingRole": ROLE,
    }
    assert service.call("UpdateServer", {"ServerId": server_id, **changes}) == {"ServerId": server_id}
    assert described(service, server_id) == {**before, **changes}


def test_an_empty_value_clears_a_member(service: TransferService, server_id: str) -> None:
    log_group = "arn:aws:logs:eu-central-1:111122223333:log-group:transfer:*"
    service.call(
        "UpdateServer",
        {
            "ServerId": server_id,
            "LoggingRole": ROLE,
            "PreAuthenticationLoginBanner": "hello",
            "StructuredLogDestinations": [log_group],
        },
    )
    assert described(service, server_id)["StructuredLogDestinations"] == [log_group]
    service.call(
        "UpdateServer",
        {
            "ServerId": server_id,
            "LoggingRole": "",
            "PreAuthenticationLoginBanner": "",
            "StructuredLogDestinations": [],
        },
    )
    server = described(service, server_id)
    assert not {"LoggingRole", "PreAuthenticationLoginBanner", "StructuredLogDestinations"} & set(server)


def test_protocol_details_are_merged(service: TransferService, server_id: str) -> None:
    service.call("UpdateServer", {"ServerId": server_id, "ProtocolDetails": {"SetStatOption": "ENABLE_NO_OP"}})
    assert described(service, server_id)["ProtocolDetails"] == {
        "PassiveIp": "AUTO",
        "SetStatOption": "ENABLE_NO_OP",
        "TlsSessionResumptionMode": "ENFORCED",
    }


def test_a_workflow_is_attached_and_detached(service: TransferService, server_id: str) -> None:
    workflow_id = service.call("CreateWorkflow", {"Steps": [{"Type": "DELETE", "DeleteStepDetails": {}}]})["WorkflowId"]
    details = {"OnPartialUpload": [{"WorkflowId": workflow_id, "ExecutionRole": ROLE}]}
    service.call("UpdateServer", {"ServerId": server_id, "WorkflowDetails": details})
    assert described(service, server_id)["WorkflowDetails"] == details
    service.call("UpdateServer", {"ServerId": server_id, "WorkflowDetails": {"OnPartialUpload": []}})
    assert "WorkflowDetails" not in described(service, server_id)


@pytest.mark.parametrize("name", ["EndpointType", "IpAddressType"])
def test_what_needs_a_stopped_server(
    service: TransferService, server_id: str, refused: Refused, stop: Callable[[str], None], name: str
) -> None:
    change: dict[str, Any] = {"IpAddressType": "DUALSTACK"}
    if name == "EndpointType":
        change = {"EndpointType": "VPC", "EndpointDetails": VPC}
    error = refused("InvalidRequestException", "UpdateServer", ServerId=server_id, **change)
    assert error.message == f"Server must be OFFLINE to change {name}"
    stop(server_id)
    service.call("UpdateServer", {"ServerId": server_id, **change})
    assert described(service, server_id)[name] == change[name]


def test_naming_the_value_that_is_there_already_needs_no_stop(service: TransferService, vpc_server_id: str) -> None:
    before = described(service, vpc_server_id)
    service.call(
        "UpdateServer",
        {"ServerId": vpc_server_id, "EndpointType": "VPC", "IpAddressType": "IPV4", "EndpointDetails": VPC},
    )
    assert described(service, vpc_server_id) == before


def test_public_to_vpc_and_back(
    service: TransferService, server_id: str, endpoints: MemoryEndpoints, stop: Callable[[str], None]
) -> None:
    stop(server_id)
    details = {**VPC, "SecurityGroupIds": [GROUP]}
    service.call("UpdateServer", {"ServerId": server_id, "EndpointType": "VPC", "EndpointDetails": details})
    vpce_id = described(service, server_id)["EndpointDetails"]["VpcEndpointId"]
    assert endpoints.endpoints[vpce_id]["SecurityGroupIds"] == [GROUP]
    service.call("UpdateServer", {"ServerId": server_id, "EndpointType": "PUBLIC"})
    assert described(service, server_id)["EndpointDetails"] == {}
    assert endpoints.endpoints == {}


def test_security_groups_change_only_through_ec2(
    service: TransferService, vpc_server_id: str, refused: Refused
) -> None:
    error = refused(
        "InvalidRequestException", "UpdateServer", ServerId=vpc_server_id, EndpointDetails={"SecurityGroupIds": [GROUP]}
    )
    assert error.message == "Changing Security Group is not supported"


def test_elastic_addresses_follow_their_rules(
    service: TransferService,
    vpc_server_id: str,
    endpoints: MemoryEndpoints,
    refused: Refused,
    stop: Callable[[str], None],
) -> None:
    addresses = ["eipalloc-1", "eipalloc-2"]

    def update(**details: list[str]) -> None:
        service.call("UpdateServer", {"ServerId": vpc_server_id, "EndpointDetails": details})

    def refusal(**details: list[str]) -> str:
        return refused(
            "InvalidRequestException", "UpdateServer", ServerId=vpc_server_id, EndpointDetails=details
        ).message

    assert refusal(AddressAllocationIds=addresses) == "Server must be OFFLINE to change AddressAllocationIds"
    stop(vpc_server_id)
    assert "simultaneously" in refusal(AddressAllocationIds=addresses[:1], SubnetIds=["subnet-3"])
    update(AddressAllocationIds=addresses)
    vpce_id = described(service, vpc_server_id)["EndpointDetails"]["VpcEndpointId"]
    assert endpoints.endpoints[vpce_id]["AddressAllocationIds"] == addresses
    assert refusal(SubnetIds=["subnet-3"]) == "AddressAllocationIds must be removed before SubnetIds can be modified"
    update(AddressAllocationIds=[])
    update(SubnetIds=["subnet-3"])
    assert endpoints.endpoints[vpce_id]["SubnetIds"] == ["subnet-3"]
    assert endpoints.endpoints[vpce_id]["AddressAllocationIds"] == []


def test_becoming_a_vpc_server_takes_no_addresses(
    server_id: str, refused: Refused, stop: Callable[[str], None]
) -> None:
    stop(server_id)
    details = {**VPC, "AddressAllocationIds": ["eipalloc-1", "eipalloc-2"]}
    error = refused(
        "InvalidRequestException", "UpdateServer", ServerId=server_id, EndpointType="VPC", EndpointDetails=details
    )
    assert error.message == "Cannot specify AddressAllocationids when updating server to EndpointType: VPC"


def test_an_endpoint_not_available_is_a_conflict_and_changes_nothing(
    service: TransferService,
    vpc_server_id: str,
    endpoints: MemoryEndpoints,
    refused: Refused,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def modify(*_: object) -> None:
        raise EndpointNotAvailableError("VPC endpoint is pending")

    before = described(service, vpc_server_id)
    monkeypatch.setattr(endpoints, "modify", modify)
    refused("ConflictException", "UpdateServer", ServerId=vpc_server_id, EndpointDetails={"SubnetIds": ["subnet-3"]})
    assert described(service, vpc_server_id) == before


def test_a_refused_update_makes_no_endpoint(
    service: TransferService,
    server_id: str,
    endpoints: MemoryEndpoints,
    refused: Refused,
    stop: Callable[[str], None],
) -> None:
    stop(server_id)
    refused(
        "InvalidRequestException",
        "UpdateServer",
        ServerId=server_id,
        EndpointType="VPC",
        EndpointDetails=VPC,
        SecurityPolicyName="TransferSecurityPolicy-2099-01",
    )
    assert endpoints.endpoints == {}
    assert described(service, server_id)["EndpointType"] == "PUBLIC"


def test_the_identity_provider_can_change_with_its_details(
    service: TransferService, server_id: str, refused: Refused
) -> None:
    change = {"ServerId": server_id, "IdentityProviderType": "AWS_LAMBDA"}
    refused("InvalidRequestException", "UpdateServer", **change)
    details = {"Function": "arn:aws:lambda:eu-central-1:111122223333:function:logins"}
    service.call("UpdateServer", {**change, "IdentityProviderDetails": details})
    assert described(service, server_id)["IdentityProviderDetails"] == details
    service.call("UpdateServer", {"ServerId": server_id, "IdentityProviderType": "SERVICE_MANAGED"})
    assert "IdentityProviderDetails" not in described(service, server_id)
