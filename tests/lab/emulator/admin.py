# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`/_lab/…`: what tests and the lab's other processes ask, and AWS has no operation for.

Here: `PUT /_lab/sftp/<server id>` with {"host", "port"} from the SFTP endpoint, and `GET` of the same for everybody.
`GET /_lab/health`: which parts serve. Faults, call counts and the inside of the Transfer service are answered by the
service itself.
"""

from __future__ import annotations

import json
from typing import Any

from lab.emulator.front import Receive
from lab.emulator.front import Scope
from lab.emulator.front import Send
from lab.transfer import TransferService
from lab.transfer.http import answer_lab

_MAXIMUM_BODY = 64 * 1024


class Admin:
    """The ASGI application below /_lab/."""

    def __init__(self, service: TransferService) -> None:
        self._service = service
        self._listening: dict[str, dict[str, Any]] = {}
        self._sftp_seen = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method, words = str(scope["method"]), str(scope["path"]).strip("/").split("/")[1:]
        # The SFTP endpoint serves once it asks what it shall serve.
        self._sftp_seen = self._sftp_seen or words == ["transfer", "servers"]
        if words[0] == "sftp" and len(words) == 2:
            await self._sftp(method, words[1], receive, send)
        elif words == ["health"]:
            await _answer(send, 200, {"emulator": True, "sftp": self._sftp_seen})
        elif not await answer_lab(self._service, scope, receive, send):
            await _answer(send, 404, {"error": f"{method} {scope['path']} is none of the lab's"})

    async def _sftp(self, method: str, server_id: str, receive: Receive, send: Send) -> None:
        if method == "PUT":
            try:
                address = json.loads(await _body(receive))
                self._listening[server_id] = {"host": str(address["host"]), "port": int(address["port"])}
            except (ValueError, KeyError, TypeError) as error:
                await _answer(send, 400, {"error": f'the body must be {{"host": …, "port": …}}: {error!r}'})
                return
            await _answer(send, 200, self._listening[server_id])
        elif method == "GET" and server_id in self._listening:
            await _answer(send, 200, self._listening[server_id])
        elif method == "GET":
            await _answer(send, 404, {"error": f"no SFTP endpoint listens for {server_id} yet"})
        else:
            await _answer(send, 405, {"error": f"{method} is not one of GET, PUT"})


async def _body(receive: Receive) -> bytes:
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = bool(message.get("more_body")) and message["type"] == "http.request"
        if len(body) > _MAXIMUM_BODY:
            raise ValueError(f"more than {_MAXIMUM_BODY} bytes")
    return body


async def _answer(send: Send, status: int, content: dict[str, Any]) -> None:
    body = json.dumps(content).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
