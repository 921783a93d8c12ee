# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TestIdentityProvider."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lab.transfer import MemoryEndpoints
from lab.transfer import TransferService
from unit.lab.transfer.support import Refused

FUNCTION = "arn:aws:lambda:eu-central-1:111122223333:function:logins"
PASSWORD = "n0t-Acme's-password_7f3b9c"
LAMBDA = {"IdentityProviderType": "AWS_LAMBDA", "IdentityProviderDetails": {"Function": FUNCTION}}


def test_a_service_managed_server_has_none(server_id: str, refused: Refused) -> None:
    error = refused("InvalidRequestException", "TestIdentityProvider", ServerId=server_id, UserName="acme")
    assert error.message == f"{server_id} not configured for external auth"


def test_an_unknown_server(refused: Refused) -> None:
    error = refused(
        "ResourceNotFoundException", "TestIdentityProvider", ServerId="s-0123456789abcdef0", UserName="acme"
    )
    assert error.message == "Unknown server"


def test_without_a_function_to_ask_the_lab_says_so(service: TransferService, host_key: str, refused: Refused) -> None:
    server_id = service.call("CreateServer", {**LAMBDA, "HostKey": host_key})["ServerId"]
    refused("NotImplemented", "TestIdentityProvider", ServerId=server_id, UserName="acme")


def test_the_function_is_asked_and_may_itself_ask_the_service(tmp_path: Path, host_key: str) -> None:
    asked: list[Any] = []

    def invoke(function: str, event: dict[str, Any]) -> dict[str, Any]:
        asked.append((function, event))
        # As a real function does from its own process; a call that waited for this one would never come back.
        service.call("DescribeServer", {"ServerId": event["serverId"]})
        return {"Role": "arn:aws:iam::111122223333:role/acme"} if event["password"] == PASSWORD else {}

    service = TransferService(
        tmp_path / "transfer.sqlite", "111122223333", "eu-central-1", MemoryEndpoints(), invoke_function=invoke
    )
    server_id = service.call("CreateServer", {**LAMBDA, "HostKey": host_key})["ServerId"]
    request = {"ServerId": server_id, "UserName": "acme", "SourceIp": "192.0.2.7", "ServerProtocol": "SFTP"}
    answer = service.call("TestIdentityProvider", {**request, "UserPassword": PASSWORD})
    assert json.loads(answer.pop("Response")) == {"Role": "arn:aws:iam::111122223333:role/acme"}
    assert answer == {"StatusCode": 200, "Message": "", "Url": ""}
    assert service.call("TestIdentityProvider", {**request, "UserPassword": "wrong"})["Response"] == ""
    assert asked[0] == (
        FUNCTION,
        {
            "username": "acme",
            "password": PASSWORD,
            "protocol": "SFTP",
            "serverId": server_id,
            "sourceIp": "192.0.2.7",
        },
    )
    service.close()
