# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""UpdateServer: what may change, and what a server must be stopped for."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

from lab.transfer.context import Context
from lab.transfer.context import Document
from lab.transfer.context import Operation
from lab.transfer.context import Parameters
from lab.transfer.errors import invalid_request
from lab.transfer.host_keys import replace_host_key
from lab.transfer.server_rules import check_addresses
from lab.transfer.server_rules import check_identity_provider
from lab.transfer.server_rules import check_protocols
from lab.transfer.server_rules import check_security_policy
from lab.transfer.server_rules import check_workflows
from lab.transfer.servers import load_server
from lab.transfer.servers import refusals_of_endpoints
from lab.transfer.servers import save_server
from lab.transfer.servers import vpc_endpoint_of

# Members that a request replaces whole; an empty one takes the member away ("you can clear it, and in effect turn off
# structured logging, by providing an empty value", DescribedServer).
_REPLACED = (
    "Certificate",
    "IdentityProviderDetails",
    "IdentityProviderType",
    "IpAddressType",
    "LoggingRole",
    "PostAuthenticationLoginBanner",
    "PreAuthenticationLoginBanner",
    "Protocols",
    "SecurityPolicyName",
    "StructuredLogDestinations",
)
# Members of which a request changes only what it names.
_MERGED = ("ProtocolDetails", "S3StorageOptions", "WorkflowDetails")


def update_server(ctx: Context, parameters: Parameters) -> Document:
    server_id = parameters["ServerId"]
    before = load_server(ctx, server_id)
    server = copy.deepcopy(before)
    _check_offline(server, parameters)
    _change_members(server, parameters)
    _change_endpoint(server, parameters)
    for check in (check_identity_provider, check_protocols, check_security_policy, check_addresses):
        check(server)
    check_workflows(ctx, server)
    if parameters.get("HostKey"):
        replace_host_key(ctx, server_id, parameters["HostKey"])
    with _vpc_endpoint_follows(ctx, server_id, before, server):
        save_server(ctx, server_id, server)
    return {"ServerId": server_id}


def _change_members(server: Document, parameters: Parameters) -> None:
    if parameters.get("IdentityProviderType", server["IdentityProviderType"]) != server["IdentityProviderType"]:
        # The details of one type mean nothing to another.
        server.pop("IdentityProviderDetails", None)
    for name in _REPLACED:
        if name in parameters:
            server[name] = parameters[name]
    for name in _MERGED:
        if name in parameters:
            merged = {**server.get(name, {}), **parameters[name]}
            server[name] = {key: value for key, value in merged.items() if value != []}
    for name in (*_REPLACED, *_MERGED):
        if server.get(name) in ("", [], {}):
            del server[name]
    if "S3StorageOptions" in parameters and server["Domain"] != "S3":
        raise invalid_request("S3StorageOptions can only be specified for servers with Domain: S3")


def _check_offline(server: Document, parameters: Parameters) -> None:
    """Refuse to change on a running server what can only change on a stopped one.

    The texts on EndpointType and AddressAllocationIds are the service's own (hashicorp/terraform-provider-aws,
    internal/service/transfer/server.go); that on IpAddressType follows the API reference of UpdateServer.
    """
    if server["State"] == "OFFLINE":
        return
    for name in ("EndpointType", "IpAddressType"):
        if parameters.get(name, server[name]) != server[name]:
            raise invalid_request(f"Server must be OFFLINE to change {name}")
    wanted = parameters.get("EndpointDetails", {}).get("AddressAllocationIds")
    if wanted is not None and wanted != server["EndpointDetails"].get("AddressAllocationIds", []):
        raise invalid_request("Server must be OFFLINE to change AddressAllocationIds")


def _change_endpoint(server: Document, parameters: Parameters) -> None:
    """Set the wanted EndpointType and EndpointDetails, or refuse; EC2 hears of it only when all else is checked."""
    kind = parameters.get("EndpointType", server["EndpointType"])
    wanted = dict(parameters.get("EndpointDetails", {}))
    if kind == "VPC_ENDPOINT":
        raise invalid_request("EndpointType: VPC_ENDPOINT is closed to this account, use EndpointType: VPC")
    if kind == "PUBLIC" and wanted:
        raise invalid_request("EndpointDetails cannot be specified for EndpointType: PUBLIC")
    if "VpcEndpointId" in wanted:
        raise invalid_request("VPC Endpoint ID unsupported for EndpointType: VPC")
    if kind != server["EndpointType"]:
        if "AddressAllocationIds" in wanted:
            raise invalid_request("Cannot specify AddressAllocationids when updating server to EndpointType: VPC")
        if kind == "VPC" and not wanted.get("VpcId"):
            raise invalid_request("EndpointDetails must have VpcId for EndpointType: VPC")
        server.update(EndpointType=kind, EndpointDetails=wanted)
    elif wanted:
        _change_vpc_details(server["EndpointDetails"], wanted)


def _change_vpc_details(details: Document, wanted: Document) -> None:
    if "SecurityGroupIds" in wanted:
        # "You can edit the SecurityGroupIds property in the UpdateServer API only if you are changing the
        # EndpointType from PUBLIC or VPC_ENDPOINT to VPC" (EndpointDetails)
        raise invalid_request("Changing Security Group is not supported")
    changed = {name: value for name, value in wanted.items() if value != details[name]}
    if "VpcId" in changed:
        raise invalid_request("Changing VpcId is not supported")
    if "SubnetIds" in changed and details["AddressAllocationIds"]:
        raise invalid_request("AddressAllocationIds must be removed before SubnetIds can be modified")
    if "SubnetIds" in changed and changed.get("AddressAllocationIds"):
        # "SubnetIds and AddressAllocationIds cannot be updated simultaneously" (EndpointDetails)
        raise invalid_request("SubnetIds and AddressAllocationIds cannot be updated simultaneously")
    details.update(changed)


@contextmanager
def _vpc_endpoint_follows(ctx: Context, server_id: str, before: Document, after: Document) -> Iterator[None]:
    """Make EC2's endpoint what the server says; a refusal undoes what the block stored."""
    if after["EndpointType"] == "VPC" and before["EndpointType"] != "VPC":
        with vpc_endpoint_of(ctx, after, server_id):
            yield
        return
    yield
    if before["EndpointDetails"] == after["EndpointDetails"]:
        return
    with refusals_of_endpoints():
        if after["EndpointType"] == "PUBLIC":
            ctx.endpoints.delete(before["EndpointDetails"]["VpcEndpointId"])
        else:
            details = after["EndpointDetails"]
            ctx.endpoints.modify(details["VpcEndpointId"], details["SubnetIds"], details["AddressAllocationIds"])


OPERATIONS: dict[str, Operation] = {"UpdateServer": update_server}
