# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import functools
import re

import pytest
from ansible_collections.mft.aws.plugins.module_utils._transfer import host_key_bodies
from ansible_collections.mft.aws.plugins.module_utils._transfer.host_key_bodies import parse_host_key
from ansible_collections.mft.aws.plugins.module_utils._transfer.ssh_keys import SshKeyError
from cryptography.hazmat.primitives.asymmetric import dsa
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric import ed448
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization import NoEncryption
from cryptography.hazmat.primitives.serialization import PrivateFormat

from unit.module_utils.transfer.legacy_keys import legacy_key
from unit.module_utils.transfer.legacy_keys import material

PASSPHRASE = "K7 + %2B long odd secret"


@pytest.mark.parametrize("form", ["", "PEM", "PKCS8"])
@pytest.mark.parametrize(
    ("type_", "bits", "openssh_type"),
    [
        ("rsa", 2048, "ssh-rsa"),
        ("ecdsa", 256, "ecdsa-sha2-nistp256"),
        ("ecdsa", 384, "ecdsa-sha2-nistp384"),
        ("ecdsa", 521, "ecdsa-sha2-nistp521"),
        ("ed25519", 256, "ssh-ed25519"),
    ],
)
def test_keys_are_read_as_ssh_keygen_does(type_: str, bits: int, openssh_type: str, form: str) -> None:
    legacy = legacy_key(type_, bits, form)
    key = parse_host_key(legacy.text)
    assert (key.type, key.bits, key.fingerprint) == (openssh_type, legacy.bits, legacy.fingerprint)


@pytest.mark.parametrize(
    ("type_", "bits", "armour"),
    [("rsa", 2048, "RSA PRIVATE KEY"), ("ecdsa", 256, "EC PRIVATE KEY"), ("ed25519", 256, "OPENSSH PRIVATE KEY")],
)
def test_what_is_sent_is_the_same_key_in_the_documented_form(type_: str, bits: int, armour: str) -> None:
    legacy = legacy_key(type_, bits)
    sent = parse_host_key(legacy.text).body
    assert sent.startswith(f"-----BEGIN {armour}-----\n")
    assert sent.endswith(f"-----END {armour}-----\n")
    assert parse_host_key(sent).fingerprint == legacy.fingerprint


@pytest.mark.parametrize("mangle", [str.strip, lambda text: text.replace("\n", "\r\n"), lambda text: f"\n{text}\n\n"])
@pytest.mark.parametrize("form", ["", "PEM"])
def test_line_ends_and_blank_lines_make_no_difference(mangle: object, form: str) -> None:
    legacy = legacy_key("ecdsa", 256, form)
    assert callable(mangle)
    assert parse_host_key(mangle(legacy.text)).fingerprint == legacy.fingerprint


def test_the_parameters_that_openssl_writes_before_a_key_do_not_matter() -> None:
    text = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    legacy = legacy_key("ecdsa", 256, "PEM")
    assert parse_host_key(text + legacy.text).fingerprint == legacy.fingerprint


def test_neither_repr_nor_comparison_shows_the_key() -> None:
    legacy = legacy_key("rsa", 2048)
    key = parse_host_key(legacy.text)
    assert not [line for line in material(key.body) + material(legacy.text) if line in repr(key)]
    assert key == parse_host_key(key.body)


def _pem(key: object) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()  # type: ignore[attr-defined,no-any-return]


@functools.cache
def _refused() -> dict[str, tuple[str, str]]:
    rsa_key = legacy_key("rsa", 2048)
    whole = legacy_key("ed25519", 256).text
    pem = legacy_key("rsa", 2048, "PEM").text
    return {
        "nothing": (" \n", "it is empty"),
        "no key": ("sftp.acme.example", "no private key: expected the whole private key file"),
        "public": (rsa_key.public, "this is a public key: give the private half"),
        "public, PEM": ("-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----", "this is a public key"),
        "public, PKCS1": ("-----BEGIN RSA PUBLIC KEY-----\nMIIB\n-----END RSA PUBLIC KEY-----", "this is a public key"),
        "public, SSH2": (
            "---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n---- END SSH2 PUBLIC KEY ----",
            "this is a public key",
        ),
        "certificate": ("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", "an X.509 certificate"),
        "PuTTY": ("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n", "puttygen FILE -O private-openssh-new"),
        "SSH2": ("---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nP2/56wAAA\n", "ssh-keygen -i -f FILE"),
        "encrypted, OpenSSH": (legacy_key("ed25519", 256, "", PASSPHRASE).text, "it is encrypted"),
        "encrypted, PEM": (legacy_key("rsa", 2048, "PEM", PASSPHRASE).text, "it is encrypted"),
        "encrypted, PKCS8": (legacy_key("ecdsa", 256, "PKCS8", PASSPHRASE).text, "it is encrypted"),
        "two": (whole + pem, "it holds 2 private keys"),
        "cut off": (whole[:200], "it is damaged or cut off"),
        "cut out": (whole[:150] + whole[-60:], "it is damaged or cut off"),
        "changed": (pem.replace(pem.splitlines()[3], pem.splitlines()[3][::-1]), "it is damaged or cut off"),
        "not ASCII": (whole.replace("AAAA", "AÄAA", 1), "it is damaged or cut off"),
        "weak RSA": (_pem(rsa.generate_private_key(65537, 1024)), "RSA of 1024 bits is too weak"),  # noqa: S505
        "DSA": (_pem(dsa.generate_private_key(1024)), "of DSA, for one, which is broken"),  # noqa: S505
        "other curve": (_pem(ec.generate_private_key(ec.SECP256K1())), "no host key of its algorithm"),
        "Ed448": (_pem(ed448.Ed448PrivateKey.generate()), "no host key of its algorithm"),
    }


@pytest.mark.parametrize("name", _refused())
def test_refused_keys_are_named_with_their_reason_and_never_shown(name: str) -> None:
    text, reason = _refused()[name]
    with pytest.raises(SshKeyError, match=re.escape(reason)) as raised:
        parse_host_key(text)
    message = str(raised.value)
    assert not [line for line in material(text) if line in message]
    # Of an exception that another was raised from, a traceback shows both.
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


def test_a_key_longer_than_the_service_takes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_key_bodies, "MAX_BODY", 1024)
    with pytest.raises(SshKeyError, match="Transfer takes 1024: use a key of fewer bits"):
        parse_host_key(legacy_key("rsa", 2048).text)
