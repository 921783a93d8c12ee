#!/usr/bin/python

# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cloudformation_stack
version_added: 0.2.0
short_description: Protect, delete or recover a CloudFormation stack
description:
  - Sets the stack policy and the protection against deletion, without an update of the stack.
  - Begins to delete a stack, or to continue a rollback that failed, and returns at once.
    M(mft.aws.cloudformation_events_info) follows what happens.
  - M(mft.aws.cloudformation_change_set) makes and updates stacks.
author:
  - The mft.aws project (!UNKNOWN)
options:
  stack_name:
    description:
      - The name of the stack.
    type: str
    required: true
  state:
    description:
      - V(present) protects the stack, which has to be there.
      - V(absent) begins to delete it. One that is protected is not deleted, unless O(termination_protection=false).
      - V(recovered) continues the rollback of a stack that is UPDATE_ROLLBACK_FAILED, and does nothing to others.
    type: str
    choices: ['present', 'absent', 'recovered']
    default: present
  termination_protection:
    description:
      - Whether to refuse that the stack be deleted. Left as it is, unless given.
    type: bool
  stack_policy:
    description:
      - The stack policy, which says what an update may do to which resource. Left as it is, unless given.
    type: json
  role_arn:
    description:
      - The ARN of the role that CloudFormation acts under.
    type: str
  retain_resources:
    description:
      - Logical ids of resources to leave alone, which stay where they are and are no longer part of the stack.
      - With O(state=absent) for a stack that is DELETE_FAILED only. With O(state=recovered) those whose rollback is
        skipped.
    type: list
    elements: str
    default: []
seealso:
  - module: mft.aws.cloudformation_change_set
  - module: mft.aws.cloudformation_events_info
notes:
  - Needs the permissions C(cloudformation:DescribeStacks), and as asked for C(cloudformation:GetStackPolicy),
    C(cloudformation:SetStackPolicy), C(cloudformation:UpdateTerminationProtection), C(cloudformation:DeleteStack),
    C(cloudformation:ListStacks), C(cloudformation:ContinueUpdateRollback) and C(iam:PassRole).
attributes:
  check_mode:
    support: full
    description: Reports the same change as a real run.
  diff_mode:
    support: partial
    description: Shows policy and protection before and after.
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Let no update replace or remove the bucket, and nobody delete the stack
  mft.aws.cloudformation_stack:
    stack_name: acme-gateway
    termination_protection: true
    stack_policy:
      Statement:
        - Effect: Allow
          Principal: "*"
          Action: Update:*
          Resource: "*"
        - Effect: Deny
          Principal: "*"
          Action: [Update:Replace, Update:Delete]
          Resource: LogicalResourceId/Bucket

- name: Go on with a rollback that failed
  mft.aws.cloudformation_stack:
    stack_name: acme-gateway
    state: recovered
  register: recovery

- name: See how that goes
  mft.aws.cloudformation_events_info:
    stack_name: acme-gateway
    token: "{{ recovery.token }}"
    follow: true
  when: recovery is changed

- name: Delete it, protected or not
  mft.aws.cloudformation_stack:
    stack_name: acme-gateway
    state: absent
    termination_protection: false
  register: deletion
"""

RETURN = r"""
stack_id:
  description:
    - The ARN of the stack, by which its events are found for 90 days after its deletion.
    - With O(state=absent) and no such stack, that of the last deleted one of this name; empty if there is none.
  returned: success
  type: str
  sample: arn:aws:cloudformation:eu-central-1:123456789012:stack/acme-gateway/0b6f1c2d-3e4f-4a5b-8c6d-7e8f9a0b1c2d
token:
  description: What marks the events of the operation; empty if nothing was begun.
  returned: unless O(state=present)
  type: str
  sample: mft-6f9619ff-8b86-4d01-b42d-00cf4fc964ff
"""

import typing

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.mft.aws.plugins.module_utils._cloudformation.errors import AnsibleCloudFormationError
from ansible_collections.mft.aws.plugins.module_utils._cloudformation.stack import begin_deletion
from ansible_collections.mft.aws.plugins.module_utils._cloudformation.stack import begin_recovery
from ansible_collections.mft.aws.plugins.module_utils._cloudformation.stack import protect

if typing.TYPE_CHECKING:
    from typing import Any


def ensure_stack(module: AnsibleAWSModule) -> dict[str, Any]:
    options = module.params
    client, stack = module.client("cloudformation"), options["stack_name"]
    if options["state"] == "absent":
        return begin_deletion(client, stack, options, module.check_mode)
    if options["state"] == "recovered":
        return begin_recovery(client, stack, options, module.check_mode)
    return protect(client, stack, options["stack_policy"], options["termination_protection"], module.check_mode)


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "stack_name": {"required": True},
            "state": {"choices": ["present", "absent", "recovered"], "default": "present"},
            "termination_protection": {"type": "bool"},
            "stack_policy": {"type": "json"},
            "role_arn": {},
            "retain_resources": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    try:
        result = ensure_stack(module)
    except AnsibleCloudFormationError as error:
        module.fail_json_aws_error(error)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
