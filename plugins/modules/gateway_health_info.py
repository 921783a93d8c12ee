#!/usr/bin/python

# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: gateway_health_info
version_added: 0.2.0
short_description: Look at how the parts of a gateway are
description:
  - Asks Lambda, SQS, Transfer Family and EFS for the state of the function, the depth of the queues, the server and the
    mount targets.
  - A part that the caller may not look at is reported as such, and hides no other.
author:
  - The mft.aws project (!UNKNOWN)
options:
  function_name:
    description:
      - The replicator function.
    type: str
  queue_url:
    description:
      - The queue of changes that wait for the function.
    type: str
  dead_letter_queue_url:
    description:
      - The queue of changes that could not be replicated.
    type: str
  server_id:
    description:
      - The SFTP server.
    type: str
  file_system_id:
    description:
      - The share.
    type: str
attributes:
  check_mode:
    support: full
    description: Changes nothing.
  diff_mode:
    support: none
    description: Changes nothing.
notes:
  - Needs the permissions C(lambda:GetFunctionConfiguration), C(sqs:GetQueueAttributes), C(transfer:DescribeServer),
    C(elasticfilesystem:DescribeFileSystems) and C(elasticfilesystem:DescribeMountTargets).
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Look at function and queues
  mft.aws.gateway_health_info:
    function_name: acme-replicator
    queue_url: https://sqs.eu-central-1.amazonaws.com/123456789012/acme-files
    dead_letter_queue_url: https://sqs.eu-central-1.amazonaws.com/123456789012/acme-files-dead
  register: health
"""

RETURN = r"""
healthy:
  description: Whether every part that could be looked at is as it should be.
  returned: success
  type: bool
  sample: true
problems:
  description: What is not as it should be, or could not be looked at.
  returned: success
  type: list
  elements: str
  sample: ["dead_letter_queue: 2 changes could not be replicated"]
parts:
  description:
    - Each of C(function), C(queue), C(dead_letter_queue), C(server) and C(file_system) that was asked for.
    - Each has C(healthy), which is null if it could not be looked at, C(problem), and what is known of it. The C(state)
      of one that is not there is V(missing).
  returned: success
  type: dict
  sample:
    function: {"healthy": true, "problem": "", "state": "Active", "last_update": "Successful", "runtime": "python3.13"}
    queue: {"healthy": true, "problem": "", "waiting": 0, "delayed": 3, "in_flight": 10}
    server: {"healthy": true, "problem": "", "state": "ONLINE", "users": 12}
"""

import typing

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.mft.aws.plugins.module_utils._gateway.health import look

if typing.TYPE_CHECKING:
    from typing import Any


def summary(parts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "healthy": all(part["healthy"] is not False for part in parts.values()),
        "problems": [f"{name}: {part['problem']}" for name, part in parts.items() if part["problem"]],
        "parts": parts,
    }


def main() -> None:
    options = ["function_name", "queue_url", "dead_letter_queue_url", "server_id", "file_system_id"]
    module = AnsibleAWSModule(argument_spec={option: {} for option in options}, supports_check_mode=True)
    parts = look(module.client, module.params)
    module.exit_json(changed=False, **summary(parts))


if __name__ == "__main__":
    main()
