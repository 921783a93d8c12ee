#!/usr/bin/python

# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: transfer_users
version_added: 0.1.0
short_description: Make the users of an AWS Transfer Family server those of a roster
description:
  - Creates, changes and deletes many service-managed users of an AWS Transfer Family server, with their SSH public
    keys, in one run.
  - Options that are given neither for a user nor in O(defaults) are left as they are on an existing user.
  - Everything that is wrong with the options of all users is found before the first change, and reported at once.
  - After that a user that fails does not stop the others. The module fails at the end, and returns what came of all.
  - A run that was cut off, in whatever place, is finished by the next one.
  - When nothing has to change, users are listed once a page and described once each; users not in O(users) not at all.
author:
  - The mft.aws project (!UNKNOWN)
options:
  users:
    description:
      - The users. Their options are those of M(mft.aws.transfer_user).
    type: list
    elements: dict
    required: true
    suboptions:
      user_name:
        description:
          - The name the partner logs in with.
        type: str
        required: true
        aliases: ['name']
      state:
        description:
          - Whether the user is to be there. One that is named as V(absent) is no matter of O(max_removals).
        type: str
        choices: ['present', 'absent']
        default: present
      ssh_public_keys:
        description:
          - Public keys with which the user may log in, each the one line of a C(.pub) file, or a dictionary of
            C(body) (that line), C(not_before) and C(not_after), dates as in M(mft.aws.transfer_user).
          - A key that is not yet valid is not added, and a key outside its dates is removed, whatever
            O(users[].purge_ssh_public_keys) says.
          - The values are kept out of logs, because what gets pasted here by mistake is a private key.
        type: list
        elements: raw
      role: &role
        description:
          - The ARN of the IAM role through which the user reaches the storage. Needed to create a user.
        type: str
      home_directory_type: &home_directory_type
        description:
          - V(PATH) shows the user the paths of the bucket or file system as they are, V(LOGICAL) what
            C(home_directory_mappings) make of them.
        type: str
        choices: ['PATH', 'LOGICAL']
      home_directory: &home_directory
        description:
          - The directory in which a session begins. C(${Transfer:UserName}) stands for the name of the user.
          - An empty one takes away the one that the user has.
          - A user with any option of a home takes none of them from O(defaults).
        type: str
      home_directory_mappings: &home_directory_mappings
        description:
          - What the user sees, and where it is. Replaces the mappings that the user has; their order does not matter.
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
              - The path in the bucket or file system, V(/BUCKET/PREFIX). C(${Transfer:UserName}) stands for the name
                of the user.
            type: str
            required: true
          type:
            description:
              - What the target is.
            type: str
            choices: ['DIRECTORY', 'FILE']
            default: DIRECTORY
      policy: &policy
        description:
          - A session policy, an IAM policy document that narrows what the role allows; at most 2,048 characters
            without spacing. An empty document, V({}), removes the policy.
          - Transfer puts the name of the user for C(${transfer:UserName}) when a session begins.
        type: json
      posix_profile: &posix_profile
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
      purge_ssh_public_keys: &purge_ssh_public_keys
        description:
          - Whether to delete keys of the user that are not in O(users[].ssh_public_keys). Not unless said so.
          - New keys are imported before others are deleted, as in M(mft.aws.transfer_user).
        type: bool
      tags: &tags
        description:
          - Tags of the user, over those of O(defaults).
        type: dict
        aliases: ['resource_tags']
      purge_tags: &purge_tags
        description:
          - Whether to remove tags of the user that are not given. They are, unless said otherwise.
        type: bool
  defaults:
    description:
      - Options of each user that does not say otherwise.
    type: dict
    suboptions:
      role: *role
      home_directory_type: *home_directory_type
      home_directory: *home_directory
      home_directory_mappings: *home_directory_mappings
      policy: *policy
      posix_profile: *posix_profile
      purge_ssh_public_keys: *purge_ssh_public_keys
      tags: *tags
      purge_tags: *purge_tags
  purge:
    description:
      - Whether to delete the users of the server that are not in O(users).
    type: bool
    default: false
  max_removals:
    description:
      - How many users O(purge) may delete in a run, a number or a percentage of the users that the server has, rounded
        up. A percentage under 100 never means all of them. If there are more, nothing is changed at all.
    type: str
    default: 10%
  duplicate_keys:
    description:
      - What to do when a key is given to more than one user, who can then log in as each other.
    type: str
    choices: ['fail', 'warn']
    default: fail
  expiring_days:
    description:
      - A key whose C(not_after) is at most so many days away is reported as V(expiring).
    type: int
    default: 30
  concurrency:
    description:
      - How many users are looked at or changed at a time, 1 to 64.
    type: int
    default: 8
  rate:
    description:
      - The most API calls a second, over all users, attempts repeated after a failure included. They are evenly spread.
      - Transfer's limits are the account's, and shared with whatever else calls it. Without a rate the module slows
        down only when Transfer refuses calls.
    type: float
  progress_file:
    description:
      - A file to which a line is appended every few seconds while the module runs, on the host where it runs, for
        C(tail -f) to follow. A module says nothing to Ansible before it ends.
    type: path
