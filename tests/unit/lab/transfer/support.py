# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What several of these tests name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization import NoEncryption
from cryptography.hazmat.primitives.serialization import PrivateFormat
from cryptography.hazmat.primitives.serialization import PublicFormat
from cryptography.hazmat.primitives.serialization import load_ssh_private_key

from lab.transfer import TransferError

ROLE = "arn:aws:iam::111122223333:role/acme-uploads"

# Calls an operation that must fail with a code, and returns the error.
Refused = Callable[..., TransferError]


@dataclass
class Clock:
    """Seconds since the epoch, as the service sees them."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def private_pem(key: Any, form: PrivateFormat = PrivateFormat.OpenSSH) -> str:
    text: bytes = key.private_bytes(Encoding.PEM, form, NoEncryption())
    return text.decode()


def public_line(key: Any, comment: str = "") -> str:
    line: bytes = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return f"{line.decode()} {comment}".strip()


def public_of(private: str) -> str:
    """Return the public line of a private key: the private text differs each time it is written."""
    key = load_ssh_private_key(private.encode(), password=None)
    return public_line(key)
