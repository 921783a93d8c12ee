# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP/1.1 as far as S3 speaks it: one request at a time on a connection that is kept.

Python's http.client does the same at three times the CPU (README.md, "Why a client of our own"): it parses each head as
an e-mail. This one is strict where it matters for copying: a body has a stated length and arrives whole, or it is an
error. Everything that goes wrong is an ``OSError``.
"""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

# Most small objects arrive in one read with their head.
_BUFFER_BYTES = 32 * 1024
# Error documents and listings; a listing of 1,000 keys of 1,024 bytes, each byte quoted, is 4 MB.
_MAX_DOCUMENT_BYTES = 16 * 1024 * 1024
_STATUS_LINE = re.compile(r"HTTP/1\.([01]) ([0-9]{3})(?: .*)?")
_NO_BODY = {204, 304}


class BrokenAnswerError(ConnectionError):
    """What came is not a whole HTTP answer."""


class Response:
    """An answer's head, and its body as it comes."""

    def __init__(
        self, connection: Connection, status: int, headers: dict[str, str], length: int | None, reusable: bool
    ) -> None:
        self._connection = connection
        self.status = status
        self.headers = headers
        self._left = length  # None: chunked, or until the connection ends
        self._reusable = reusable
        self._open = True
        if length == 0:
            self._finish()

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill the buffer from a body of known length; 0 at its end."""
        if not self._left:
            if self._left is None:
                raise BrokenAnswerError("the answer does not say how long its body is")
            return 0
        count = self._connection.receive(buffer[: self._left] if len(buffer) > self._left else buffer)
        if not count:
            self.close()
            raise BrokenAnswerError(f"the connection ended {self._left} bytes before the body")
        self._left -= count
        if not self._left:
            self._finish()
        return count

    def read(self) -> bytes:
        """The whole body of a document."""
        try:
            return self._read()
        except BaseException:
            self.close()
            raise

    def _read(self) -> bytes:
        if self._left is None:
            chunked = "transfer-encoding" in self.headers
            document = self._connection.receive_chunked() if chunked else self._connection.receive_rest()
            self._left = 0
            self._finish()
            return document
        if self._left > _MAX_DOCUMENT_BYTES:
            raise BrokenAnswerError(f"a document of {self._left} bytes")
        body = bytearray(self._left)
        view, filled = memoryview(body), 0
        while count := self.readinto(view[filled:]):
            filled += count
        return bytes(body)

    def close(self) -> None:
        """Done with it; a body that was not read to its end costs the connection."""
        if self._open:
            self._open = False
            self._connection.close()

    def _finish(self) -> None:
        if self._open:
            self._open = False
            if self._reusable:
                self._connection.release()
            else:
                self._connection.close()


class Connection:
    """One connection to one host; used by one thread at a time."""

    def __init__(
        self,
        host: str,
        port: int,
        context: ssl.SSLContext | None,
        timeout: float,
        released: Callable[[Connection], None],
    ) -> None:
        self._released = released
        self._bytes = bytearray(_BUFFER_BYTES)
        self._buffer = memoryview(self._bytes)
        self._start = self._end = 0
        plain = socket.create_connection((host.strip("[]"), port), timeout)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket = context.wrap_socket(plain, server_hostname=host.strip("[]")) if context else plain
        except BaseException:
            plain.close()
            raise

    def request(self, method: str, head: bytes, body: bytes, timeout: float) -> Response:
        """Send a request and read the answer's head."""
        try:
            self._socket.settimeout(timeout)
            self._start = self._end = 0
            self._socket.sendall(head + body if body else head)
            while True:
                status, headers, persistent = self._read_head()
                if status >= 200:
                    break
            return self._response(method, status, headers, persistent)
        except BaseException:
            self.close()
            raise

    def release(self) -> None:
        # Bytes beyond the answer would be taken for the next one's.
        if self._start == self._end:
            self._released(self)
        else:
            self.close()

    def close(self) -> None:
        self._socket.close()

    def receive(self, buffer: memoryview) -> int:
        """Up to a buffer of the body: first what came with the head, then straight from the socket; 0 at the end."""
        if self._start < self._end:
            count = min(len(buffer), self._end - self._start)
            buffer[:count] = self._buffer[self._start : self._start + count]
            self._start += count
            return count
        return self._socket.recv_into(buffer)

    def receive_chunked(self) -> bytes:
        """A whole body in chunks (RFC 9112, 7.1)."""
        body = bytearray()
        while True:
            try:
                size = int(self._line().split(b";")[0], 16)
            except ValueError:
                raise BrokenAnswerError("a chunk without a size") from None
            if not 0 <= size <= _MAX_DOCUMENT_BYTES - len(body):
                raise BrokenAnswerError("a document that is too large")
            if not size:
                break
            part = memoryview(bytearray(size))
            filled = 0
            while filled < size:
                count = self.receive(part[filled:])
                if not count:
                    raise BrokenAnswerError("the connection ended within a chunk")
                filled += count
            body += part
            if self._line():
                raise BrokenAnswerError("a chunk longer than its size")
        while self._line():
            pass  # trailers
        return bytes(body)

    def receive_rest(self) -> bytes:
        """All until the connection ends."""
        body, part = bytearray(), memoryview(bytearray(_BUFFER_BYTES))
        while count := self.receive(part):
            body += part[:count]
            if len(body) > _MAX_DOCUMENT_BYTES:
                raise BrokenAnswerError("a document that is too large")
        return bytes(body)

    def _response(self, method: str, status: int, headers: dict[str, str], persistent: bool) -> Response:
        encoding, length = headers.get("transfer-encoding"), headers.get("content-length")
        if method == "HEAD" or status in _NO_BODY:
            return Response(self, status, headers, 0, persistent)
        if encoding is not None:
            if encoding.lower() != "chunked" or length is not None:
                raise BrokenAnswerError(f"a body in transfer encoding {encoding!r} with length {length!r}")
            return Response(self, status, headers, None, persistent)
        if length is None:
            return Response(self, status, headers, None, reusable=False)
        if not (length.isascii() and length.isdigit()):
            raise BrokenAnswerError(f"a body of length {length!r}")
        return Response(self, status, headers, int(length), persistent)

    def _read_head(self) -> tuple[int, dict[str, str], bool]:
        first, *lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        status_line = _STATUS_LINE.fullmatch(first)
        if not status_line:
            raise BrokenAnswerError(f"no HTTP answer: {first[:80]!r}")
        headers: dict[str, str] = {}
        for line in lines:
            name, colon, value = line.partition(":")
            name, value = name.lower(), value.strip(" \t")
            # A folded line begins with a blank, and has been deprecated since RFC 7230.
            if not colon or not name or name[0] in " \t" or name[-1] in " \t":
                raise BrokenAnswerError(f"a header that is none: {line[:80]!r}")
            if name == "content-length" and headers.get(name, value) != value:
                raise BrokenAnswerError("a body of two lengths")
            headers[name] = value
        connection = headers.get("connection", "").lower()
        persistent = connection != "close" if status_line[1] == "1" else connection == "keep-alive"
        return int(status_line[2]), headers, persistent

    def _line(self) -> bytes:
        return self._until(b"\r\n")

    def _until(self, end: bytes) -> bytes:
        """What comes before ``end``, which is skipped."""
        searched = self._start
        while True:
            found = self._bytes.find(end, searched, self._end)
            if found >= 0:
                line = bytes(self._buffer[self._start : found])
                self._start = found + len(end)
                return line
            searched = max(self._start, self._end - len(end) + 1)
            if self._end == len(self._buffer):
                if not self._start:
                    raise BrokenAnswerError(f"a head or line of more than {_BUFFER_BYTES} bytes")
                waiting = bytes(self._buffer[self._start : self._end])
                self._buffer[: len(waiting)] = waiting
                searched -= self._start
                self._start, self._end = 0, len(waiting)
            count = self._socket.recv_into(self._buffer[self._end :])
            if not count:
                raise BrokenAnswerError("the connection ended before the answer")
            self._end += count
