# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the service needs of EC2: the VPC endpoint that a server with EndpointType VPC owns."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import Protocol


class EndpointNotAvailableError(Exception):
    """The VPC endpoint is not in the available state; UpdateServer answers ConflictException."""


class EndpointDirectory(Protocol):
    """Where VPC endpoints live. A ValueError of any method becomes InvalidRequestException with its text."""

    def create(
        self,
        vpc_id: str,
        subnet_ids: Sequence[str],
        security_group_ids: Sequence[str],
        address_allocation_ids: Sequence[str],
        server_id: str,
    ) -> str:
        """Create an interface endpoint and return its id (vpce- and 17 hexadecimal digits)."""

    def modify(
        self,
        vpce_id: str,
        subnet_ids: Sequence[str],
        address_allocation_ids: Sequence[str],
    ) -> None:
        """Set the endpoint's subnets and Elastic IP addresses."""

    def delete(self, vpce_id: str) -> None:
        """Delete the endpoint; one that is already gone is no error."""


@dataclass
class MemoryEndpoints:
    """Endpoints kept in a dictionary, for the service on its own (tests, serve.py)."""

    endpoints: dict[str, dict[str, object]] = field(default_factory=dict)

    def create(
        self,
        vpc_id: str,
        subnet_ids: Sequence[str],
        security_group_ids: Sequence[str],
        address_allocation_ids: Sequence[str],
        server_id: str,
    ) -> str:
        vpce_id = f"vpce-{secrets.token_hex(9)[:17]}"
        self.endpoints[vpce_id] = {
            "VpcId": vpc_id,
            "SubnetIds": list(subnet_ids),
            "SecurityGroupIds": list(security_group_ids),
            "AddressAllocationIds": list(address_allocation_ids),
            "ServerId": server_id,
        }
        return vpce_id

    def modify(self, vpce_id: str, subnet_ids: Sequence[str], address_allocation_ids: Sequence[str]) -> None:
        self.endpoints[vpce_id].update(SubnetIds=list(subnet_ids), AddressAllocationIds=list(address_allocation_ids))

    def delete(self, vpce_id: str) -> None:
        self.endpoints.pop(vpce_id, None)
