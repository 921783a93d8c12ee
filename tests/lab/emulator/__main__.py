# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m lab.emulator --directory DIR --listen-fd N`, started by the supervisor."""

from __future__ import annotations

import argparse
import socket
import sys
from pathlib import Path

from lab.emulator import environment
from lab.errors import LabError
from lab.paths import LabDirectory


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m lab.emulator", description=__doc__)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--listen-fd", type=int, required=True, help="a listening socket on 127.0.0.1")
    arguments = parser.parse_args()
    directory = LabDirectory(arguments.directory)
    listener = socket.socket(fileno=arguments.listen_fd)
    environment.prepare(directory, port=listener.getsockname()[1])

    # Only now: ministack reads its settings while it is imported.
    from lab.emulator import server

    try:
        server.serve(directory, listener)
    except LabError as error:
        print(f"emulator: error: {error}", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
