# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS::Transfer::* against the real Transfer service: what each change of a template's properties comes to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.emulator import ministack
from lab.emulator.cloudformation import transfer
from lab.transfer import MemoryEndpoints
from lab.transfer import Settings
from lab.transfer import TransferError
from lab.transfer import TransferService

Handlers = dict[str, dict[str, Any]]

ROLE = "arn:aws:iam::111122223333:role/acme"
KEY_1 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJqfm8yZ1hYxO0cJ2nV9xkq5j8bT3mQ4rW6uE7sD1fGh acme-batch"
KEY_2 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB2wS4dF6gH8jK0lZ1xC3vB5nM7qW9eR2tY4uI6oP8aS acme-2027"
STACK_TAG = {"Key": "aws:cloudformation:stack-name", "Value": "mft"}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[TransferService]:
    settings = Settings(settle_seconds=0.01)
    built = TransferService(
        tmp_path / "transfer.sqlite", "111122223333", "eu-central-1", MemoryEndpoints(), settings=settings
    )
    yield built
    built.close()


@pytest.fixture
def handlers(service: TransferService, monkeypatch: pytest.MonkeyPatch) -> Handlers:
    tables: list[dict[str, Any]] = [{}, {}, {}]
    for name, table in zip(("resource_handlers", "replacing_properties", "tag_properties"), tables, strict=True):
        monkeypatch.setattr(ministack, name, lambda table=table: table)
    monkeypatch.setattr(ministack, "provision_on_thread", lambda types: None)
    transfer.register(
        service, lambda error: isinstance(error, TransferError) and error.code == "ResourceNotFoundException"
    )
    return tables[0]


def server_id_of(arn: str) -> str:
    return arn.rpartition("/")[2]


def test_a_server_is_online_when_its_creation_is_complete(handlers: Handlers, service: TransferService) -> None:
    arn, attributes = handlers[transfer.SERVER]["create"]("Server", {"Tags": [STACK_TAG]}, "mft")
    assert attributes == {"Arn": arn, "ServerId": server_id_of(arn), "State": "ONLINE"}


def test_a_template_without_a_security_policy_gets_the_oldest(handlers: Handlers, service: TransferService) -> None:
    arn, _ = handlers[transfer.SERVER]["create"]("Server", {}, "mft")
    server = service.call("DescribeServer", {"ServerId": server_id_of(arn)})["Server"]
    assert server["SecurityPolicyName"] == "TransferSecurityPolicy-2018-11"


def test_properties_that_leave_the_template_are_cleared(handlers: Handlers, service: TransferService) -> None:
    workflow_id, _ = handlers[transfer.WORKFLOW]["create"](
        "Workflow", {"Steps": [{"Type": "DELETE", "DeleteStepDetails": {"Name": "drop"}}]}, "mft"
    )
    old = {
        "LoggingRole": ROLE,
        "PreAuthenticationLoginBanner": "acme only",
        "WorkflowDetails": {"OnUpload": [{"WorkflowId": workflow_id, "ExecutionRole": ROLE}]},
        "Tags": [STACK_TAG, {"Key": "team", "Value": "payments"}, {"Key": "cost", "Value": "1"}],
    }
    arn, _ = handlers[transfer.SERVER]["create"]("Server", old, "mft")
    new = {"Tags": [STACK_TAG, {"Key": "team", "Value": "orders"}]}
    handlers[transfer.SERVER]["update"](arn, old, new, "mft")
    server = service.call("DescribeServer", {"ServerId": server_id_of(arn)})["Server"]
    assert not {"LoggingRole", "PreAuthenticationLoginBanner"} & set(server)
    assert not server.get("WorkflowDetails")
    assert server["Tags"] == [{"Key": "team", "Value": "orders"}]


