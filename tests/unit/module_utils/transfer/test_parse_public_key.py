# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import functools

import pytest
from ansible_collections.mft.aws.plugins.module_utils._transfer.ssh_keys import SshKeyError
from ansible_collections.mft.aws.plugins.module_utils._transfer.ssh_keys import parse_public_key
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.asymmetric import rsa

from unit.module_utils.transfer import examples

LINE = examples.ED25519.line


@pytest.mark.parametrize("example", examples.ACCEPTED, ids=lambda example: f"{example.type}-{example.bits}")
def test_accepted_keys_are_read_as_ssh_keygen_does(example: examples.Example) -> None:
    key = parse_public_key(example.line)
    assert (key.type, key.bits, key.fingerprint, key.comment) == (
        example.type,
        example.bits,
        example.fingerprint,
        "ops@acme.example",
    )
    assert key.body == example.line


@pytest.mark.parametrize(
    "text",
    [
        f"{examples.ED25519.type} {examples.ED25519.blob}",
        f"  {examples.ED25519.type}\t {examples.ED25519.blob}   another comment \r\n",
        f"{examples.ED25519.type} {examples.ED25519.blob} für acme, Schlüssel 2",
        f"\ufeff{examples.ED25519.type} {examples.ED25519.blob} from a Windows editor\r\n",
        f"{examples.ED25519.type} {examples.ED25519.blob} replaces the lost private key of 2025",
    ],
)
def test_comment_and_spacing_make_no_other_key(text: str) -> None:
    assert parse_public_key(text) == parse_public_key(LINE)
    assert len({parse_public_key(text), parse_public_key(LINE)}) == 1


def test_base64_padding_makes_no_other_key() -> None:
    padded = examples.ECDSA_256.line
    assert "= " in padded
    assert parse_public_key(padded.replace("= ", " ")).body == padded


def test_other_keys_are_other_keys() -> None:
    assert len({parse_public_key(example.line) for example in examples.ACCEPTED}) == len(examples.ACCEPTED)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        (" \n", "it is empty"),
        ("ssh-ed25519", "nothing follows its type"),
        (f"{LINE}\n{examples.RSA_2048.line}", "it has 2 lines"),
        (examples.ED25519.blob, "no key type that Transfer takes"),
        (f'from="192.0.2.0/24" {LINE}', "without options before it"),
        (examples.DSA.line, "DSA keys are broken"),
        (examples.RSA_1024.line, "RSA of 1024 bits is too weak, 2048 is the least"),
        (LINE.replace("AAAAC3", "AAAAC4"), "damaged or cut off"),
        (LINE.replace("Sl ops", " ops"), "damaged or cut off"),
        (LINE.replace("NzaC1", "NzaC!"), "damaged or cut off"),
        (f"ssh-rsa {examples.ED25519.blob}", "damaged or cut off"),
        (f"ecdsa-sha2-nistp384 {examples.ECDSA_256.blob}", "damaged or cut off"),
        ("sk-ssh-ed25519@openssh.com AAAA x", "hardware security keys"),
        ("ssh-ed25519-cert-v01@openssh.com AAAA x", "SSH certificate"),
        ("---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n---- END SSH2 PUBLIC KEY ----", "ssh-keygen -i -f FILE"),
        ("-----BEGIN PUBLIC KEY-----\nMIIB", "ssh-keygen -i -m PKCS8 -f FILE"),
        ("-----BEGIN RSA PUBLIC KEY-----\nMIIB", "ssh-keygen -i -m PEM -f FILE"),
        ("-----BEGIN PGP PUBLIC KEY BLOCK-----\nmQ", "PGP"),
        (f"{LINE} {'c' * 2048}", "Transfer takes 2048"),
    ],
)
def test_refused_keys_are_named_with_their_reason(text: str, reason: str) -> None:
    with pytest.raises(SshKeyError) as raised:
        parse_public_key(text)
    assert reason in str(raised.value)


@functools.cache
def _private_forms() -> dict[str, str]:
    small, large = ed25519.Ed25519PrivateKey.generate(), rsa.generate_private_key(65537, 2048)
    pem, none = serialization.Encoding.PEM, serialization.NoEncryption()
    openssh = small.private_bytes(pem, serialization.PrivateFormat.OpenSSH, none).decode()
    return {
        "openssh": openssh,
        "openssh without its armour": "".join(openssh.splitlines()[1:-1]),
        "the end of an openssh one": "AAAA" + "\n".join(openssh.splitlines()[2:]),
        "openssh in one line after a type": "ssh-ed25519 " + "".join(openssh.splitlines()[1:-1]),
        "pkcs8": large.private_bytes(pem, serialization.PrivateFormat.PKCS8, none).decode(),
        "pkcs1": large.private_bytes(pem, serialization.PrivateFormat.TraditionalOpenSSL, none).decode(),
        "encrypted": small.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"K7 + %2B long odd secret")
        ).decode(),
        "putty": "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nPrivate-Lines: 1\nAAAAIFsecretsecretsecret\n",
    }


@pytest.mark.parametrize("form", _private_forms())
def test_private_keys_are_refused_without_showing_them(form: str) -> None:
    text = _private_forms()[form]
    with pytest.raises(SshKeyError) as raised:
        parse_public_key(text)
    message = str(raised.value)
    assert "PRIVATE key" in message
    shown = [line for line in text.split() if len(line) > 12 and line in message]
    assert shown == []


@pytest.mark.parametrize(
    "text", ["Kö7+%2Blongoddsecret x", "sk-live-Kö7+%2Blongoddsecret x", f"ssh-ed25519 {examples.ED25519.blob}Kö7"]
)
def test_no_refusal_repeats_what_it_was_given(text: str) -> None:
    with pytest.raises(SshKeyError) as raised:
        parse_public_key(text)
    assert "Kö7" not in str(raised.value)
    assert raised.value.__cause__ is None or "Kö7" not in str(raised.value.__cause__)
