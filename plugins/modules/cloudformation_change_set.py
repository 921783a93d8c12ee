#!/usr/bin/python

# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cloudformation_change_set
version_added: 0.2.0
short_description: Preview a change of a CloudFormation stack, and execute what was previewed
description:
  - Makes a change set of a new or an existing stack, and says in words what it would add, modify, replace and remove.
  - Executes that very change set, so that nothing happens that was not shown before.
  - In check mode the change set is deleted again, and with it a stack that is nothing but a place for it.
  - A change set of the same name, left by a run that was cut off, is deleted first.
author:
  - The mft.aws project (!UNKNOWN)
options:
  stack_name:
    description:
      - The name of the stack.
    type: str
    required: true
  change_set_name:
    description:
      - The name of the change set. Runs with the same name take away what earlier ones left.
    type: str
    default: mft-aws
  state:
    description:
      - V(created) makes the change set and leaves it to be executed, unless there is nothing to change.
      - V(executed) begins to execute it and returns at once. M(mft.aws.cloudformation_events_info) follows it.
      - V(absent) deletes it.
    type: str
    choices: ['created', 'executed', 'absent']
    default: created
  template_body:
    description:
      - The text of the template, in YAML or JSON. It is what parameters, rules and capabilities are checked against
        before the first call.
      - CloudFormation takes 51,200 bytes in a request. A longer one needs O(template_url), but for a new stack in check
        mode.
    type: str
  template_url:
    description:
      - Where CloudFormation finds the template in S3. Wins over O(template_body), which is then for the checks alone.
    type: str
  template_parameters:
    description:
      - The parameters. Those that are not given have the template's defaults.
    type: dict
    default: {}
  capabilities:
    description:
      - What of the template is acknowledged.
    type: list
    elements: str
    choices: ['CAPABILITY_IAM', 'CAPABILITY_NAMED_IAM', 'CAPABILITY_AUTO_EXPAND']
    default: []
  tags:
    description:
      - Tags of the stack and of everything in it that can be tagged. Those that are not given are removed.
    type: dict
    aliases: ['resource_tags']
    default: {}
  role_arn:
    description:
      - The ARN of the role that CloudFormation acts under, now and later.
    type: str
  notification_arns:
    description:
      - Topics that get the stack's events.
    type: list
    elements: str
    default: []
  protected:
    description:
      - Logical ids of resources that must be neither replaced nor removed.
      - A change set that would do so is deleted, and the module fails.
    type: list
    elements: str
    default: []
  replaceable:
    description:
      - Those of O(protected) for which it is allowed.
    type: list
    elements: str
    default: []
  wait_timeout:
    description:
      - How many seconds the change set may take to be made.
    type: int
    default: 600
requirements:
  - PyYAML, for O(template_body)
seealso:
  - module: mft.aws.cloudformation_events_info
  - module: mft.aws.cloudformation_stack
notes:
  - Needs the permissions C(cloudformation:DescribeStacks), C(cloudformation:CreateChangeSet),
    C(cloudformation:DescribeChangeSet), C(cloudformation:DeleteChangeSet), C(cloudformation:ListChangeSets),
    C(cloudformation:ExecuteChangeSet), C(cloudformation:DeleteStack) for the empty stack of a preview, and
    C(iam:PassRole) for O(role_arn).
attributes:
  check_mode:
    support: full
    description: Reports the same changes as a real run and leaves nothing behind. Executes nothing.
  diff_mode:
    support: full
    description: Shows properties before and after, where CloudFormation tells them.
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Show what would change
  mft.aws.cloudformation_change_set:
    stack_name: acme-gateway
    template_url: https://s3.eu-central-1.amazonaws.com/acme-artefacts/templates/gateway.yaml
    template_parameters:
      DeliveryDelaySeconds: 0
    capabilities: [CAPABILITY_IAM]
    protected: [Bucket, FileSystem, Key, Server]
  register: proposal

- name: Show it to the operator
  ansible.builtin.debug:
    msg: "{{ proposal.lines }}"

- name: Execute that and nothing else
  mft.aws.cloudformation_change_set:
    stack_name: acme-gateway
    state: executed
  when: proposal is changed
  register: execution

- name: Show events as they happen, until the stack is settled
  mft.aws.cloudformation_events_info:
    stack_name: "{{ execution.stack_id }}"
    follow: true
  when: proposal is changed
"""

RETURN = r"""
changes:
  description: What the change set would do, losses first.
  returned: when O(state=created)
  type: list
  elements: dict
  contains:
    action:
      description:
        - V(add), V(modify), V(replace), V(replace?) where CloudFormation cannot tell before, or V(remove).
        - V(add?) is a resource under a condition, where RV(exact) is false.
      returned: always
      type: str
      sample: modify
    logical_id:
      description: The name of the resource in the template.
      returned: always
      type: str
      sample: Queue
    physical_id:
      description: The name or id that it has; empty for one that is added.
      returned: when RV(exact) is true
      type: str
      sample: acme-gateway-files
    type:
      description: What it is.
      returned: always
      type: str
      sample: AWS::SQS::Queue
    properties:
      description: The properties that change, with C(before) and C(after) where CloudFormation tells them.
      returned: when RV(exact) is true
      type: list
      elements: dict
      sample: [{"name": "DelaySeconds", "replaces": false, "before": "10", "after": "0"}]
    policy_action:
      description: What becomes of a resource that is replaced or removed.
      returned: when it is
      type: str
      sample: ReplaceAndRetain
