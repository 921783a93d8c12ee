#!/usr/bin/python

# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: transfer_user
version_added: 0.1.0
short_description: Manage a user of an AWS Transfer Family server, with its SSH public keys
description:
  - Creates, changes and deletes a service-managed user of an AWS Transfer Family server.
  - Options that are not given are left as they are on an existing user.
  - Everything that is wrong with the options is found before the first change, and reported at once.
  - A run that was cut off, in whatever place, is finished by the next one.
author:
  - The mft.aws project (!UNKNOWN)
options:
  user_name:
    description:
      - The name the partner logs in with.
      - 3 to 100 of V(a-z), V(A-Z), V(0-9), V(_), V(-), V(.) and V(@). The first is a letter, a digit or an underscore.
    type: str
    required: true
    aliases: ['name']
  state:
    description:
      - Whether the user is to be there.
      - With V(absent) every other option about the user is ignored.
    type: str
    choices: ['present', 'absent']
    default: present
  role:
    description:
      - The ARN of the IAM role through which the user reaches the bucket or file system.
      - Needed to create a user.
    type: str
  home_directory_type:
    description:
      - V(PATH) shows the user the paths of the bucket or file system as they are.
      - V(LOGICAL) shows the user what O(home_directory_mappings) make of them.
      - V(LOGICAL) is implied by O(home_directory_mappings). A new user without either is V(PATH).
    type: str
    choices: ['PATH', 'LOGICAL']
  home_directory:
    description:
      - The directory in which a session begins, V(/BUCKET/PREFIX) for a user whose home is V(PATH).
      - For a user whose home is V(LOGICAL) it is a path under one of the entries of O(home_directory_mappings).
      - An empty one takes away the one that the user has.
      - C(${Transfer:UserName}) stands for O(user_name).
    type: str
  home_directory_mappings:
    description:
      - What the user sees, and where it is. Replaces the mappings that the user has; their order does not matter.
      - Entries do not overlap; an entry V(/) is therefore the only one.
    type: list
    elements: dict
    suboptions:
      entry:
        description:
          - The path that the user sees.
        type: str
        required: true
      target:
        description:
          - The path in the bucket or file system, V(/BUCKET/PREFIX).
          - C(${Transfer:UserName}) stands for O(user_name).
        type: str
        required: true
      type:
        description:
          - What the target is.
        type: str
        choices: ['DIRECTORY', 'FILE']
        default: DIRECTORY
  policy:
    description:
      - A session policy, an IAM policy document that narrows what the role allows; at most 2,048 characters
        without spacing.
      - It has to allow the use of the bucket's KMS key, too, where there is one.
      - An empty document, V({}), removes the policy.
    type: json
  posix_profile:
    description:
      - The ids under which the user works, on servers whose domain is EFS. Replaces the profile that the user has.
    type: dict
    suboptions:
      uid:
        description:
          - The user id.
        type: int
        required: true
      gid:
        description:
          - The group id.
        type: int
        required: true
      secondary_gids:
        description:
          - Further group ids, at most 16.
        type: list
        elements: int
  ssh_public_keys:
    description:
      - Public keys with which the user may log in, each the one line of a C(.pub) file, or a dictionary of C(body)
        (that line), C(not_before) and C(not_after).
      - A date is a day (C(2026-06-30), of which C(not_before) means the beginning and C(not_after) the end, UTC)
        or a moment (C(2026-06-30T18:00:00+02:00)). They are kept at each run, since Transfer knows none -
        a key that is not yet valid is not added, and a key outside its dates is removed, whatever
        O(purge_ssh_public_keys) says.
      - RSA (2,048 bits and more), ECDSA and Ed25519 keys are taken, but none whose numbers protect nothing.
        Two keys are equal if only their comments differ.
      - The values are kept out of logs, because what gets pasted here by mistake is a private key.
    type: list
    elements: raw
  purge_ssh_public_keys:
    description:
      - Whether to delete keys of the user that are not in O(ssh_public_keys).
      - New keys are imported before others are deleted. Where the user has as many keys as Transfer lets it have,
        one that is to be deleted makes room for each new one, but never its last one.
      - Does nothing unless O(ssh_public_keys) is given.
    type: bool
    default: false
  expiring_days:
    description:
      - A key whose C(not_after) is at most so many days away is reported as V(expiring).
    type: int
    default: 30
