# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation of transfer_user_info holds what its code does."""

from __future__ import annotations

from datetime import datetime
from datetime import timezone

import yaml
from ansible_collections.mft.aws.plugins.module_utils._transfer.ssh_keys import parse_public_key
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import ImportedKey
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import User
from ansible_collections.mft.aws.plugins.modules import transfer_user_info

USER = yaml.safe_load(transfer_user_info.RETURN)["users"]["contains"]


def test_the_sample_key_is_a_key() -> None:
    sample = {name: entry["sample"] for name, entry in USER["ssh_public_keys"]["contains"].items()}
    held = ImportedKey(parse_public_key(sample["body"]), sample["id"], sample["date_imported"])
    now = datetime(2026, 12, 27, 20, 0, tzinfo=timezone.utc)
    result = transfer_user_info.described(User("acme", ssh_public_keys=(held,)), now)
    assert result["ssh_public_keys"] == [sample]


def test_a_user_without_anything_has_every_field() -> None:
    assert set(transfer_user_info.described(User("acme"), datetime.now(timezone.utc))) == set(USER)
