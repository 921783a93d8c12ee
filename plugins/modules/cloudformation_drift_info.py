#!/usr/bin/python

# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cloudformation_drift_info
version_added: 0.2.0
short_description: Find out what was changed beside a CloudFormation stack
description:
  - Has CloudFormation compare a stack's resources with what the template says, waits for it, and tells the difference
    of each resource and property.
author:
  - The mft.aws project (!UNKNOWN)
options:
  stack_name:
    description:
      - The name of the stack.
    type: str
    required: true
  wait_timeout:
    description:
      - How many seconds the search may take.
    type: int
    default: 600
attributes:
  check_mode:
    support: full
    description: Changes nothing but the time of the last search.
  diff_mode:
    support: none
    description: Changes nothing.
notes:
  - Needs the permissions C(cloudformation:DetectStackDrift), C(cloudformation:DetectStackResourceDrift),
    C(cloudformation:DescribeStackDriftDetectionStatus), C(cloudformation:DescribeStackResourceDrifts) and those to read
    each resource.
  - CloudFormation looks at the types and properties that it can look at, and at no property that the template does not
    set. What it did not look at is in RV(not_checked).
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Look for what somebody changed in the console
  mft.aws.cloudformation_drift_info:
    stack_name: acme-gateway
  register: drift

- name: Fail if there is any
  ansible.builtin.fail:
    msg: "{{ drift.lines }}"
  when: drift.drifted
"""

RETURN = r"""
drifted:
  description: Whether anything is not as the template says.
  returned: success
  type: bool
  sample: true
resources:
  description: The resources that are not.
  returned: success
  type: list
  elements: dict
  contains:
    logical_id:
      description: The name of the resource in the template.
      returned: always
      type: str
      sample: Queue
    physical_id:
      description: The name or id that it has.
      returned: always
      type: str
      sample: https://sqs.eu-central-1.amazonaws.com/123456789012/acme-gateway-files
    type:
      description: What it is.
      returned: always
      type: str
      sample: AWS::SQS::Queue
    status:
      description: V(MODIFIED) or V(DELETED).
      returned: always
      type: str
      sample: MODIFIED
    differences:
      description: Each C(property) that differs with its C(kind), V(changed), V(added) or V(removed), and both values.
      returned: always
      type: list
      elements: dict
      sample: [{"property": "DelaySeconds", "kind": "changed", "expected": "10", "actual": "30"}]
lines:
  description: The same to read.
  returned: success
  type: list
  elements: str
  sample: ["Queue (AWS::SQS::Queue) acme-gateway-files was changed:", "    DelaySeconds is 30, should be 10"]
in_sync:
  description: How many resources are as they should be.
  returned: success
  type: int
  sample: 31
not_checked:
  description: The resources at which CloudFormation cannot look.
  returned: success
  type: list
  elements: str
  sample: [ServerName]
problem:
  description: Why CloudFormation could not look at all it should have; empty if it could.
  returned: success
  type: str
  sample: ""
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.mft.aws.plugins.module_utils._cloudformation.drift import detect
from ansible_collections.mft.aws.plugins.module_utils._cloudformation.errors import AnsibleCloudFormationError


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "stack_name": {"required": True},
            "wait_timeout": {"type": "int", "default": 600},
        },
        supports_check_mode=True,
    )
    try:
        result = detect(module.client("cloudformation"), module.params["stack_name"], module.params["wait_timeout"])
    except AnsibleCloudFormationError as error:
        module.fail_json_aws_error(error)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
