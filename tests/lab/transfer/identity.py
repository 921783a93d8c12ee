# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TestIdentityProvider, for servers that ask a Lambda function who may log in."""

from __future__ import annotations

import json

from lab.transfer.context import Context
from lab.transfer.context import Document
from lab.transfer.context import Later
from lab.transfer.context import Operation
from lab.transfer.context import Parameters
from lab.transfer.errors import TransferError
from lab.transfer.errors import invalid_request
from lab.transfer.servers import load_server


def test_identity_provider(ctx: Context, parameters: Parameters) -> Later:
    server_id = parameters["ServerId"]
    server = load_server(ctx, server_id)
    kind = server["IdentityProviderType"]
    if kind == "SERVICE_MANAGED":
        # The text that the API reference quotes.
        raise invalid_request(f"{server_id} not configured for external auth")
    if kind != "AWS_LAMBDA" or ctx.invoke_function is None:
        raise TransferError(
            "NotImplemented", f"the lab can ask no identity provider of type {kind}; it has AWS_LAMBDA", status=501
        )
    function, invoke = server["IdentityProviderDetails"]["Function"], ctx.invoke_function
    # "Using AWS Lambda to integrate your identity provider" (user guide): the event that the function is given.
    event = {
        "username": parameters["UserName"],
        "password": parameters.get("UserPassword", ""),
        "protocol": parameters.get("ServerProtocol", "SFTP"),
        "serverId": server_id,
        "sourceIp": parameters.get("SourceIp", "127.0.0.1"),
    }

    def ask() -> Document:
        answer = invoke(function, event)
        # "If an empty string is returned, the most likely cause is that the authentication failed due to an incorrect
        # username or password" (TestIdentityProviderResponse, Message); Url belongs to API Gateway only.
        return {"StatusCode": 200, "Response": json.dumps(answer) if answer else "", "Message": "", "Url": ""}

    return ask


OPERATIONS: dict[str, Operation] = {"TestIdentityProvider": test_identity_provider}