lines:
  description: The same as one line each.
  returned: when O(state=created)
  type: list
  elements: str
  sample: ["modify   Queue (AWS::SQS::Queue) acme-gateway-files: DelaySeconds 10 → 0"]
pending:
  description: Whether there is something to execute. Outputs alone can change as well, which is none of RV(changes).
  returned: when O(state=created)
  type: bool
  sample: true
exact:
  description:
    - Whether CloudFormation said so. In check mode it cannot be asked about a new stack whose template is too long for
      a request, or that has what is left of a failed creation in its place. RV(changes) are what the template has then.
  returned: when O(state=created)
  type: bool
  sample: true
change_set_id:
  description: The ARN of the change set.
  returned: when O(state=created) and RV(exact) is true
  type: str
  sample: arn:aws:cloudformation:eu-central-1:123456789012:changeSet/mft-aws/5e2d3a1c-7b3f-4f0e-9f0f-0c3d2a1b4e5f
stack_id:
  description: The ARN of the stack, by which its events are found even after its deletion.
  returned: unless O(state=absent)
  type: str
  sample: arn:aws:cloudformation:eu-central-1:123456789012:stack/acme-gateway/0b6f1c2d-3e4f-4a5b-8c6d-7e8f9a0b1c2d
token:
  description: What marks the events of the execution; empty if it was under way already.
  returned: when O(state=executed)
  type: str
  sample: mft-6f9619ff-8b86-4d01-b42d-00cf4fc964ff
"""

import typing

from ansible.module_utils.basic import missing_required_lib
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.mft.aws.plugins.module_utils._cloudformation.change_set import Wanted
from ansible_collections.mft.aws.plugins.module_utils._cloudformation.change_set import discard
from ansible_collections.mft.aws.plugins.module_utils._cloudformation.change_set import execute
from ansible_collections.mft.aws.plugins.module_utils._cloudformation.change_set import propose
from ansible_collections.mft.aws.plugins.module_utils._cloudformation.errors import AnsibleCloudFormationError
from ansible_collections.mft.aws.plugins.module_utils._cloudformation.errors import InvalidOptionsError
from ansible_collections.mft.aws.plugins.module_utils._cloudformation.options import option_problems
from ansible_collections.mft.aws.plugins.module_utils._cloudformation.template import HAS_YAML
from ansible_collections.mft.aws.plugins.module_utils._cloudformation.template import parameter_value

if typing.TYPE_CHECKING:
    from typing import Any


def read_options(options: dict[str, Any]) -> Wanted:
    """What is asked for; everything wrong with it is said at once, before the first call."""
    parameters = {str(key): parameter_value(value) for key, value in options["template_parameters"].items()}
    tags = {str(key): str(value) for key, value in options["tags"].items()}
    problems = option_problems(options, parameters, tags)
    if problems:
        raise InvalidOptionsError(problems)
    request: dict[str, Any] = {
        "Capabilities": options["capabilities"],
        "NotificationARNs": options["notification_arns"],
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }
    if options["role_arn"]:
        request["RoleARN"] = options["role_arn"]
    return Wanted(
        stack=options["stack_name"],
        name=options["change_set_name"],
        body=options["template_body"] or "",
        url=options["template_url"] or "",
        parameters=parameters,
        request=request,
        protected=tuple(options["protected"]),
        replaceable=tuple(options["replaceable"]),
        timeout=options["wait_timeout"],
    )


def ensure_change_set(module: AnsibleAWSModule) -> dict[str, Any]:
    options = module.params
    stack, name = options["stack_name"], options["change_set_name"]
    if options["state"] == "created":
        wanted = read_options(options)
        return propose(module.client("cloudformation"), wanted, leave=not module.check_mode)
    if module.check_mode:
        return {"changed": True}
    client = module.client("cloudformation")
    if options["state"] == "executed":
        return execute(client, stack, name)
    return {"changed": discard(client, stack, name)}


def main() -> None:
    capabilities = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
    module = AnsibleAWSModule(
        argument_spec={
            "stack_name": {"required": True},
            "change_set_name": {"default": "mft-aws"},
            "state": {"choices": ["created", "executed", "absent"], "default": "created"},
            "template_body": {},
            "template_url": {},
            "template_parameters": {"type": "dict", "default": {}},
            "capabilities": {"type": "list", "elements": "str", "choices": capabilities, "default": []},
            "tags": {"type": "dict", "aliases": ["resource_tags"], "default": {}},
            "role_arn": {},
            "notification_arns": {"type": "list", "elements": "str", "default": []},
            "protected": {"type": "list", "elements": "str", "default": []},
            "replaceable": {"type": "list", "elements": "str", "default": []},
            "wait_timeout": {"type": "int", "default": 600},
        },
        required_if=[("state", "created", ("template_body", "template_url"), True)],
        supports_check_mode=True,
    )
    if module.params["template_body"] and not HAS_YAML:
        module.fail_json(msg=missing_required_lib("PyYAML"))
    try:
        result = ensure_change_set(module)
    except AnsibleCloudFormationError as error:
        module.fail_json_aws_error(error)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
