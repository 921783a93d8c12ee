# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads SSH public keys and says what is wrong with those that AWS Transfer Family, or good sense, refuses.

Two keys are the same key when their blobs are: comment, spacing and base64 padding do not count.
No message of this module repeats the text it was given, because that may be a private key.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import re
from dataclasses import dataclass
from dataclasses import field

from .key_strength import ed25519_weakness
from .key_strength import rsa_weakness

try:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    HAS_CRYPTOGRAPHY = True
except ImportError:
    HAS_CRYPTOGRAPHY = False

# SshPublicKeyBody of the API model transfer/2018-11-05.
MAX_BODY = 2048
MIN_RSA_BITS = 2048

# What editors of Windows put first.
_BYTE_ORDER_MARK = "\ufeff"

# "Transfer Family accepts RSA, ECDSA, and ED25519 keys" (API reference, ImportSshPublicKey).
_FIXED_BITS = {
    "ssh-ed25519": 256,
    "ecdsa-sha2-nistp256": 256,
    "ecdsa-sha2-nistp384": 384,
    "ecdsa-sha2-nistp521": 521,
}
_ACCEPTED_TYPES = ("ssh-rsa", *_FIXED_BITS)
_HARDWARE_TYPES = ("sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com")
_ACCEPTED = "ssh-ed25519, ecdsa-sha2-nistp256, ecdsa-sha2-nistp384, ecdsa-sha2-nistp521 or ssh-rsa"
_EXPECTED = f"expected one OpenSSH line 'TYPE BASE64 COMMENT' with type {_ACCEPTED}"

# Armour, not the mere words, which a comment may have. The last form is an OpenSSH private key whose armour lines were
# lost: base64 of "openssh-key-v1".
_PRIVATE = re.compile(
    r"BEGIN [\w ]*PRIVATE KEY|PRIVATE KEY-|PuTTY-User-Key-File|Private-Lines:|b3BlbnNzaC1rZXktdjE", re.IGNORECASE
)
_OTHER_FORMS = (
    (re.compile(r"BEGIN SSH2 PUBLIC KEY"), "an SSH2 (RFC 4716) key", "convert it with 'ssh-keygen -i -f FILE'"),
    (re.compile(r"BEGIN PGP"), "a PGP key", "ask for an SSH key"),
    (re.compile(r"BEGIN RSA PUBLIC KEY"), "a PEM (PKCS #1) key", "convert it with 'ssh-keygen -i -m PEM -f FILE'"),
    (re.compile(r"BEGIN PUBLIC KEY"), "a PEM (PKCS #8) key", "convert it with 'ssh-keygen -i -m PKCS8 -f FILE'"),
    (re.compile(r"BEGIN CERTIFICATE"), "an X.509 certificate", "ask for an SSH key"),
)


class SshKeyError(ValueError):
    """Why a text is no public key that a Transfer user may have."""


@dataclass(frozen=True)
class PublicKey:
    """A public key; equal to every other with the same blob."""

    fingerprint: str
    type: str = field(compare=False)
    bits: int | None = field(compare=False)
    body: str = field(compare=False, repr=False)
    comment: str = field(default="", compare=False)


