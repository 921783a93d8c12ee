# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS Transfer Family's control plane: servers, users, keys, driven by botocore's model of the API."""

from __future__ import annotations

from lab.transfer.context import Settings
from lab.transfer.endpoints import EndpointDirectory
from lab.transfer.endpoints import EndpointNotAvailableError
from lab.transfer.endpoints import MemoryEndpoints
from lab.transfer.errors import TransferError
from lab.transfer.service import TransferService

__all__ = [
    "EndpointDirectory",
    "EndpointNotAvailableError",
    "MemoryEndpoints",
    "Settings",
    "TransferError",
    "TransferService",
]
