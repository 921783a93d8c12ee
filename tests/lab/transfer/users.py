# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Service-managed users: create, describe, update, delete, list."""

from __future__ import annotations

import json
import re
from typing import Any

from lab.transfer.context import Context
from lab.transfer.context import Document
from lab.transfer.context import Operation
from lab.transfer.context import Parameters
from lab.transfer.errors import already_exists
from lab.transfer.errors import invalid_request
from lab.transfer.errors import not_found
from lab.transfer.keys import add_ssh_key
from lab.transfer.keys import ssh_keys_of
from lab.transfer.pagination import paginate
from lab.transfer.servers import load_server
from lab.transfer.store import select
from lab.transfer.tags import delete_tags
from lab.transfer.tags import put_tags
from lab.transfer.tags import tags_member

_KEPT = ("HomeDirectory", "HomeDirectoryMappings", "HomeDirectoryType", "Policy", "PosixProfile", "Role")
# "For service-managed users there is a limit of 2,000 logical directory entries" (Working with service-managed users)
_MAX_MAPPINGS = 2000
_USER_NAME_VARIABLE = re.compile(r"\$\{transfer:UserName\}", re.IGNORECASE)


def load_user(ctx: Context, server_id: str, user_name: str) -> Document:
    load_server(ctx, server_id)
    user = _document(ctx, server_id, user_name)
    if user is None:
        raise not_found("User", user_name, "Unknown user")
    return user


def create_user(ctx: Context, parameters: Parameters) -> Document:
    server_id, user_name = parameters["ServerId"], parameters["UserName"]
    server = load_server(ctx, server_id)
    if server["IdentityProviderType"] != "SERVICE_MANAGED":
        # "You can only create and associate users with servers that have the IdentityProviderType set to
        # SERVICE_MANAGED" (CreateUser)
        raise invalid_request(f"Server {server_id} must have IdentityProviderType SERVICE_MANAGED to have users")
    if user_name == "root":
        raise invalid_request("User name root is not allowed")
    user = {name: parameters[name] for name in _KEPT if name in parameters and parameters[name] != ""}
    user.setdefault("HomeDirectoryType", "PATH")
    _check_user(server, user)
    if _document(ctx, server_id, user_name) is not None:
        raise already_exists("User", user_name, "User already exists")
    ctx.db.execute("INSERT INTO users VALUES (?, ?, ?, ?)", (server_id, user_name, ctx.now, json.dumps(user)))
    if parameters.get("SshPublicKeyBody"):
        add_ssh_key(ctx, server_id, user_name, parameters["SshPublicKeyBody"])
    put_tags(ctx, ctx.arns.user(server_id, user_name), parameters.get("Tags", []))
    return {"ServerId": server_id, "UserName": user_name}


def describe_user(ctx: Context, parameters: Parameters) -> Document:
    server_id, user_name = parameters["ServerId"], parameters["UserName"]
    user = load_user(ctx, server_id, user_name)
    arn = ctx.arns.user(server_id, user_name)
    if "HomeDirectoryMappings" in user:
        # The service gives targets with the variable replaced (cloudposse/terraform-aws-transfer-sftp issue 20).
        user["HomeDirectoryMappings"] = [
            {**mapping, "Target": _USER_NAME_VARIABLE.sub(lambda _: user_name, mapping["Target"])}
            for mapping in user["HomeDirectoryMappings"]
        ]
    return {
        "ServerId": server_id,
        "User": {
            "Arn": arn,
            "UserName": user_name,
            **user,
            "SshPublicKeys": ssh_keys_of(ctx, server_id, user_name),
            **tags_member(ctx, arn),
        },
    }


def update_user(ctx: Context, parameters: Parameters) -> Document:
    server_id, user_name = parameters["ServerId"], parameters["UserName"]
    server = load_server(ctx, server_id)
    user = load_user(ctx, server_id, user_name)
    wanted_type = parameters.get("HomeDirectoryType", user["HomeDirectoryType"])
    if wanted_type != user["HomeDirectoryType"]:
        # What belongs to the other type does not outlive it.
        user.pop("HomeDirectory", None)
        user.pop("HomeDirectoryMappings", None)
    user.update({name: parameters[name] for name in _KEPT if name in parameters})
    user = {name: value for name, value in user.items() if value != ""}
    _check_user(server, user)
    ctx.db.execute(
        "UPDATE users SET document = ? WHERE server_id = ? AND user_name = ?", (json.dumps(user), server_id, user_name)
    )
    return {"ServerId": server_id, "UserName": user_name}


