# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that answers with the bytes a test has written down, and remembers what it was asked."""

from __future__ import annotations

import base64
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    """Bytes, and what happens after them."""

    sent: bytes
    silence: float = 0.0
    close: bool = False


class ScriptedServer:
    """Gives the next answer to each request, on however many connections they come; 500 when the script is over."""

    def __init__(self, answers: Iterable[Answer | bytes], context: ssl.SSLContext | None = None) -> None:
        self._answers = iter(answers)
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.requests: list[str] = []
        self.connections = 0
        self._open: list[socket.socket] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def close(self) -> None:
        with suppress(OSError):  # the second time
            self._listener.shutdown(socket.SHUT_RDWR)  # a close alone would let a waiting accept have one more
        self._accepting.join()
        for each in (self._listener, *self._open):
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        received = b""
        try:
            if self._context:
                connection = self._context.wrap_socket(connection, server_side=True)
            while True:
                while b"\r\n\r\n" not in received:
                    part = connection.recv(65536)
                    if not part:
                        return
                    received += part
                head, _, received = received.partition(b"\r\n\r\n")
                length = next(
                    (int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:")), 0
                )
                while len(received) < length:
                    received += connection.recv(65536)
                self.requests.append((head + b"\r\n\r\n" + received[:length]).decode("latin-1"))
                received = received[length:]
                found = next(self._answers, b"HTTP/1.1 500 Script Over\r\nContent-Length: 0\r\n\r\n")
                answer = found if isinstance(found, Answer) else Answer(found)
                connection.sendall(answer.sent)
                time.sleep(answer.silence)
                if answer.close:
                    return
        except OSError:
            return
        finally:
            connection.close()


def head(status: int, length: int | None, **headers: Any) -> bytes:
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


STATE = {"ETag": '"e1"', "Last_Modified": "Wed, 12 Oct 2022 17:50:07 GMT", "x_amz_version_id": "v1"}


def an_object(content: bytes, **headers: Any) -> bytes:
    """S3's answer to a GET."""
    crc = base64.b64encode(zlib.crc32(content).to_bytes(4, "big")).decode()
    return head(200, len(content), **STATE | {"x_amz_checksum_crc32": crc} | headers) + content


def a_part(content: bytes, offset: int, **headers: Any) -> bytes:
    """S3's answer to a GET of the rest."""
    ranged = f"bytes {offset}-{len(content) - 1}/{len(content)}"
    return head(206, len(content) - offset, **STATE | {"Content_Range": ranged} | headers) + content[offset:]


def refused(status: int, code: str, message: str = "said the service") -> bytes:
    """S3's refusal, in chunks as S3 sends it."""
    body = f'<?xml version="1.0"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'.encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:9], body[9:]))
    return head(status, None, Transfer_Encoding="chunked") + chunks + b"0\r\n\r\n"
