# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signed requests to one bucket, over connections that live as long as the process."""

from __future__ import annotations

import hashlib
import re
import time
from collections import deque
from collections.abc import Callable
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote

from replicator.endpoints import Endpoint
from replicator.endpoints import find_credentials
from replicator.endpoints import find_endpoint
from replicator.http1 import Connection
from replicator.http1 import Response
from replicator.sigv4 import EMPTY_SHA256
from replicator.sigv4 import Credentials
from replicator.sigv4 import Signer
from replicator.sigv4 import amz_date

if TYPE_CHECKING:
    import ssl

_CONNECT_SECONDS = 3.0
# S3 ends idle connections after some seconds, and a frozen function's end without a word that reaches it.
_MAX_IDLE_SECONDS = 4.0


# Most keys need no quoting.
_PLAIN = re.compile(r"[A-Za-z0-9_.~/-]*")


class Client:
    """Thread-safe; each request takes a connection for itself and gives it back when its body has been read."""

    def __init__(self, endpoint: Endpoint, credentials: Callable[[], Credentials], trusted: str | None = None) -> None:
        self._endpoint = endpoint
        self._credentials = credentials
        self._signer = Signer(endpoint.region)
        self._authority = endpoint.authority
        self._context = _tls(trusted) if endpoint.secure else None
        self._idle: deque[tuple[Connection, float]] = deque()

    def request(
        self,
        method: str,
        key: str,
        timeout: float,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Response:
        """One request and its answer, whatever that says; raises ``OSError`` if none comes.

        An empty key means the bucket itself.
        """
        digest = hashlib.sha256(body).hexdigest() if body else EMPTY_SHA256
        # Quoted once, byte by byte, and nothing else: "..", "//" and "%2B" are parts of a key like any other.
        path = self._endpoint.path + (key if _PLAIN.fullmatch(key) else quote(key, safe="/~"))
        question = _question(query) if query else ""
        signed = {"host": self._authority, "x-amz-content-sha256": digest, "x-amz-date": amz_date(time.time())}
        if headers:
            signed.update(headers)
        credentials = self._credentials()
        if credentials.token:
            signed["x-amz-security-token"] = credentials.token
        authorization = self._signer.authorization(
            credentials, method, path, query=question, headers=signed, payload_sha256=digest
        )
        target = f"{path}?{question}" if question else path
        lines = "".join([f"{name}: {value}\r\n" for name, value in signed.items()])
        length = f"content-length: {len(body)}\r\n" if body or method == "PUT" else ""
        head = f"{method} {target} HTTP/1.1\r\n{lines}authorization: {authorization}\r\n{length}\r\n".encode("ascii")
        return self._send(method, head, body, timeout)

    def _send(self, method: str, head: bytes, body: bytes, timeout: float) -> Response:
        while self._idle:
            try:
                connection, since = self._idle.pop()
            except IndexError:
                break  # another thread was faster
            if time.monotonic() - since > _MAX_IDLE_SECONDS:
                connection.close()
                continue
            try:
                return connection.request(method, head, body, timeout)
            except TimeoutError:
                raise
            except OSError:
                continue  # S3 may end an idle connection at any time; all that is sent here may be sent twice
        fresh = Connection(
            self._endpoint.host, self._endpoint.port, self._context, min(timeout, _CONNECT_SECONDS), self._keep
        )
        return fresh.request(method, head, body, timeout)

    def _keep(self, connection: Connection) -> None:
        self._idle.append((connection, time.monotonic()))

    def close(self) -> None:
        """Close what is idle."""
        while self._idle:
            self._idle.pop()[0].close()


def create_client(environment: Mapping[str, str], bucket: str) -> Client:
    """A client to keep for the life of the process; raises ``SettingError``, or ``OSError`` for AWS_CA_BUNDLE."""
    trusted = environment.get("AWS_CA_BUNDLE") or None
    return Client(find_endpoint(environment, bucket), find_credentials(environment), trusted)


def _question(query: Mapping[str, str]) -> str:
    return "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in sorted(query.items()))


def _tls(trusted: str | None) -> ssl.SSLContext:
    import ssl  # noqa: PLC0415 (15 ms that a plain endpoint does not need)

    return ssl.create_default_context(cafile=trusted)
