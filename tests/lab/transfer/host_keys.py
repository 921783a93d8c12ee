# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Host keys of servers: real keys, with the type and fingerprint that OpenSSH gives them."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization import NoEncryption
from cryptography.hazmat.primitives.serialization import PrivateFormat
from cryptography.hazmat.primitives.serialization import PublicFormat
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.hazmat.primitives.serialization import load_ssh_private_key

from lab.transfer.context import Context
from lab.transfer.context import Document
from lab.transfer.context import Operation
from lab.transfer.context import Parameters
from lab.transfer.context import new_id
from lab.transfer.errors import already_exists
from lab.transfer.errors import invalid_request
from lab.transfer.errors import not_found
from lab.transfer.pagination import paginate
from lab.transfer.store import select
from lab.transfer.tags import delete_tags
from lab.transfer.tags import put_tags
from lab.transfer.tags import tags_member

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

_ACCEPTED = "Transfer Family accepts RSA (2048 bits or more), ECDSA (256, 384, 521) and ED25519 keys without passphrase"
_COLUMNS = "position, key_id, type, fingerprint, description, imported"


def import_host_key(ctx: Context, parameters: Parameters) -> Document:
    server_id = parameters["ServerId"]
    _check_server(ctx, server_id)
    key_id = add_host_key(ctx, server_id, parameters["HostKeyBody"], description=parameters.get("Description", ""))
    put_tags(ctx, ctx.arns.host_key(server_id, key_id), parameters.get("Tags", []))
    return {"ServerId": server_id, "HostKeyId": key_id}


def describe_host_key(ctx: Context, parameters: Parameters) -> Document:
    server_id, key_id = parameters["ServerId"], parameters["HostKeyId"]
    row = _load(ctx, server_id, key_id)
    arn = ctx.arns.host_key(server_id, key_id)
    return {"HostKey": {**_shown(ctx, server_id, row, "HostKeyFingerprint"), **tags_member(ctx, arn)}}


def update_host_key(ctx: Context, parameters: Parameters) -> Document:
    server_id, key_id = parameters["ServerId"], parameters["HostKeyId"]
    _load(ctx, server_id, key_id)
    ctx.db.execute("UPDATE host_keys SET description = ? WHERE key_id = ?", (parameters["Description"], key_id))
    return {"ServerId": server_id, "HostKeyId": key_id}


def delete_host_key(ctx: Context, parameters: Parameters) -> None:
    server_id, key_id = parameters["ServerId"], parameters["HostKeyId"]
    _load(ctx, server_id, key_id)
    count: int = ctx.db.execute("SELECT count(*) FROM host_keys WHERE server_id = ?", (server_id,)).fetchone()[0]
    if count == 1:
        # Not documented. A server without any host key could not complete a single SSH handshake.
        raise invalid_request(f"Host key {key_id} is the only one of server {server_id}; import another one first")
    ctx.db.execute("DELETE FROM host_keys WHERE key_id = ?", (key_id,))
    delete_tags(ctx, ctx.arns.host_key(server_id, key_id))


def list_host_keys(ctx: Context, parameters: Parameters) -> Document:
    server_id = parameters["ServerId"]
    _check_server(ctx, server_id)

    def fetch(after: Any, limit: int) -> list[Any]:
        return select(
            ctx.db,
            f"SELECT {_COLUMNS} FROM host_keys WHERE server_id = ? AND position > ? ORDER BY position LIMIT ?",  # noqa: S608
            (server_id, after or 0, limit),
        )

    rows, more = paginate(
        ctx, parameters, scope=f"host keys {server_id}", fetch=fetch, key=lambda row: int(row["position"])
    )
    return {"ServerId": server_id, "HostKeys": [_shown(ctx, server_id, row, "Fingerprint") for row in rows], **more}


def add_host_key(ctx: Context, server_id: str, body: str, *, description: str) -> str:
    return _insert(ctx, server_id, _parse(body), description)


def add_generated_host_keys(ctx: Context, server_id: str) -> None:
    """Give a server a key of each kind ("If you do not provide host keys, new ones will be generated for you")."""
    generated: tuple[PrivateKey, ...] = (
        rsa.generate_private_key(public_exponent=65537, key_size=2048),
        ec.generate_private_key(ec.SECP256R1()),
        ed25519.Ed25519PrivateKey.generate(),
    )
    for key in generated:
        _insert(ctx, server_id, key, "")


