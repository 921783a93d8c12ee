# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Without the right to ask EC2, the rest is still told. The lab enforces no IAM, so botocore's stub refuses here."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from ansible_collections.mft.aws.plugins.module_utils._transfer.errors import AnsibleTransferError
from ansible_collections.mft.aws.plugins.modules import transfer_server_info
from botocore.stub import Stubber

from unit.module_utils.transfer import examples

ENDPOINT = "vpce-0123456789abcdef0"
DESCRIBED = {
    "Arn": f"arn:aws:transfer:eu-central-1:123456789012:server/{examples.SERVER}",
    "ServerId": examples.SERVER,
    "State": "ONLINE",
    "EndpointType": "VPC",
    "EndpointDetails": {"VpcEndpointId": ENDPOINT},
}


class Module:
    """What the functions of the module use of AnsibleAWSModule."""

    def __init__(self) -> None:
        self.params = {"server_id": examples.SERVER, "match_tags": None}
        self.warnings: list[str] = []
        self.clients = {
            name: boto3.client(  # type: ignore[call-overload]
                name, region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x"
            )
            for name in ("transfer", "ec2")
        }

    def client(self, service: str, **_options: Any) -> Any:
        return self.clients[service]

    def warn(self, message: str) -> None:
        self.warnings.append(message)


@pytest.fixture
def module() -> Module:
    return Module()


def gather(module: Module, ec2_error: str) -> list[dict[str, Any]]:
    with Stubber(module.clients["transfer"]) as transfer, Stubber(module.clients["ec2"]) as ec2:
        transfer.add_response("describe_server", {"Server": DESCRIBED})
        ec2.add_client_error("describe_vpc_endpoints", ec2_error)
        found: list[dict[str, Any]] = transfer_server_info.servers(module)
        return found


def test_a_denial_leaves_the_endpoint_out_with_a_warning(module: Module) -> None:
    (server,) = gather(module, "UnauthorizedOperation")
    assert server["endpoint_details"] == {"vpc_endpoint_id": ENDPOINT}
    assert "vpc_endpoint" not in server
    assert module.warnings == [
        "The VPC endpoints of the servers are left out: ec2:DescribeVpcEndpoints is not allowed."
    ]


def test_any_other_failure_is_one(module: Module) -> None:
    with pytest.raises(AnsibleTransferError, match="Failed to describe VPC endpoints"):
        gather(module, "InvalidParameterValue")
    assert module.warnings == []
