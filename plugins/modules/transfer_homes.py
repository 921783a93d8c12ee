#!/usr/bin/python

# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: transfer_homes
version_added: 0.2.0
short_description: Make the homes of AWS Transfer Family users in an S3 bucket
description:
  - Makes the directories in which users' sessions begin, as far as they are not there. S3 has none of its own, so that
    a session of a user whose home is V(LOGICAL) fails until something is in its home.
  - A directory is an empty object whose key ends in a slash, encrypted as the bucket says. One in which anything is
    needs none.
  - Homes beside each other take one call of S3 for each 1,000 of them to be looked for, and one for each to be made.
  - Nothing is ever removed.
author:
  - The mft.aws project (!UNKNOWN)
options:
  bucket:
    description:
      - The name of the bucket. It has to be there.
    type: str
    required: true
  homes:
    description:
      - The homes, as paths in the bucket without a slash first or last, such as V(home/acme).
    type: list
    elements: str
    required: true
notes:
  - Needs the permissions C(s3:ListBucket) and C(s3:PutObject), and those for the bucket's KMS key.
attributes:
  diff_mode:
    support: full
    description: Shows the homes that are made.
extends_documentation_fragment:
  - mft.aws.transfer
  - mft.aws.transfer.changes
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
seealso:
  - module: mft.aws.transfer_users
"""

EXAMPLES = r"""
- name: Make the homes of acme and orders, before they log in
  mft.aws.transfer_homes:
    bucket: bank-transfers
    homes:
      - home/acme
      - home/orders
"""

RETURN = r"""
created:
  description: The homes that were made, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: ['home/acme']
"""

import typing

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.mft.aws.plugins.module_utils._transfer.errors import AnsibleTransferError
from ansible_collections.mft.aws.plugins.module_utils._transfer.errors import InvalidOptionsError
from ansible_collections.mft.aws.plugins.module_utils._transfer.homes import home_problems
from ansible_collections.mft.aws.plugins.module_utils._transfer.homes import make_homes
from ansible_collections.mft.aws.plugins.module_utils._transfer.homes import missing_homes
from ansible_collections.mft.aws.plugins.module_utils._transfer.retries import SINGLE_ATTEMPT

if typing.TYPE_CHECKING:
    from typing import Any


def ensure_homes(module: AnsibleAWSModule) -> dict[str, Any]:
    bucket, homes = module.params["bucket"], module.params["homes"]
    problems = home_problems(homes)
    if problems:
        raise InvalidOptionsError(problems)
    client = module.client("s3", config=SINGLE_ATTEMPT)
    missing = missing_homes(client, bucket, homes)
    if not module.check_mode:
        make_homes(client, bucket, missing)
    return {
        "changed": bool(missing),
        "created": missing,
        "diff": {"before": {"homes": []}, "after": {"homes": missing}},
    }


def main() -> None:
    argument_spec = {"bucket": {"required": True}, "homes": {"type": "list", "elements": "str", "required": True}}
    module = AnsibleAWSModule(argument_spec=argument_spec, supports_check_mode=True)
    try:
        result = ensure_homes(module)
    except AnsibleTransferError as error:
        module.fail_json_aws_error(error)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
