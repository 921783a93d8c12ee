# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a real boto3 client makes of the service's answers, and the handlers under /_lab/."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC
from datetime import datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.exceptions import ConnectionClosedError

from lab.transfer import TransferService
from lab.transfer.http import INSIDE
from lab.transfer.http import answer_lab
from lab.transfer.http import is_transfer_request
from lab.transfer.local import local_client
from unit.lab.transfer.support import ROLE
from unit.lab.transfer.support import Clock
from unit.lab.transfer.support import public_of


@pytest.fixture
def client(service: TransferService) -> Any:
    return local_client(service)


def post(service: TransferService, target: str, body: bytes, **headers: str) -> tuple[int, Any]:
    """Send a request as it is, without botocore's help."""
    sent: list[Any] = []
    given = {"x-amz-target": target, "authorization": "AWS4-HMAC-SHA256 Credential=x", **headers}
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in given.items()],
    }
    asyncio.run(service.asgi(scope, receiver(body), collector(sent)))
    return sent[0]["status"], json.loads(sent[1]["body"])


def lab(service: TransferService, method: str, path: str, content: Any = None) -> tuple[int, Any]:
    sent: list[Any] = []
    body = b"" if content is None else json.dumps(content).encode()
    scope = {"type": "http", "method": method, "path": path, "headers": []}
    ours = asyncio.run(answer_lab(service, scope, receiver(body), collector(sent)))
    return (sent[0]["status"], json.loads(sent[1]["body"])) if ours else (0, None)


def receiver(body: bytes) -> Any:
    parts = [body[: len(body) // 2], body[len(body) // 2 :]]

    async def receive() -> Any:
        part = parts.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(parts)}

    return receive


def collector(sent: list[Any]) -> Any:
    async def send(message: Any) -> None:
        sent.append(message)

    return send


def test_a_client_reads_and_writes(client: Any, clock: Clock, server_id: str, new_public_key: Any) -> None:
    client.create_user(ServerId=server_id, UserName="acme", Role=ROLE)
    client.import_ssh_public_key(ServerId=server_id, UserName="acme", SshPublicKeyBody=new_public_key())
    (key,) = client.describe_user(ServerId=server_id, UserName="acme")["User"]["SshPublicKeys"]
    assert key["DateImported"] == datetime.fromtimestamp(clock.now, UTC)


def test_botocores_own_paginators_and_waiters(client: Any, server_id: str) -> None:
    for number in range(5):
        client.create_user(ServerId=server_id, UserName=f"user-{number}", Role=ROLE)
    pages = client.get_paginator("list_users").paginate(ServerId=server_id, PaginationConfig={"PageSize": 2})
    assert [user["UserName"] for user in pages.build_full_result()["Users"]] == [f"user-{n}" for n in range(5)]
    client.get_waiter("server_online").wait(ServerId=server_id)


def test_errors_become_the_clients_exceptions(client: Any, server_id: str) -> None:
    with pytest.raises(client.exceptions.ResourceNotFoundException) as caught:
        client.describe_user(ServerId=server_id, UserName="acme")
    response: Any = caught.value.response
    assert response["Error"] == {"Code": "ResourceNotFoundException", "Message": "Unknown user"}
    assert (response["Resource"], response["ResourceType"]) == ("acme", "User")
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert response["ResponseMetadata"]["RequestId"]
    with pytest.raises(client.exceptions.InvalidRequestException, match="1 validation error detected"):
        client.describe_user(ServerId=server_id)


def test_a_throttled_client_is_told_how_long_to_wait(service: TransferService, client: Any, server_id: str) -> None:
    service.faults.set([{"operation": "ListUsers", "kind": "throttle", "retry_after_seconds": 3}])
    with pytest.raises(client.exceptions.ThrottlingException) as caught:
        client.list_users(ServerId=server_id)
    assert caught.value.response["RetryAfterSeconds"] == "3"
    assert client.list_users(ServerId=server_id)["Users"] == []


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("server_error", ("InternalServiceError", 500)),
        ("unavailable", ("ServiceUnavailableException", 500)),
        ("access_denied", ("AccessDeniedException", 400)),
    ],
)
def test_a_fault_in_place_of_the_effect(
    service: TransferService, client: Any, server_id: str, kind: str, expected: tuple[str, int]
) -> None:
    service.faults.set([{"operation": "CreateUser", "kind": kind}])
    with pytest.raises(ClientError) as caught:
        client.create_user(ServerId=server_id, UserName="acme", Role=ROLE)
    error: Any = caught.value.response
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == expected
    assert client.list_users(ServerId=server_id)["Users"] == []


@pytest.mark.parametrize(("kind", "users"), [("reset_before", 0), ("reset_after", 1)])
def test_a_connection_cut_before_or_after_the_effect(
    service: TransferService, client: Any, server_id: str, kind: str, users: int
) -> None:
    service.faults.set([{"operation": "CreateUser", "kind": kind}])
    with pytest.raises(ConnectionClosedError):
        client.create_user(ServerId=server_id, UserName="acme", Role=ROLE)
    assert len(client.list_users(ServerId=server_id)["Users"]) == users


def test_an_internal_error_after_the_effect(service: TransferService, client: Any, server_id: str) -> None:
    service.faults.set([{"operation": "CreateUser", "kind": "server_error_after"}])
    with pytest.raises(ClientError, match="InternalServiceError"):
        client.create_user(ServerId=server_id, UserName="acme", Role=ROLE)
    assert len(client.list_users(ServerId=server_id)["Users"]) == 1


