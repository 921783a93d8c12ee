# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One SSH connection: who logs in, with which of the keys the Transfer service holds now."""

from __future__ import annotations

import asyncio
import secrets
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from typing import TYPE_CHECKING
from typing import Any

import asyncssh
from asyncssh.sftp import SFTPServerHandler
from asyncssh.stream import SSHServerStreamSession

from lab.sftp.admin import AdminError
from lab.sftp.admin import UnknownError
from lab.sftp.filesystem import FileSystem
from lab.sftp.homes import Home
from lab.sftp.homes import PathError
from lab.sftp.workflows import Execution

if TYPE_CHECKING:
    from lab.sftp.activity import ActivityLog
    from lab.sftp.admin import LabAdmin
    from lab.sftp.store import Store
    from lab.sftp.workflows import File
    from lab.sftp.workflows import Uploader

_SFTP_VERSION = 3  # "We support version 3 of the SFTP protocol" (user guide, transferring files).


@dataclass(frozen=True)
class Services:
    """What all sessions share."""

    clients: Mapping[str, Any]
    store: Store
    activity: ActivityLog
    admin: LabAdmin
    # Workflows outlive the session that started them; asyncio itself keeps only a weak reference to a task.
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)


class Server:
    """A Transfer server as the lab last described it."""

    def __init__(self, record: Mapping[str, Any]) -> None:
        self.record = record

    @property
    def id(self) -> str:
        return str(self.record["ServerId"])

    @property
    def online(self) -> bool:
        return self.record.get("State") == "ONLINE"

    @property
    def set_stat_option(self) -> str:
        return str((self.record.get("ProtocolDetails") or {}).get("SetStatOption", "DEFAULT"))

    @property
    def banner(self) -> str:
        # The post-authentication banner is not for SFTP: "The SFTP protocol does not support post-authentication
        # display banners" (API reference, CreateServer).
        return str(self.record.get("PreAuthenticationLoginBanner") or "")

    def workflow(self, kind: str) -> str | None:
        """The id of the workflow for OnUpload or OnPartialUpload."""
        details = (self.record.get("WorkflowDetails") or {}).get(kind) or []
        return str(details[0]["WorkflowId"]) if details else None


class Session(asyncssh.SSHServer):
    """One connection of one client."""

    home: Home

    def __init__(self, server: Server, services: Services, connections: set[asyncssh.SSHServerConnection]) -> None:
        self.server = server
        self.services = services
        self.id = secrets.token_hex(8)
        self.user_name = ""
        self._connections = connections
        self._connection: asyncssh.SSHServerConnection
        self._key: asyncssh.SSHKey | None = None
        self._user: Mapping[str, Any] = {}
        self._connected = False

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self._connection)
        if self._connected:
            self.log("DISCONNECTED")
        if exc is not None and not isinstance(exc, asyncssh.Error | OSError):
            # A defect of ours: asyncssh itself would only mention it at its debug level.
            traceback.print_exception(exc)

    def begin_auth(self, username: str) -> bool:
        if self.server.banner:
            self._connection.send_auth_banner(self.server.banner.rstrip("\r\n") + "\r\n")
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    async def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Whether the Transfer service holds this key for this user at this moment."""
        refusal = ""
        user: Mapping[str, Any] = {}
        try:
            user = await asyncio.to_thread(self.services.admin.user, self.server.id, username)
        except AdminError as error:
            refusal = "unknown user" if isinstance(error, UnknownError) else f"the lab did not answer: {error}"
        else:
            bodies = {_key_body(item["SshPublicKeyBody"]) for item in user.get("SshPublicKeys") or []}
            if _key_body(key.export_public_key().decode()) not in bodies:
                refusal = f"{key.get_algorithm()} {key.get_fingerprint()} is not a key of this user"
        if not refusal:
            try:
                self.home = Home.of(user)
            except PathError as error:
                refusal = str(error)
        if refusal:
            self._log_auth_failure(username, refusal)
            return False
        self.user_name, self._user, self._key = username, user, key
        return True

    def auth_completed(self) -> None:
        assert self._key is not None
        self._connected = True
        info = self._connection.get_extra_info
        self.log(
            "CONNECTED",
            role=self._user.get("Role"),
            ciphers=f"{info('recv_cipher')},{info('send_cipher')}",
            client="SSH-2.0-" + str(info("client_version", "")).removeprefix("SSH-2.0-"),
            user=self.user_name,
            **{
                "source-ip": info("peername")[0],
                "home-dir": self.home.start,
                "ssh-public-key": _key_body(self._key.export_public_key().decode())[1],
                "ssh-public-key-fingerprint": self._key.get_fingerprint(),
                "ssh-public-key-type": self._key.get_algorithm(),
            },
        )

    def session_requested(self) -> tuple[asyncssh.SSHServerChannel[bytes], asyncssh.SSHServerSession[bytes]]:
        channel = self._connection.create_server_channel(encoding=None, errors="strict")
        return channel, _SftpChannel(self)

    def log(self, activity: str, **fields: object) -> None:
        """One line in this session's log."""
        self.services.activity.write(
            self.server.record,
            f"{self.user_name}.{self.id}",
            {"activity-type": activity, **fields, "resource-arn": self.server.record.get("Arn"), "session-id": self.id},
        )

    def _log_auth_failure(self, user_name: str, message: str) -> None:
        self.services.activity.write(
            self.server.record,
            "ERRORS",
            {
                "activity-type": "AUTH_FAILURE",
                "method": "publickey",
                "user": user_name,
                "message": message,
                "source-ip": self._connection.get_extra_info("peername")[0],
                "resource-arn": self.server.record.get("Arn"),
                "session-id": self.id,
            },
        )

    def start_workflow(self, kind: str, uploader: Uploader, file: File) -> None:
        """Run the server's workflow for a file, if it has one."""
        workflow_id = self.server.workflow(kind)
        if workflow_id is None:
            return
        services, record = self.services, self.server.record
        execution = Execution(
            services.clients,
            workflow_id,
            uploader,
            lambda stream, fields: services.activity.write(record, stream, fields),
            services.admin.step_state,
        )
        task = asyncio.create_task(execution.run(file))
        services.tasks.add(task)
        task.add_done_callback(services.tasks.discard)


