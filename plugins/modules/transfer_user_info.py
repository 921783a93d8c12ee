#!/usr/bin/python

# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: transfer_user_info
version_added: 0.1.0
short_description: Gather information about the users of an AWS Transfer Family server
description:
  - Describes one user of a server, or all of them, each with its SSH public keys and their age.
  - All users take one call for each page of the list and one for each user.
author:
  - The mft.aws project (!UNKNOWN)
options:
  user_name:
    description:
      - The name of the one user to describe. RV(users) is empty if there is no such user.
      - Without it all users are described.
    type: str
    aliases: ['name']
notes:
  - Needs the permissions C(transfer:DescribeUser), C(transfer:ListUsers) and C(transfer:DescribeServer).
extends_documentation_fragment:
  - mft.aws.transfer
  - mft.aws.transfer.server_id
  - mft.aws.transfer.ssh_keys
  - mft.aws.transfer.info
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Look at all users of the server
  mft.aws.transfer_user_info:
    server_id: s-0123456789abcdef0
  register: present

- name: Tell who logs in with a key that is older than a year
  ansible.builtin.debug:
    msg: "{{ item.0.user_name }}: {{ item.1.fingerprint }} ({{ item.1.comment }}), {{ item.1.age_days }} days"
  loop: "{{ present.users | subelements('ssh_public_keys') }}"
  loop_control:
    label: "{{ item.0.user_name }}"
  when: item.1.age_days > 365

- name: Look at acme alone
  mft.aws.transfer_user_info:
    server_id: s-0123456789abcdef0
    user_name: acme
  register: acme

- name: Make sure that acme is there and sees its own directory only
  ansible.builtin.assert:
    that:
      - acme.users | length == 1
      - acme.users[0].home_directory_type == 'LOGICAL'
"""

RETURN = r"""
users:
  description: The users, in the order of their names.
  returned: success
  type: list
  elements: dict
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
      contains:
        entry:
          description: The path that the user sees.
          returned: always
          type: str
          sample: /
        target:
          description: The path in the bucket or file system.
          returned: always
          type: str
          sample: /bank-transfers/home/acme
        type:
          description: What the target is, DIRECTORY or FILE.
          returned: always
          type: str
          sample: DIRECTORY
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
      contains:
        uid:
          description: The user id.
          returned: if the user has a profile
          type: int
          sample: 5001
        gid:
          description: The group id.
          returned: if the user has a profile
          type: int
          sample: 5000
        secondary_gids:
          description: Further group ids.
          returned: if the user has a profile
          type: list
          elements: int
          sample: [5010]
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
      contains:
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
          sample: SHA256:nlWG27misI9m6Tv8twarBiytIiJEwRDAR6BBkmh1uiI
        comment:
          description: The comment of the key; empty if it has none.
          returned: always
          type: str
          sample: acme-2025
        body:
          description: The key as a line of the OpenSSH form, to be imported elsewhere.
          returned: always
          type: str
          sample: >-
            ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDJiru/vb83aK3KOkWFbZ1nLmCxfWMCEWoIz3BRuxL5W acme-2025
        date_imported:
          description: When the key was imported.
          returned: always
          type: str
          sample: "2025-11-22T19:45:02+00:00"
        age_days:
          description: How many whole days ago the key was imported.
          returned: always
          type: int
          sample: 400
"""

import typing
from datetime import datetime
from datetime import timezone

from ansible.module_utils.basic import missing_required_lib
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.mft.aws.plugins.module_utils._transfer import api
from ansible_collections.mft.aws.plugins.module_utils._transfer.bulk import in_parallel
from ansible_collections.mft.aws.plugins.module_utils._transfer.converge import observe_user
from ansible_collections.mft.aws.plugins.module_utils._transfer.converge_user_key import refuse_unknown_server
from ansible_collections.mft.aws.plugins.module_utils._transfer.errors import AnsibleTransferError
from ansible_collections.mft.aws.plugins.module_utils._transfer.errors import InvalidOptionsError
from ansible_collections.mft.aws.plugins.module_utils._transfer.options import server_id_problems
from ansible_collections.mft.aws.plugins.module_utils._transfer.options import user_name_problems
from ansible_collections.mft.aws.plugins.module_utils._transfer.retries import SINGLE_ATTEMPT
from ansible_collections.mft.aws.plugins.module_utils._transfer.ssh_keys import HAS_CRYPTOGRAPHY
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import user_result

if typing.TYPE_CHECKING:
    from typing import Any

    from ansible_collections.mft.aws.plugins.module_utils._transfer.users import User


# As many descriptions at a time as transfer_users has by default.
_CONCURRENCY = 8


def age_days(date_imported: str, now: datetime) -> int:
    """Whole days; zero for a key whose import the service's clock puts after this machine's now."""
    return max((now - datetime.fromisoformat(date_imported)).days, 0)


def described(user: User, now: datetime) -> dict[str, Any]:
    bodies = {imported.key_id: imported.key.body for imported in user.ssh_public_keys}
    result: dict[str, Any] = user_result(user)
    result["ssh_public_keys"] = [
        {**key, "body": bodies[key["id"]], "age_days": age_days(key["date_imported"], now)}
        for key in result["ssh_public_keys"]
    ]
    return result


def users_of(client: Any, server_id: str, user_name: str | None) -> list[User]:
    """One user or all of them, ordered by name."""
    names = [user_name] if user_name is not None else sorted(u["UserName"] for u in api.list_users(client, server_id))
    found: list[User] = []
    for user in in_parallel(lambda name: observe_user(client, server_id, name), names, _CONCURRENCY):
        if isinstance(user, AnsibleTransferError):
            raise user
        # None: unknown, or deleted since it was listed.
        found += [] if user is None else [user]
    if user_name is not None and not found:
        refuse_unknown_server(client, server_id)
    return found


def gather(module: AnsibleAWSModule) -> list[dict[str, Any]]:
    server_id, user_name = module.params["server_id"], module.params["user_name"]
    problems = server_id_problems(server_id)
    if user_name is not None:
        problems += user_name_problems(user_name)
    if problems:
        raise InvalidOptionsError(problems)
    client = module.client("transfer", config=SINGLE_ATTEMPT)
    now = datetime.now(timezone.utc)
    return [described(user, now) for user in users_of(client, server_id, user_name)]


def main() -> None:
    argument_spec = {"server_id": {"required": True}, "user_name": {"aliases": ["name"]}}
    module = AnsibleAWSModule(argument_spec=argument_spec, supports_check_mode=True)
    if not HAS_CRYPTOGRAPHY:
        module.fail_json(msg=missing_required_lib("cryptography", reason="to read SSH keys"))
    try:
        users = gather(module)
    except AnsibleTransferError as error:
        module.fail_json_aws_error(error)
    module.exit_json(changed=False, users=users)


if __name__ == "__main__":
    main()
