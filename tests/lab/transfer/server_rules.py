# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the model cannot say of a server: which members go together.

Each rule stands in the API reference (CreateServer, EndpointDetails, IdentityProviderDetails, ProtocolDetails). Texts
in double quotes below were seen on the wire, in issues of the Terraform provider or of the AWS CLI; the others are
ours.
"""

from __future__ import annotations

from lab.transfer.context import Context
from lab.transfer.context import Document
from lab.transfer.context import Parameters
from lab.transfer.errors import invalid_request
from lab.transfer.errors import not_found
from lab.transfer.policies import SERVER_POLICIES

# The member of IdentityProviderDetails that each type cannot do without.
_NEEDED_DETAIL = {"API_GATEWAY": "Url", "AWS_LAMBDA": "Function", "AWS_DIRECTORY_SERVICE": "DirectoryId"}


def check_server(ctx: Context, server: Document, *, given: Parameters) -> None:
    """Raise InvalidRequestException or ResourceNotFoundException for a server that may not be created."""
    _check_endpoint(server)
    check_identity_provider(server)
    check_protocols(server)
    check_security_policy(server)
    check_workflows(ctx, server)
    if "S3StorageOptions" in given and server["Domain"] != "S3":
        raise invalid_request("S3StorageOptions can only be specified for servers with Domain: S3")


def check_identity_provider(server: Document) -> None:
    kind = server["IdentityProviderType"]
    details = server.get("IdentityProviderDetails") or {}
    if kind == "SERVICE_MANAGED":
        if details:
            raise invalid_request("Must specify IdentityProviderType with IdentityProviderDetails")
        return
    needed = _NEEDED_DETAIL[kind]
    if not details.get(needed):
        raise invalid_request(f"IdentityProviderDetails must have {needed} for IdentityProviderType: {kind}")
    if kind == "API_GATEWAY" and not details.get("InvocationRole"):
        raise invalid_request("IdentityProviderDetails must have InvocationRole for IdentityProviderType: API_GATEWAY")


def check_protocols(server: Document) -> None:
    protocols = set(server["Protocols"])
    if len(protocols) != len(server["Protocols"]):
        raise invalid_request("Protocols must not contain duplicates")
    if protocols & {"FTP", "FTPS"}:
        if server["EndpointType"] != "VPC":
            raise invalid_request("EndpointType must be VPC for protocols FTP and FTPS")
        if server["IdentityProviderType"] == "SERVICE_MANAGED":
            raise invalid_request("IdentityProviderType SERVICE_MANAGED is not supported for protocols FTP and FTPS")
    if "FTPS" in protocols and not server.get("Certificate"):
        raise invalid_request("Certificate is required for protocol FTPS")
    if "FTP" in protocols and server["EndpointDetails"].get("AddressAllocationIds"):
        raise invalid_request("AddressAllocationIds cannot be specified for protocol FTP")
    if "AS2" in protocols and (server["EndpointType"] != "VPC" or server["Domain"] != "S3"):
        raise invalid_request("Protocol AS2 requires EndpointType: VPC and Domain: S3")
    for entry in server["ProtocolDetails"].get("SftpPorts", []):
        port = entry["SftpPort"]
        # "The SftpPort takes any integer from 2000 to 65535, or 22"; "…and have PUBLIC endpoints" (ProtocolDetails)
        if port != 22 and port < 2000:
            raise invalid_request(f"SftpPort {port} must be 22 or from 2000 to 65535")
        if server["EndpointType"] != "PUBLIC":
            raise invalid_request("SftpPorts can only be specified for EndpointType: PUBLIC")


def check_security_policy(server: Document) -> None:
    name = server["SecurityPolicyName"]
    if name not in SERVER_POLICIES:
        raise invalid_request(f"Security policy {name} does not exist; ListSecurityPolicies names those that do")


def check_workflows(ctx: Context, server: Document) -> None:
    for details in server.get("WorkflowDetails", {}).values():
        for detail in details:
            workflow_id = detail["WorkflowId"]
            found = ctx.db.execute("SELECT 1 FROM workflows WHERE workflow_id = ?", (workflow_id,)).fetchone()
            if not found:
                raise not_found("Workflow", workflow_id)


def check_addresses(server: Document) -> None:
    """Elastic IP addresses, as EndpointDetails lists their conditions."""
    details = server["EndpointDetails"]
    addresses = details.get("AddressAllocationIds") or []
    if not addresses:
        return
    if server["IpAddressType"] == "DUALSTACK":
        raise invalid_request("AddressAllocationIds cannot be specified for IpAddressType: DUALSTACK")
    if len(set(addresses)) != len(addresses):
        raise invalid_request("AddressAllocationIds must not contain duplicates")
    if len(addresses) != len(details.get("SubnetIds") or []):
        raise invalid_request("AddressAllocationIds must be equal in length to SubnetIds")


def _check_endpoint(server: Document) -> None:
    kind, details = server["EndpointType"], server["EndpointDetails"]
    if kind == "VPC_ENDPOINT":
        # "After May 19, 2021, you won't be able to create a server using EndpointType=VPC_ENDPOINT" (CreateServer)
        raise invalid_request("EndpointType: VPC_ENDPOINT is closed to this account, use EndpointType: VPC")
    if kind == "PUBLIC":
        if details:
            raise invalid_request("EndpointDetails cannot be specified for EndpointType: PUBLIC")
        return
    if "VpcEndpointId" in details:
        raise invalid_request("VPC Endpoint ID unsupported for EndpointType: VPC")
    if not details.get("VpcId"):
        raise invalid_request("EndpointDetails must have VpcId for EndpointType: VPC")
    check_addresses(server)
