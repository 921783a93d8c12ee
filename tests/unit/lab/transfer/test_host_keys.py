# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Host keys, held against what OpenSSH says of the same keys."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization import PrivateFormat

from lab.transfer import TransferService
from unit.lab.transfer.support import Clock
from unit.lab.transfer.support import Refused
from unit.lab.transfer.support import private_pem
from unit.lab.transfer.support import public_line
from unit.lab.transfer.support import public_of

needs_openssh = pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="needs OpenSSH's ssh-keygen to compare with")

PASSPHRASE = b"correct-horse-battery-staple-8731"


def listed(service: TransferService, server_id: str) -> list[Any]:
    found: list[Any] = service.call("ListHostKeys", {"ServerId": server_id})["HostKeys"]
    return found


def imported(service: TransferService, server_id: str, key: Any) -> Any:
    answer = service.call("ImportHostKey", {"ServerId": server_id, "HostKeyBody": private_pem(key)})
    return service.call("DescribeHostKey", answer)["HostKey"]


def served(service: TransferService) -> list[str]:
    return [public_of(key) for key in service.inside_servers()[0]["HostKeys"]]


@needs_openssh
def test_a_passphrase_is_refused(server_id: str, refused: Refused, tmp_path: Path) -> None:
    path = tmp_path / "locked"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", PASSPHRASE.decode(), "-f", path], check=True)
    error = refused("InvalidRequestException", "ImportHostKey", ServerId=server_id, HostKeyBody=path.read_text())
    assert "without passphrase" in error.message


@needs_openssh
def test_generated_keys_are_what_openssh_says_they_are(service: TransferService, tmp_path: Path) -> None:
    server_id = service.call("CreateServer", {})["ServerId"]
    shown = listed(service, server_id)
    assert [key["Type"] for key in shown] == ["ssh-rsa", "ecdsa-sha2-nistp256", "ssh-ed25519"]
    for key, private in zip(shown, service.inside_servers()[0]["HostKeys"], strict=True):
        path = tmp_path / key["HostKeyId"]
        path.touch(mode=0o600)
        path.write_text(private)
        said = subprocess.run(["ssh-keygen", "-l", "-f", path], capture_output=True, text=True, check=True).stdout
        bits, fingerprint = said.split()[:2]
        assert key["Fingerprint"] == fingerprint + "="
        assert bits == {"ssh-rsa": "2048"}.get(key["Type"], "256")
    assert (
        service.call("DescribeServer", {"ServerId": server_id})["Server"]["HostKeyFingerprint"]
        == (shown[0]["Fingerprint"])
    )


def test_a_given_host_key_is_the_only_one(service: TransferService, server_id: str, host_key: str) -> None:
    assert [key["Type"] for key in listed(service, server_id)] == ["ssh-ed25519"]
    assert served(service) == [public_of(host_key)]


@pytest.mark.parametrize("form", ["OpenSSH", "PKCS8", "TraditionalOpenSSL"])
def test_forms_of_private_keys(service: TransferService, server_id: str, rsa_key: rsa.RSAPrivateKey, form: str) -> None:
    for key in (rsa_key, ec.generate_private_key(ec.SECP384R1())):
        service.call(
            "ImportHostKey", {"ServerId": server_id, "HostKeyBody": private_pem(key, getattr(PrivateFormat, form))}
        )
    assert [key["Type"] for key in listed(service, server_id)][1:] == ["ssh-rsa", "ecdsa-sha2-nistp384"]


