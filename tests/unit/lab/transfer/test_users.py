# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Service-managed users."""

from __future__ import annotations

from typing import Any

import pytest

from lab.transfer import TransferService
from unit.lab.transfer.support import ROLE
from unit.lab.transfer.support import Clock
from unit.lab.transfer.support import Refused

LOGICAL = {
    "HomeDirectoryType": "LOGICAL",
    "HomeDirectoryMappings": [{"Entry": "/", "Target": "/acme-bucket/home/acme"}],
}


def described(service: TransferService, user: dict[str, str]) -> Any:
    return service.call("DescribeUser", user)["User"]


def test_a_user_as_described(service: TransferService, server_id: str, new_public_key: Any) -> None:
    key = new_public_key("acme@payments")
    tags = [{"Key": "team", "Value": "payments"}]
    answer = service.call(
        "CreateUser",
        {
            "ServerId": server_id,
            "UserName": "acme",
            "Role": ROLE,
            "SshPublicKeyBody": key,
            "Tags": tags,
            "Policy": '{"Version": "2012-10-17", "Statement": []}',
            **LOGICAL,
        },
    )
    assert answer == {"ServerId": server_id, "UserName": "acme"}
    described_user = described(service, answer)
    (stored,) = described_user.pop("SshPublicKeys")
    assert stored["SshPublicKeyBody"] == key
    assert described_user == {
        "Arn": f"arn:aws:transfer:eu-central-1:111122223333:user/{server_id}/acme",
        "Policy": '{"Version": "2012-10-17", "Statement": []}',
        "Role": ROLE,
        "Tags": tags,
        "UserName": "acme",
        **LOGICAL,
    }


def test_path_is_the_default_type(service: TransferService, user: dict[str, str]) -> None:
    assert described(service, user)["HomeDirectoryType"] == "PATH"
    assert described(service, user)["SshPublicKeys"] == []


def test_a_user_exists_once(service: TransferService, user: dict[str, str], refused: Refused) -> None:
    error = refused("ResourceExistsException", "CreateUser", **user, Role=ROLE)
    assert error.members == {"Resource": "acme", "ResourceType": "User"}
    service.call("CreateUser", {**user, "UserName": "Acme", "Role": ROLE})


def test_root_is_refused(server_id: str, refused: Refused) -> None:
    assert (
        "root"
        in refused("InvalidRequestException", "CreateUser", ServerId=server_id, UserName="root", Role=ROLE).message
    )


def test_only_a_service_managed_server_has_users(service: TransferService, host_key: str, refused: Refused) -> None:
    server_id = service.call(
        "CreateServer",
        {
            "HostKey": host_key,
            "IdentityProviderType": "AWS_LAMBDA",
            "IdentityProviderDetails": {"Function": "arn:aws:lambda:eu-central-1:111122223333:function:logins"},
        },
    )["ServerId"]
    refused("InvalidRequestException", "CreateUser", ServerId=server_id, UserName="acme", Role=ROLE)


def test_a_bad_key_makes_no_user(server_id: str, refused: Refused) -> None:
    acme = {"ServerId": server_id, "UserName": "acme"}
    refused("InvalidRequestException", "CreateUser", **acme, Role=ROLE, SshPublicKeyBody="ssh-ed25519 AAAA")
    refused("ResourceNotFoundException", "DescribeUser", **acme)


@pytest.mark.parametrize("spelling", ["${Transfer:UserName}", "${transfer:UserName}"])
def test_targets_come_back_with_the_user_name_in_place(
    service: TransferService, user: dict[str, str], spelling: str
) -> None:
    mapping = {"Entry": "/", "Target": f"/acme-bucket/home/{spelling}/in"}
    service.call("UpdateUser", {**user, "HomeDirectoryType": "LOGICAL", "HomeDirectoryMappings": [mapping]})
    assert described(service, user)["HomeDirectoryMappings"] == [{"Entry": "/", "Target": "/acme-bucket/home/acme/in"}]


def mappings(*entries: str) -> dict[str, Any]:
    return {
        "HomeDirectoryType": "LOGICAL",
        "HomeDirectoryMappings": [
            {"Entry": entry, "Target": f"/acme-bucket/{number}"} for number, entry in enumerate(entries)
        ],
    }


@pytest.mark.parametrize(
    ("home", "text"),
    [
        ({"HomeDirectoryType": "LOGICAL"}, "must be specified"),
        ({"HomeDirectoryMappings": LOGICAL["HomeDirectoryMappings"]}, "only be specified for HomeDirectoryType"),
        ({**LOGICAL, "HomeDirectoryType": "PATH"}, "only be specified for HomeDirectoryType"),
        ({**mappings("/in"), "HomeDirectory": "/out"}, "HomeDirectory /out is not in any"),
        (mappings("/", "/orders"), "overlap"),
        (mappings("/orders", "/orders"), "overlap"),
        (mappings("/orders", "/orders!", "/orders/2026"), "overlap"),
        (
            {"HomeDirectoryType": "LOGICAL", "HomeDirectoryMappings": [{"Entry": "/", "Target": "/acme-bucket/"}]},
            "slash",
        ),
        (mappings(*(f"/{number}" for number in range(2001))), "limit is 2000"),
    ],
)
def test_home_directories_that_do_not_go_together(
    service: TransferService, server_id: str, refused: Refused, home: dict[str, Any], text: str
) -> None:
    acme = {"ServerId": server_id, "UserName": "acme"}
    assert text in refused("InvalidRequestException", "CreateUser", **acme, Role=ROLE, **home).message
    assert service.call("ListUsers", {"ServerId": server_id})["Users"] == []


