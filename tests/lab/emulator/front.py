# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One endpoint URL for every service: sends each request to the lab's admin API, our Transfer service or ministack."""

from __future__ import annotations

from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

ADMIN_PREFIX = "/_lab/"
# The JSON protocol names service and operation in this header (botocore: transfer/2018-11-05, targetPrefix).
TRANSFER_TARGET = b"TransferService."


class Front:
    """The ASGI application that uvicorn serves."""

    def __init__(self, ministack: Application, transfer: Application, admin: Application) -> None:
        self._ministack = ministack
        self._transfer = transfer
        self._admin = admin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._choose(scope)(scope, receive, send)

    def _choose(self, scope: Scope) -> Application:
        if scope["type"] != "http":
            return self._ministack
        # No bucket's name begins with an underscore, so the prefix takes nothing away from S3.
        if scope["path"].startswith(ADMIN_PREFIX):
            return self._admin
        for name, value in scope["headers"]:
            if name == b"x-amz-target" and value.startswith(TRANSFER_TARGET):
                return self._transfer
        return self._ministack
