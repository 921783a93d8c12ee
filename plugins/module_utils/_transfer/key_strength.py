# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Public keys that read well and yet protect nothing: what is wrong with their numbers, as far as is cheap to see.

What SSH libraries leave out: they check the form of a key, and of ECDSA that the point is on its curve.
"""

from __future__ import annotations

import math

# Below the bound up to which BouncyCastle and OpenSSL look for factors of what is given to them.
_SMALL_PRIMES = tuple(n for n in range(3, 752) if all(n % divisor for divisor in range(2, math.isqrt(n) + 1)))
_PRODUCT = math.prod(_SMALL_PRIMES)
# Rounds of Fermat's factorization, which in its first ones finds primes that are next to each other (CVE-2022-26320).
_FERMAT_ROUNDS = 20
# Infineon's library chose primes that are powers of 65537 modulo a product of small primes (CVE-2017-15361; Nemec et
# al., "The Return of Coppersmith's Attack"), and so is their own product; of other keys hardly one in 2^27 is.
_GENERATOR = 65537
_POWERS = {
    prime: frozenset(pow(_GENERATOR, exponent, prime) for exponent in range(prime - 1))
    for prime in _SMALL_PRIMES
    if prime <= 167
}

# Edwards25519 (RFC 8032, section 5.1).
_P = 2**255 - 19
_D = -121665 * pow(121666, -1, _P) % _P


def _has_close_factors(modulus: int) -> bool:
    root = math.isqrt(modulus - 1) + 1
    squares = (candidate * candidate - modulus for candidate in range(root, root + _FERMAT_ROUNDS))
    return any(math.isqrt(square) ** 2 == square for square in squares)


def rsa_weakness(modulus: int) -> str:
    """Why anybody can factor the modulus; empty if nothing is seen."""
    if modulus % 2 == 0 or math.gcd(modulus, _PRODUCT) != 1:
        return "its modulus has a small factor"
    if all(modulus % prime in powers for prime, powers in _POWERS.items()):
        return "it was made by the chip library of CVE-2017-15361 (ROCA), whose keys can be factored"
    if _has_close_factors(modulus):
        return "its modulus is the product of two primes next to each other"
    return ""


def ed25519_weakness(encoded: bytes) -> str:
    """Why signatures for the point prove nothing; empty if nothing is seen."""
    y = int.from_bytes(encoded, "little") & (2**255 - 1)
    # x^2 = (y^2 - 1) / (d y^2 + 1) has to be a square, by Euler's criterion.
    x2 = (y * y - 1) * (_D * y * y + 1)
    if y >= _P or pow(x2, (_P - 1) // 2, _P) == _P - 1:
        return "it is no point of the curve"
    # Three doublings make a point whose order divides 8 the neutral one, whose y is 1. Only y is reckoned with, as a
    # fraction: y' = (y^2 + x^2) / (2 - y^2 + x^2).
    z = 1
    for _doubling in range(3):
        y2, z2 = y * y % _P, z * z % _P
        numerator, denominator = y2 - z2, _D * y2 + z2
        y2, x2 = y2 * denominator, numerator * z2
        y, z = (y2 + x2) % _P, (2 * z2 * denominator - y2 + x2) % _P
    if y == z:
        return "it is a point of small order, for which signatures can be made without a private key"
    return ""
