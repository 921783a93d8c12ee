# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m lab.sftp --endpoint-url URL`: SFTP for every Transfer server of the lab at that URL."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys

import boto3

from lab.sftp.activity import ActivityLog
from lab.sftp.admin import LabAdmin
from lab.sftp.endpoint import Endpoint
from lab.sftp.session import Services
from lab.sftp.store import Store
from lab.sftp.store import client
from lab.sftp.store import s3_client

# How long files that were open when we were told to stop may take to be stored.
GRACE_SECONDS = 3.0


async def serve(endpoint_url: str) -> None:
    """Serve until SIGTERM or SIGINT."""
    s3 = s3_client(endpoint_url)
    clients = {"transfer": client("transfer", endpoint_url), "lambda": client("lambda", endpoint_url), "s3": s3}
    activity = ActivityLog(client("logs", endpoint_url))
    services = Services(clients, Store(s3), activity, LabAdmin(endpoint_url))
    endpoint = Endpoint(services)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    workers = {asyncio.create_task(endpoint.run()), asyncio.create_task(activity.run())}
    stopped: asyncio.Task[object] = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait([*workers, stopped], return_when=asyncio.FIRST_COMPLETED)
    endpoint.close()
    current = asyncio.current_task()
    rest = [task for task in asyncio.all_tasks() if task is not current and task not in workers]
    if rest:
        await asyncio.wait(rest, timeout=GRACE_SECONDS)
    for worker in workers:
        worker.cancel()
    services.store.close()
    for worker in workers & done:
        # Neither worker ends by itself: this one failed, and its traceback is what the log needs.
        worker.result()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m lab.sftp", description=__doc__)
    parser.add_argument("--endpoint-url", required=True, help="the lab's URL, for example http://127.0.0.1:4566")
    arguments = parser.parse_args()
    if not arguments.endpoint_url.startswith("http://127.0.0.1:"):
        parser.error(f"--endpoint-url {arguments.endpoint_url}: the lab is on loopback, give http://127.0.0.1:PORT")
    session = boto3.Session()
    if session.get_credentials() is None or session.region_name is None:
        parser.error("no AWS credentials or region: set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(arguments.endpoint_url))
    return 0


if __name__ == "__main__":
    sys.exit(main())
