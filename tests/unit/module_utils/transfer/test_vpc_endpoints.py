# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import boto3
import pytest
from ansible_collections.mft.aws.plugins.module_utils._transfer.errors import AnsibleTransferError
from ansible_collections.mft.aws.plugins.module_utils._transfer.vpc_endpoints import change_security_groups
from ansible_collections.mft.aws.plugins.module_utils._transfer.vpc_endpoints import describe_vpc_endpoints
from ansible_collections.mft.aws.plugins.module_utils._transfer.vpc_endpoints import endpoint_id_of
from ansible_collections.mft.aws.plugins.module_utils._transfer.vpc_endpoints import is_denied
from ansible_collections.mft.aws.plugins.module_utils._transfer.vpc_endpoints import vpc_endpoint_result
from botocore.stub import Stubber


@pytest.fixture
def ec2() -> Any:
    return boto3.client("ec2", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")


def request(ids: list[str], **more: str) -> dict[str, Any]:
    return {"Filters": [{"Name": "vpc-endpoint-id", "Values": ids}], **more}


def test_every_page_of_every_two_hundred_is_read(ec2: Any) -> None:
    ids = [f"vpce-{number:017x}" for number in range(201)]
    found = [{"VpcEndpointId": id_} for id_ in ids]
    with Stubber(ec2) as stubber:
        stubber.add_response(
            "describe_vpc_endpoints", {"VpcEndpoints": found[:150], "NextToken": "more"}, request(ids[:200])
        )
        stubber.add_response(
            "describe_vpc_endpoints", {"VpcEndpoints": found[150:199]}, request(ids[:200], NextToken="more")
        )
        stubber.add_response("describe_vpc_endpoints", {"VpcEndpoints": found[200:]}, request(ids[200:]))
        assert sorted(describe_vpc_endpoints(ec2, ids)) == [*ids[:199], ids[200]]


def test_no_endpoints_are_no_call(ec2: Any) -> None:
    with Stubber(ec2):
        assert describe_vpc_endpoints(ec2, []) == {}


def test_a_denial_is_told_from_other_failures(ec2: Any) -> None:
    with Stubber(ec2) as stubber:
        for code, denied in (("UnauthorizedOperation", True), ("InvalidParameterValue", False)):
            stubber.add_client_error("describe_vpc_endpoints", code)
            with pytest.raises(AnsibleTransferError, match="Failed to describe VPC endpoints") as raised:
                describe_vpc_endpoints(ec2, ["vpce-0123456789abcdef0"])
            assert is_denied(raised.value.exception) is denied


@pytest.mark.parametrize(
    ("add", "remove", "sent"),
    [
        (("sg-1",), (), {"AddSecurityGroupIds": ["sg-1"]}),
        ((), ("sg-2",), {"RemoveSecurityGroupIds": ["sg-2"]}),
        (("sg-1",), ("sg-2",), {"AddSecurityGroupIds": ["sg-1"], "RemoveSecurityGroupIds": ["sg-2"]}),
    ],
)
def test_groups_come_and_go_in_one_call(
    ec2: Any, add: tuple[str, ...], remove: tuple[str, ...], sent: dict[str, Any]
) -> None:
    with Stubber(ec2) as stubber:
        stubber.add_response("modify_vpc_endpoint", {"Return": True}, {"VpcEndpointId": "vpce-1", **sent})
        change_security_groups(ec2, "vpce-1", add, remove)
        stubber.assert_no_pending_responses()


def test_only_a_server_in_a_vpc_has_an_endpoint() -> None:
    assert endpoint_id_of({"EndpointType": "PUBLIC"}) == ""
    assert endpoint_id_of({"EndpointDetails": {"VpcEndpointId": "vpce-1"}}) == "vpce-1"


def test_an_endpoint_that_is_still_being_made_has_few_fields() -> None:
    assert vpc_endpoint_result({"VpcEndpointId": "vpce-1", "State": "pending"}) == {
        "vpc_endpoint_id": "vpce-1",
        "vpc_id": "",
        "state": "pending",
        "dns_names": [],
        "subnet_ids": [],
        "security_group_ids": [],
        "network_interface_ids": [],
    }