def test_what_only_a_stopped_server_can_change_is_changed_by_stopping_it(
    handlers: Handlers, service: TransferService
) -> None:
    details = {"VpcId": "vpc-0a1b2c3d", "SubnetIds": ["subnet-0a1b2c3d"]}
    arn, _ = handlers[transfer.SERVER]["create"]("Server", {}, "mft")
    new = {"EndpointType": "VPC", "EndpointDetails": details}
    _, attributes = handlers[transfer.SERVER]["update"](arn, {}, new, "mft")
    server = service.call("DescribeServer", {"ServerId": server_id_of(arn)})["Server"]
    assert (server["EndpointType"], server["State"], attributes["State"]) == ("VPC", "ONLINE", "ONLINE")


def test_a_refused_change_leaves_the_server_online(handlers: Handlers, service: TransferService) -> None:
    arn, _ = handlers[transfer.SERVER]["create"]("Server", {}, "mft")
    with pytest.raises(TransferError):
        handlers[transfer.SERVER]["update"](arn, {}, {"EndpointType": "VPC", "EndpointDetails": {}}, "mft")
    assert service.call("DescribeServer", {"ServerId": server_id_of(arn)})["Server"]["State"] == "ONLINE"


def test_a_property_that_does_not_exist_is_refused(handlers: Handlers, service: TransferService) -> None:
    with pytest.raises(ValueError, match=r"extraneous key \[Banner\]"):
        handlers[transfer.SERVER]["create"]("Server", {"Banner": "acme only"}, "mft")
    assert service.call("ListServers", {})["Servers"] == []


@pytest.fixture
def user(handlers: Handlers) -> dict[str, Any]:
    arn, _ = handlers[transfer.SERVER]["create"]("Server", {}, "mft")
    return {
        "ServerId": server_id_of(arn),
        "UserName": "acme",
        "Role": ROLE,
        "PosixProfile": {"Uid": "10042", "Gid": "10042"},
        "Policy": '{"Version": "2012-10-17", "Statement": []}',
        "SshPublicKeys": [KEY_1, KEY_2],
    }


def test_a_users_keys_follow_the_template_and_a_comment_is_no_change(
    user: dict[str, Any], handlers: Handlers, service: TransferService
) -> None:
    arn, attributes = handlers[transfer.USER]["create"]("User", user, "mft")
    assert attributes == {"Arn": arn, "ServerId": user["ServerId"], "UserName": "acme"}
    identity = {"ServerId": user["ServerId"], "UserName": "acme"}
    before = service.call("DescribeUser", identity)["User"]
    assert before["PosixProfile"] == {"Uid": 10042, "Gid": 10042}
    kept = {key["SshPublicKeyBody"].split()[1]: key["SshPublicKeyId"] for key in before["SshPublicKeys"]}

    new = {name: value for name, value in user.items() if name != "Policy"}
    new["SshPublicKeys"] = [KEY_2.replace("acme-2027", "renamed")]
    handlers[transfer.USER]["update"](arn, user, new, "mft")

    after = service.call("DescribeUser", identity)["User"]
    assert not after.get("Policy")
    assert [key["SshPublicKeyId"] for key in after["SshPublicKeys"]] == [kept[KEY_2.split()[1]]]


def test_deleting_what_is_gone_succeeds(user: dict[str, Any], handlers: Handlers, service: TransferService) -> None:
    arn, _ = handlers[transfer.USER]["create"]("User", user, "mft")
    server_arn = arn.replace(":user/", ":server/").rpartition("/")[0]
    for _ in range(2):
        handlers[transfer.USER]["delete"](arn, user)
        handlers[transfer.SERVER]["delete"](server_arn, {})
    assert service.call("ListServers", {})["Servers"] == []


def test_a_deletion_that_fails_for_another_reason_is_an_error(handlers: Handlers) -> None:
    with pytest.raises(TransferError, match="InvalidRequestException"):
        handlers[transfer.SERVER]["delete"]("arn:aws:transfer:eu-central-1:111122223333:server/acme", {})
