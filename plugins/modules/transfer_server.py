#!/usr/bin/python

# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: transfer_server
version_added: 0.1.0
short_description: Change, start and stop an existing AWS Transfer Family server
description:
  - Changes settings of a server that is there, and starts or stops it. Servers are created and deleted by the
    CloudFormation template of this collection, or by whatever made them.
  - Options that are not given are left as they are. Only what differs is sent.
  - Everything that is wrong with the options is found before the first change, and reported at once.
author:
  - The mft.aws project (!UNKNOWN)
options:
  server_id:
    description:
      - The id of the server.
    type: str
  match_tags:
    description:
      - Tags by which the server is found instead. Exactly one server has to have all of them.
    type: dict
  state:
    description:
      - V(present) leaves the server running or stopped as it is.
      - V(started) starts it once all other changes are made, V(stopped) stops it.
    type: str
    choices: ['present', 'started', 'stopped']
    default: present
  wait:
    description:
      - Whether to wait until the server is started or stopped, and to fail if it comes to be C(START_FAILED) or
        C(STOP_FAILED).
      - A server that is stopping is in any case waited for before it is started, and the other way round.
    type: bool
    default: true
  wait_timeout:
    description:
      - How many seconds to wait.
    type: int
    default: 900
  security_policy_name:
    description:
      - The security policy, which says what ciphers, key exchanges and MACs clients may use.
      - Has to be one that C(ListSecurityPolicies) names.
    type: str
  pre_authentication_login_banner:
    description:
      - A text that clients are shown before they log in, at most 4,096 ASCII characters. Empty for none.
    type: str
  post_authentication_login_banner:
    description:
      - The same after they logged in. SFTP has no such thing, FTP and FTPS have.
    type: str
  protocol_details:
    description:
      - Settings of the protocols. Those that are not given are left as they are.
    type: dict
    suboptions:
      set_stat_option:
        description:
          - V(ENABLE_NO_OP) makes the server accept, and ignore, what clients want to set of a file's attributes when
            they upload it to S3; by V(DEFAULT) such uploads fail.
        type: str
        choices: ['DEFAULT', 'ENABLE_NO_OP']
      passive_ip:
        description:
          - The IPv4 address for FTP's and FTPS's passive mode, or V(AUTO).
          - A change takes effect when the server is next stopped and started.
        type: str
      tls_session_resumption_mode:
        description:
          - Whether FTPS clients may, or with V(ENFORCED) have to, resume their TLS session.
        type: str
        choices: ['DISABLED', 'ENABLED', 'ENFORCED']
  directory_listing_optimization:
    description:
      - Whether listings of S3 directories are optimised. With V(ENABLED), a user's mapping to a single file has to say
        that its type is C(FILE).
    type: str
    choices: ['ENABLED', 'DISABLED']
  structured_log_destinations:
    description:
      - The ARN of the log group to which the server writes, ending in C(:*). At most one; an empty list for none.
    type: list
    elements: str
  logging_role:
    description:
      - The ARN of the IAM role through which the server writes to CloudWatch Logs. Empty for none.
    type: str
  workflow_details:
    description:
      - The workflows that run on uploaded files. A trigger that is not given is left as it is, an empty list removes
        its workflow.
    type: dict
    suboptions:
      on_upload:
        description:
          - The workflow for files that were uploaded whole; at most one.
        type: list
        elements: dict
        suboptions: &workflow
          workflow_id:
            description:
              - The id of the workflow.
            type: str
            required: true
          execution_role:
            description:
              - The ARN of the IAM role through which it runs.
            type: str
            required: true
      on_partial_upload:
        description:
          - The workflow for files whose upload was cut off; at most one.
        type: list
        elements: dict
        suboptions: *workflow
  security_group_ids:
    description:
      - All security groups of the server's VPC endpoint, in any order. Others are removed. The endpoint type of the
        server has to be VPC.
      - They belong to EC2 and change through C(ec2:ModifyVpcEndpoint).
    type: list
    elements: str
notes:
  - Needs the permissions C(transfer:DescribeServer), C(transfer:ListServers) for O(match_tags),
    C(transfer:ListSecurityPolicies) for a new O(security_policy_name), C(transfer:UpdateServer),
    C(transfer:StartServer), C(transfer:StopServer), C(transfer:TagResource), C(transfer:UntagResource),
    C(iam:PassRole) for the roles, and C(ec2:DescribeVpcEndpoints), C(ec2:DescribeSecurityGroups) and
    C(ec2:ModifyVpcEndpoint) for O(security_group_ids).
  - Settings that a CloudFormation stack owns come back with its next update. Change those in the stack.
