# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An S3 server that is cheap enough to measure clients against: one process, epoll, sendfile.

    python server.py BLOCK WORKLOAD LATENCY [CERTIFICATE]

prints its port and serves until it is stopped. It answers GET (whole, Range, If-Match) and HEAD of objects and
ListObjectsV2 as S3 does: ETag (of parts, for objects over 16 MiB, as uploaders make them), version, Last-Modified, and
CRC64NVME, S3's default checksum, where x-amz-checksum-mode asks for it. Signatures are not checked, nothing is written.
LATENCY delays each answer by that many seconds, any number of them at a time. With CERTIFICATE (and its key, in one
file) it speaks TLS.

Of the servers there are, rclone's knows neither versions, If-Match nor checksums, and takes 0.19 ms of CPU for a GET of
4 KiB, as much as the clients that are compared on the same two processors; this one takes 0.02.
"""

from __future__ import annotations

import base64
import bisect
import hashlib
import heapq
import re
import select
import socket
import ssl
import sys
import time
from collections import deque
from contextlib import suppress
from email.utils import formatdate
from functools import cache
from os import sendfile
from pathlib import Path
from typing import BinaryIO
from urllib.parse import parse_qs
from urllib.parse import unquote
from xml.sax.saxutils import escape

from awscrt import checksums

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.replicator import catalog
from bench.replicator.catalog import BUCKET
from bench.replicator.catalog import Item
from bench.replicator.heats import items_of

_MODIFIED = 1_795_000_000
_MULTIPART_ABOVE = 16 * catalog.MIB
_INLINE_BYTES = 64 * catalog.KIB
_RANGE = re.compile(rb"\r\nrange: *bytes=(\d+)-(\d*)\r\n", re.IGNORECASE)
_IF_MATCH = re.compile(rb'\r\nif-match: *"?([^"\r]*)"?\r\n', re.IGNORECASE)
_PAGE = 1000
_TLS_BYTES = 256 * catalog.KIB
_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)

# Head (with a small body), and which stretch of which object follows.
Answer = tuple[bytes, Item | None, int, int]


class Bucket:
    """What is served, and how each answer looks."""

    def __init__(self, block: bytes, items: list[Item]) -> None:
        self.block = memoryview(block)
        self._items = {item.key: item for item in items}
        self._keys = sorted(self._items)
        self._tags = {item.key: self._tag(item) for item in items}
        self._sums = {item.key: self._checksum(item) for item in items}
        self._heads: dict[tuple[str, bool], bytes] = {}

    def answer(self, request: bytes) -> Answer:
        method, target, _ = request.split(b" ", 2)
        path, _, query = target.decode("ascii").partition("?")
        key = (unquote(path) if "%" in path else path)[1:].removeprefix(BUCKET).removeprefix("/")
        if not key:
            return self._about_bucket(method, query), None, 0, 0
        item = self._items.get(key)
        if item is None:
            return _error(method, "404 Not Found", "NoSuchKey"), None, 0, 0
        match = _IF_MATCH.search(request)
        if match and match[1].decode("ascii") != self._tags[key]:
            return _error(method, "412 Precondition Failed", "PreconditionFailed"), None, 0, 0
        part = _RANGE.search(request)
        if part:
            return self._range(method, item, int(part[1]), int(part[2] or item.size - 1))
        head = self._head(item, b"checksum-mode" in request or b"Checksum-Mode" in request)
        if method == b"HEAD":
            return head, None, 0, 0
        if item.size <= _INLINE_BYTES:
            return b"".join((head, *catalog.pieces(self.block, item))), None, 0, 0
        return head, item, 0, item.size

    def _range(self, method: bytes, item: Item, first: int, last: int) -> Answer:
        last = min(last, item.size - 1)
        if first > last:
            return _error(method, "416 Requested Range Not Satisfiable", "InvalidRange"), None, 0, 0
        extra = f"Content-Range: bytes {first}-{last}/{item.size}\r\n"
        head = self._headers("206 Partial Content", item, last - first + 1, extra)
        return (head, None, 0, 0) if method == b"HEAD" else (head, item, first, last - first + 1)

    def _head(self, item: Item, with_checksum: bool) -> bytes:
        found = self._heads.get((item.key, with_checksum))
        if found is None:
            value = self._sums[item.key]
            extra = f"x-amz-checksum-crc64nvme: {value}\r\nx-amz-checksum-type: FULL_OBJECT\r\n"
            found = self._headers("200 OK", item, item.size, extra if with_checksum else "")
            self._heads[item.key, with_checksum] = found
        return found

    def _headers(self, status: str, item: Item, length: int, extra: str) -> bytes:
        return (
            f"HTTP/1.1 {status}\r\nx-amz-id-2: 0123456789abcdef\r\nx-amz-request-id: 0123456789ABCDEF\r\n"
            f"Date: {formatdate(usegmt=True)}\r\nLast-Modified: {formatdate(_MODIFIED, usegmt=True)}\r\n"
            f'ETag: "{self._tags[item.key]}"\r\nx-amz-server-side-encryption: AES256\r\n'
            f"x-amz-version-id: 3HL4kqtJlcpXroDTDmJ.{item.offset}\r\n{extra}Accept-Ranges: bytes\r\n"
            f"Content-Type: application/octet-stream\r\nServer: AmazonS3\r\nContent-Length: {length}\r\n\r\n"
        ).encode("ascii")

    def _about_bucket(self, method: bytes, query: str) -> bytes:
        options = {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()}
        if method == b"HEAD" or "list-type" not in options:
            return _document(method, "200 OK", "<LocationConstraint/>")
        after = options.get("continuation-token", options.get("start-after", ""))
        most = min(int(options.get("max-keys", _PAGE)), _PAGE)
        page = self._page(options.get("prefix", ""), options.get("delimiter", ""), after, most)
        return _document(method, "200 OK", page)

    @cache  # noqa: B019 (there is one bucket)
    def _page(self, prefix: str, delimiter: str, after: str, most: int) -> str:
        entries: dict[str, str] = {}
        more = "<IsTruncated>false</IsTruncated>"
        for key in self._keys[bisect.bisect_left(self._keys, max(prefix, after)) :]:
            if not key.startswith(prefix):
                break
            head, found, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
            name = f"{prefix}{head}{found}" if found else key
            if name <= after or name in entries:
                continue
            if len(entries) == most:
                last = escape(next(reversed(entries)))
                more = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{last}</NextContinuationToken>"
                break
            directory = f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>"
            entries[name] = directory if found else self._entry(key)
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>{BUCKET}</Name><Prefix>{escape(prefix)}</Prefix><KeyCount>{len(entries)}</KeyCount>"
            f"<MaxKeys>{most}</MaxKeys>{more}{''.join(entries.values())}</ListBucketResult>"
        )

    def _entry(self, key: str) -> str:
        when = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(_MODIFIED))
        return (
            f"<Contents><Key>{escape(key)}</Key><LastModified>{when}</LastModified><ETag>&quot;{self._tags[key]}&quot;"
            "</ETag><ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>"
            f"<Size>{self._items[key].size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
        )

    def _tag(self, item: Item) -> str:
        if item.size <= _MULTIPART_ABOVE:
            return _md5(self.block[item.offset : item.offset + item.size]).hex()
        digests, count = hashlib.md5(usedforsecurity=False), item.size // catalog.PART_BYTES
        for number in range(count):
            digests.update(self._part_md5((item.offset + number * catalog.PART_BYTES) % catalog.BLOCK_BYTES))
        return f"{digests.hexdigest()}-{count}"

    @cache  # noqa: B019 (there is one bucket)
    def _part_md5(self, start: int) -> bytes:
        return _md5(self.block[start : start + catalog.PART_BYTES])

    def _checksum(self, item: Item) -> str:
        value = 0
        for piece in catalog.pieces(self.block, item):
            value = checksums.crc64nvme(piece, value)
        return base64.b64encode(value.to_bytes(8, "big")).decode("ascii")


def _md5(data: memoryview) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _error(method: bytes, status: str, code: str) -> bytes:
    return _document(method, status, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>")


def _document(method: bytes, status: str, text: str) -> bytes:
    body = text.encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n".encode("ascii")
    return head if method == b"HEAD" else head + body


class Connection:
    """One client's connection: what it asked, and what it has not yet been sent."""

    def __init__(self, sock: socket.socket, block: BinaryIO, contents: memoryview) -> None:
        self.socket = sock
        self.asked = b""
        self.answers: deque[Answer] = deque()
        self._block = block.fileno()
        self._contents = contents
        self._secure = isinstance(sock, ssl.SSLSocket)

    def receive(self) -> bytes:
        """What the client has sent; nothing at its end."""
        received = self.socket.recv(65536)
        while received and isinstance(self.socket, ssl.SSLSocket) and self.socket.pending():
            received += self.socket.recv(65536)
        return received

    def send(self) -> None:
        """As much as the client takes now."""
        with suppress(*_NOT_NOW):
            while self.answers:
                head, item, position, left = self.answers.popleft()
                try:
                    while head:
                        more = socket.MSG_MORE if left and not self._secure else 0
                        head = head[self.socket.send(head, more) :]
                    while left and item:
                        start = (item.offset + position) % catalog.BLOCK_BYTES
                        count = min(left, catalog.BLOCK_BYTES - start)
                        if self._secure:
                            sent = self.socket.send(self._contents[start : start + min(count, _TLS_BYTES)])
                        else:
                            sent = sendfile(self.socket.fileno(), self._block, start, count)
                        position, left = position + sent, left - sent
                except _NOT_NOW:
                    self.answers.appendleft((head, item, position, left))
                    raise


