#!/usr/bin/python

# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: transfer_server_info
version_added: 0.1.0
short_description: Gather information about AWS Transfer Family servers
description:
  - Describes one server, those with certain tags, or all of the account and region, with every field that the service
    knows and the VPC endpoint behind each.
author:
  - The mft.aws project (!UNKNOWN)
options:
  server_id:
    description:
      - The id of the server. If there is none of this id, the list is empty.
    type: str
  match_tags:
    description:
      - Only servers that have all of these tags.
    type: dict
notes:
  - Needs the permissions C(transfer:DescribeServer), C(transfer:ListServers) unless O(server_id) is given, and
    C(ec2:DescribeVpcEndpoints). Without the last one, it leaves RV(servers[].vpc_endpoint) out and warns.
extends_documentation_fragment:
  - mft.aws.transfer
  - mft.aws.transfer.info
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Look at all servers
  mft.aws.transfer_server_info:
  register: everything

- name: Look at one server
  mft.aws.transfer_server_info:
    server_id: s-0123456789abcdef0
  register: one

- name: Find the payments server by its tag
  mft.aws.transfer_server_info:
    match_tags:
      service: payments-sftp
  register: payments

- name: Say where partners connect
  ansible.builtin.debug:
    msg: "{{ item.endpoint or item.vpc_endpoint.dns_names | first }}"
  loop: "{{ payments.servers }}"
  loop_control:
    label: "{{ item.server_id }}"
"""

RETURN = r"""
count:
  description: How many servers were found.
  returned: success
  type: int
  sample: 1
servers:
  description: The servers, in the order of their ids. What the service does not give is empty.
  returned: success
  type: list
  elements: dict
  contains:
    server_id:
      description: The id of the server.
      returned: always
      type: str
      sample: s-0123456789abcdef0
    arn:
      description: The ARN of the server.
      returned: always
      type: str
      sample: arn:aws:transfer:eu-central-1:123456789012:server/s-0123456789abcdef0
    state:
      description: ONLINE, OFFLINE, STARTING, STOPPING, START_FAILED or STOP_FAILED.
      returned: always
      type: str
      sample: ONLINE
    endpoint:
      description: The name by which the internet reaches the server; empty for one that it does not reach.
      returned: always
      type: str
      sample: s-0123456789abcdef0.server.transfer.eu-central-1.amazonaws.com
    endpoint_type:
      description: PUBLIC, VPC or VPC_ENDPOINT.
      returned: always
      type: str
      sample: PUBLIC
    endpoint_details:
      description: The VPC endpoint as Transfer describes it; empty for a public server.
      returned: always
      type: dict
      sample:
        vpc_endpoint_id: vpce-0123456789abcdef0
        vpc_id: vpc-0123456789abcdef0
        subnet_ids: [subnet-0123456789abcdef0]
        address_allocation_ids: []
    ip_address_type:
      description: IPV4 or DUALSTACK.
      returned: always
      type: str
      sample: IPV4
    domain:
      description: The storage, S3 or EFS.
      returned: always
      type: str
      sample: S3
    protocols:
      description: The protocols that the server speaks.
      returned: always
      type: list
      elements: str
      sample: [SFTP]
    protocol_details:
      description: Settings of the protocols.
      returned: always
      type: dict
      sample:
        passive_ip: AUTO
        set_stat_option: ENABLE_NO_OP
        tls_session_resumption_mode: ENFORCED
    identity_provider_type:
      description: Where the server takes its users from.
      returned: always
      type: str
      sample: SERVICE_MANAGED
    identity_provider_details:
      description: How the server reaches a Lambda function or an API gateway that knows its users.
      returned: always
      type: dict
      sample: {}
    security_policy_name:
      description: The security policy.
      returned: always
      type: str
      sample: TransferSecurityPolicy-2025-03
    host_key_fingerprint:
      description: The fingerprint of a host key, as Transfer writes it. M(mft.aws.transfer_host_key_info) gives all.
      returned: always
      type: str
      sample: SHA256:nlWG27misI9m6Tv8twarBiytIiJEwRDAR6BBkmh1uiI=
    certificate:
      description: The ARN of the certificate for FTPS.
      returned: always
      type: str
      sample: ""
    pre_authentication_login_banner:
      description: The text that clients are shown before they log in.
      returned: always
      type: str
      sample: Authorised partners of ACME Bank only.
    post_authentication_login_banner:
      description: The text that clients of FTP and FTPS are shown after they logged in.
      returned: always
      type: str
      sample: ""
    s3_storage_options:
      description: Settings of the storage; empty for a server whose domain is EFS.
      returned: always
      type: dict
      sample:
        directory_listing_optimization: ENABLED
    structured_log_destinations:
      description: The ARN of the log group to which the server writes.
      returned: always
      type: list
      elements: str
      sample: ["arn:aws:logs:eu-central-1:123456789012:log-group:/aws/transfer/payments:*"]
    logging_role:
      description: The ARN of the role through which the server writes to CloudWatch Logs.
      returned: always
      type: str
      sample: arn:aws:iam::123456789012:role/sftp-logs
    workflow_details:
      description: The workflows that run on uploaded files.
      returned: always
      type: dict
      sample:
        on_partial_upload:
          - workflow_id: w-0123456789abcdef0
            execution_role: arn:aws:iam::123456789012:role/sftp-workflows
    as2_service_managed_egress_ip_addresses:
      description: The addresses from which an AS2 server sends.
      returned: always
      type: list
      elements: str
      sample: []
    user_count:
      description: How many users the server has.
      returned: always
      type: int
      sample: 12
    tags:
      description: The tags of the server.
      returned: always
      type: dict
      sample:
        service: payments-sftp
    vpc_endpoint:
      description: The VPC endpoint of the server, as EC2 describes it; empty if the server has none.
      returned: if EC2 may be asked
      type: dict
      contains:
        vpc_endpoint_id:
          description: The id of the endpoint.
          returned: for a server with a VPC endpoint
          type: str
          sample: vpce-0123456789abcdef0
        vpc_id:
          description: The id of the VPC.
          returned: for a server with a VPC endpoint
          type: str
          sample: vpc-0123456789abcdef0
        state:
          description: The state of the endpoint.
          returned: for a server with a VPC endpoint
          type: str
          sample: available
        dns_names:
          description: The names of the endpoint; the first is the regional one, one for each zone follows.
          returned: for a server with a VPC endpoint
          type: list
          elements: str
          sample:
            - vpce-0123456789abcdef0-a1b2c3d4.server.transfer.eu-central-1.vpce.amazonaws.com
            - vpce-0123456789abcdef0-a1b2c3d4-eu-central-1a.server.transfer.eu-central-1.vpce.amazonaws.com
        subnet_ids:
          description: The subnets of the endpoint.
          returned: for a server with a VPC endpoint
          type: list
          elements: str
          sample: [subnet-0123456789abcdef0]
        security_group_ids:
          description: The security groups of the endpoint, which DescribeServer leaves out.
          returned: for a server with a VPC endpoint
          type: list
          elements: str
          sample: [sg-0123456789abcdef0]
        network_interface_ids:
          description: The network interfaces of the endpoint.
          returned: for a server with a VPC endpoint
          type: list
          elements: str
          sample: [eni-0123456789abcdef0]
