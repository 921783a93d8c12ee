# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The VPC endpoints behind Transfer servers, which only EC2 knows in full.

"To change security groups associated with your server's VPC endpoint after creation, use the Amazon EC2
ModifyVpcEndpoint API" (API reference, EndpointDetails); DescribeServer leaves them out.
"""

from __future__ import annotations

import typing
from typing import Any

from .errors import named_failure
from .retries import error_code
from .retries import retried
from .retries import retried_if_refused

if typing.TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Mapping

# Values of one filter, "Filter the results" (EC2 user guide).
_MOST_VALUES = 200
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "AuthFailure", "UnauthorizedOperation"})


def is_denied(error: BaseException | None) -> bool:
    return error_code(error) in _DENIED


@retried
def _page(ec2: Any, **request: Any) -> dict[str, Any]:
    page: dict[str, Any] = ec2.describe_vpc_endpoints(**request)
    return page


@named_failure("describe VPC endpoints")
def describe_vpc_endpoints(ec2: Any, endpoint_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """By id; one that is not there is left out, since the ids are given as a filter."""
    wanted = sorted(set(endpoint_ids))
    found: dict[str, dict[str, Any]] = {}
    for start in range(0, len(wanted), _MOST_VALUES):
        some = wanted[start : start + _MOST_VALUES]
        request: dict[str, Any] = {"Filters": [{"Name": "vpc-endpoint-id", "Values": some}]}
        while True:
            page = _page(ec2, **request)
            found.update({endpoint["VpcEndpointId"]: endpoint for endpoint in page["VpcEndpoints"]})
            if not page.get("NextToken"):
                break
            request["NextToken"] = page["NextToken"]
    return found


@named_failure("describe security groups")
@retried
def known_security_groups(ec2: Any, vpc_id: str, group_ids: Iterable[str]) -> set[str]:
    """Those of the groups that there are, in that VPC; far fewer than a page."""
    filters = [{"Name": "group-id", "Values": sorted(group_ids)}, {"Name": "vpc-id", "Values": [vpc_id]}]
    return {group["GroupId"] for group in ec2.describe_security_groups(Filters=filters)["SecurityGroups"]}


@named_failure("change the security groups of VPC endpoint {endpoint_id}")
@retried_if_refused
def change_security_groups(ec2: Any, endpoint_id: str, add: tuple[str, ...], remove: tuple[str, ...]) -> None:
    request: dict[str, Any] = {"VpcEndpointId": endpoint_id}
    if add:
        request["AddSecurityGroupIds"] = list(add)
    if remove:
        request["RemoveSecurityGroupIds"] = list(remove)
    ec2.modify_vpc_endpoint(**request)


def endpoint_id_of(described: Mapping[str, Any]) -> str:
    """The VPC endpoint of a server as DescribeServer gives it; empty if it has none."""
    return str(described.get("EndpointDetails", {}).get("VpcEndpointId", ""))


def security_group_ids(endpoint: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(group["GroupId"] for group in endpoint.get("Groups", []))


def vpc_endpoint_result(endpoint: Mapping[str, Any]) -> dict[str, Any]:
    """What a module returns of an endpoint; the first DNS name is the regional one, a name a zone follows."""
    return {
        "vpc_endpoint_id": endpoint["VpcEndpointId"],
        "vpc_id": endpoint.get("VpcId", ""),
        "state": endpoint.get("State", ""),
        "dns_names": [entry["DnsName"] for entry in endpoint.get("DnsEntries", [])],
        "subnet_ids": sorted(endpoint.get("SubnetIds", [])),
        "security_group_ids": sorted(security_group_ids(endpoint)),
        "network_interface_ids": sorted(endpoint.get("NetworkInterfaceIds", [])),
    }