class _SftpChannel(SSHServerStreamSession[bytes]):
    """The SFTP subsystem and nothing else: no shell, no command, no forwarding."""

    def __init__(self, session: Session) -> None:
        super().__init__(None)
        self._session = session

    def subsystem_requested(self, subsystem: str) -> bool:
        return subsystem == "sftp"

    def session_started(self) -> None:
        assert isinstance(self._chan, asyncssh.SSHServerChannel)
        assert self._conn is not None
        files = FileSystem(self._chan, self._session)
        reader = asyncssh.SSHReader[bytes](self, self._chan)
        writer = asyncssh.SSHWriter[bytes](self, self._chan)
        self._conn.create_task(_SftpHandler(files, reader, writer, _SFTP_VERSION).run(), reader.logger)


class _SftpHandler(SFTPServerHandler):
    """asyncssh's protocol handler, with the two things that it does not tell an SFTPServer."""

    # The other extensions of asyncssh reach for local files, or promise what S3 cannot do (an atomic rename).
    _extensions = [(b"limits@openssh.com", b"1")]  # noqa: RUF012 -- the base class has it as a plain attribute
    _packet_handlers = {  # noqa: RUF012
        name: handler
        for name, handler in SFTPServerHandler._packet_handlers.items()
        if isinstance(name, int)
        or name in (b"limits@openssh.com", b"posix-rename@openssh.com", b"lsetstat@openssh.com")
    }

    _files: FileSystem

    def __init__(
        self,
        files: FileSystem,
        reader: asyncssh.SSHReader[bytes],
        writer: asyncssh.SSHWriter[bytes],
        version: int,
    ) -> None:
        super().__init__(files, reader, writer, version)
        self._files = files

    async def _cleanup(self, exc: Exception | None) -> None:
        # The base class closes the files that the client left open just as if the client had closed them.
        self._files.lost = True
        await super()._cleanup(exc)

    async def _process_packet(self, pkttype: int, pktid: int, packet: asyncssh.packet.SSHPacket) -> None:
        await super()._process_packet(pkttype, pktid, packet)
        if self._writer:
            # A client that asks for more than it reads would otherwise fill our memory with answers.
            await self._writer.drain()


def _key_body(line: str) -> tuple[str, ...]:
    """A public key without its comment."""
    return tuple(line.split()[:2])
