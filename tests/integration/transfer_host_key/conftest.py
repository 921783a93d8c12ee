# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server with a host key, and the modules for it."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import pytest

from integration.conftest import Lab
from integration.support import Faults
from integration.support import run_module
from integration.transfer_host_key.support import RSA
from integration.transfer_host_key.support import HostKey


@pytest.fixture
def server(aws: Callable[[str], Any], faults: Faults) -> Iterator[str]:
    """A server that was created with one host key of ours, an RSA one."""
    transfer = aws("transfer")
    server_id: str = transfer.create_server(IdentityProviderType="SERVICE_MANAGED", HostKey=RSA.text)["ServerId"]
    yield server_id
    faults.clear()
    transfer.delete_server(ServerId=server_id)


@pytest.fixture
def host_key(lab: Lab, server: str) -> HostKey:
    """Runs the module for the test's own server."""

    def run(*, check: bool = False, **arguments: Any) -> dict[str, Any]:
        return run_module(lab, "transfer_host_key", check=check, server_id=server, **arguments)

    return run


@pytest.fixture
def info(lab: Lab, server: str) -> Callable[[], dict[str, Any]]:
    return lambda: run_module(lab, "transfer_host_key_info", server_id=server)


@pytest.fixture
def held(aws: Callable[[str], Any], server: str) -> Callable[[], list[str]]:
    """The fingerprints that the service itself lists, as ssh-keygen writes them."""

    def listed() -> list[str]:
        keys = aws("transfer").list_host_keys(ServerId=server)["HostKeys"]
        return [key["Fingerprint"].rstrip("=") for key in keys]

    return listed
