# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Transfer servers exist, and one loopback port for each of them."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import asyncssh
from botocore.exceptions import BotoCoreError
from botocore.exceptions import ClientError

from lab.sftp.admin import AdminError
from lab.sftp.algorithms import PolicyError
from lab.sftp.algorithms import allowed
from lab.sftp.session import Server
from lab.sftp.session import Services
from lab.sftp.session import Session

HOST = "127.0.0.1"
SERVER_VERSION = "AWS_SFTP_1.1"  # what a Transfer server calls itself on the wire
POLL_SECONDS = 0.2
# "SFTP has a 300 seconds timeout when a client is completely unresponsive" (user guide, transferring files).
KEEPALIVE_SECONDS = 30
KEEPALIVE_COUNT = 10


class Listener:
    """The port of one server. It is the server's for as long as the server exists, whether it listens or not."""

    def __init__(self, server: Server, services: Services, port: int | None) -> None:
        self._server = server
        self._services = services
        self._connections: set[asyncssh.SSHServerConnection] = set()
        self._acceptor: asyncssh.SSHAcceptor | None = None
        self._offer: tuple[Sequence[str], str | None] = ((), None)
        self.reported = False
        # A socket that is bound and does not listen: connections are refused, and nobody else gets the port.
        self._reservation = _reserve(port)
        self.port: int = self._reservation.getsockname()[1]

    async def update(self, record: Mapping[str, Any]) -> None:
        """Follow the server's new state."""
        self._server.record = record
        if not self._server.online:
            self._stop_listening()
            if record.get("State") == "OFFLINE":
                self._disconnect()
            return
        offer = (record.get("HostKeys") or [], record.get("SecurityPolicyName"))
        if self._acceptor is not None and offer == self._offer:
            return
        options = await self._options(*offer)
        if self._acceptor is None:
            self._acceptor = await asyncssh.listen(
                sock=_bound(self.port),
                server_factory=lambda: Session(self._server, self._services, self._connections),
                server_version=SERVER_VERSION,
                line_editor=False,
                keepalive_interval=KEEPALIVE_SECONDS,
                keepalive_count_max=KEEPALIVE_COUNT,
                **options,
            )
        else:
            # For connections from now on; those that stand keep what they negotiated.
            self._acceptor.update(**options)
        self._offer = offer

    async def _options(self, host_keys: Sequence[str], policy_name: str | None) -> dict[str, Any]:
        """What the server offers a client that connects."""
        options: dict[str, Any] = {"server_host_keys": [asyncssh.import_private_key(text) for text in host_keys]}
        if policy_name is not None:
            answer = await asyncio.to_thread(
                self._services.clients["transfer"].describe_security_policy, SecurityPolicyName=policy_name
            )
            options |= allowed(answer["SecurityPolicy"])
        return options

    @property
    def listening(self) -> bool:
        return self._acceptor is not None

    def _stop_listening(self) -> None:
        if self._acceptor is not None:
            self._acceptor.close()
            self._acceptor = None

    def _disconnect(self) -> None:
        for connection in list(self._connections):
            connection.disconnect(asyncssh.DISC_BY_APPLICATION, "the server is offline")

    def close(self) -> None:
        """Give the port back."""
        self._stop_listening()
        self._disconnect()
        self._reservation.close()


class Endpoint:
    """Keeps one listener for each server that the lab has."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._listeners: dict[str, Listener] = {}
        self._trouble = ""

    async def run(self) -> None:
        """Follow the lab for ever."""
        while True:
            try:
                await self._reconcile(await asyncio.to_thread(self._services.admin.servers))
                self._trouble = ""
            except AdminError as error:
                self._complain(str(error))
                # A lab that was started anew has forgotten the addresses.
                for listener in self._listeners.values():
                    listener.reported = False
            await asyncio.sleep(POLL_SECONDS)

    async def _reconcile(self, records: Sequence[Mapping[str, Any]]) -> None:
        current = {str(record["ServerId"]): record for record in records}
        for gone in self._listeners.keys() - current.keys():
            self._listeners.pop(gone).close()
        for server_id, record in current.items():
            if server_id not in self._listeners:
                port = await asyncio.to_thread(self._services.admin.port, server_id)
                self._listeners[server_id] = Listener(Server(record), self._services, port)
            listener = self._listeners[server_id]
            try:
                await listener.update(record)
            except (OSError, ValueError, PolicyError, BotoCoreError, ClientError) as error:
                # One server that cannot listen must not stop the others. A KeyImportError is a ValueError.
                self._complain(f"server {server_id} cannot listen: {error}")
                continue
            if listener.listening and not listener.reported:
                await asyncio.to_thread(self._services.admin.report, server_id, HOST, listener.port)
                listener.reported = True

    def _complain(self, message: str) -> None:
        """Say it once, not five times a second."""
        if message != self._trouble:
            print(f"lab.sftp: {message}", file=sys.stderr, flush=True)
            self._trouble = message

    def close(self) -> None:
        """Stop listening and disconnect every client; files still open are stored truncated."""
        for listener in self._listeners.values():
            listener.close()
        self._listeners.clear()


def _bound(port: int) -> socket.socket:
    bound = socket.socket()
    try:
        # Lets the socket that listens share the port with the one that reserves it.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((HOST, port))
    except OSError:
        bound.close()
        raise
    return bound


def _reserve(port: int | None) -> socket.socket:
    """The port this server had before, or a free one."""
    if port is not None:
        try:
            return _bound(port)
        except OSError:
            pass
    return _bound(0)
