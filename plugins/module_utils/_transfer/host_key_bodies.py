# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads private host keys, and says what is wrong with those that AWS Transfer Family, or good sense, refuses.

Here is the only place that holds private keys. No message of this module repeats what it was given.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from dataclasses import field
from typing import Any

from .ssh_keys import MIN_RSA_BITS
from .ssh_keys import SshKeyError
from .ssh_keys import parse_public_key

try:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
except ImportError:
    pass  # the modules say what is missing, by ssh_keys.HAS_CRYPTOGRAPHY

# HostKeyBody of the API model transfer/2018-11-05.
MAX_BODY = 4096

# "Transfer Family accepts RSA, ECDSA, and ED25519 keys"; "Valid values for the -b option for ECDSA are 256, 384, and
# 521" (API reference, ImportHostKey and UpdateServer).
_CURVES = ("secp256r1", "secp384r1", "secp521r1")
_ACCEPTED = f"RSA of {MIN_RSA_BITS} bits and more, ECDSA (nistp256, nistp384, nistp521) or Ed25519"
_OTHER_ALGORITHM = f"Transfer takes no host key of its algorithm (of DSA, for one, which is broken), only {_ACCEPTED}"
_EXPECTED = "expected the whole private key file, from its BEGIN to its END line"

_BEGIN_PRIVATE = re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----")
_REFUSED_FORMS = (
    (
        re.compile(r"^(?:ssh-|ecdsa-|sk-)\S+\s+AAAA|BEGIN (?:RSA |SSH2 )?PUBLIC KEY", re.MULTILINE),
        "this is a public key: give the private half, the file of the same name without .pub",
    ),
    (re.compile(r"BEGIN CERTIFICATE"), "this is an X.509 certificate: SFTP needs an SSH host key"),
    (
        re.compile(r"PuTTY-User-Key-File"),
        "this is PuTTY's form: convert it with 'puttygen FILE -O private-openssh-new -o NEW'",
    ),
    (re.compile(r"BEGIN SSH2 ENCRYPTED PRIVATE KEY"), "this is the SSH2 form: convert it with 'ssh-keygen -i -f FILE'"),
)


@dataclass(frozen=True)
class HostKeyBody:
    """A private host key; shown and compared by its fingerprint alone."""

    fingerprint: str
    type: str = field(compare=False)
    bits: int | None = field(compare=False)
    body: str = field(compare=False, repr=False)


def _load(text: str) -> Any:
    load = serialization.load_pem_private_key
    if "BEGIN OPENSSH PRIVATE KEY" in text:
        load = serialization.load_ssh_private_key
    # What cryptography says is dropped ("from None"): it may quote what it could not read.
    try:
        return load(text.encode(), password=None)
    except TypeError:
        raise SshKeyError(
            "it is encrypted, and Transfer takes no passphrase:"
            " remove it from a copy of the file with 'ssh-keygen -p -N \"\" -f COPY'"
        ) from None
    except UnsupportedAlgorithm:
        raise SshKeyError(_OTHER_ALGORITHM) from None
    except ValueError:
        raise SshKeyError(f"it is damaged or cut off: {_EXPECTED}") from None


def _refuse_algorithm(key: Any) -> None:
    if isinstance(key, RSAPrivateKey) and key.key_size < MIN_RSA_BITS:
        raise SshKeyError(
            f"RSA of {key.key_size} bits is too weak and refused by Transfer, {MIN_RSA_BITS} is the least:"
            " clients have to be told of a new host key"
        )
    known_curve = isinstance(key, EllipticCurvePrivateKey) and key.curve.name in _CURVES
    if not known_curve and not isinstance(key, (RSAPrivateKey, Ed25519PrivateKey)):
        raise SshKeyError(_OTHER_ALGORITHM)


def _as_transfer_takes_it(key: Any) -> str:
    """RSA and ECDSA in PEM, Ed25519 in OpenSSH's form: the forms that UpdateServer's reference has ssh-keygen write.

    A server's /etc/ssh holds whatever form its OpenSSH wrote by default; the key itself stays the same.
    """
    openssh = isinstance(key, Ed25519PrivateKey)
    formats = serialization.PrivateFormat
    body: bytes = key.private_bytes(
        serialization.Encoding.PEM,
        formats.OpenSSH if openssh else formats.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    return body.decode()


def parse_host_key(text: str) -> HostKeyBody:
    """Reads a private key in OpenSSH's form or PEM; raises SshKeyError with the reason and the remedy."""
    if not text.strip():
        raise SshKeyError(f"it is empty: {_EXPECTED}")
    for form, refusal in _REFUSED_FORMS:
        if form.search(text):
            raise SshKeyError(refusal)
    count = len(_BEGIN_PRIVATE.findall(text))
    if count != 1:
        found = f"it holds {count} private keys: import them one by one" if count else f"no private key: {_EXPECTED}"
        raise SshKeyError(found)
    key = _load(text)
    _refuse_algorithm(key)
    formats = serialization.PublicFormat
    public = parse_public_key(key.public_key().public_bytes(serialization.Encoding.OpenSSH, formats.OpenSSH).decode())
    body = _as_transfer_takes_it(key)
    if len(body) > MAX_BODY:
        raise SshKeyError(f"it is {len(body)} characters, Transfer takes {MAX_BODY}: use a key of fewer bits")
    return HostKeyBody(fingerprint=public.fingerprint, type=public.type, bits=public.bits, body=body)