class Server:
    """The loop: every connection in one thread."""

    def __init__(self, bucket: Bucket, block: BinaryIO, latency: float, context: ssl.SSLContext | None) -> None:
        self._bucket = bucket
        self._block = block
        self._context = context
        self._latency = latency
        self._poll = select.epoll()
        self._connections: dict[int, Connection] = {}
        self._count = 0
        self._due: list[tuple[float, int, Connection, bytes]] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._listener.setblocking(False)
        self._poll.register(self._listener, select.EPOLLIN)

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def run(self) -> None:
        while True:
            timeout = max(self._due[0][0] - time.monotonic(), 0) if self._due else None
            for descriptor, _ in self._poll.poll(timeout):
                if descriptor == self._listener.fileno():
                    self._accept()
                    continue
                connection = self._connections[descriptor]
                try:
                    self._serve(connection)
                except OSError:
                    self._drop(connection)
            while self._due and self._due[0][0] <= time.monotonic():
                _, _, connection, request = heapq.heappop(self._due)
                if self._connections.get(connection.socket.fileno()) is connection:
                    try:
                        self._answer(connection, request)
                    except OSError:
                        self._drop(connection)

    def _accept(self) -> None:
        sock, _ = self._listener.accept()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._context:
            # The handshake goes on with the first bytes that are read.
            sock = self._context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        self._connections[sock.fileno()] = Connection(sock, self._block, self._bucket.block)
        self._poll.register(sock, select.EPOLLIN)

    def _drop(self, connection: Connection) -> None:
        self._poll.unregister(connection.socket)
        del self._connections[connection.socket.fileno()]
        connection.socket.close()

    def _serve(self, connection: Connection) -> None:
        if connection.answers:
            connection.send()
            if not connection.answers:
                self._poll.modify(connection.socket, select.EPOLLIN)
            return
        try:
            received = connection.receive()
        except _NOT_NOW:
            return
        if not received:
            self._drop(connection)
            return
        *requests, connection.asked = (connection.asked + received).split(b"\r\n\r\n")
        for request in requests:
            if self._latency:
                self._count += 1
                heapq.heappush(self._due, (time.monotonic() + self._latency, self._count, connection, request))
            else:
                self._answer(connection, request)

    def _answer(self, connection: Connection, request: bytes) -> None:
        waiting = bool(connection.answers)
        connection.answers.append(self._bucket.answer(request + b"\r\n"))
        if not waiting:
            connection.send()
            if connection.answers:
                self._poll.modify(connection.socket, select.EPOLLOUT)


def main() -> None:
    block, name = Path(sys.argv[1]), sys.argv[2]
    latency = float(sys.argv[3])
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) if len(sys.argv) > 4 else None
    if context:
        context.load_cert_chain(sys.argv[4])
    with block.open("rb") as file:
        server = Server(Bucket(block.read_bytes(), items_of(name)), file, latency, context)
        print(server.port, flush=True)
        server.run()


if __name__ == "__main__":
    main()
