# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds servers by id or by tags. ListServers gives no tags, so each server is described to see its own."""

from __future__ import annotations

import typing
from typing import Any

from . import api
from .errors import InvalidOptionsError
from .servers import Server

if typing.TYPE_CHECKING:
    from collections.abc import Mapping


def find_servers(client: Any, server_id: str | None, match_tags: Mapping[str, Any] | None) -> list[Server]:
    """Of all servers, or the one with the id, those that have each of the tags; ordered by id."""
    ids = [server_id] if server_id else sorted(listed["ServerId"] for listed in api.list_servers(client))
    # None: deleted since it was listed.
    described = [server for server in (api.describe_server(client, id_) for id_ in ids) if server is not None]
    wanted = {str(key): str(value) for key, value in (match_tags or {}).items()}
    return [server for server in map(Server, described) if wanted.items() <= server.tags.items()]


def find_one_server(client: Any, server_id: str | None, match_tags: Mapping[str, Any] | None) -> Server:
    found = find_servers(client, server_id, match_tags)
    if len(found) == 1:
        return found[0]
    if server_id:
        raise InvalidOptionsError([f"server {server_id} does not exist in this account and region"])
    if not found:
        raise InvalidOptionsError([f"no server in this account and region has the tags {dict(match_tags or {})}"])
    ids = ", ".join(server.described["ServerId"] for server in found)
    raise InvalidOptionsError([f"{len(found)} servers have the tags {dict(match_tags or {})}: {ids}. Give server_id"])