seealso:
  - module: mft.aws.transfer_user
  - module: mft.aws.transfer_homes
notes:
  - Needs the permissions C(transfer:ListUsers), C(transfer:DescribeUser), C(transfer:DescribeServer),
    C(transfer:CreateUser), C(transfer:UpdateUser), C(transfer:DeleteUser), C(transfer:ImportSshPublicKey),
    C(transfer:DeleteSshPublicKey), C(transfer:TagResource), C(transfer:UntagResource) and C(iam:PassRole) for roles.
attributes:
  diff_mode:
    support: full
    description: Shows the users that change, before and after, a key by its fingerprint.
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
- name: Let acme and orders log in, each to a directory of its own
  mft.aws.transfer_users:
    server_id: s-0123456789abcdef0
    defaults:
      role: arn:aws:iam::123456789012:role/sftp-users
      home_directory_mappings:
        - entry: /
          target: /bank-transfers/home/${Transfer:UserName}
      purge_ssh_public_keys: true
      tags:
        managed-by: ansible
    users:
      - name: acme
        ssh_public_keys:
          - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDJiru/vb83aK3KOkWFbZ1nLmCxfWMCEWoIz3BRuxL5W acme-2025
      - name: orders
        tags:
          partner: orders

- name: Rotate the key of acme, the old one works until the end of June
  mft.aws.transfer_users:
    server_id: s-0123456789abcdef0
    users:
      - name: acme
        ssh_public_keys:
          - body: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDJiru/vb83aK3KOkWFbZ1nLmCxfWMCEWoIz3BRuxL5W acme-2025
            not_after: "2036-06-30"
          - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB5lMMIbvGgv2de+4qMUB5+yIG5M436Mz/U9x2A/r56N acme-2026

- name: Have no other users than acme and remove at most two, ten calls a second
  mft.aws.transfer_users:
    server_id: s-0123456789abcdef0
    users:
      - name: acme
    purge: true
    max_removals: 2
    rate: 10
"""

RETURN = r"""
created:
  description: The names of the users that were created, or in check mode would be.
  returned: always, unless nothing was tried
  type: list
  elements: str
  sample: ['acme']
updated:
  description: The names of the users that were changed.
  returned: always, unless nothing was tried
  type: list
  elements: str
  sample: ['orders']
deleted:
  description: The names of the users that were deleted.
  returned: always, unless nothing was tried
  type: list
  elements: str
  sample: ['payments']
unchanged:
  description: How many users were as they are wanted.
  returned: always, unless nothing was tried
  type: int
  sample: 998
failed_users:
  description: The users that could not be brought to what is wanted, some of whose changes may have been made.
  returned: always, unless nothing was tried
  type: list
  elements: dict
  contains:
    user_name:
      description: The name of the user.
      returned: always
      type: str
      sample: payments
    error:
      description: What was tried, and the answer.
      returned: always
      type: str
      sample: "Failed to create user payments: An error occurred (AccessDeniedException): not authorized"
