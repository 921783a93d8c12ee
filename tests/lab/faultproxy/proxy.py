# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proxy: one thread with an event loop, one connection to the server for each request."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from urllib.parse import urlsplit

from lab.faultproxy.faults import REFUSALS
from lab.faultproxy.faults import SPOILED
from lab.faultproxy.faults import Fault
from lab.faultproxy.faults import refusal

_MAX_HEAD_BYTES = 64 * 1024
_NO_BODY = {204, 304}


@dataclass(frozen=True)
class Request:
    """One that came, and what was done to it."""

    method: str
    target: str
    fault: str | None
    range: str | None


class FaultProxy:
    """Serves on a free port of 127.0.0.1 while it is entered."""

    def __init__(self, server_url: str) -> None:
        server = urlsplit(server_url)
        self._server = (server.hostname or "127.0.0.1", server.port or 80)
        self._faults: list[Fault] = []
        self.requests: list[Request] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault proxy", daemon=True)
        self._connections: set[asyncio.Task[None]] = set()
        self.url = ""

    def __enter__(self) -> FaultProxy:
        self._thread.start()
        serving = asyncio.run_coroutine_threadsafe(self._serve(), self._loop)
        self._listener = serving.result(10)
        self.url = f"http://127.0.0.1:{self._listener.sockets[0].getsockname()[1]}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def strike(
        self,
        kind: str,
        method: str | None = None,
        key: str = ".*",
        *,
        times: int | None = 1,
        after: int = 0,
        then: Callable[[], object] | None = None,
    ) -> None:
        """Add a fault; the first one that strikes a request counts. ``then`` is called each time, before the client
        can know of it."""
        self._faults.append(Fault(kind, method, key, times, after, then))

    def clear(self) -> None:
        """No more faults, and none of the requests so far."""
        self._faults = []
        self.requests = []

    def struck(self) -> list[str]:
        return [request.fault for request in self.requests if request.fault]

    async def _serve(self) -> asyncio.Server:
        return await asyncio.start_server(self._connected, "127.0.0.1", 0, limit=_MAX_HEAD_BYTES)

    async def _end(self) -> None:
        self._listener.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._connections.add(task)
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while await self._answer(reader, writer):
                    pass
        except asyncio.CancelledError:
            pass  # the proxy ends
        finally:
            self._connections.discard(task)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request; False when the connection has ended with it."""
        head = await reader.readuntil(b"\r\n\r\n")
        first, headers = _parsed(head)
        method, target, _ = first.split(" ", 2)
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        # As S3 does, the path is matched without the bucket's name being known: the end of it counts.
        fault = next((fault for fault in self._faults if fault.strikes(method, target)), None)
        kind = fault.kind if fault else None
        self.requests.append(Request(method, target, kind, headers.get("range")))
        answer_head, answer = b"", b""
        if kind in (None, *SPOILED) and kind not in ("silent", "reset_before"):
            answer_head, answer = await self._forward(head, body, method)
        if fault and fault.then:
            await asyncio.to_thread(fault.then)
        if kind == "silent":
            await asyncio.sleep(3600)
        if kind == "reset_before":
            _reset(writer)
            return False
        if kind in REFUSALS:
            writer.write(refusal(kind, method))
            await writer.drain()
            return True
        return await _deliver(writer, answer_head, answer, kind)

    async def _forward(self, head: bytes, body: bytes, method: str) -> tuple[bytes, bytes]:
        reader, writer = await asyncio.open_connection(*self._server, limit=_MAX_HEAD_BYTES)
        try:
            first, _, rest = head.partition(b"\r\n")
            writer.write(first + b"\r\nconnection: close\r\n" + rest + body)
            answer_head = await reader.readuntil(b"\r\n\r\n")
            status_line, headers = _parsed(answer_head)
            answer = b""
            if method != "HEAD" and int(status_line.split(" ")[1]) not in _NO_BODY:
                length = headers.get("content-length")
                answer = await reader.read() if length is None else await reader.readexactly(int(length))
        finally:
            writer.close()
        kept = [line for line in answer_head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
        return b"\r\n".join(kept), answer


async def _deliver(writer: asyncio.StreamWriter, head: bytes, body: bytes, kind: str | None) -> bool:
    half = len(body) // 2
    if kind == "flipped" and body:
        body = body[:half] + bytes([body[half] ^ 1]) + body[half + 1 :]
    if kind not in ("reset", "short", "stalled"):
        writer.write(head + body)
        await writer.drain()
        # Without a length the end of the connection is the end of the body.
        return b"content-length:" in head.lower()
    writer.write(head + body[:half])
    await writer.drain()
    if kind == "stalled":
        await asyncio.sleep(3600)
    if kind == "reset":
        await asyncio.sleep(0.02)  # what was sent arrives before the reset throws the rest away
        _reset(writer)
    return False


def _reset(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def _parsed(head: bytes) -> tuple[str, dict[str, str]]:
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return first, {name.strip().lower(): value.strip() for name, _, value in pairs}
