# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The function inside the template: it always answers CloudFormation, and changes nothing but the security groups."""

from __future__ import annotations

import ast
import json
import logging
import types
import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import cache
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.stub import Stubber

from unit.template.parsed import properties

SOURCE: str = properties("EndpointFunction")["Code"]["ZipFile"]
URL = "https://cloudformation-custom-resource-response.example.com/answer?signature=kQ9vX2mT7wL4sR8z"
SERVER = "s-0123456789abcdef0"
ENDPOINT = "vpce-0123456789abcdef0"
NAME = {
    "DnsName": f"{ENDPOINT}-ab12cd34.server.transfer.eu-central-1.vpce.amazonaws.com",
    "HostedZoneId": "Z1HUB23UULQXV",
}


@cache
def aws_clients() -> dict[str, Any]:
    """Made once: reading EC2's model takes a second."""
    session = botocore.session.get_session()
    session.set_credentials("testing", "testing")
    return {name: session.create_client(name, region_name="eu-central-1") for name in ("transfer", "ec2")}


class Context:
    """What Lambda tells the function of its time."""

    def get_remaining_time_in_millis(self) -> int:
        return 300_000


class World:
    """The function with stubbed AWS clients, a clock of its own, and CloudFormation's ear."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers: list[dict[str, Any]] = []
        self.refusals = 0
        self.now = 0.0
        clients = aws_clients()
        self.transfer, self.ec2 = (Stubber(client) for client in clients.values())
        self.transfer.activate()
        self.ec2.activate()
        self.module = types.ModuleType("index")
        exec(compile(SOURCE, "index.py", "exec"), self.module.__dict__)  # noqa: S102 (our own template)
        monkeypatch.setattr(boto3, "client", lambda name, config: clients[name])
        monkeypatch.setattr(self.module, "time", types.SimpleNamespace(monotonic=lambda: self.now, sleep=self._sleep))
        monkeypatch.setattr(urllib.request, "urlopen", self._urlopen)

    def _sleep(self, seconds: float) -> None:
        self.now += seconds

    def _urlopen(self, request: urllib.request.Request, timeout: float) -> Any:
        if self.refusals:
            self.refusals -= 1
            raise urllib.error.URLError("connection reset")
        assert (request.full_url, request.get_method(), timeout) == (URL, "PUT", 5)
        # S3 signs the header's absence of a type (CloudFormation user guide, cfn-response module).
        assert request.get_header("Content-type") == ""
        assert isinstance(request.data, bytes)
        assert len(request.data) < 4096, "the most that CloudFormation reads"
        self.answers.append(json.loads(request.data))
        return _Response()

    def server(self, vpce_id: str | None = ENDPOINT) -> None:
        details = {"VpcEndpointId": vpce_id} if vpce_id else {}
        answer = {
            "Server": {"Arn": f"arn:aws:transfer:eu-central-1:111122223333:server/{SERVER}", "EndpointDetails": details}
        }
        self.transfer.add_response("describe_server", answer, {"ServerId": SERVER})

    def endpoint(self, *groups: str, state: str = "available", names: bool = True, vpce_id: str = ENDPOINT) -> None:
        found = {
            "VpcEndpointId": vpce_id,
            "State": state,
            "Groups": [{"GroupId": group} for group in groups],
            "DnsEntries": [NAME] if names else [],
        }
        self.ec2.add_response("describe_vpc_endpoints", {"VpcEndpoints": [found]}, {"VpcEndpointIds": [vpce_id]})

    def handle(self, kind: str, *groups: str, physical_id: str | None = None) -> dict[str, Any]:
        event: dict[str, Any] = {
            "RequestType": kind,
            "RequestId": "unique-id",
            "StackId": "arn:aws:cloudformation:eu-central-1:111122223333:stack/acme-gateway/guid",
            "LogicalResourceId": "ServerEndpoint",
            "ResponseURL": URL,
            "ResourceProperties": {"ServerId": SERVER, "SecurityGroupIds": list(groups)},
        }
        if physical_id:
            event["PhysicalResourceId"] = physical_id
        self.module.handle(event, Context())
        self.transfer.assert_no_pending_responses()
        self.ec2.assert_no_pending_responses()
        [answer] = self.answers
        assert {answer[name] == event[name] for name in ("StackId", "RequestId", "LogicalResourceId")} == {True}
        return answer


class _Response:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    world = World(monkeypatch)
    yield world
    world.transfer.deactivate()
    world.ec2.deactivate()


def test_creation_tells_the_name(world: World) -> None:
    world.server()
    world.endpoint("sg-1")
    answer = world.handle("Create", "sg-1")
    assert (answer["Status"], answer["PhysicalResourceId"], answer["Data"]) == ("SUCCESS", ENDPOINT, NAME)


def test_creation_waits_for_the_endpoint(world: World) -> None:
    world.server(None)
    world.server()
    world.endpoint("sg-1", state="pending")
    world.server()
    world.endpoint("sg-1", names=False)
    world.server()
    world.endpoint("sg-1")
    assert world.handle("Create", "sg-1")["Status"] == "SUCCESS"
    assert world.now == 15


def test_groups_of_a_live_server_change(world: World) -> None:
    world.server()
    world.endpoint("sg-1", "sg-2")
    expected = {"VpcEndpointId": ENDPOINT, "AddSecurityGroupIds": ["sg-3"], "RemoveSecurityGroupIds": ["sg-2"]}
    world.ec2.add_response("modify_vpc_endpoint", {"Return": True}, expected)
    answer = world.handle("Update", "sg-1", "sg-3", physical_id=ENDPOINT)
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", ENDPOINT)


def test_what_is_right_is_left_alone(world: World) -> None:
    world.server()
    world.endpoint("sg-2", "sg-1")
    assert world.handle("Update", "sg-1", "sg-2", "", physical_id=ENDPOINT)["Status"] == "SUCCESS"


def test_another_endpoint_is_another_resource(world: World) -> None:
    """Then CloudFormation asks for the deletion of the old one, which is gone with its server."""
    world.server("vpce-00000000000000002")
    world.endpoint("sg-1", vpce_id="vpce-00000000000000002")
    assert world.handle("Update", "sg-1", physical_id=ENDPOINT)["PhysicalResourceId"] == "vpce-00000000000000002"


@pytest.mark.parametrize("physical_id", [ENDPOINT, "no-endpoint-yet"])
def test_deletion_asks_nobody(world: World, physical_id: str) -> None:
    answer = world.handle("Delete", "sg-1", physical_id=physical_id)
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", physical_id)


def test_failed_creation_has_an_id_to_delete(world: World) -> None:
    world.transfer.add_client_error("describe_server", "AccessDeniedException", "no transfer:DescribeServer")
    answer = world.handle("Create", "sg-1")
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", "no-endpoint-yet")
    assert "no transfer:DescribeServer" in answer["Reason"]


def test_failed_update_keeps_the_id(world: World) -> None:
    """With another one CloudFormation would delete the old resource when it rolls back."""
    world.server()
    world.endpoint("sg-1")
    world.ec2.add_client_error(
        "modify_vpc_endpoint", "InvalidGroup.NotFound", "The security group 'sg-9' does not exist"
    )
    answer = world.handle("Update", "sg-1", "sg-9", physical_id=ENDPOINT)
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", ENDPOINT)
    assert "The security group 'sg-9' does not exist" in answer["Reason"]


def test_endpoint_that_never_comes_is_a_failure_in_time(world: World) -> None:
    for _ in range(52):
        world.server(None)
    answer = world.handle("Create", "sg-1")
    assert answer["Status"] == "FAILED"
    assert f"VPC endpoint of server {SERVER} is still missing" in answer["Reason"]
    assert world.now <= 300 - world.module.RESERVE


def test_endpoint_that_was_deleted_is_a_failure_at_once(world: World) -> None:
    world.server()
    world.endpoint(state="Deleted")
    answer = world.handle("Create", "sg-1")
    assert answer["Reason"] == f"RuntimeError: VPC endpoint {ENDPOINT} of server {SERVER} is deleted"
    assert world.now == 0


def test_long_reason_still_fits(world: World) -> None:
    world.transfer.add_client_error("describe_server", "InternalServiceError", "x" * 10_000)
    assert world.handle("Create", "sg-1")["Status"] == "FAILED"


def test_answer_is_repeated_until_it_is_taken(world: World) -> None:
    world.refusals = 3
    assert world.handle("Delete", "sg-1", physical_id=ENDPOINT)["Status"] == "SUCCESS"
    assert world.now == 13


def test_answer_that_nobody_takes_fails_the_invocation(world: World) -> None:
    """Lambda then invokes it again."""
    world.refusals = 4
    with pytest.raises(RuntimeError, match="CloudFormation got no answer"):
        world.handle("Delete", "sg-1", physical_id=ENDPOINT)


def test_nobody_finds_the_url_in_the_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="")
    world.refusals = 2
    world.transfer.add_client_error("describe_server", "AccessDeniedException", "no")
    world.handle("Create", "sg-1")
    assert "Create of ServerEndpoint" in caplog.text
    assert "kQ9vX2mT7wL4sR8z" not in caplog.text


def test_waiting_leaves_time_for_every_attempt_to_answer(world: World) -> None:
    """Four attempts of 5 s and pauses of 13 s, after a last look that may take long."""
    assert world.module.RESERVE >= 4 * 5 + 13
    assert properties("EndpointFunction")["Timeout"] < properties("ServerEndpoint")["ServiceTimeout"]


def test_code_fits_inline_and_needs_nothing_that_lambda_lacks() -> None:
    assert len(SOURCE.encode()) <= 4 * 1024 * 1024
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name) or ""
        for node in ast.walk(ast.parse(SOURCE))
        if isinstance(node, (ast.Import, ast.ImportFrom))
    }
    assert imported == {"boto3", "botocore.config", "json", "logging", "time", "urllib.request"}
    assert properties("EndpointFunction")["Handler"] == "index.handle"
    assert "VpcConfig" not in properties("EndpointFunction"), "the VPC has no way to EC2, Transfer and CloudFormation"