def test_a_retrying_client_gets_past_a_fault(service: TransferService, server_id: str) -> None:
    service.faults.set([{"operation": "CreateUser", "kind": "reset_before"}])
    client = local_client(service, max_attempts=2)
    client.create_user(ServerId=server_id, UserName="acme", Role=ROLE)
    assert service.faults.calls() == {"CreateUser": 2}


def test_a_delay_only_delays(service: TransferService, client: Any, server_id: str) -> None:
    service.faults.set([{"operation": "ListUsers", "kind": "delay", "seconds": 0.05}])
    begun = datetime.now(UTC)
    assert client.list_users(ServerId=server_id)["Users"] == []
    assert (datetime.now(UTC) - begun).total_seconds() >= 0.05


def test_the_labs_own_parts_neither_count_nor_fail(service: TransferService) -> None:
    service.faults.set([{"operation": "*", "kind": "server_error", "every": 1}])
    inside = {"user_agent": f"Boto3/1.43 md/{INSIDE}"}
    assert post(service, "TransferService.ListServers", b"{}", **inside)[0] == 200
    assert service.faults.calls() == {}
    assert post(service, "TransferService.ListServers", b"{}")[0] == 500


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_a_request_may_come_in_parts_or_empty(service: TransferService, body: bytes) -> None:
    assert post(service, "TransferService.ListServers", body) == (200, {"Servers": []})


@pytest.mark.parametrize(
    ("target", "body", "code"),
    [
        ("TransferService.ListServers", b"{", "SerializationException"),
        ("TransferService.ListServers", b"\xff", "SerializationException"),
        ("TransferService.ListServers", b"[]", "SerializationException"),
        ("TransferService.Explode", b"{}", "UnknownOperationException"),
        ("TransferService.", b"{}", "UnknownOperationException"),
    ],
)
def test_what_is_no_request(service: TransferService, target: str, body: bytes, code: str) -> None:
    status, answer = post(service, target, body)
    assert (status, answer["__type"]) == (400, code)


def test_an_unsigned_request_is_refused(service: TransferService) -> None:
    status, answer = post(service, "TransferService.ListServers", b"{}", authorization="")
    assert (status, answer["__type"]) == (403, "MissingAuthenticationTokenException")


def test_a_defect_of_ours_is_an_internal_error(
    service: TransferService, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(service, "call", lambda *_: 1 / 0)
    status, answer = post(service, "TransferService.ListServers", b"{}")
    assert (status, answer["__type"]) == (500, "InternalServiceError")
    assert "ZeroDivisionError" in caplog.text


def test_which_requests_are_the_apis() -> None:
    def scope(target: bytes) -> Any:
        return {"headers": [(b"host", b"x"), (b"x-amz-target", target)]}

    assert is_transfer_request(scope(b"TransferService.ListServers"))
    assert not is_transfer_request(scope(b"DynamoDB_20120810.ListTables"))
    assert not is_transfer_request({"headers": []})


def test_faults_and_calls_over_the_labs_handlers(service: TransferService, client: Any) -> None:
    rules = [{"operation": "ListServers", "kind": "server_error"}]
    assert lab(service, "PUT", "/_lab/faults", rules) == (200, {})
    with pytest.raises(ClientError):
        client.list_servers()
    client.list_servers()
    assert lab(service, "GET", "/_lab/calls") == (200, {"ListServers": 2})
    assert lab(service, "DELETE", "/_lab/calls") == (200, {})
    assert lab(service, "GET", "/_lab/calls") == (200, {})
    lab(service, "PUT", "/_lab/faults", rules)
    assert lab(service, "DELETE", "/_lab/faults") == (200, {})
    client.list_servers()
    status, answer = lab(service, "PUT", "/_lab/faults", [{"kind": "explode"}])
    assert status == 400
    assert "explode" in answer["error"]


def test_the_state_over_the_labs_handlers(service: TransferService, user: dict[str, str], host_key: str) -> None:
    status, (server,) = lab(service, "GET", "/_lab/transfer/servers")
    assert (status, server["ServerId"]) == (200, user["ServerId"])
    assert [public_of(key) for key in server["HostKeys"]] == [public_of(host_key)]
    path = f"/_lab/transfer/servers/{user['ServerId']}/users"
    assert lab(service, "GET", f"{path}/acme")[1]["UserName"] == "acme"
    assert lab(service, "GET", f"{path}/nobody")[0] == 404
    assert lab(service, "GET", "/_lab/transfer/steps/unknown")[0] == 404
    assert lab(service, "GET", "/_lab/transfer/elsewhere")[0] == 404
    assert lab(service, "POST", "/_lab/faults", [])[0] == 404
    assert lab(service, "GET", "/_lab/sftp/s-0123456789abcdef0") == (0, None)


def test_settings_over_the_labs_handlers(service: TransferService) -> None:
    assert lab(service, "PUT", "/_lab/transfer/settings", {"keys_per_user": 2, "settle_seconds": 0})[0] == 200
    assert lab(service, "GET", "/_lab/transfer/settings")[1]["keys_per_user"] == 2
    senseless: list[Any] = [{"keys_per_user": 0}, {"keys_per_user": 1.5}, {"settle_seconds": -1}, {"keys": 3}, [], None]
    for bad in senseless:
        assert lab(service, "PUT", "/_lab/transfer/settings", bad)[0] == 400
    assert service.settings.keys_per_user == 2
