# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""uvicorn on a socket that is already bound, with connections that a test can cut."""

from __future__ import annotations

import socket
import struct
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from lab.emulator.application import build
from lab.paths import LabDirectory

_HARD_CLOSE = struct.pack("ii", 1, 0)  # struct linger: on, 0 seconds = send RST and drop what is unsent (socket(7))


class AbortableProtocol(H11Protocol):  # type: ignore[misc]
    """Puts a callable into every request's scope that cuts the connection as a failing network does."""

    _scope: Any

    @property
    def scope(self) -> Any:
        return self._scope

    @scope.setter
    def scope(self, scope: Any) -> None:
        if scope is not None:
            scope.setdefault("extensions", {})["lab.abort"] = self._abort
        self._scope = scope

    def _abort(self) -> None:
        raw = self.transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _HARD_CLOSE)
        self.transport.abort()


def serve(directory: LabDirectory, listener: socket.socket) -> None:
    config = uvicorn.Config(
        build(directory),
        http=AbortableProtocol,
        ws="none",
        lifespan="on",
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        # An SQS long poll or a half-sent upload must not hold up `down`.
        timeout_graceful_shutdown=1,
        # botocore keeps connections in a pool and finds out too late that an idle one was closed.
        timeout_keep_alive=75,
        backlog=2048,
    )
    uvicorn.Server(config).run(sockets=[listener])
