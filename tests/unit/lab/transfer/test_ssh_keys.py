# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SSH public keys of users."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric import rsa

from lab.transfer import TransferService
from unit.lab.transfer.support import ROLE
from unit.lab.transfer.support import Clock
from unit.lab.transfer.support import Refused
from unit.lab.transfer.support import public_line

NewKey = Callable[..., str]


def keys(service: TransferService, user: dict[str, str]) -> list[Any]:
    found: list[Any] = service.call("DescribeUser", user)["User"]["SshPublicKeys"]
    return found


def test_import_and_delete(
    service: TransferService, clock: Clock, user: dict[str, str], new_public_key: NewKey
) -> None:
    body = new_public_key("acme@payments, the 2nd key")
    answer = service.call("ImportSshPublicKey", {**user, "SshPublicKeyBody": body + "\n"})
    key_id = answer["SshPublicKeyId"]
    assert answer == {**user, "SshPublicKeyId": key_id}
    assert keys(service, user) == [{"DateImported": clock.now, "SshPublicKeyBody": body, "SshPublicKeyId": key_id}]
    assert service.call("DeleteSshPublicKey", {**user, "SshPublicKeyId": key_id}) == {}
    assert keys(service, user) == []


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()], ids=lambda curve: curve.name)
def test_ecdsa_keys_are_taken(service: TransferService, user: dict[str, str], curve: ec.EllipticCurve) -> None:
    body = public_line(ec.generate_private_key(curve))
    service.call("ImportSshPublicKey", {**user, "SshPublicKeyBody": body})
    assert keys(service, user)[0]["SshPublicKeyBody"] == body


def test_rsa_keys_are_taken(service: TransferService, user: dict[str, str], rsa_key: rsa.RSAPrivateKey) -> None:
    service.call("ImportSshPublicKey", {**user, "SshPublicKeyBody": public_line(rsa_key)})


def test_the_same_key_again_is_refused_whatever_its_comment(
    service: TransferService, user: dict[str, str], new_public_key: NewKey, refused: Refused
) -> None:
    body = new_public_key("laptop")
    key_id = service.call("ImportSshPublicKey", {**user, "SshPublicKeyBody": body})["SshPublicKeyId"]
    renamed = body.replace("laptop", "desktop")
    error = refused("ResourceExistsException", "ImportSshPublicKey", **user, SshPublicKeyBody=renamed)
    assert error.members == {"Resource": key_id, "ResourceType": "SshPublicKey"}
    assert len(keys(service, user)) == 1


def test_two_users_may_have_one_key(service: TransferService, user: dict[str, str], new_public_key: NewKey) -> None:
    body = new_public_key()
    service.call("ImportSshPublicKey", {**user, "SshPublicKeyBody": body})
    service.call("CreateUser", {**user, "UserName": "orders", "Role": ROLE, "SshPublicKeyBody": body})


def test_keys_that_are_none(user: dict[str, str], new_public_key: NewKey, refused: Refused) -> None:
    good = new_public_key()
    for body in (
        good.replace("ssh-ed25519", "ssh-rsa"),
        good[:-8],
        good.replace("ssh-ed25519", "ssh-ed448"),
        "ssh-rsa AAAA",
        "ecdsa-sha2-nistp999 AAAA",
        "ssh-dss AAAAB3NzaC1kc3MAAACBAP",
    ):
        error = refused("InvalidRequestException", "ImportSshPublicKey", **user, SshPublicKeyBody=body)
        assert error.message == "Unsupported or invalid SSH public key format"


def test_the_number_of_keys_is_limited(
    service: TransferService, user: dict[str, str], new_public_key: NewKey, refused: Refused
) -> None:
    service.settings.keys_per_user = 6  # one more than the model's bound on the list
    for _ in range(6):
        service.call("ImportSshPublicKey", {**user, "SshPublicKeyBody": new_public_key()})
    error = refused("InvalidRequestException", "ImportSshPublicKey", **user, SshPublicKeyBody=new_public_key())
    assert "limit" in error.message
    assert len(keys(service, user)) == 6


def test_unknown_user_and_key(
    service: TransferService, user: dict[str, str], new_public_key: NewKey, refused: Refused
) -> None:
    nobody = {**user, "UserName": "nobody"}
    error = refused("ResourceNotFoundException", "ImportSshPublicKey", **nobody, SshPublicKeyBody=new_public_key())
    assert (error.message, error.members["ResourceType"]) == ("Unknown user", "User")
    refused("ResourceNotFoundException", "DeleteSshPublicKey", **user, SshPublicKeyId="key-0123456789abcdef0")
    key_id = service.call("ImportSshPublicKey", {**user, "SshPublicKeyBody": new_public_key()})["SshPublicKeyId"]
    service.call("CreateUser", {**user, "UserName": "orders", "Role": ROLE})
    refused("ResourceNotFoundException", "DeleteSshPublicKey", **{**user, "UserName": "orders"}, SshPublicKeyId=key_id)


def test_a_user_just_created_may_not_be_known_yet(
    service: TransferService, clock: Clock, server_id: str, new_public_key: NewKey, refused: Refused
) -> None:
    service.settings.user_visible_after_seconds = 0.3
    acme = {"ServerId": server_id, "UserName": "acme"}
    service.call("CreateUser", {**acme, "Role": ROLE})
    body = new_public_key()
    clock.now += 0.29
    assert refused("ResourceNotFoundException", "ImportSshPublicKey", **acme, SshPublicKeyBody=body).message == (
        "Unknown user"
    )
    clock.now += 0.02
    service.call("ImportSshPublicKey", {**acme, "SshPublicKeyBody": body})