"""

import typing

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.mft.aws.plugins.module_utils._transfer.errors import AnsibleTransferError
from ansible_collections.mft.aws.plugins.module_utils._transfer.errors import InvalidOptionsError
from ansible_collections.mft.aws.plugins.module_utils._transfer.retries import SINGLE_ATTEMPT
from ansible_collections.mft.aws.plugins.module_utils._transfer.server_lookup import find_servers
from ansible_collections.mft.aws.plugins.module_utils._transfer.server_options import lookup_problems
from ansible_collections.mft.aws.plugins.module_utils._transfer.servers import server_result
from ansible_collections.mft.aws.plugins.module_utils._transfer.vpc_endpoints import describe_vpc_endpoints
from ansible_collections.mft.aws.plugins.module_utils._transfer.vpc_endpoints import endpoint_id_of
from ansible_collections.mft.aws.plugins.module_utils._transfer.vpc_endpoints import is_denied
from ansible_collections.mft.aws.plugins.module_utils._transfer.vpc_endpoints import vpc_endpoint_result

if typing.TYPE_CHECKING:
    from typing import Any


def vpc_endpoints(module: AnsibleAWSModule, endpoint_ids: set[str]) -> dict[str, dict[str, Any]] | None:
    """None, with a warning, if the caller may not see them."""
    if not endpoint_ids:
        return {}
    try:
        return describe_vpc_endpoints(module.client("ec2", config=SINGLE_ATTEMPT), endpoint_ids)
    except AnsibleTransferError as error:
        if not is_denied(error.exception):
            raise
    module.warn("The VPC endpoints of the servers are left out: ec2:DescribeVpcEndpoints is not allowed.")
    return None


def servers(module: AnsibleAWSModule) -> list[dict[str, Any]]:
    problems = lookup_problems(module.params)
    if problems:
        raise InvalidOptionsError(problems)
    client = module.client("transfer", config=SINGLE_ATTEMPT)
    found = find_servers(client, module.params["server_id"], module.params["match_tags"])
    ids = [endpoint_id_of(server.described) for server in found]
    endpoints = vpc_endpoints(module, {id_ for id_ in ids if id_})
    results = [server_result(server) for server in found]
    if endpoints is not None:
        for result, id_ in zip(results, ids):
            result["vpc_endpoint"] = vpc_endpoint_result(endpoints[id_]) if id_ in endpoints else {}
    return results


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={"server_id": {}, "match_tags": {"type": "dict"}},
        mutually_exclusive=[("server_id", "match_tags")],
        supports_check_mode=True,
    )
    try:
        found = servers(module)
    except AnsibleTransferError as error:
        module.fail_json_aws_error(error)
    module.exit_json(changed=False, count=len(found), servers=found)


if __name__ == "__main__":
    main()
