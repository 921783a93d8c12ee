# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers: create, describe, list, start, stop, delete. Changing one is in server_updates.py."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lab.transfer.context import Context
from lab.transfer.context import Document
from lab.transfer.context import Operation
from lab.transfer.context import Parameters
from lab.transfer.context import new_id
from lab.transfer.endpoints import EndpointNotAvailableError
from lab.transfer.errors import conflict
from lab.transfer.errors import invalid_request
from lab.transfer.errors import not_found
from lab.transfer.host_keys import add_generated_host_keys
from lab.transfer.host_keys import add_host_key
from lab.transfer.host_keys import primary_fingerprint
from lab.transfer.pagination import paginate
from lab.transfer.policies import DEFAULT_SECURITY_POLICY
from lab.transfer.server_rules import check_server
from lab.transfer.store import select
from lab.transfer.tags import delete_tags
from lab.transfer.tags import put_tags
from lab.transfer.tags import tags_member

# What CreateServer gives to members left out (API reference, CreateServer and ProtocolDetails).
_DEFAULTS: Document = {
    "Domain": "S3",
    "EndpointType": "PUBLIC",
    "IdentityProviderType": "SERVICE_MANAGED",
    "IpAddressType": "IPV4",
    "Protocols": ["SFTP"],
    "SecurityPolicyName": DEFAULT_SECURITY_POLICY,
}
_DEFAULT_PROTOCOL_DETAILS: Document = {
    "PassiveIp": "AUTO",
    "SetStatOption": "DEFAULT",
    "TlsSessionResumptionMode": "ENFORCED",
}
_DEFAULT_STORAGE_OPTIONS: Document = {"DirectoryListingOptimization": "DISABLED"}

# Members of CreateServer that are not kept in the server's own document.
_NOT_KEPT = ("HostKey", "Tags", "ServerId")
# Members kept in the document that DescribeServer does not show.
_INTERNAL = ("SettlesAt",)
_LISTED = ("Domain", "EndpointType", "IdentityProviderType", "LoggingRole")


def load_server(ctx: Context, server_id: str) -> Document:
    """Return a server's document with its state as of now."""
    row = ctx.db.execute("SELECT document FROM servers WHERE server_id = ?", (server_id,)).fetchone()
    if row is None:
        # The text that TestIdentityProvider's reference quotes.
        raise not_found("Server", server_id, "Unknown server")
    return _settled(json.loads(row["document"]), ctx.now)


def save_server(ctx: Context, server_id: str, server: Document) -> None:
    ctx.db.execute("UPDATE servers SET document = ? WHERE server_id = ?", (json.dumps(server), server_id))


def create_server(ctx: Context, parameters: Parameters) -> Document:
    server = _with_defaults(parameters)
    check_server(ctx, server, given=parameters)
    server_id = new_id("s")
    with vpc_endpoint_of(ctx, server, server_id):
        server.update(State="STARTING", SettlesAt=ctx.now + ctx.settings.settle_seconds)
        ctx.db.execute("INSERT INTO servers VALUES (?, ?)", (server_id, json.dumps(server)))
        if parameters.get("HostKey"):
            add_host_key(ctx, server_id, parameters["HostKey"], description="")
        else:
            add_generated_host_keys(ctx, server_id)
        put_tags(ctx, ctx.arns.server(server_id), parameters.get("Tags", []))
    return {"ServerId": server_id}


def describe_server(ctx: Context, parameters: Parameters) -> Document:
    server_id = parameters["ServerId"]
    return {"Server": described(ctx, server_id, load_server(ctx, server_id))}


def described(ctx: Context, server_id: str, server: Document) -> Document:
    """Return a server as DescribeServer shows it."""
    arn = ctx.arns.server(server_id)
    shown = {name: value for name, value in server.items() if name not in _INTERNAL}
    if server["EndpointType"] != "PUBLIC":
        # "this field is not populated in DescribeServer responses" (EndpointDetails, SecurityGroupIds)
        details = {name: value for name, value in server["EndpointDetails"].items() if name != "SecurityGroupIds"}
        shown["EndpointDetails"] = details
    if server["IdentityProviderType"] in {"SERVICE_MANAGED", "AWS_DIRECTORY_SERVICE"}:
        # "This field is not populated when the IdentityProviderType of a server is …" (DescribedServer)
        shown.pop("IdentityProviderDetails", None)
    return {
        "Arn": arn,
        "ServerId": server_id,
        **shown,
        "HostKeyFingerprint": primary_fingerprint(ctx, server_id),
        "UserCount": _user_count(ctx, server_id),
        **tags_member(ctx, arn),
    }


def list_servers(ctx: Context, parameters: Parameters) -> Document:
    def fetch(after: Any, limit: int) -> list[Any]:
        return select(
            ctx.db,
            "SELECT server_id, document FROM servers WHERE server_id > ? ORDER BY server_id LIMIT ?",
            (after or "", limit),
        )

    rows, more = paginate(ctx, parameters, scope="servers", fetch=fetch, key=lambda row: str(row["server_id"]))
    return {"Servers": [_listed(ctx, row["server_id"], json.loads(row["document"])) for row in rows], **more}


