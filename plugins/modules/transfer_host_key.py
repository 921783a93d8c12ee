#!/usr/bin/python

# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: transfer_host_key
version_added: 0.1.0
short_description: Manage a host key of an AWS Transfer Family server
description:
  - Imports a private host key, so that clients of a legacy SFTP server find the server they know; changes the
    description and tags of a host key; deletes one.
  - A host key is known by its fingerprint. One that is already there is never imported twice.
  - Of the keys of one algorithm (RSA, ECDSA, Ed25519) clients meet the oldest. The module warns when a key is imported
    that clients will not meet, or that is the server's first of its algorithm, which some clients take for a changed
    host key.
  - Everything that is wrong with the options is found before the first change, and reported at once.
author:
  - The mft.aws project (!UNKNOWN)
options:
  state:
    description:
      - Whether the host key is to be there.
    type: str
    choices: ['present', 'absent']
    default: present
  host_key_body:
    description:
      - The private key, as the whole text of its file, in OpenSSH's form or PEM and without a passphrase.
      - RSA of 2,048 bits and more, ECDSA (nistp256, nistp384, nistp521) and Ed25519 keys are taken.
      - Kept out of logs, diffs and error messages.
    type: str
  host_key_path:
    description:
      - The file that holds the private key, on the host that runs the module. There it stays unread by Ansible, which
        makes this the way to import a key that must not pass through inventory, vault or controller.
    type: path
  fingerprint:
    description:
      - The SHA256 fingerprint of a host key that the server has, as C(ssh-keygen -l) writes it.
    type: str
  host_key_id:
    description:
      - The id of a host key that the server has.
    type: str
  description:
    description:
      - A text that identifies the host key, at most 200 printable ASCII characters.
    type: str
  force:
    description:
      - Whether to delete the host key also when it is the one that clients meet.
      - The only host key of a server is never deleted, since no client could connect any more.
    type: bool
    default: false
notes:
  - Needs the permissions C(transfer:ListHostKeys), C(transfer:DescribeHostKey), C(transfer:ImportHostKey),
    C(transfer:UpdateHostKey), C(transfer:DeleteHostKey), C(transfer:TagResource) and C(transfer:UntagResource).
  - RSA and ECDSA keys are sent in PEM, Ed25519 keys in OpenSSH's form, whatever form they are given in, because these
    are the forms that AWS documents.
attributes:
  diff_mode:
    support: full
    description: Shows the host key and the fingerprints that clients meet, before and after.
seealso:
  - name: Manage host keys for your SFTP-enabled server
    description: What AWS says of migrating and rotating host keys.
    link: https://docs.aws.amazon.com/transfer/latest/userguide/configuring-servers-change-host-key.html
extends_documentation_fragment:
  - mft.aws.transfer
  - mft.aws.transfer.server_id
  - mft.aws.transfer.ssh_keys
  - mft.aws.transfer.changes
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.tags
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Bring the legacy server's host key along, read where it is
  mft.aws.transfer_host_key:
    server_id: s-0123456789abcdef0
    host_key_path: /etc/ssh/ssh_host_rsa_key
    description: sftp.acme.example until 2026
    tags:
      origin: sftp.acme.example
  register: imported

- name: Look at all host keys of the server
  mft.aws.transfer_host_key_info:
    server_id: s-0123456789abcdef0
  register: present

- name: Remove the keys that the legacy server did not have, before the first client connects
  mft.aws.transfer_host_key:
    server_id: s-0123456789abcdef0
    host_key_id: "{{ item.host_key_id }}"
    state: absent
    force: true
  loop: "{{ present.host_keys | rejectattr('fingerprint', 'equalto', imported.host_key.fingerprint) }}"
  loop_control:
    label: "{{ item.type }} {{ item.fingerprint }}"

- name: Add the key that is to take over next year, from a vaulted variable
  mft.aws.transfer_host_key:
    server_id: s-0123456789abcdef0
    host_key_body: "{{ vault_next_host_key }}"
    description: takes over in 2027

- name: Say of a key by its fingerprint what it is for
  mft.aws.transfer_host_key:
    server_id: s-0123456789abcdef0
    fingerprint: "{{ imported.host_key.fingerprint }}"
    description: sftp.acme.example until 2027
    tags:
      owner: payments
    purge_tags: false
"""

RETURN = r"""
operation:
  description: What was done, or in check mode would be; V(imported), V(updated), V(deleted) or V(none).
  returned: success
  type: str
  sample: imported
host_key:
  description:
    - The host key, as the service describes it after the change. Empty if O(state=absent).
    - In check mode, the key as it would be; what only the service can give (RV(host_key.host_key_id),
      RV(host_key.arn), RV(host_key.date_imported)) is empty where it is new.
  returned: success
  type: dict
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
  description: The fingerprints of the keys that clients meet, by algorithm; in check mode, of those they would.
  returned: success
  type: dict
  sample:
    rsa: SHA256:nlWG27misI9m6Tv8twarBiytIiJEwRDAR6BBkmh1uiI
"""

import typing

from ansible.module_utils.basic import missing_required_lib
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.mft.aws.plugins.module_utils._transfer.converge_host_key import converge_host_key
from ansible_collections.mft.aws.plugins.module_utils._transfer.errors import AnsibleTransferError
from ansible_collections.mft.aws.plugins.module_utils._transfer.errors import InvalidOptionsError
from ansible_collections.mft.aws.plugins.module_utils._transfer.host_key_options import read_host_key
from ansible_collections.mft.aws.plugins.module_utils._transfer.host_keys import diff_side
from ansible_collections.mft.aws.plugins.module_utils._transfer.host_keys import host_key_result
from ansible_collections.mft.aws.plugins.module_utils._transfer.host_keys import served_fingerprints
from ansible_collections.mft.aws.plugins.module_utils._transfer.retries import SINGLE_ATTEMPT
from ansible_collections.mft.aws.plugins.module_utils._transfer.ssh_keys import HAS_CRYPTOGRAPHY

if typing.TYPE_CHECKING:
    from typing import Any


def ensure_host_key(module: AnsibleAWSModule) -> dict[str, Any]:
    wanted, problems = read_host_key(module.params)
    if problems:
        raise InvalidOptionsError(problems)
    client = module.client("transfer", config=SINGLE_ATTEMPT)
    outcome = converge_host_key(client, module.params["server_id"], wanted, module.check_mode)
    for warning in outcome.warnings:
        module.warn(warning)
    key = wanted.find(outcome.after)
    return {
        "changed": bool(outcome.plan),
        "operation": outcome.plan.operation,
        "host_key": host_key_result(key, outcome.after) if key else {},
        "served_fingerprints": served_fingerprints(outcome.after),
        "diff": {"before": diff_side(wanted, outcome.before), "after": diff_side(wanted, outcome.planned)},
    }


def main() -> None:
    identity = ("host_key_body", "host_key_path", "fingerprint", "host_key_id")
    argument_spec = {
        "server_id": {"required": True},
        "state": {"choices": ["present", "absent"], "default": "present"},
        "host_key_body": {"no_log": True},
        "host_key_path": {"type": "path", "no_log": False},
        "fingerprint": {},
        "host_key_id": {"no_log": False},
        "description": {},
        "force": {"type": "bool", "default": False},
        "tags": {"type": "dict", "aliases": ["resource_tags"]},
        "purge_tags": {"type": "bool", "default": True},
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
        result = ensure_host_key(module)
    except AnsibleTransferError as error:
        module.fail_json_aws_error(error)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
