# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module transfer_user_info on the lab."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from integration.conftest import Lab
from integration.documented import assert_returned
from integration.documented import documentation
from integration.support import Faults
from integration.support import run_module
from integration.support import run_playbook
from integration.transfer_support import LOST
from integration.transfer_support import database
from integration.transfer_support import insert_users
from unit.module_utils.transfer import examples

OLD, RSA = examples.ED25519, examples.RSA_2048
POLICY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:PutObject","Resource":"*"}]}'

Info = Callable[..., dict[str, Any]]
pytestmark = pytest.mark.usefixtures("faults")


@pytest.fixture
def server(aws: Callable[[str], Any]) -> Iterator[str]:
    """A server without users."""
    transfer = aws("transfer")
    server_id: str = transfer.create_server(IdentityProviderType="SERVICE_MANAGED")["ServerId"]
    yield server_id
    transfer.delete_server(ServerId=server_id)


@pytest.fixture
def info(lab: Lab, server: str) -> Info:
    def run(*, check: bool = False, **arguments: Any) -> dict[str, Any]:
        return run_module(lab, "transfer_user_info", check=check, **{"server_id": server, **arguments})

    return run


@pytest.fixture
def create(aws: Callable[[str], Any], server: str) -> Callable[..., None]:
    """Makes users of the server, by their names."""

    def users(*names: str, **settings: Any) -> None:
        for name in names:
            aws("transfer").create_user(ServerId=server, UserName=name, Role=examples.ROLE, **settings)

    return users


@pytest.fixture
def acme(create: Callable[..., None], aws: Callable[[str], Any], server: str) -> None:
    """A user that has everything that a user can have."""
    create(
        "acme",
        HomeDirectoryType="LOGICAL",
        HomeDirectoryMappings=[
            {"Entry": "/rates.csv", "Target": "/bank/rates.csv", "Type": "FILE"},
            {"Entry": "/in", "Target": "/bank/${Transfer:UserName}/in"},
        ],
        HomeDirectory="/in",
        Policy=POLICY,
        PosixProfile={"Uid": 5001, "Gid": 5000, "SecondaryGids": [5020, 5010]},
        Tags=[{"Key": "partner", "Value": "Acme Corp"}],
        SshPublicKeyBody=OLD.line,
    )
    aws("transfer").import_ssh_public_key(ServerId=server, UserName="acme", SshPublicKeyBody=RSA.line)


def names(result: dict[str, Any]) -> list[str]:
    assert not result.get("failed"), result
    assert not result["changed"]
    return [user["user_name"] for user in result["users"]]


@pytest.mark.usefixtures("acme")
def test_every_field_is_told(info: Info, server: str, faults: Faults) -> None:
    faults.count_from_now()
    (user,) = info(user_name="acme")["users"]
    assert faults.calls() == {"DescribeUser": 1}
    keys = {key["fingerprint"]: key for key in user.pop("ssh_public_keys")}
    arn = user.pop("arn")
    assert arn.endswith(f":user/{server}/acme")
    assert user == {
        "user_name": "acme",
        "role": examples.ROLE,
        "home_directory_type": "LOGICAL",
        "home_directory": "/in",
        "home_directory_mappings": [
            {"entry": "/in", "target": "/bank/acme/in", "type": "DIRECTORY"},
            {"entry": "/rates.csv", "target": "/bank/rates.csv", "type": "FILE"},
        ],
        "policy": {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}],
        },
        "posix_profile": {"uid": 5001, "gid": 5000, "secondary_gids": [5010, 5020]},
        "tags": {"partner": "Acme Corp"},
    }
    assert set(keys) == {OLD.fingerprint, RSA.fingerprint}
    for example in (OLD, RSA):
        key = keys[example.fingerprint]
        assert key.pop("id").startswith("key-")
        assert key.pop("date_imported").endswith("+00:00")
        assert key == {
            "type": example.type,
            "bits": example.bits,
            "fingerprint": example.fingerprint,
            "comment": "ops@acme.example",
            "body": example.line,
            "age_days": 0,
        }


