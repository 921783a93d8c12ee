#!/usr/bin/python

# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: deployment_region_info
version_added: 0.2.0
short_description: Find out whether a gateway can be deployed with these credentials in this region
description:
  - Says who is calling, in which account, partition and region, which zones and which security policies of AWS Transfer
    Family there are, and whose the names of buckets are.
  - Fails with one sentence for credentials that have expired, and for a region without the service.
author:
  - The mft.aws project (!UNKNOWN)
options:
  buckets:
    description:
      - Names of buckets to look for. C(ACCOUNT) and C(REGION) in them stand for the account's id and the region.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    support: full
    description: Changes nothing.
  diff_mode:
    support: none
    description: Changes nothing.
notes:
  - Needs the permissions C(ec2:DescribeAvailabilityZones) and C(s3:ListBucket). Without
    C(ec2:DescribeManagedPrefixLists) and C(transfer:ListSecurityPolicies) what they give is empty.
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: See whether the gateway can be deployed here
  mft.aws.deployment_region_info:
    buckets:
      - acme-ACCOUNT-REGION
  register: here
"""

RETURN = r"""
account:
  description: The id of the account.
  returned: success
  type: str
  sample: "123456789012"
arn:
  description: Who is calling.
  returned: success
  type: str
  sample: arn:aws:sts::123456789012:assumed-role/deployer/acme
partition:
  description: The partition, V(aws), V(aws-cn) or V(aws-us-gov).
  returned: success
  type: str
  sample: aws
region:
  description: The region.
  returned: success
  type: str
  sample: eu-central-1
url_suffix:
  description: What the names of its endpoints end with.
  returned: success
  type: str
  sample: amazonaws.com
zones:
  description: The availability zones.
  returned: success
  type: list
  elements: str
  sample: [eu-central-1a, eu-central-1b, eu-central-1c]
s3_prefix_list_id:
  description: The prefix list of S3; empty if the caller may not ask.
  returned: success
  type: str
  sample: pl-6ea54007
security_policies:
  description: The security policies of SFTP servers; empty if the caller may not ask.
  returned: success
  type: list
  elements: str
  sample: [TransferSecurityPolicy-2024-01, TransferSecurityPolicy-2025-03]
buckets:
  description:
    - For each of O(buckets) the name and the owner, which is V(free), V(own) or V(foreign). The last means somebody
      else's, in another region, or not to be looked at by the caller.
  returned: success
  type: list
  elements: dict
  sample: [{"name": "acme-123456789012-eu-central-1", "owner": "free"}]
"""

import typing

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.mft.aws.plugins.module_utils._gateway.errors import AnsibleGatewayError
from ansible_collections.mft.aws.plugins.module_utils._gateway.region import bucket_owners
from ansible_collections.mft.aws.plugins.module_utils._gateway.region import caller
from ansible_collections.mft.aws.plugins.module_utils._gateway.region import s3_prefix_list
from ansible_collections.mft.aws.plugins.module_utils._gateway.region import security_policies
from ansible_collections.mft.aws.plugins.module_utils._gateway.region import url_suffix
from ansible_collections.mft.aws.plugins.module_utils._gateway.region import zones

if typing.TYPE_CHECKING:
    from typing import Any


def survey(module: AnsibleAWSModule) -> dict[str, Any]:
    region = module.region or ""
    identity = caller(module.client("sts"))
    # One attempt more than none: a region that has no such service has no such name either.
    transfer = module.client("transfer", config={"retries": {"total_max_attempts": 2}, "connect_timeout": 10})
    policies = security_policies(transfer, region)
    ec2 = module.client("ec2")
    names = [
        name.replace("ACCOUNT", identity["account"]).replace("REGION", region) for name in module.params["buckets"]
    ]
    owners = bucket_owners(module.client("s3"), names, identity["account"])
    return {
        **identity,
        "region": region,
        "url_suffix": url_suffix(identity["partition"]),
        "zones": zones(ec2),
        "s3_prefix_list_id": s3_prefix_list(ec2, region),
        "security_policies": policies,
        "buckets": [{"name": name, "owner": owners[name]} for name in names],
    }


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={"buckets": {"type": "list", "elements": "str", "default": []}},
        supports_check_mode=True,
    )
    try:
        result = survey(module)
    except AnsibleGatewayError as error:
        module.fail_json_aws_error(error)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
