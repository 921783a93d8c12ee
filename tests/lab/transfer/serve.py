# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Transfer service alone over HTTP, without the rest of the lab: python -m lab.transfer.serve DATABASE.

Prints its URL when it listens. Serves until it is told to end.
"""

from __future__ import annotations

import argparse
import socket
from pathlib import Path
from typing import Any

import uvicorn

from lab.emulator.server import AbortableProtocol
from lab.transfer.endpoints import MemoryEndpoints
from lab.transfer.http import answer_lab
from lab.transfer.service import TransferService


def application(service: TransferService) -> Any:
    """Return the ASGI application that answers the API and the handlers under /_lab/."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if not scope["path"].startswith("/_lab/"):
            await service.asgi(scope, receive, send)
        elif not await answer_lab(service, scope, receive, send):
            await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body"})

    return app


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("database", type=Path)
    parser.add_argument("--account-id", default="000000000000")
    parser.add_argument("--region", default="eu-central-1")
    arguments = parser.parse_args()
    service = TransferService(arguments.database, arguments.account_id, arguments.region, MemoryEndpoints())
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        # From here on a client's connection waits to be accepted instead of being refused.
        listener.listen()
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        config = uvicorn.Config(
            application(service), http=AbortableProtocol, ws="none", lifespan="off", log_level="warning"
        )
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