def test_a_user_with_next_to_nothing_has_every_field_too(info: Info, create: Callable[..., None]) -> None:
    create("orders")
    (user,) = info(user_name="orders")["users"]
    assert (user["policy"], user["posix_profile"], user["tags"]) == ({}, {}, {})
    assert (user["home_directory_mappings"], user["ssh_public_keys"]) == ([], [])
    assert (user["home_directory_type"], user["home_directory"]) == ("PATH", "")


def test_a_key_has_its_age(lab: Lab, info: Info, create: Callable[..., None], server: str) -> None:
    create("acme", SshPublicKeyBody=OLD.line)
    with closing(sqlite3.connect(database(lab))) as connection, connection:
        connection.execute("UPDATE ssh_keys SET imported = imported - 400.5 * 86400 WHERE server_id = ?", (server,))
    (key,) = info(user_name="acme")["users"][0]["ssh_public_keys"]
    assert key["age_days"] == 400


@pytest.mark.parametrize("check", [True, False])
def test_an_unknown_user_is_an_empty_list(info: Info, create: Callable[..., None], check: bool) -> None:
    assert names(info(check=check)) == []
    create("payments")
    assert names(info(check=check, user_name="acme")) == []


def test_an_unknown_server_is_an_error(info: Info) -> None:
    one, every = (info(server_id=examples.SERVER, **given) for given in ({"user_name": "acme"}, {}))
    assert f"server {examples.SERVER} does not exist" in one["msg"]
    assert f"Failed to list the users of server {examples.SERVER}: " in every["msg"]
    assert "Unknown server" in every["msg"]


def test_bad_names_are_refused_without_a_call(info: Info, faults: Faults) -> None:
    faults.count_from_now()
    result = info(server_id="s-1", user_name="")
    assert "2 problems found" in result["msg"]
    assert "user_name '' is refused by Transfer" in result["msg"]
    assert faults.calls() == {}


def test_every_page_is_read_once_and_every_user_once(lab: Lab, info: Info, server: str, faults: Faults) -> None:
    """The largest page has 1,000."""
    wanted = [f"partner-{number:04}" for number in range(2500)]
    insert_users(lab, server, wanted)
    faults.count_from_now()
    assert names(info()) == wanted
    assert faults.calls() == {"DescribeUser": 2500, "ListUsers": 3}


def test_throttling_on_one_call_in_three_goes_unnoticed(
    info: Info, create: Callable[..., None], faults: Faults
) -> None:
    create("orders", "acme", "ACME", "payments")
    faults.set({"operation": "*", "every": 3, "kind": "throttle", "retry_after_seconds": 0.1})
    found = names(info())
    faults.clear()  # before the server goes
    assert found == ["ACME", "acme", "orders", "payments"]


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("operation", ["ListUsers", "DescribeUser"])
def test_a_lost_answer_is_asked_for_again(
    info: Info, create: Callable[..., None], faults: Faults, operation: str, kind: str
) -> None:
    create("acme", "orders")
    faults.set({"operation": operation, "kind": kind})
    assert names(info()) == ["acme", "orders"]


@pytest.mark.parametrize("operation", ["ListUsers", "DescribeUser"])
def test_a_refusal_is_an_error_not_a_missing_user(
    info: Info, create: Callable[..., None], faults: Faults, operation: str
) -> None:
    create("acme", "orders")
    faults.set({"operation": operation, "kind": "access_denied"})
    result = info()
    assert result["failed"]
    assert f"(AccessDeniedException) when calling the {operation} operation" in result["msg"]


@pytest.mark.usefixtures("acme")
def test_what_is_documented_is_what_is_returned(info: Info) -> None:
    result = info()
    returned = {name: value for name, value in result.items() if name not in {"changed", "invocation"}}
    assert_returned(documentation("transfer_user_info", "RETURN"), returned)


@pytest.mark.usefixtures("acme")
def test_the_examples_run(lab: Lab, server: str, tmp_path: Path) -> None:
    tasks = documentation("transfer_user_info", "EXAMPLES")
    for task in tasks:
        if "mft.aws.transfer_user_info" in task:
            task["mft.aws.transfer_user_info"]["server_id"] = server
    report = run_playbook(lab, tmp_path, tasks)
    assert report["rc"] == 0, report["stdout"]
    assert not any(task["changed"] for task in report["tasks"])
