#!/usr/bin/python

# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: transfer_host_key_info
version_added: 0.1.0
short_description: Gather information about the host keys of an AWS Transfer Family server
description:
  - Lists all host keys of a server, and says which of them clients meet.
author:
  - The mft.aws project (!UNKNOWN)
notes:
  - Needs the permissions C(transfer:ListHostKeys) and C(transfer:DescribeHostKey).
extends_documentation_fragment:
  - mft.aws.transfer
  - mft.aws.transfer.server_id
  - mft.aws.transfer.info
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Look at all host keys of the server
  mft.aws.transfer_host_key_info:
    server_id: s-0123456789abcdef0
  register: result

- name: Tell partners what to compare when they first connect
  ansible.builtin.debug:
    msg: "{{ result.host_keys | selectattr('served') | map(attribute='fingerprint') | list }}"
"""

RETURN = r"""
host_keys:
  description: All host keys of the server, in the order of their import.
  returned: success
  type: list
  elements: dict
  contains:
    host_key_id:
      description: The id of the host key.
      returned: always
      type: str
      sample: hostkey-0123456789abcdef0
    arn:
      description: The ARN of the host key.
      returned: always
      type: str
      sample: arn:aws:transfer:eu-central-1:123456789012:host-key/s-0123456789abcdef0/hostkey-0123456789abcdef0
    fingerprint:
      description: The SHA256 fingerprint, as C(ssh-keygen -l) writes it.
      returned: always
      type: str
      sample: SHA256:nlWG27misI9m6Tv8twarBiytIiJEwRDAR6BBkmh1uiI
    type:
      description: The type of the key.
      returned: always
      type: str
      sample: ssh-rsa
    description:
      description: The text that identifies the key; empty if it has none.
      returned: always
      type: str
      sample: sftp.acme.example until 2026
    date_imported:
      description: When the key was imported.
      returned: always
      type: str
      sample: "2025-11-22T19:45:02+00:00"
    tags:
      description: The tags of the key.
      returned: always
      type: dict
      sample:
        origin: sftp.acme.example
    served:
      description: Whether clients meet this key, the oldest of its algorithm.
      returned: always
      type: bool
      sample: true
served_fingerprints:
  description: The fingerprints of the keys that clients meet, by algorithm.
  returned: success
  type: dict
  sample:
    rsa: SHA256:nlWG27misI9m6Tv8twarBiytIiJEwRDAR6BBkmh1uiI
"""

import typing

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.mft.aws.plugins.module_utils._transfer.converge_host_key import observe_host_keys
from ansible_collections.mft.aws.plugins.module_utils._transfer.converge_host_key import with_tags
from ansible_collections.mft.aws.plugins.module_utils._transfer.errors import AnsibleTransferError
from ansible_collections.mft.aws.plugins.module_utils._transfer.errors import InvalidOptionsError
from ansible_collections.mft.aws.plugins.module_utils._transfer.host_keys import host_key_result
from ansible_collections.mft.aws.plugins.module_utils._transfer.host_keys import served_fingerprints
from ansible_collections.mft.aws.plugins.module_utils._transfer.options import server_id_problems
from ansible_collections.mft.aws.plugins.module_utils._transfer.retries import SINGLE_ATTEMPT

if typing.TYPE_CHECKING:
    from typing import Any


def host_keys_of(module: AnsibleAWSModule) -> dict[str, Any]:
    server_id = module.params["server_id"]
    problems = server_id_problems(server_id)
    if problems:
        raise InvalidOptionsError(problems)
    client = module.client("transfer", config=SINGLE_ATTEMPT)
    keys = tuple(with_tags(client, server_id, key) for key in observe_host_keys(client, server_id))
    in_order = sorted(keys, key=lambda key: key.imported)
    return {
        "host_keys": [host_key_result(key, keys) for key in in_order],
        "served_fingerprints": served_fingerprints(keys),
    }


def main() -> None:
    module = AnsibleAWSModule(argument_spec={"server_id": {"required": True}}, supports_check_mode=True)
    try:
        result = host_keys_of(module)
    except AnsibleTransferError as error:
        module.fail_json_aws_error(error)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
