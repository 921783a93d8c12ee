#!/usr/bin/python

# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: transfer_ssh_key
version_added: 0.1.0
short_description: Manage one SSH public key of a user of an AWS Transfer Family server
description:
  - Imports one SSH public key for a user that is there, or deletes one, and leaves the user's other keys alone.
  - Two keys are equal if only their comments or spacing differ. A key that is already there is never imported twice.
  - Everything that is wrong with the options is found before the first change, and reported at once.
  - A run that was cut off, in whatever place, is finished by the next one.
author:
  - The mft.aws project (!UNKNOWN)
options:
  user_name:
    description:
      - The name of the user. It has to be there when O(state=present), M(mft.aws.transfer_user) creates it.
    type: str
    required: true
    aliases: ['name']
  state:
    description:
      - Whether the user is to have the key.
    type: str
    choices: ['present', 'absent']
    default: present
  ssh_public_key_body:
    description:
      - The public key, as the one line of a C(.pub) file.
      - RSA (2,048 bits and more), ECDSA and Ed25519 keys are taken, but none whose numbers protect nothing.
      - A user that has as many keys as Transfer lets it have gets no other. Take one away first, or exchange them by
        M(mft.aws.transfer_user) with O(mft.aws.transfer_user#module:purge_ssh_public_keys).
      - The value is kept out of logs, because what gets pasted here by mistake is a private key.
    type: str
  fingerprint:
    description:
      - The SHA256 fingerprint of a key that the user has, as C(ssh-keygen -l) writes it.
    type: str
  ssh_public_key_id:
    description:
      - The id of a key that the user has.
    type: str
notes:
  - Needs the permissions C(transfer:DescribeUser), C(transfer:DescribeServer), C(transfer:ImportSshPublicKey) and
    C(transfer:DeleteSshPublicKey).
  - A user that cannot be found is looked for during some seconds, since a user that was just created is not known
    everywhere at once.
attributes:
  diff_mode:
    support: full
    description: Shows the fingerprints of the user's keys before and after.
seealso:
  - module: mft.aws.transfer_user
    description: Manages the user with all its keys.
extends_documentation_fragment:
  - mft.aws.transfer
  - mft.aws.transfer.server_id
  - mft.aws.transfer.ssh_keys
  - mft.aws.transfer.changes
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Let acme log in with next year's key, too
  mft.aws.transfer_ssh_key:
    server_id: s-0123456789abcdef0
    user_name: acme
    ssh_public_key_body: >-
      ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB5lMMIbvGgv2de+4qMUB5+yIG5M436Mz/U9x2A/r56N acme-2026
  register: imported

- name: Take the key of a lost laptop away from acme
  mft.aws.transfer_ssh_key:
    server_id: s-0123456789abcdef0
    user_name: acme
    fingerprint: SHA256:nlWG27misI9m6Tv8twarBiytIiJEwRDAR6BBkmh1uiI
    state: absent

- name: Look at the users of the server
  mft.aws.transfer_user_info:
    server_id: s-0123456789abcdef0
  register: present

- name: Take away every RSA key with fewer than 3072 bits
  mft.aws.transfer_ssh_key:
    server_id: s-0123456789abcdef0
    user_name: "{{ item.0.user_name }}"
    ssh_public_key_id: "{{ item.1.id }}"
    state: absent
  loop: "{{ present.users | subelements('ssh_public_keys') }}"
  loop_control:
    label: "{{ item.0.user_name }} {{ item.1.fingerprint }}"
  when: item.1.type == 'ssh-rsa' and item.1.bits < 3072
"""

RETURN = r"""
operation:
  description: What was done, or in check mode would be; V(imported), V(deleted) or V(none).
  returned: success
  type: str
  sample: imported
ssh_public_key:
  description:
    - The key, as the service holds it after the change. Empty if O(state=absent).
    - In check mode, the key as it would be; what only the service can give (RV(ssh_public_key.id),
      RV(ssh_public_key.date_imported)) is empty where it is new.
  returned: success
  type: dict
  contains: &key
    id:
      description: The id of the key.
      returned: always
      type: str
      sample: key-0123456789abcdef0
    type:
      description: The type of the key.
      returned: always
      type: str
      sample: ssh-ed25519
    bits:
      description: The length of the key; none if it cannot be read.
      returned: always
      type: int
      sample: 256
    fingerprint:
      description: The SHA256 fingerprint, as C(ssh-keygen -l) writes it.
      returned: always
      type: str
      sample: SHA256:z11/nz7HbQXUGNX/tYqW8xzIIYmo8AKU0dn4I7nuvvc
    comment:
      description: The comment of the key; empty if it has none.
      returned: always
      type: str
      sample: acme-2026
    date_imported:
      description: When the key was imported.
      returned: always
      type: str
      sample: "2025-11-22T19:45:02+00:00"
ssh_public_keys:
  description:
    - All keys of the user after the change, in the order of their fingerprints; in check mode, as they would be.
  returned: success
  type: list
  elements: dict
  contains: *key
"""

import typing

from ansible.module_utils.basic import missing_required_lib
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.mft.aws.plugins.module_utils._transfer.converge_user_key import converge_user_key
from ansible_collections.mft.aws.plugins.module_utils._transfer.errors import AnsibleTransferError
from ansible_collections.mft.aws.plugins.module_utils._transfer.errors import InvalidOptionsError
from ansible_collections.mft.aws.plugins.module_utils._transfer.retries import SINGLE_ATTEMPT
from ansible_collections.mft.aws.plugins.module_utils._transfer.ssh_keys import HAS_CRYPTOGRAPHY
from ansible_collections.mft.aws.plugins.module_utils._transfer.user_keys import key_diff_side
from ansible_collections.mft.aws.plugins.module_utils._transfer.user_keys import key_result
from ansible_collections.mft.aws.plugins.module_utils._transfer.user_keys import key_results
from ansible_collections.mft.aws.plugins.module_utils._transfer.user_keys import read_wanted_key

if typing.TYPE_CHECKING:
    from typing import Any


def ensure_key(module: AnsibleAWSModule) -> dict[str, Any]:
    wanted, problems = read_wanted_key(module.params)
    if problems:
        raise InvalidOptionsError(problems)
    client = module.client("transfer", config=SINGLE_ATTEMPT)
    outcome = converge_user_key(client, module.params["server_id"], wanted, module.check_mode)
    for warning in outcome.warnings:
        module.warn(warning)
    return {
        "changed": bool(outcome.plan),
        "operation": outcome.plan.operation,
        "ssh_public_key": key_result(wanted, outcome.after),
        "ssh_public_keys": key_results(outcome.after),
        "diff": {"before": key_diff_side(outcome.before), "after": key_diff_side(outcome.planned)},
    }


def main() -> None:
    identity = ("ssh_public_key_body", "fingerprint", "ssh_public_key_id")
    argument_spec = {
        "server_id": {"required": True},
        "user_name": {"required": True, "aliases": ["name"]},
        "state": {"choices": ["present", "absent"], "default": "present"},
        # Public, and yet kept out of logs: a private key pasted by mistake would reach syslog before it is seen here.
        "ssh_public_key_body": {"no_log": True},
        "fingerprint": {},
        "ssh_public_key_id": {"no_log": False},
    }
    module = AnsibleAWSModule(
        argument_spec=argument_spec,
        mutually_exclusive=[identity],
        required_one_of=[identity],
        supports_check_mode=True,
    )
    if not HAS_CRYPTOGRAPHY:
        module.fail_json(msg=missing_required_lib("cryptography", reason="to read SSH keys"))
    try:
        result = ensure_key(module)
    except AnsibleTransferError as error:
        module.fail_json_aws_error(error)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