notes:
  - Needs the permissions C(transfer:DescribeUser), C(transfer:DescribeServer), C(transfer:CreateUser),
    C(transfer:UpdateUser), C(transfer:DeleteUser), C(transfer:ImportSshPublicKey), C(transfer:DeleteSshPublicKey),
    C(transfer:TagResource), C(transfer:UntagResource) and C(iam:PassRole) for O(role).
attributes:
  diff_mode:
    support: full
    description: Shows the user before and after, a key by its fingerprint.
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
- name: Let acme log in and see nothing but its own directory
  mft.aws.transfer_user:
    server_id: s-0123456789abcdef0
    user_name: acme
    role: arn:aws:iam::123456789012:role/sftp-users
    home_directory_type: LOGICAL
    home_directory_mappings:
      - entry: /
        target: /bank-transfers/home/acme
    ssh_public_keys:
      - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDJiru/vb83aK3KOkWFbZ1nLmCxfWMCEWoIz3BRuxL5W acme-2025
    tags:
      partner: acme

- name: Rotate the key of acme, so that only the new one is left
  mft.aws.transfer_user:
    server_id: s-0123456789abcdef0
    user_name: acme
    ssh_public_keys:
      - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB5lMMIbvGgv2de+4qMUB5+yIG5M436Mz/U9x2A/r56N acme-2026
    purge_ssh_public_keys: true