attributes:
  diff_mode:
    support: full
    description: Shows what the module can change of the server, before and after.
extends_documentation_fragment:
  - mft.aws.transfer
  - mft.aws.transfer.changes
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.tags
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Let only current ciphers in, and greet whoever connects
  mft.aws.transfer_server:
    server_id: s-0123456789abcdef0
    security_policy_name: TransferSecurityPolicy-2025-03
    pre_authentication_login_banner: |
      Authorised partners of ACME Bank only.
    protocol_details:
      set_stat_option: ENABLE_NO_OP

- name: Tag the server for the other plays
  mft.aws.transfer_server:
    server_id: s-0123456789abcdef0
    tags:
      service: payments-sftp
    purge_tags: false

- name: Stop the server for the weekend's maintenance, whatever its id
  mft.aws.transfer_server:
    match_tags:
      service: payments-sftp
    state: stopped

- name: Start it again, and wait until partners can connect
  mft.aws.transfer_server:
    match_tags:
      service: payments-sftp
    state: started
    wait_timeout: 1200

- name: Take the upload workflow away, leave the one for broken uploads
  mft.aws.transfer_server:
    server_id: s-0123456789abcdef0
    workflow_details:
      on_upload: []

- name: Put the endpoint of a server in a VPC behind another security group
  mft.aws.transfer_server:
    server_id: s-0fedcba9876543210
    security_group_ids:
      - sg-0123456789abcdef0
"""

RETURN = r"""
server:
  description:
    - The server, as the service describes it after the change; in check mode, as it would be.
    - What the service does not give is empty.
  returned: success
  type: dict
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
    security_group_ids:
      description: The security groups of the VPC endpoint.
      returned: when O(security_group_ids) is given
      type: list
      elements: str
      sample: [sg-0123456789abcdef0]
"""

import typing

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.mft.aws.plugins.module_utils._transfer.converge_server import Clients
from ansible_collections.mft.aws.plugins.module_utils._transfer.converge_server import Waiting
from ansible_collections.mft.aws.plugins.module_utils._transfer.converge_server import converge_server
from ansible_collections.mft.aws.plugins.module_utils._transfer.errors import AnsibleTransferError
from ansible_collections.mft.aws.plugins.module_utils._transfer.errors import InvalidOptionsError
from ansible_collections.mft.aws.plugins.module_utils._transfer.retries import SINGLE_ATTEMPT
from ansible_collections.mft.aws.plugins.module_utils._transfer.server_arguments import server_arguments
from ansible_collections.mft.aws.plugins.module_utils._transfer.server_lookup import find_one_server
from ansible_collections.mft.aws.plugins.module_utils._transfer.server_options import read_server
from ansible_collections.mft.aws.plugins.module_utils._transfer.servers import diff_side
from ansible_collections.mft.aws.plugins.module_utils._transfer.servers import server_result

if typing.TYPE_CHECKING:
    from typing import Any


def ensure_server(module: AnsibleAWSModule) -> dict[str, Any]:
    options = module.params
    wanted, problems = read_server(options)
    if problems:
        raise InvalidOptionsError(problems)
    ec2 = None if wanted.security_group_ids is None else module.client("ec2", config=SINGLE_ATTEMPT)
    clients = Clients(module.client("transfer", config=SINGLE_ATTEMPT), ec2)
    found = find_one_server(clients.transfer, options["server_id"], options["match_tags"])
    waiting = Waiting(options["wait"], options["wait_timeout"])
    outcome = converge_server(clients, wanted, found, waiting, module.check_mode)
    for warning in outcome.warnings:
        module.warn(warning)
    return {
        "changed": bool(outcome.plan),
        "server": server_result(outcome.after),
        "diff": {"before": diff_side(outcome.before), "after": diff_side(outcome.planned)},
    }


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec=server_arguments(),
        mutually_exclusive=[("server_id", "match_tags")],
        required_one_of=[("server_id", "match_tags")],
        supports_check_mode=True,
    )
    try:
        result = ensure_server(module)
    except AnsibleTransferError as error:
        module.fail_json_aws_error(error)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