def _fingerprint(blob: bytes) -> str:
    """As C(ssh-keygen -l) writes it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def _decode(encoded: str) -> bytes:
    stripped = encoded.rstrip("=")
    return base64.b64decode(stripped + "=" * (-len(stripped) % 4), validate=True)


def _bits(type_: str, blob: bytes) -> int:
    key = load_ssh_public_key(f"{type_} {base64.b64encode(blob).decode()}".encode())
    return key.key_size if isinstance(key, RSAPublicKey) else _FIXED_BITS[type_]


def _weakness(type_: str, blob: bytes) -> str:
    if type_ == "ssh-ed25519":
        return ed25519_weakness(blob[-32:])
    if type_ == "ssh-rsa":
        # The fields of RFC 4253, section 6.6: the last is the modulus. That they are well-formed is known by now.
        fields, rest = [], blob
        while rest:
            length = 4 + int.from_bytes(rest[:4], "big")
            fields.append(rest[4:length])
            rest = rest[length:]
        return rsa_weakness(int.from_bytes(fields[-1], "big"))
    return ""


def _refuse_other_forms(text: str) -> None:
    if _PRIVATE.search(text):
        raise SshKeyError(
            f"this is a PRIVATE key ({len(text)} characters, not shown): a server needs the public half only."
            " Treat the pair as disclosed: have its owner make a new one and send the .pub file"
        )
    for form, name, remedy in _OTHER_FORMS:
        if form.search(text):
            raise SshKeyError(f"this is {name}, Transfer takes the OpenSSH form only: {remedy}")


def _refuse_type(type_: str) -> None:
    if type_ in _ACCEPTED_TYPES:
        return
    if type_ == "ssh-dss":
        raise SshKeyError(f"DSA keys are broken and refused by Transfer: ask for {_ACCEPTED}")
    # The whole words: secrets of other kinds begin with "sk-", too.
    if type_ in _HARDWARE_TYPES:
        raise SshKeyError(f"Transfer refuses hardware security keys ({type_}): ask for {_ACCEPTED}")
    if "-cert-v0" in type_:
        raise SshKeyError(f"this is an SSH certificate, Transfer takes plain keys: ask for {_ACCEPTED}")
    raise SshKeyError(f"its first word is no key type that Transfer takes: {_EXPECTED}, without options before it")


# Each key of a roster is looked at twice, and may be held by the service as well. What is refused is not remembered.
@functools.cache
def parse_public_key(text: str) -> PublicKey:
    """Reads one line of the OpenSSH form; raises SshKeyError with the reason and the remedy."""
    _refuse_other_forms(text)
    stripped = text.strip().strip(_BYTE_ORDER_MARK).strip()
    if not stripped:
        raise SshKeyError(f"it is empty: {_EXPECTED}")
    if len(stripped.splitlines()) > 1:
        raise SshKeyError(f"it has {len(stripped.splitlines())} lines: give each key its own list entry")

    type_, *rest = stripped.split(None, 2)
    _refuse_type(type_)
    if not rest:
        raise SshKeyError(f"nothing follows its type: {_EXPECTED}")
    comment = " ".join(rest[1].split()) if len(rest) > 1 else ""

    try:
        blob = _decode(rest[0])
        bits = _bits(type_, blob)
    # cryptography raises any of these for a blob that is truncated, of another type or off the curve.
    except (binascii.Error, ValueError, UnsupportedAlgorithm, TypeError) as error:
        raise SshKeyError(f"its {type_} data is damaged or cut off: copy the whole .pub line again") from error
    if type_ == "ssh-rsa" and bits < MIN_RSA_BITS:
        raise SshKeyError(f"RSA of {bits} bits is too weak, {MIN_RSA_BITS} is the least: ask for a new key")

    weakness = _weakness(type_, blob)
    if weakness:
        raise SshKeyError(f"this {type_} key is broken, {weakness}: ask for a new key")

    body = f"{type_} {base64.b64encode(blob).decode()} {comment}".rstrip()
    if len(body) > MAX_BODY:
        raise SshKeyError(f"it is {len(body)} characters, Transfer takes {MAX_BODY}: shorten its comment or the key")
    return PublicKey(fingerprint=_fingerprint(blob), type=type_, bits=bits, body=body, comment=comment)


def read_stored_key(body: str) -> PublicKey:
    """Reads a key that the service already holds; never refuses, since a weak key must still be seen and removable."""
    try:
        return parse_public_key(body)
    except SshKeyError:
        words = [*body.split(None, 2), "", "", ""]
    try:
        blob = _decode(words[1])
    except (binascii.Error, ValueError):
        blob = body.encode()
    try:
        bits = _bits(words[0], blob) if words[0] in _ACCEPTED_TYPES else None
    except (ValueError, UnsupportedAlgorithm, TypeError):
        bits = None
    return PublicKey(_fingerprint(blob), type=words[0], bits=bits, body=body, comment=words[2].strip())
