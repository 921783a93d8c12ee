# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service of its own for every test, with a clock that the test moves."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.asymmetric import rsa

from lab.transfer import MemoryEndpoints
from lab.transfer import TransferError
from lab.transfer import TransferService
from unit.lab.transfer.support import ROLE
from unit.lab.transfer.support import Clock
from unit.lab.transfer.support import Refused
from unit.lab.transfer.support import private_pem
from unit.lab.transfer.support import public_line


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def endpoints() -> MemoryEndpoints:
    return MemoryEndpoints()


@pytest.fixture
def service(tmp_path: Path, clock: Clock, endpoints: MemoryEndpoints) -> Iterator[TransferService]:
    built = TransferService(tmp_path / "transfer.sqlite", "111122223333", "eu-central-1", endpoints, clock=clock)
    yield built
    built.close()


@pytest.fixture(scope="session")
def host_key() -> str:
    return private_pem(ed25519.Ed25519PrivateKey.generate())


@pytest.fixture(scope="session")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def server_id(service: TransferService, clock: Clock, host_key: str) -> str:
    """An ONLINE server with one host key (making an RSA key takes longer than most tests)."""
    created: str = service.call("CreateServer", {"HostKey": host_key})["ServerId"]
    clock.now += service.settings.settle_seconds
    return created


@pytest.fixture
def user(service: TransferService, server_id: str) -> dict[str, str]:
    """The identity of user acme."""
    identity = {"ServerId": server_id, "UserName": "acme"}
    service.call("CreateUser", {**identity, "Role": ROLE})
    return identity


@pytest.fixture
def refused(service: TransferService) -> Refused:
    def call(code: str, operation: str, **parameters: Any) -> TransferError:
        with pytest.raises(TransferError) as caught:
            service.call(operation, parameters)
        assert caught.value.code == code, caught.value
        return caught.value

    return call


@pytest.fixture
def new_public_key() -> Callable[..., str]:
    """Make a public key in OpenSSH form; each call makes another one."""

    def make(comment: str = "") -> str:
        return public_line(ed25519.Ed25519PrivateKey.generate(), comment)

    return make
