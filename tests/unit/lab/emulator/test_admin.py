# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The address book of the SFTP endpoint, and what is left to the Transfer service."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.emulator.admin import Admin
from lab.transfer import MemoryEndpoints
from lab.transfer import TransferService


@pytest.fixture
def admin(tmp_path: Path) -> Iterator[Admin]:
    service = TransferService(tmp_path / "transfer.sqlite", "111122223333", "eu-central-1", MemoryEndpoints())
    yield Admin(service)
    service.close()


def call(admin: Admin, method: str, path: str, body: bytes = b"") -> tuple[int, Any]:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": []}
    asyncio.run(admin(scope, receive, send))
    return sent[0]["status"], json.loads(sent[1]["body"])


def test_an_endpoint_is_unknown_until_it_reports(admin: Admin) -> None:
    path = "/_lab/sftp/s-0123456789abcdef0"
    assert call(admin, "GET", path)[0] == 404
    address = {"host": "127.0.0.1", "port": 2022}
    assert call(admin, "PUT", path, json.dumps(address).encode()) == (200, address)
    assert call(admin, "GET", path) == (200, address)
    assert call(admin, "GET", "/_lab/sftp/s-ffffffffffffffff0")[0] == 404
    assert call(admin, "DELETE", path)[0] == 405


@pytest.mark.parametrize("body", [b"", b"[]", b'{"host": "127.0.0.1"}', b'{"host": "h", "port": "ssh"}', b"x" * 70_000])
def test_a_bad_report_is_refused_and_changes_nothing(body: bytes, admin: Admin) -> None:
    assert call(admin, "PUT", "/_lab/sftp/s-1", body)[0] == 400
    assert call(admin, "GET", "/_lab/sftp/s-1")[0] == 404


def test_the_sftp_endpoint_serves_once_it_has_asked_for_the_servers(admin: Admin) -> None:
    assert call(admin, "GET", "/_lab/health") == (200, {"emulator": True, "sftp": False})
    assert call(admin, "GET", "/_lab/transfer/servers") == (200, [])
    assert call(admin, "GET", "/_lab/health") == (200, {"emulator": True, "sftp": True})


def test_the_rest_is_the_services_or_nobodys(admin: Admin) -> None:
    assert call(admin, "GET", "/_lab/calls") == (200, {})
    status, answer = call(admin, "GET", "/_lab/payments")
    assert (status, answer["error"]) == (404, "GET /_lab/payments is none of the lab's")
