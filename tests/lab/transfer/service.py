# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service: an operation's name and parameters in, the model's response or an error out."""

from __future__ import annotations

import time
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from lab.transfer import host_keys
from lab.transfer import identity
from lab.transfer import keys
from lab.transfer import policies
from lab.transfer import server_updates
from lab.transfer import servers
from lab.transfer import tags
from lab.transfer import users
from lab.transfer import workflows
from lab.transfer.context import Arns
from lab.transfer.context import Context
from lab.transfer.context import Document
from lab.transfer.context import InvokeFunction
from lab.transfer.context import Operation
from lab.transfer.context import Parameters
from lab.transfer.context import Settings
from lab.transfer.endpoints import EndpointDirectory
from lab.transfer.errors import TransferError
from lab.transfer.faults import Faults
from lab.transfer.http import answer_api
from lab.transfer.model import service_model
from lab.transfer.store import Store
from lab.transfer.validation import check_request
from lab.transfer.validation import check_response

OPERATIONS: dict[str, Operation] = {
    name: operation
    for part in (servers, server_updates, users, keys, host_keys, tags, policies, workflows, identity)
    for name, operation in part.OPERATIONS.items()
}


class TransferService:
    """AWS Transfer Family's control plane for one account and region.

    call() may be used from any thread. A call is one transaction: it has its whole effect, or none.
    """

    def __init__(
        self,
        database: Path,
        account_id: str,
        region: str,
        endpoints: EndpointDirectory,
        partition: str = "aws",
        *,
        settings: Settings | None = None,
        invoke_function: InvokeFunction | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.settings = settings or Settings()
        self.faults = Faults()
        self.arns = Arns(partition, region, account_id)
        self._store = Store(database)
        self._endpoints = endpoints
        self._invoke_function = invoke_function
        self._clock = clock

    def call(self, operation: str, parameters: Parameters) -> Document:
        """Run one operation; timestamps of the response are epoch seconds, as on the wire.

        Raises TransferError for everything that the API answers with an error. Faults and the call counter belong to
        the wire: see http.py.
        """
        model = _operation_model(operation)
        if not isinstance(parameters, dict):
            raise TransferError("SerializationException", "the request must be a JSON object")
        check_request(model.input_shape, parameters)
        run = OPERATIONS.get(operation)
        if run is None:
            raise TransferError("NotImplemented", f"the lab's Transfer service has no {operation}", status=501)
        present = {name: value for name, value in parameters.items() if value is not None}
        with self._context() as ctx:
            response = run(ctx, present) or {}
            if not callable(response):
                return _checked(model, response)
        return _checked(model, response())

    def inside_servers(self) -> list[Document]:
        """Return every server with what only the service itself knows: the private keys that it serves."""
        with self._context() as ctx:
            return [
                {**servers.described(ctx, server_id, server), "HostKeys": host_keys.served_private_keys(ctx, server_id)}
                for server_id, server in servers.all_servers(ctx)
            ]

    def inside_user(self, server_id: str, user_name: str) -> Document:
        """Return a user as DescribeUser does, without counting as a call of the API."""
        with self._context() as ctx:
            user: Document = users.describe_user(ctx, {"ServerId": server_id, "UserName": user_name})["User"]
            return user

    def inside_step_state(self, token: str) -> Document:
        """Return what SendWorkflowStepState said of a custom step, or raise LookupError while it has not spoken."""
        with self._context() as ctx:
            status = workflows.step_state(ctx, token)
        if status is None:
            raise LookupError(token)
        return {"Status": status}

    def change_settings(self, wanted: Any) -> None:
        """Set settings by name, or raise ValueError and change none."""
        if not isinstance(wanted, dict):
            raise ValueError(f"settings must be an object, got {wanted!r}")
        known = {field.name: field.type for field in fields(Settings)}
        for name, value in wanted.items():
            if name not in known:
                raise ValueError(f"unknown setting {name}; known are {', '.join(known)}")
            whole = known[name] == "int"
            if not isinstance(value, int if whole else (int, float)) or isinstance(value, bool) or value < whole:
                noun = "whole number from 1" if whole else "number from 0"
                raise ValueError(f"setting {name} must be a {noun} on, got {value!r}")
        for name, value in wanted.items():
            setattr(self.settings, name, value)

    async def asgi(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one HTTP request of the API."""
        await answer_api(self, scope, receive, send)

    def close(self) -> None:
        self._store.close()

    @contextmanager
    def _context(self) -> Iterator[Context]:
        with self._store.transaction() as db:
            yield Context(
                db=db,
                settings=self.settings,
                arns=self.arns,
                endpoints=self._endpoints,
                invoke_function=self._invoke_function,
                now=self._clock(),
            )


def _operation_model(operation: str) -> Any:
    model = service_model()
    if operation not in model.operation_names:
        raise TransferError("UnknownOperationException", f"Transfer has no operation {operation!r}")
    return model.operation_model(operation)


def _checked(model: Any, response: Document) -> Document:
    if model.output_shape is not None:
        check_response(model.output_shape, response)
    return response