def test_a_host_key_as_described(service: TransferService, clock: Clock, server_id: str) -> None:
    tags = [{"Key": "origin", "Value": "legacy-sftp-01"}]
    body = private_pem(ed25519.Ed25519PrivateKey.generate())
    answer = service.call(
        "ImportHostKey",
        {"ServerId": server_id, "HostKeyBody": body, "Description": "from the old server", "Tags": tags},
    )
    shown = service.call("DescribeHostKey", answer)["HostKey"]
    key_id = answer["HostKeyId"]
    assert shown.pop("HostKeyFingerprint").startswith("SHA256:")
    assert shown == {
        "Arn": f"arn:aws:transfer:eu-central-1:111122223333:host-key/{server_id}/{key_id}",
        "DateImported": clock.now,
        "Description": "from the old server",
        "HostKeyId": key_id,
        "Tags": tags,
        "Type": "ssh-ed25519",
    }
    assert service.call("UpdateHostKey", {**answer, "Description": "rotated in 2027"}) == answer
    assert service.call("DescribeHostKey", answer)["HostKey"]["Description"] == "rotated in 2027"


def test_no_answer_holds_the_private_key(service: TransferService, server_id: str, host_key: str) -> None:
    (key,) = listed(service, server_id)
    answers = (
        key,
        service.call("DescribeHostKey", {"ServerId": server_id, "HostKeyId": key["HostKeyId"]}),
        service.call("DescribeServer", {"ServerId": server_id}),
    )
    assert host_key.split("\n")[2] not in repr(answers)


def test_the_oldest_key_of_each_kind_is_served(
    service: TransferService, server_id: str, host_key: str, rsa_key: rsa.RSAPrivateKey
) -> None:
    younger, p256, p521 = (
        ed25519.Ed25519PrivateKey.generate(),
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP521R1()),
    )
    for key in (younger, p521, p256, rsa_key):
        imported(service, server_id, key)
    assert served(service) == [public_of(host_key), public_line(p521), public_line(rsa_key)]
    oldest = listed(service, server_id)[0]["HostKeyId"]
    service.call("DeleteHostKey", {"ServerId": server_id, "HostKeyId": oldest})
    assert served(service) == [public_line(younger), public_line(p521), public_line(rsa_key)]


def test_the_same_key_again_is_refused(
    service: TransferService, server_id: str, host_key: str, refused: Refused
) -> None:
    error = refused("ResourceExistsException", "ImportHostKey", ServerId=server_id, HostKeyBody=host_key)
    assert error.members["Resource"] == listed(service, server_id)[0]["HostKeyId"]


def test_what_is_no_host_key(server_id: str, refused: Refused, rsa_key: rsa.RSAPrivateKey) -> None:
    locked = rsa_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSPHRASE)).decode()
    small = private_pem(rsa.generate_private_key(public_exponent=65537, key_size=1024))  # noqa: S505
    odd_curve = private_pem(ec.generate_private_key(ec.SECP256K1()), PrivateFormat.PKCS8)
    for body in (locked, small, odd_curve, public_line(rsa_key), "", "-----BEGIN RSA PRIVATE KEY-----"):
        error = refused("InvalidRequestException", "ImportHostKey", ServerId=server_id, HostKeyBody=body)
        assert "2048 bits or more" in error.message


def test_the_last_key_cannot_be_deleted(service: TransferService, server_id: str, refused: Refused) -> None:
    key_id = listed(service, server_id)[0]["HostKeyId"]
    refused("InvalidRequestException", "DeleteHostKey", ServerId=server_id, HostKeyId=key_id)
    assert len(listed(service, server_id)) == 1


def test_a_key_of_another_server_is_unknown(
    service: TransferService, server_id: str, host_key: str, refused: Refused
) -> None:
    other = service.call("CreateServer", {"HostKey": host_key})["ServerId"]
    key_id = listed(service, other)[0]["HostKeyId"]
    for operation in ("DescribeHostKey", "DeleteHostKey"):
        refused("ResourceNotFoundException", operation, ServerId=server_id, HostKeyId=key_id)


def test_update_server_replaces_the_key_of_its_algorithm(service: TransferService, server_id: str) -> None:
    p256 = ec.generate_private_key(ec.SECP256R1())
    imported(service, server_id, p256)
    new = private_pem(ed25519.Ed25519PrivateKey.generate())
    service.call("UpdateServer", {"ServerId": server_id, "HostKey": new})
    assert set(served(service)) == {public_of(new), public_line(p256)}
