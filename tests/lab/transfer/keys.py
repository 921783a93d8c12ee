# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SSH public keys of users."""

from __future__ import annotations

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from lab.transfer.context import Context
from lab.transfer.context import Document
from lab.transfer.context import Operation
from lab.transfer.context import Parameters
from lab.transfer.context import new_id
from lab.transfer.errors import already_exists
from lab.transfer.errors import invalid_request
from lab.transfer.errors import not_found

# "Transfer Family accepts RSA, ECDSA, and ED25519 keys" (CreateUser, SshPublicKeyBody)
KEY_TYPES = ("ssh-rsa", "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521")


def import_ssh_public_key(ctx: Context, parameters: Parameters) -> Document:
    server_id, user_name = parameters["ServerId"], parameters["UserName"]
    created = _created(ctx, server_id, user_name)
    if ctx.now < created + ctx.settings.user_visible_after_seconds:
        # A user just created is not known everywhere at once.
        raise not_found("User", user_name, "Unknown user")
    key_id = add_ssh_key(ctx, server_id, user_name, parameters["SshPublicKeyBody"])
    return {"ServerId": server_id, "SshPublicKeyId": key_id, "UserName": user_name}


def delete_ssh_public_key(ctx: Context, parameters: Parameters) -> None:
    server_id, user_name, key_id = parameters["ServerId"], parameters["UserName"], parameters["SshPublicKeyId"]
    _created(ctx, server_id, user_name)
    deleted = ctx.db.execute(
        "DELETE FROM ssh_keys WHERE server_id = ? AND user_name = ? AND key_id = ?", (server_id, user_name, key_id)
    )
    if not deleted.rowcount:
        raise not_found("SshPublicKey", key_id, "Unknown SSH public key")


def add_ssh_key(ctx: Context, server_id: str, user_name: str, body: str) -> str:
    """Store a key of a user that exists, and return its id."""
    material = key_material(body)
    owner = (server_id, user_name)
    held = ctx.db.execute(
        "SELECT key_id, material FROM ssh_keys WHERE server_id = ? AND user_name = ?", owner
    ).fetchall()
    for row in held:
        if row["material"] == material:
            raise already_exists("SshPublicKey", row["key_id"], "SSH public key already exists")
    if len(held) >= ctx.settings.keys_per_user:
        raise invalid_request(f"User {user_name} has {len(held)} SSH public keys, which is the limit")
    key_id = new_id("key")
    ctx.db.execute(
        "INSERT INTO ssh_keys (key_id, server_id, user_name, body, material, imported) VALUES (?, ?, ?, ?, ?, ?)",
        (key_id, *owner, body.strip(), material, ctx.now),
    )
    return key_id


def ssh_keys_of(ctx: Context, server_id: str, user_name: str) -> list[Document]:
    rows = ctx.db.execute(
        "SELECT key_id, body, imported FROM ssh_keys WHERE server_id = ? AND user_name = ? ORDER BY position",
        (server_id, user_name),
    ).fetchall()
    return [
        {"DateImported": row["imported"], "SshPublicKeyBody": row["body"], "SshPublicKeyId": row["key_id"]}
        for row in rows
    ]


def key_material(body: str) -> str:
    """Return type and base64 of a key in OpenSSH form: what makes two keys the same, whatever their comments."""
    words = body.split(maxsplit=2)
    try:
        if words[0] not in KEY_TYPES:
            raise ValueError(words[0])
        load_ssh_public_key(" ".join(words[:2]).encode("ascii"))
    except (IndexError, ValueError, UnsupportedAlgorithm):
        raise invalid_request("Unsupported or invalid SSH public key format") from None
    return " ".join(words[:2])


def _created(ctx: Context, server_id: str, user_name: str) -> float:
    if ctx.db.execute("SELECT 1 FROM servers WHERE server_id = ?", (server_id,)).fetchone() is None:
        raise not_found("Server", server_id, "Unknown server")
    row = ctx.db.execute(
        "SELECT created FROM users WHERE server_id = ? AND user_name = ?", (server_id, user_name)
    ).fetchone()
    if row is None:
        raise not_found("User", user_name, "Unknown user")
    return float(row["created"])


OPERATIONS: dict[str, Operation] = {
    "ImportSshPublicKey": import_ssh_public_key,
    "DeleteSshPublicKey": delete_ssh_public_key,
}