def all_servers(ctx: Context) -> Iterator[tuple[str, Document]]:
    for row in ctx.db.execute("SELECT server_id, document FROM servers ORDER BY server_id").fetchall():
        yield row["server_id"], _settled(json.loads(row["document"]), ctx.now)


def start_server(ctx: Context, parameters: Parameters) -> None:
    """Start a server. "It has no impact on a server that is already ONLINE" (StartServer)."""
    _move(ctx, parameters["ServerId"], going="STARTING", there="ONLINE", opposite="STOPPING")


def stop_server(ctx: Context, parameters: Parameters) -> None:
    _move(ctx, parameters["ServerId"], going="STOPPING", there="OFFLINE", opposite="STARTING")


def delete_server(ctx: Context, parameters: Parameters) -> None:
    """Delete a server with its users and keys; nothing of what it has stands in the way."""
    server_id = parameters["ServerId"]
    server = load_server(ctx, server_id)
    delete_tags(ctx, ctx.arns.server(server_id))
    for prefix in (ctx.arns.user(server_id, ""), ctx.arns.host_key(server_id, "")):
        ctx.db.execute("DELETE FROM tags WHERE substr(arn, 1, ?) = ?", (len(prefix), prefix))
    ctx.db.execute("DELETE FROM servers WHERE server_id = ?", (server_id,))
    if server["EndpointType"] == "VPC":
        with refusals_of_endpoints():
            ctx.endpoints.delete(server["EndpointDetails"]["VpcEndpointId"])


@contextmanager
def vpc_endpoint_of(ctx: Context, server: Document, server_id: str) -> Iterator[None]:
    """Give a VPC server its endpoint for the length of the block, and take it back if the block fails."""
    if server["EndpointType"] != "VPC":
        yield
        return
    details = server["EndpointDetails"]
    with refusals_of_endpoints():
        vpce_id = ctx.endpoints.create(
            details["VpcId"],
            details.setdefault("SubnetIds", []),
            details.pop("SecurityGroupIds", []),
            details.setdefault("AddressAllocationIds", []),
            server_id,
        )
    details["VpcEndpointId"] = vpce_id
    try:
        yield
    except BaseException:
        ctx.endpoints.delete(vpce_id)
        raise


@contextmanager
def refusals_of_endpoints() -> Iterator[None]:
    """Answer what EC2 refuses with Transfer's own errors."""
    try:
        yield
    except EndpointNotAvailableError as error:
        # "…the server's VpcEndpointID is not in the available state" (ConflictException)
        raise conflict(str(error)) from error
    except ValueError as error:
        raise invalid_request(str(error)) from error


def _with_defaults(parameters: Parameters) -> Document:
    server = {name: value for name, value in parameters.items() if name not in _NOT_KEPT and value not in ("", [])}
    server = {**_DEFAULTS, **server}
    server["ProtocolDetails"] = {**_DEFAULT_PROTOCOL_DETAILS, **server.get("ProtocolDetails", {})}
    server.setdefault("EndpointDetails", {})
    server["EndpointDetails"] = dict(server["EndpointDetails"])
    if server["Domain"] == "S3":
        server["S3StorageOptions"] = {**_DEFAULT_STORAGE_OPTIONS, **server.get("S3StorageOptions", {})}
    return server


def _settled(server: Document, now: float) -> Document:
    """Let a server that had the time to start or stop be started or stopped."""
    reached = {"STARTING": "ONLINE", "STOPPING": "OFFLINE"}.get(server["State"])
    if reached and now >= server["SettlesAt"]:
        server["State"] = reached
        del server["SettlesAt"]
    return server


def _move(ctx: Context, server_id: str, *, going: str, there: str, opposite: str) -> None:
    server = load_server(ctx, server_id)
    if server["State"] in {going, there}:
        return
    if server["State"] == opposite:
        # Not documented what the service does here; refusing is the stricter of the two.
        raise invalid_request(f"Server {server_id} is {opposite}; wait until it has settled")
    server.update(State=going, SettlesAt=ctx.now + ctx.settings.settle_seconds)
    save_server(ctx, server_id, server)


def _listed(ctx: Context, server_id: str, server: Document) -> Document:
    server = _settled(server, ctx.now)
    return {
        "Arn": ctx.arns.server(server_id),
        "ServerId": server_id,
        "State": server["State"],
        "UserCount": _user_count(ctx, server_id),
        **{name: server[name] for name in _LISTED if name in server},
    }


def _user_count(ctx: Context, server_id: str) -> int:
    count: int = ctx.db.execute("SELECT count(*) FROM users WHERE server_id = ?", (server_id,)).fetchone()[0]
    return count


OPERATIONS: dict[str, Operation] = {
    "CreateServer": create_server,
    "DescribeServer": describe_server,
    "ListServers": list_servers,
    "StartServer": start_server,
    "StopServer": stop_server,
    "DeleteServer": delete_server,
}
