#!/usr/bin/python

# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_recovery_points
version_added: 0.2.0
short_description: Delete what AWS Backup keeps of a resource
description:
  - Deletes the recovery points of a resource in every vault, which outlive the resource itself.
author:
  - The mft.aws project (!UNKNOWN)
options:
  resource_arn:
    description:
      - The ARN of the resource. It need not be there any more.
    type: str
    required: true
  state:
    description:
      - What there is to be of them.
    type: str
    choices: ['absent']
    required: true
attributes:
  check_mode:
    support: full
    description: Tells what would be deleted.
  diff_mode:
    support: none
    description: RV(deleted) names them.
notes:
  - Needs the permissions C(backup:ListRecoveryPointsByResource) and C(backup:DeleteRecoveryPoint).
  - The vault of the automatic backups of EFS forbids their deletion by its access policy. Change that before.
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Delete the backups of a share that is no more
  mft.aws.backup_recovery_points:
    resource_arn: arn:aws:elasticfilesystem:eu-central-1:123456789012:file-system/fs-0123456789abcdef0
    state: absent
"""

RETURN = r"""
deleted:
  description: The ARNs of the recovery points that were deleted, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: ["arn:aws:backup:eu-central-1:123456789012:recovery-point:1EB3B5E7-9EB0-435A-A80B-108B488B0D45"]
left:
  description: Those that are still there afterwards. AWS Backup takes its time to delete one.
  returned: success
  type: list
  elements: str
  sample: []
"""

import typing

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.mft.aws.plugins.module_utils._gateway.backups import delete_points
from ansible_collections.mft.aws.plugins.module_utils._gateway.backups import list_points
from ansible_collections.mft.aws.plugins.module_utils._gateway.errors import AnsibleGatewayError

if typing.TYPE_CHECKING:
    from typing import Any


def ensure_absent(client: Any, arn: str, check_mode: bool) -> dict[str, Any]:
    points = list_points(client, arn)
    found = [str(point["RecoveryPointArn"]) for point in points]
    if check_mode or not points:
        return {"changed": bool(points), "deleted": found, "left": found}
    delete_points(client, points)
    left = [str(point["RecoveryPointArn"]) for point in list_points(client, arn)]
    return {"changed": True, "deleted": found, "left": left}


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={"resource_arn": {"required": True}, "state": {"choices": ["absent"], "required": True}},
        supports_check_mode=True,
    )
    try:
        result = ensure_absent(module.client("backup"), module.params["resource_arn"], module.check_mode)
    except AnsibleGatewayError as error:
        module.fail_json_aws_error(error)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
