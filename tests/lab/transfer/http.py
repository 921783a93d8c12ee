# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service on the wire: awsJson1.1 requests, and the lab's own handlers under /_lab/.

Both are ASGI applications for the emulator's front to mount. Faults and the call counter apply here, to what clients
send; the lab's own parts read the state through /_lab/ and neither count nor fail.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from dataclasses import asdict
from typing import TYPE_CHECKING
from typing import Any

from lab.transfer.errors import TransferError
from lab.transfer.faults import FaultRuleError
from lab.transfer.model import TARGET_PREFIX

if TYPE_CHECKING:
    from lab.transfer.service import TransferService

_LOG = logging.getLogger(__name__)
# In its user agent, a part of the lab itself says this: its calls are not a customer's, so they neither count nor fail.
INSIDE = "mft-lab-inside"
_CONTENT_TYPE = "application/x-amz-json-1.1"
# The service's own limit is not documented; this one keeps a stray upload from filling memory.
_MAX_BODY = 8 * 1024 * 1024


def is_transfer_request(scope: Any) -> bool:
    """Say whether a request is one of this API: its X-Amz-Target names the service."""
    return _header(scope, b"x-amz-target").startswith(f"{TARGET_PREFIX}.")


async def answer_api(service: TransferService, scope: Any, receive: Any, send: Any) -> None:
    operation = _header(scope, b"x-amz-target").partition(".")[2]
    rule = None if INSIDE in _header(scope, b"user-agent") else service.faults.count(operation)
    try:
        body = await _body(receive)
        if rule and rule.kind == "reset_before":
            return await _abort(scope, receive)
        if rule and rule.kind == "delay":
            await asyncio.sleep(rule.seconds)
        if rule and (error := rule.error()):
            raise error
        if not _header(scope, b"authorization"):
            raise TransferError(
                "MissingAuthenticationTokenException", "Request is missing Authentication Token", status=403
            )
        # In a thread: making host keys takes long enough to hold up every other request.
        response = await asyncio.to_thread(service.call, operation, _parse(body))
        if rule and (error := rule.error_after()):
            raise error
        status = 200
    except TransferError as error:
        response, status = error.body(), error.status
    except Exception:  # noqa: BLE001 (a defect of ours must not take the emulator down)
        _LOG.exception("%s failed", operation)
        status = 500
        response = TransferError("InternalServiceError", f"defect of the lab in {operation}, see its log").body()
    if rule and rule.kind == "reset_after":
        return await _abort(scope, receive)
    await _send(send, status, response, _CONTENT_TYPE)
    return None


async def answer_lab(service: TransferService, scope: Any, receive: Any, send: Any) -> bool:
    """Answer a request under /_lab/ that is ours, or return False.

    PUT, DELETE /_lab/faults; GET, DELETE /_lab/calls; GET /_lab/transfer/servers, …/servers/ID/users/NAME and
    …/steps/TOKEN; GET, PUT /_lab/transfer/settings.
    """
    method, words = scope["method"], scope["path"].strip("/").split("/")[1:]
    if not words or words[0] not in {"faults", "calls", "transfer"}:
        return False
    try:
        wanted = json.loads(await _body(receive) or b"null")
        answer = await asyncio.to_thread(_lab, service, method, words, wanted)
    except TransferError as error:
        await _send(send, 404, {"error": error.message}, "application/json")
    except (FaultRuleError, ValueError) as error:
        await _send(send, 400, {"error": str(error)}, "application/json")
    except LookupError:
        text = f"{method} {scope['path']} is none of the lab's"
        await _send(send, 404, {"error": text}, "application/json")
    else:
        await _send(send, 200, answer, "application/json")
    return True


def _lab(service: TransferService, method: str, words: list[str], wanted: Any) -> Any:
    route = (method, *words[:2])
    if route == ("PUT", "faults"):
        service.faults.set(wanted)
    elif route == ("DELETE", "faults"):
        service.faults.clear()
    elif route == ("GET", "calls"):
        return service.faults.calls()
    elif route == ("DELETE", "calls"):
        service.faults.reset_calls()
    elif route == ("PUT", "transfer", "settings"):
        service.change_settings(wanted)
    elif route == ("GET", "transfer", "settings"):
        return asdict(service.settings)
    elif route == ("GET", "transfer", "servers") and len(words) == 2:
        return service.inside_servers()
    elif route == ("GET", "transfer", "servers") and len(words) == 5 and words[3] == "users":
        return service.inside_user(words[2], words[4])
    elif route == ("GET", "transfer", "steps") and len(words) == 3:
        return service.inside_step_state(words[2])
    else:
        raise LookupError
    return {}


def _header(scope: Any, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name), "")


async def _body(receive: Any) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > _MAX_BODY:
            raise TransferError(
                "RequestEntityTooLargeException", f"The request has more than {_MAX_BODY} bytes", status=413
            )
        if not message.get("more_body"):
            return bytes(body)


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body or b"{}")
    except ValueError:
        raise TransferError("SerializationException", "The request is not valid JSON") from None


async def _send(send: Any, status: int, content: Any, content_type: str) -> None:
    body = json.dumps(content).encode()
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"x-amzn-requestid", str(uuid.uuid4()).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _abort(scope: Any, receive: Any) -> None:
    abort = scope.get("extensions", {}).get("lab.abort")
    if abort is None:
        raise RuntimeError("this server cannot cut connections: its scope has no lab.abort")
    abort()
    # Returning before the connection is gone would have the server answer 500 for an application that said nothing.
    await receive()
