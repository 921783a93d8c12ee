# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys that read well and protect nothing."""

from __future__ import annotations

import base64
import math
import struct

import pytest
from ansible_collections.mft.aws.plugins.module_utils._transfer.ssh_keys import SshKeyError
from ansible_collections.mft.aws.plugins.module_utils._transfer.ssh_keys import parse_public_key
from ansible_collections.mft.aws.plugins.module_utils._transfer.ssh_keys import read_stored_key
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.asymmetric import rsa

from unit.module_utils.transfer import examples

# Two primes of 1,024 bits that are next to each other.
CLOSE = (3 * 2**1022 + 1037, 3 * 2**1022 + 1697)
P25519 = 2**255 - 19


def _field(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _number(value: int) -> bytes:
    return _field(value.to_bytes(value.bit_length() // 8 + 1, "big"))


def rsa_line(modulus: int, exponent: int = 65537) -> str:
    return "ssh-rsa " + base64.b64encode(_field(b"ssh-rsa") + _number(exponent) + _number(modulus)).decode()


def ed25519_line(point: bytes) -> str:
    return "ssh-ed25519 " + base64.b64encode(_field(b"ssh-ed25519") + _field(point)).decode()


def of_infineon() -> int:
    """As the broken library made them: a power of 65537 modulo the product of the first primes."""
    product = math.prod(prime for prime in range(2, 168) if all(prime % divisor for divisor in range(2, prime)))
    return (2**2047 // product) * product + product + pow(65537, 1234567, product)


# https://cr.yp.to/ecdh.html has them for the Montgomery form; these are RFC 8032's encodings of the eight points whose
# order divides 8, and of two whose ordinate is written unreduced.
LOW_ORDER = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]


@pytest.mark.parametrize("point", LOW_ORDER)
def test_ed25519_points_that_any_signature_fits_are_refused(point: str) -> None:
    with pytest.raises(SshKeyError, match="broken"):
        parse_public_key(ed25519_line(bytes.fromhex(point)))


def test_ed25519_points_that_are_none_are_refused() -> None:
    unreduced = (P25519 + 3).to_bytes(32, "little")  # 3 is the ordinate of a point
    off_curve = (2).to_bytes(32, "little")
    for point in (unreduced, off_curve, b"\xff" * 32):
        with pytest.raises(SshKeyError, match="broken"):
            parse_public_key(ed25519_line(point))


@pytest.mark.parametrize(
    ("modulus", "exponent"),
    [
        (2**2047 + 2, 65537),
        (2**2047 + 1, 1),
        (2**2047 + 1, 4),
        (3 * (2**2047 + 1), 65537),
        (743 * (2**2040 + 1), 65537),
        (CLOSE[0] * CLOSE[0], 65537),
        (CLOSE[0] * CLOSE[1], 65537),
        (of_infineon(), 65537),
    ],
    ids=["even", "exponent one", "exponent even", "three", "small factor", "square", "close", "infineon"],
)
def test_rsa_keys_that_anybody_can_factor_are_refused(modulus: int, exponent: int) -> None:
    assert modulus.bit_length() >= 2048
    with pytest.raises(SshKeyError, match=r"broken|damaged"):
        parse_public_key(rsa_line(modulus, exponent))


def test_one_that_the_service_already_holds_can_still_be_seen() -> None:
    stored = read_stored_key(ed25519_line(bytes(32)))
    assert (stored.type, stored.bits) == ("ssh-ed25519", 256)


def test_keys_that_are_made_today_are_taken() -> None:
    openssh = (serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    for _ in range(50):
        parse_public_key(ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(*openssh).decode())
    for exponent in (3, 65537):
        key = rsa.generate_private_key(exponent, 2048)
        parse_public_key(key.public_key().public_bytes(*openssh).decode())
    for example in examples.ACCEPTED:
        parse_public_key(example.line)
