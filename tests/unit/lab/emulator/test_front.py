# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One URL for every service: which request goes where."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from lab.emulator.front import Application
from lab.emulator.front import Front

TARGET = b"x-amz-target"


def answered_by(scope: dict[str, Any]) -> str:
    seen: list[str] = []

    def named(name: str) -> Application:
        async def application(*_: Any) -> None:
            seen.append(name)

        return application

    async def unused(*_: Any) -> Any:
        raise AssertionError

    front = Front(named("ministack"), named("transfer"), named("admin"))
    asyncio.run(front({"headers": [], "path": "/", **scope}, unused, unused))
    return seen[0]


@pytest.mark.parametrize(
    ("scope", "application"),
    [
        ({"type": "http", "headers": [(TARGET, b"TransferService.ListServers")]}, "transfer"),
        ({"type": "http", "headers": [(TARGET, b"AmazonSSM.GetParameter")]}, "ministack"),
        ({"type": "http", "headers": [(TARGET, b"NotTransferService.ListServers")]}, "ministack"),
        ({"type": "http", "path": "/_lab/faults"}, "admin"),
        ({"type": "http", "path": "/bucket/_lab/faults"}, "ministack"),
        ({"type": "http", "path": "/_labs/faults"}, "ministack"),
        ({"type": "http", "path": "/acme/in/a.csv"}, "ministack"),
        ({"type": "lifespan"}, "ministack"),
        ({"type": "websocket", "path": "/_lab/faults"}, "ministack"),
    ],
)
def test_routing(scope: dict[str, Any], application: str) -> None:
    assert answered_by(scope) == application
