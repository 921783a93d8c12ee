# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags of servers, users, host keys and workflows, by ARN."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lab.transfer.context import Context
from lab.transfer.context import Document
from lab.transfer.context import Operation
from lab.transfer.context import Parameters
from lab.transfer.errors import invalid_request
from lab.transfer.errors import not_found
from lab.transfer.pagination import paginate
from lab.transfer.store import select

# The model's bound on Tags, which holds for a resource too ("Tag naming limits and requirements", Tagging reference).
_MAX_TAGS = 50

# Whether a resource exists: the path of its ARN, split at slashes.
_RESOURCES = {
    ("server", 2): "SELECT 1 FROM servers WHERE server_id = ?",
    ("user", 3): "SELECT 1 FROM users WHERE server_id = ? AND user_name = ?",
    ("host-key", 3): "SELECT 1 FROM host_keys WHERE server_id = ? AND key_id = ?",
    ("workflow", 2): "SELECT 1 FROM workflows WHERE workflow_id = ?",
}


def tag_resource(ctx: Context, parameters: Parameters) -> None:
    _check_resource(ctx, parameters["Arn"])
    put_tags(ctx, parameters["Arn"], parameters["Tags"])


def untag_resource(ctx: Context, parameters: Parameters) -> None:
    _check_resource(ctx, parameters["Arn"])
    ctx.db.executemany(
        "DELETE FROM tags WHERE arn = ? AND key = ?", [(parameters["Arn"], key) for key in parameters["TagKeys"]]
    )


def list_tags_for_resource(ctx: Context, parameters: Parameters) -> Document:
    arn = parameters["Arn"]
    _check_resource(ctx, arn)

    def fetch(after: Any, limit: int) -> list[Any]:
        return select(
            ctx.db,
            "SELECT position, key, value FROM tags WHERE arn = ? AND position > ? ORDER BY position LIMIT ?",
            (arn, after or 0, limit),
        )

    rows, more = paginate(ctx, parameters, scope=f"tags {arn}", fetch=fetch, key=lambda row: int(row["position"]))
    tags = [{"Key": row["key"], "Value": row["value"]} for row in rows]
    return {"Arn": arn, **({"Tags": tags} if tags else {}), **more}


def put_tags(ctx: Context, arn: str, tags: Iterable[Document]) -> None:
    """Set tags of a resource that exists; other tags of it stay."""
    wanted = [(tag["Key"], tag["Value"]) for tag in tags]
    if len({key for key, _ in wanted}) != len(wanted):
        raise invalid_request("Tags must not contain duplicate keys")
    for key, _ in wanted:
        if key.lower().startswith("aws:"):
            raise invalid_request(f"Tag key {key} begins with aws:, which is reserved")
    ctx.db.executemany(
        "INSERT INTO tags (arn, key, value) VALUES (?, ?, ?)"
        " ON CONFLICT (arn, key) DO UPDATE SET value = excluded.value",
        [(arn, key, value) for key, value in wanted],
    )
    count: int = ctx.db.execute("SELECT count(*) FROM tags WHERE arn = ?", (arn,)).fetchone()[0]
    if count > _MAX_TAGS:
        raise invalid_request(f"A resource can have {_MAX_TAGS} tags, it would have {count}")


def tags_member(ctx: Context, arn: str) -> Document:
    """Return the Tags member of a description; the model allows it no empty list."""
    rows = ctx.db.execute("SELECT key, value FROM tags WHERE arn = ? ORDER BY position", (arn,)).fetchall()
    return {"Tags": [{"Key": row["key"], "Value": row["value"]} for row in rows]} if rows else {}


def delete_tags(ctx: Context, arn: str) -> None:
    ctx.db.execute("DELETE FROM tags WHERE arn = ?", (arn,))


def _check_resource(ctx: Context, arn: str) -> None:
    prefix = ctx.arns.server("")[: -len("server/")]
    words = arn[len(prefix) :].split("/") if arn.startswith(prefix) else []
    query = _RESOURCES.get((words[0], len(words))) if words else None
    if query is None or ctx.db.execute(query, words[1:]).fetchone() is None:
        raise not_found("Resource", arn, "Unknown resource")


OPERATIONS: dict[str, Operation] = {
    "TagResource": tag_resource,
    "UntagResource": untag_resource,
    "ListTagsForResource": list_tags_for_resource,
}