- name: Fence the payments user in by a session policy, too
  mft.aws.transfer_user:
    server_id: s-0123456789abcdef0
    user_name: payments
    role: arn:aws:iam::123456789012:role/sftp-users
    home_directory: /bank-transfers/home/payments
    policy:
      Version: "2012-10-17"
      Statement:
        - Effect: Allow
          Action:
            - s3:GetObject
            - s3:PutObject
          Resource: arn:aws:s3:::bank-transfers/home/payments/*

- name: Rotate a key of orders, the old one works until the end of June
  mft.aws.transfer_user:
    server_id: s-0123456789abcdef0
    user_name: orders
    role: arn:aws:iam::123456789012:role/sftp-users
    ssh_public_keys:
      - body: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDJiru/vb83aK3KOkWFbZ1nLmCxfWMCEWoIz3BRuxL5W orders-2025
        not_after: "2036-06-30"
      - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB5lMMIbvGgv2de+4qMUB5+yIG5M436Mz/U9x2A/r56N orders-2026

- name: End the relationship with acme
  mft.aws.transfer_user:
    server_id: s-0123456789abcdef0
    user_name: acme
    state: absent
"""

RETURN = r"""
operation:
  description: What was done, or in check mode would be; V(created), V(updated), V(deleted) or V(none).
  returned: success
  type: str
  sample: created
dated_keys:
  description: The keys of O(ssh_public_keys) that have dates, and what these make of them at the time of the run.
  returned: success
  type: list
  elements: dict
  contains:
    fingerprint:
      description: The fingerprint of the key.
      returned: always
      type: str
      sample: SHA256:nlWG27misI9m6Tv8twarBiytIiJEwRDAR6BBkmh1uiI
    comment:
      description: The comment of the key.
      returned: always
      type: str
      sample: acme-2025
    not_before:
      description: When it begins to be valid; empty if it always was.
      returned: always
      type: str
      sample: ""
    not_after:
      description: When it ends to be valid; empty if it never does.
      returned: always
      type: str
      sample: "2036-06-30T23:59:59+00:00"
    state:
      description:
        - V(pending) and V(expired) keys are not on the server, V(valid) and V(expiring) ones are; the latter not for
          more than O(expiring_days).
      returned: always
      type: str
      sample: valid
user:
  description:
    - The user, as the service describes it after the change. Empty if O(state=absent).
    - In check mode, the user as it would be; what only the service can give (V(arn), V(id), V(date_imported))
      is empty where it is new.
  returned: success
  type: dict
  contains:
    user_name:
      description: The name the partner logs in with.
      returned: always
      type: str
      sample: acme
    arn:
      description: The ARN of the user.
      returned: always
      type: str
      sample: arn:aws:transfer:eu-central-1:123456789012:user/s-0123456789abcdef0/acme
    role:
      description: The ARN of the role through which the user reaches the bucket or file system.
      returned: always
      type: str
      sample: arn:aws:iam::123456789012:role/sftp-users
    home_directory_type:
      description: PATH or LOGICAL.
      returned: always
      type: str
      sample: LOGICAL
    home_directory:
      description: The directory in which a session begins; empty if the user has none of its own.
      returned: always
      type: str
      sample: ""
    home_directory_mappings:
      description: What the user sees, and where it is.
      returned: always
      type: list
      elements: dict
      sample:
        - entry: /
          target: /bank-transfers/home/acme
          type: DIRECTORY
    policy:
      description: The session policy; empty if there is none.
      returned: always
      type: dict
      sample:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Action: s3:PutObject
            Resource: arn:aws:s3:::bank-transfers/home/acme/*
    posix_profile:
      description: The ids under which the user works on EFS; empty if there are none.
      returned: always
      type: dict
      sample:
        uid: 5001
        gid: 5000
        secondary_gids: [5010]
    tags:
      description: The tags of the user.
      returned: always
      type: dict
      sample:
        partner: acme
    ssh_public_keys:
      description: The keys with which the user may log in, in the order of their fingerprints.
      returned: always
      type: list
      elements: dict
      sample:
        - id: key-0123456789abcdef0
          type: ssh-ed25519
          bits: 256
          fingerprint: SHA256:nlWG27misI9m6Tv8twarBiytIiJEwRDAR6BBkmh1uiI
          comment: acme-2025
          date_imported: "2025-11-22T19:45:02+00:00"
"""

import typing

from ansible.module_utils.basic import missing_required_lib
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.mft.aws.plugins.module_utils._transfer.converge import converge_user
from ansible_collections.mft.aws.plugins.module_utils._transfer.converge import observe_user
from ansible_collections.mft.aws.plugins.module_utils._transfer.converge import refuse_impossible
from ansible_collections.mft.aws.plugins.module_utils._transfer.errors import AnsibleTransferError
from ansible_collections.mft.aws.plugins.module_utils._transfer.errors import InvalidOptionsError
from ansible_collections.mft.aws.plugins.module_utils._transfer.key_dates import dated_keys_result
from ansible_collections.mft.aws.plugins.module_utils._transfer.key_dates import expiring_days_problems
from ansible_collections.mft.aws.plugins.module_utils._transfer.key_dates import harmless_texts
from ansible_collections.mft.aws.plugins.module_utils._transfer.options import read_user
from ansible_collections.mft.aws.plugins.module_utils._transfer.options import server_id_problems
from ansible_collections.mft.aws.plugins.module_utils._transfer.retries import SINGLE_ATTEMPT
from ansible_collections.mft.aws.plugins.module_utils._transfer.ssh_keys import HAS_CRYPTOGRAPHY
from ansible_collections.mft.aws.plugins.module_utils._transfer.user_arguments import user_arguments
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import diff_side
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import user_result

if typing.TYPE_CHECKING:
    from ansible_collections.mft.aws.plugins.module_utils._transfer.converge import Outcome
    from ansible_collections.mft.aws.plugins.module_utils._transfer.users import WantedUser


def ensure_user(module: AnsibleAWSModule) -> tuple[WantedUser, Outcome]:
    server_id = module.params["server_id"]
    wanted, problems = read_user(module.params)
    problems = server_id_problems(server_id) + expiring_days_problems(module.params["expiring_days"]) + problems
    if problems:
        raise InvalidOptionsError(problems)
    client = module.client("transfer", config=SINGLE_ATTEMPT)
    current = observe_user(client, server_id, wanted.user_name)
    refuse_impossible(client, server_id, wanted, current)
    return wanted, converge_user(client, server_id, wanted, current, module.check_mode)


def main() -> None:
    argument_spec = {
        "server_id": {"required": True},
        **user_arguments(),
        "purge_ssh_public_keys": {"type": "bool", "default": False, "no_log": False},
        "purge_tags": {"type": "bool", "default": True},
        "expiring_days": {"type": "int", "default": 30},
    }
    module = AnsibleAWSModule(argument_spec=argument_spec, supports_check_mode=True)
    if not HAS_CRYPTOGRAPHY:
        module.fail_json(msg=missing_required_lib("cryptography", reason="to read SSH keys"))
    # A date that is masked as the keys are could not be returned.
    module.no_log_values.difference_update(harmless_texts(module.params["ssh_public_keys"] or []))
    try:
        wanted, outcome = ensure_user(module)
    except AnsibleTransferError as error:
        module.fail_json_aws_error(error)
    for warning in outcome.warnings:
        module.warn(warning)
    module.exit_json(
        changed=bool(outcome.plan),
        operation=outcome.plan.operation,
        user=user_result(outcome.after),
        dated_keys=dated_keys_result(wanted.dated_keys),
        diff={"before": diff_side(outcome.before), "after": diff_side(outcome.planned)},
    )


if __name__ == "__main__":
    main()
