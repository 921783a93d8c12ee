# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The limit: bytes from a socket into files, and nothing else. No signature, no check, no rename, no fsync.

    python limit.py KEYS SHARE PORT

A process for each processor, each with one connection on which the requests are sent some way ahead of the answers;
directories are made once.
"""

from __future__ import annotations

import os
import socket
import sys

_AHEAD = 16
_BUFFER = 64 * 1024


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:  # noqa: PTH123 (the limit imports nothing for comfort)
        bucket, *keys = file.read().splitlines()
    paths = {key: f"{sys.argv[2]}/{key.removeprefix('home/')}" for key in keys}
    for directory in {os.path.dirname(path) for path in paths.values()}:  # noqa: PTH120
        os.makedirs(directory, exist_ok=True)  # noqa: PTH103
    processes = min(os.cpu_count() or 1, len(keys))
    for number in range(processes):
        if os.fork() == 0:
            copy(bucket, {key: paths[key] for key in keys[number::processes]})
            os._exit(0)
    if any(os.wait()[1] for _ in range(processes)):
        sys.exit(1)


def copy(bucket: str, paths: dict[str, str]) -> None:
    connection = socket.create_connection(("127.0.0.1", int(sys.argv[3])))
    asked = [f"GET /{bucket}/{key} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode() for key in paths]
    connection.sendall(b"".join(asked[:_AHEAD]))
    buffer = memoryview(bytearray(_BUFFER))
    rest = b""
    for number, path in enumerate(paths.values()):
        while (end := rest.find(b"\r\n\r\n")) < 0:
            rest += connection.recv(_BUFFER)
        left = int(rest[rest.rindex(b"Content-Length: ", 0, end) + 16 : end].split(b"\r", 1)[0])
        body, rest = rest[end + 4 : end + 4 + left], rest[end + 4 + left :]
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
        os.write(descriptor, body)
        left -= len(body)
        while left:
            count = connection.recv_into(buffer[: min(left, _BUFFER)])
            os.write(descriptor, buffer[:count])
            left -= count
        os.close(descriptor)
        if number + _AHEAD < len(asked):
            connection.sendall(asked[number + _AHEAD])


if __name__ == "__main__":
    main()
