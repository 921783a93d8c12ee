# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real boto3 client that speaks to a TransferService of the same process: no socket, the same bytes."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError

from lab.transfer.service import TransferService


def local_client(service: TransferService, *, max_attempts: int = 1) -> Any:
    """Return a Transfer client whose requests the service answers; max_attempts counts the first one too.

    It sends what it is given without botocore's own check, so that the service's is seen.
    """
    client: Any = boto3.client(
        "transfer",
        region_name=service.arns.region,
        endpoint_url="http://transfer.lab.invalid",
        aws_access_key_id="AKIALABTRANSFERLOCAL",
        aws_secret_access_key="not-a-secret-the-lab-checks-no-signature",
        config=Config(retries={"mode": "standard", "total_max_attempts": max_attempts}, parameter_validation=False),
    )

    def answer(request: Any, **_: Any) -> AWSResponse:
        status, headers, body = asyncio.run(_ask(service, request))
        return AWSResponse(request.url, status, headers, _Raw(body))

    client.meta.events.register("before-send.transfer", answer)
    return client


class _Raw(io.BytesIO):
    """What botocore reads a body from."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


async def _ask(service: TransferService, request: Any) -> tuple[int, Any, bytes]:
    sent: list[dict[str, Any]] = []
    cut: list[bool] = []
    body = request.body.encode() if isinstance(request.body, str) else request.body or b""
    inbox = [{"type": "http.request", "body": body}]

    async def receive() -> dict[str, Any]:
        return inbox.pop() if inbox else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": request.method,
        "path": urlsplit(request.url).path or "/",
        "headers": [(name.lower().encode(), _bytes(value)) for name, value in request.headers.items()],
        "extensions": {"lab.abort": lambda: cut.append(True)},
    }
    await service.asgi(scope, receive, send)
    if cut:
        raise ConnectionClosedError(endpoint_url=request.url)
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, sent[1]["body"]


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()