dated_keys:
  description: The keys of O(users) that have dates, and what these make of them at the time of the run.
  returned: always, unless nothing was tried
  type: list
  elements: dict
  contains:
    user_name:
      description: The name of the user.
      returned: always
      type: str
      sample: acme
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
"""

import typing
from datetime import datetime
from datetime import timezone

from ansible.module_utils.basic import missing_required_lib
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.mft.aws.plugins.module_utils._transfer.bulk import Progress
from ansible_collections.mft.aws.plugins.module_utils._transfer.bulk import limit_rate
from ansible_collections.mft.aws.plugins.module_utils._transfer.converge_roster import converge_roster
from ansible_collections.mft.aws.plugins.module_utils._transfer.errors import AnsibleTransferError
from ansible_collections.mft.aws.plugins.module_utils._transfer.errors import InvalidOptionsError
from ansible_collections.mft.aws.plugins.module_utils._transfer.key_dates import harmless_texts
from ansible_collections.mft.aws.plugins.module_utils._transfer.options import server_id_problems
from ansible_collections.mft.aws.plugins.module_utils._transfer.retries import SINGLE_ATTEMPT
from ansible_collections.mft.aws.plugins.module_utils._transfer.roster import failure_text
from ansible_collections.mft.aws.plugins.module_utils._transfer.roster import limit_problems
from ansible_collections.mft.aws.plugins.module_utils._transfer.roster import read_roster
from ansible_collections.mft.aws.plugins.module_utils._transfer.roster import roster_diff
from ansible_collections.mft.aws.plugins.module_utils._transfer.roster import roster_result
from ansible_collections.mft.aws.plugins.module_utils._transfer.ssh_keys import HAS_CRYPTOGRAPHY
from ansible_collections.mft.aws.plugins.module_utils._transfer.user_arguments import roster_arguments

if typing.TYPE_CHECKING:
    from ansible_collections.mft.aws.plugins.module_utils._transfer.converge_roster import RosterOutcome


def ensure_users(module: AnsibleAWSModule) -> RosterOutcome:
    params = module.params
    progress = Progress(module.log, params["progress_file"], params["server_id"])
    wanted, problems, warnings = read_roster(params, datetime.now(timezone.utc))
    problems = server_id_problems(params["server_id"]) + limit_problems(params) + progress.problems() + problems
    if problems:
        raise InvalidOptionsError(problems)
    for warning in warnings:
        module.warn(warning)
    client = module.client("transfer", config={**SINGLE_ATTEMPT, "max_pool_connections": params["concurrency"]})
    if params["rate"]:
        limit_rate(client, params["rate"])
    return converge_roster(
        client,
        params["server_id"],
        wanted,
        purge=params["purge"],
        max_removals=params["max_removals"],
        concurrency=params["concurrency"],
        report=progress,
        check_mode=module.check_mode,
    )


def main() -> None:
    module = AnsibleAWSModule(argument_spec=roster_arguments(), supports_check_mode=True)
    if not HAS_CRYPTOGRAPHY:
        module.fail_json(msg=missing_required_lib("cryptography", reason="to read SSH keys"))
    # Every string of the result is searched for every value that is kept from logs: minutes for thousands of keys.
    for user in module.params["users"]:
        module.no_log_values.difference_update(harmless_texts(user["ssh_public_keys"] or []))
    try:
        outcome = ensure_users(module)
    except AnsibleTransferError as error:
        module.fail_json_aws_error(error)
    for warning in outcome.warnings:
        module.warn(warning)
    result = {
        "changed": any(step.plan for step in outcome.steps),
        "diff": roster_diff(step for step in outcome.steps if step.user_name not in outcome.failures),
        **roster_result(outcome.steps, outcome.failures),
    }
    if outcome.failures:
        module.fail_json(msg=failure_text(outcome.steps, outcome.failures), **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
