#!/usr/bin/python

# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cloudformation_events_info
version_added: 0.2.0
short_description: Follow what happens to a CloudFormation stack
description:
  - Gives the events of a stack's latest operation, whether it is over, and which resource failed first.
  - With O(follow) each event is printed when it happens, one line each, until the stack is settled. An action plugin
    of the same name does that.
author:
  - The mft.aws project (!UNKNOWN)
options:
  stack_name:
    description:
      - The name of the stack, or its ARN, by which a deleted one is found as well.
    type: str
    required: true
  after:
    description:
      - The id of an event that was seen. Only what came after it is given.
      - Without it, the events of the latest operation are.
    type: str
  token:
    description:
      - What marks the operation that is meant. Until its first event there is, nothing counts as finished.
    type: str
  wait:
    description:
      - How many seconds to wait at most for an event, or for the stack to be settled.
    type: int
    default: 0
  follow:
    description:
      - Whether to print events as they happen until the stack is settled, whatever O(wait) says.
    type: bool
    default: false
  follow_timeout:
    description:
      - How many seconds O(follow) goes on at most. The stack goes on by itself after that.
    type: int
    default: 7200
attributes:
  check_mode:
    support: full
    description: Changes nothing.
  diff_mode:
    support: none
    description: Changes nothing.
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
notes:
  - Needs the permissions C(cloudformation:DescribeStacks) and C(cloudformation:DescribeStackEvents).
"""

EXAMPLES = r"""
- name: Follow an update until it is over
  mft.aws.cloudformation_events_info:
    stack_name: acme-gateway
    follow: true
    token: "{{ execution.token }}"
  register: operation

- name: Say which resource failed first
  ansible.builtin.fail:
    msg: "{{ operation.first_failure }}"
  when: not operation.succeeded
"""

RETURN = r"""
events:
  description: The events, oldest first.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: What O(after) takes.
      returned: always
      type: str
      sample: Queue-UPDATE_COMPLETE-2026-03-01T12:00:00.000Z
    time:
      description: When it happened, in UTC.
      returned: always
      type: str
      sample: "2026-03-01T12:00:00Z"
    logical_id:
      description: The name of the resource in the template.
      returned: always
      type: str
      sample: Queue
    physical_id:
      description: The name or id that it has.
      returned: always
      type: str
      sample: acme-gateway-files
    type:
      description: What it is.
      returned: always
      type: str
      sample: AWS::SQS::Queue
    status:
      description: What happened to it.
      returned: always
      type: str
      sample: UPDATE_COMPLETE
    reason:
      description: Why; often empty.
      returned: always
      type: str
      sample: ""
    token:
      description: What marks the operation.
      returned: always
      type: str
      sample: mft-6f9619ff-8b86-4d01-b42d-00cf4fc964ff
lines:
  description: The events as one line each.
  returned: success
  type: list
  elements: str
  sample: ["12:00:00  UPDATE_COMPLETE      Queue (AWS::SQS::Queue)"]
stack_status:
  description: The state of the stack; empty if there is none.
  returned: success
  type: str
  sample: UPDATE_COMPLETE
finished:
  description: Whether nothing more will happen by itself.
  returned: success
  type: bool
  sample: true
succeeded:
  description: Whether it is finished and ended as it should.
  returned: success
  type: bool
  sample: true
first_failure:
  description: The first resource that failed among RV(events), and why, in one sentence. Empty without a failure.
  returned: success
  type: str
  sample: "Server (AWS::Transfer::Server) could not be created: The security policy is unknown."
named_failure:
  description: The same of these events alone, whatever became of the stack.
  returned: success
  type: str
  sample: ""
next:
  description: The options with which the next run goes on from here.
  returned: success
  type: dict
  sample: {"after": "Queue-UPDATE_COMPLETE-2026-03-01T12:00:00.000Z"}
"""

import typing

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.mft.aws.plugins.module_utils._cloudformation import api
from ansible_collections.mft.aws.plugins.module_utils._cloudformation import events as reading
from ansible_collections.mft.aws.plugins.module_utils._cloudformation.change_set import pauses
from ansible_collections.mft.aws.plugins.module_utils._cloudformation.change_set import state_of
from ansible_collections.mft.aws.plugins.module_utils._cloudformation.errors import AnsibleCloudFormationError

if typing.TYPE_CHECKING:
    from typing import Any


def look(client: Any, stack: str, after: str | None) -> tuple[str, list[reading.Event]]:
    """The stack's state first: what happened until then is among the events."""
    status = state_of(api.describe_stack(client, stack))
    return status, api.new_events(client, stack, after) or []


def gather(client: Any, stack: str, after: str | None, token: str | None, wait: int) -> dict[str, Any]:
    status, begun = "", False
    found: list[reading.Event] = []
    for _look in pauses(max(wait, 1), first=0.5, longest=3):
        status, found = look(client, stack, after)
        begun = after is not None or not token or any(event["token"] == token for event in found)
        if not wait or (begun and (found or reading.is_settled(status))):
            break
    if not begun:
        # What there is belongs to the operation before.
        found = []
    finished = begun and reading.is_settled(status)
    succeeded = finished and reading.has_succeeded(status)
    failure = reading.first_failure(found)
    return {
        "events": found,
        "lines": [reading.line(event) for event in found],
        "stack_status": status,
        "finished": finished,
        "succeeded": succeeded,
        "first_failure": "" if succeeded else reading.sentence(failure, status),
        # For the action plugin, which puts many runs together.
        "named_failure": reading.sentence(failure, status) if failure else "",
        "next": {"after": found[-1]["id"] if found else after},
    }


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "stack_name": {"required": True},
            "after": {},
            "token": {"no_log": False},
            "wait": {"type": "int", "default": 0},
            "follow": {"type": "bool", "default": False},
            "follow_timeout": {"type": "int", "default": 7200},
        },
        supports_check_mode=True,
    )
    options = module.params
    try:
        client = module.client("cloudformation")
        result = gather(client, options["stack_name"], options["after"], options["token"], options["wait"])
    except AnsibleCloudFormationError as error:
        module.fail_json_aws_error(error)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