def replace_host_key(ctx: Context, server_id: str, body: str) -> None:
    """UpdateServer's HostKey: the key served for its algorithm from now on; others of that algorithm go.

    The reference says only "Accidentally changing a server's host key can be disruptive".
    """
    key = _parse(body)
    kind = _openssh(key)[0]
    ctx.db.execute("DELETE FROM host_keys WHERE server_id = ? AND type = ?", (server_id, kind))
    _insert(ctx, server_id, key, "")


def primary_fingerprint(ctx: Context, server_id: str) -> str:
    row = ctx.db.execute(
        "SELECT fingerprint FROM host_keys WHERE server_id = ? ORDER BY position LIMIT 1", (server_id,)
    ).fetchone()
    return str(row["fingerprint"])


def served_private_keys(ctx: Context, server_id: str) -> list[str]:
    """Return the keys that clients meet, in OpenSSH form.

    "The oldest key for each key type (RSA, ECDSA, or ED25519) is the active key for the server for that type" (Add an
    additional server host key).
    """
    rows = ctx.db.execute(
        "SELECT type, private_key FROM host_keys WHERE server_id = ? ORDER BY position", (server_id,)
    ).fetchall()
    oldest: dict[str, str] = {}
    for row in rows:
        # The three ECDSA curves are one kind.
        kind = "ecdsa" if row["type"].startswith("ecdsa-") else row["type"]
        oldest.setdefault(kind, row["private_key"])
    return list(oldest.values())


def _insert(ctx: Context, server_id: str, key: PrivateKey, description: str) -> str:
    kind, fingerprint = _openssh(key)
    twin = ctx.db.execute(
        "SELECT key_id FROM host_keys WHERE server_id = ? AND fingerprint = ?", (server_id, fingerprint)
    ).fetchone()
    if twin:
        raise already_exists("HostKey", twin["key_id"], "Host key already exists")
    text = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    key_id = new_id("hostkey")
    ctx.db.execute(
        "INSERT INTO host_keys (key_id, server_id, private_key, type, fingerprint, description, imported)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (key_id, server_id, text, kind, fingerprint, description, ctx.now),
    )
    return key_id


def _parse(body: str) -> PrivateKey:
    """Read a private key in PEM (PKCS #1, SEC 1, PKCS #8) or OpenSSH form."""
    data = body.encode()
    load = load_ssh_private_key if b"BEGIN OPENSSH PRIVATE KEY" in data else load_pem_private_key
    try:
        key = load(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Whatever cryptography says of it could quote the key.
        raise invalid_request(f"Unsupported or invalid host key format. {_ACCEPTED}") from None
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= 2048:
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in {"secp256r1", "secp384r1", "secp521r1"}:
        return key
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key
    raise invalid_request(f"Unsupported host key. {_ACCEPTED}")


def _openssh(key: PrivateKey) -> tuple[str, str]:
    """Return the type, and the fingerprint as the service writes it: ssh-keygen's with the padding kept."""
    kind, blob = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode().split()[:2]
    digest = hashlib.sha256(base64.b64decode(blob)).digest()
    return kind, f"SHA256:{base64.b64encode(digest).decode()}"


def _shown(ctx: Context, server_id: str, row: Any, fingerprint_member: str) -> Document:
    return {
        "Arn": ctx.arns.host_key(server_id, row["key_id"]),
        "HostKeyId": row["key_id"],
        fingerprint_member: row["fingerprint"],
        "Description": row["description"],
        "Type": row["type"],
        "DateImported": row["imported"],
    }


def _load(ctx: Context, server_id: str, key_id: str) -> Any:
    _check_server(ctx, server_id)
    row = ctx.db.execute(
        f"SELECT {_COLUMNS} FROM host_keys WHERE server_id = ? AND key_id = ?",  # noqa: S608
        (server_id, key_id),
    ).fetchone()
    if row is None:
        raise not_found("HostKey", key_id, "Unknown host key")
    return row


def _check_server(ctx: Context, server_id: str) -> None:
    if ctx.db.execute("SELECT 1 FROM servers WHERE server_id = ?", (server_id,)).fetchone() is None:
        raise not_found("Server", server_id, "Unknown server")


OPERATIONS: dict[str, Operation] = {
    "ImportHostKey": import_host_key,
    "DescribeHostKey": describe_host_key,
    "UpdateHostKey": update_host_key,
    "DeleteHostKey": delete_host_key,
    "ListHostKeys": list_host_keys,
}