@pytest.mark.parametrize(
    "home",
    [
        mappings("/orders", "/orders-old", "/payments"),
        {**mappings("/in", "/out"), "HomeDirectory": "/in/today"},
        {**LOGICAL, "HomeDirectory": "/"},
        {"HomeDirectoryType": "PATH", "HomeDirectory": "/acme-bucket/home/acme"},
    ],
)
def test_home_directories_that_do(service: TransferService, user: dict[str, str], home: dict[str, Any]) -> None:
    service.call("UpdateUser", {**user, **home})
    assert home.items() <= described(service, user).items()


def test_changing_the_type_leaves_nothing_of_the_other(service: TransferService, user: dict[str, str]) -> None:
    service.call("UpdateUser", {**user, "HomeDirectory": "/acme-bucket/home/acme"})
    service.call("UpdateUser", {**user, **LOGICAL})
    assert "HomeDirectory" not in described(service, user)
    service.call("UpdateUser", {**user, "HomeDirectoryType": "PATH", "HomeDirectory": "/acme-bucket/x"})
    assert "HomeDirectoryMappings" not in described(service, user)


def test_an_update_changes_only_what_it_names(service: TransferService, user: dict[str, str]) -> None:
    service.call("UpdateUser", {**user, **LOGICAL, "Policy": "{}"})
    other_role = "arn:aws:iam::111122223333:role/acme-downloads"
    assert service.call("UpdateUser", {**user, "Role": other_role}) == user
    assert {**LOGICAL, "Policy": "{}", "Role": other_role}.items() <= described(service, user).items()
    service.call("UpdateUser", {**user, "Policy": ""})
    assert "Policy" not in described(service, user)


def test_a_refused_update_changes_nothing(service: TransferService, user: dict[str, str], refused: Refused) -> None:
    before = described(service, user)
    refused("InvalidRequestException", "UpdateUser", **user, Policy="{}", HomeDirectoryType="LOGICAL")
    assert described(service, user) == before


def test_efs_users_need_a_posix_profile(service: TransferService, host_key: str, refused: Refused) -> None:
    server_id = service.call("CreateServer", {"Domain": "EFS", "HostKey": host_key})["ServerId"]
    acme = {"ServerId": server_id, "UserName": "acme"}
    refused("InvalidRequestException", "CreateUser", **acme, Role=ROLE)
    profile = {"Uid": 1001, "Gid": 1001, "SecondaryGids": [2000]}
    service.call("CreateUser", {**acme, "Role": ROLE, "PosixProfile": profile})
    assert described(service, acme)["PosixProfile"] == profile


def test_a_user_made_again_has_nothing_of_the_old_one(
    service: TransferService, user: dict[str, str], refused: Refused, new_public_key: Any
) -> None:
    service.call("ImportSshPublicKey", {**user, "SshPublicKeyBody": new_public_key()})
    arn = service.arns.user(user["ServerId"], "acme")
    service.call("TagResource", {"Arn": arn, "Tags": [{"Key": "team", "Value": "payments"}]})
    assert service.call("DeleteUser", user) == {}
    refused("ResourceNotFoundException", "DeleteUser", **user)
    service.call("CreateUser", {**user, "Role": ROLE})
    assert described(service, user)["SshPublicKeys"] == []
    assert "Tags" not in described(service, user)


def test_listed_users(service: TransferService, clock: Clock, user: dict[str, str], new_public_key: Any) -> None:
    service.call("ImportSshPublicKey", {**user, "SshPublicKeyBody": new_public_key()})
    orders = {**user, "UserName": "orders"}
    service.call("CreateUser", {**orders, "Role": ROLE, "HomeDirectory": "/acme-bucket/orders"})
    assert service.call("ListUsers", {"ServerId": user["ServerId"]})["Users"] == [
        {
            "Arn": service.arns.user(user["ServerId"], "acme"),
            "HomeDirectoryType": "PATH",
            "Role": ROLE,
            "SshPublicKeyCount": 1,
            "UserName": "acme",
        },
        {
            "Arn": service.arns.user(user["ServerId"], "orders"),
            "HomeDirectory": "/acme-bucket/orders",
            "HomeDirectoryType": "PATH",
            "Role": ROLE,
            "SshPublicKeyCount": 0,
            "UserName": "orders",
        },
    ]