def delete_user(ctx: Context, parameters: Parameters) -> None:
    server_id, user_name = parameters["ServerId"], parameters["UserName"]
    load_user(ctx, server_id, user_name)
    ctx.db.execute("DELETE FROM users WHERE server_id = ? AND user_name = ?", (server_id, user_name))
    delete_tags(ctx, ctx.arns.user(server_id, user_name))


def list_users(ctx: Context, parameters: Parameters) -> Document:
    server_id = parameters["ServerId"]
    load_server(ctx, server_id)

    def fetch(after: Any, limit: int) -> list[Any]:
        return select(
            ctx.db,
            "SELECT user_name, document, (SELECT count(*) FROM ssh_keys k WHERE k.server_id = u.server_id"
            " AND k.user_name = u.user_name) AS keys FROM users u"
            " WHERE server_id = ? AND user_name > ? ORDER BY user_name LIMIT ?",
            (server_id, after or "", limit),
        )

    rows, more = paginate(
        ctx, parameters, scope=f"users {server_id}", fetch=fetch, key=lambda row: str(row["user_name"])
    )
    return {"ServerId": server_id, "Users": [_listed(ctx, server_id, row) for row in rows], **more}


def _document(ctx: Context, server_id: str, user_name: str) -> Document | None:
    row = ctx.db.execute(
        "SELECT document FROM users WHERE server_id = ? AND user_name = ?", (server_id, user_name)
    ).fetchone()
    return json.loads(row["document"]) if row else None


def _listed(ctx: Context, server_id: str, row: Any) -> Document:
    user = json.loads(row["document"])
    listed: Document = {
        "Arn": ctx.arns.user(server_id, row["user_name"]),
        "UserName": row["user_name"],
        "HomeDirectoryType": user["HomeDirectoryType"],
        "Role": user["Role"],
        "SshPublicKeyCount": row["keys"],
    }
    if "HomeDirectory" in user:
        listed["HomeDirectory"] = user["HomeDirectory"]
    return listed


def _check_user(server: Document, user: Document) -> None:
    if server["Domain"] == "EFS" and "PosixProfile" not in user:
        raise invalid_request("PosixProfile is required for users of a server with Domain: EFS")
    mappings = user.get("HomeDirectoryMappings")
    if user["HomeDirectoryType"] == "PATH":
        if mappings:
            # "This value can be set only when HomeDirectoryType is set to LOGICAL" (CreateUser)
            raise invalid_request("HomeDirectoryMappings can only be specified for HomeDirectoryType: LOGICAL")
        return
    if not mappings:
        raise invalid_request("HomeDirectoryMappings must be specified for HomeDirectoryType: LOGICAL")
    _check_mappings(mappings)
    home = user.get("HomeDirectory")
    if home and not any(_within(home, mapping["Entry"]) for mapping in mappings):
        # "…the value must map to one of your logical directory mappings" (Implementing logical directories)
        raise invalid_request(f"HomeDirectory {home} is not in any of the HomeDirectoryMappings")


def _check_mappings(mappings: list[Document]) -> None:
    """The rules of the user guide's page on logical directories."""
    if len(mappings) > _MAX_MAPPINGS:
        raise invalid_request(f"HomeDirectoryMappings has {len(mappings)} entries, the limit is {_MAX_MAPPINGS}")
    entries = sorted(mapping["Entry"] for mapping in mappings)
    for number, entry in enumerate(entries[:-1]):
        # Sorted by code point, "/a!" stands between "/a" and "/a/b": every later entry has to be looked at.
        for other in entries[number + 1 :]:
            if not other.startswith(entry):
                break
            if _within(other, entry):
                raise invalid_request(f"HomeDirectoryMappings entries {entry} and {other} overlap")
    for mapping in mappings:
        target = mapping["Target"]
        if target.endswith("/"):
            raise invalid_request(f"HomeDirectoryMappings target {target} must not be / nor end with a slash")


def _within(path: str, entry: str) -> bool:
    parent = entry.rstrip("/")
    return path.rstrip("/") == parent or path.startswith(parent + "/")


OPERATIONS: dict[str, Operation] = {
    "CreateUser": create_user,
    "DescribeUser": describe_user,
    "UpdateUser": update_user,
    "DeleteUser": delete_user,
    "ListUsers": list_users,
}
