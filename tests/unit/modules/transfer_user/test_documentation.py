# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation of transfer_user holds what its code does."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from ansible_collections.mft.aws.plugins.module_utils._transfer.options import read_user
from ansible_collections.mft.aws.plugins.module_utils._transfer.options import server_id_problems
from ansible_collections.mft.aws.plugins.module_utils._transfer.ssh_keys import parse_public_key
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import User
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import user_result
from ansible_collections.mft.aws.plugins.modules import transfer_user

EXAMPLES = yaml.safe_load(transfer_user.EXAMPLES)
RETURN = yaml.safe_load(transfer_user.RETURN)


@pytest.mark.parametrize("task", EXAMPLES, ids=lambda task: task["name"])
def test_examples_have_no_problems(task: dict[str, Any]) -> None:
    options = task["mft.aws.transfer_user"]
    policy = options.get("policy")
    _wanted, problems = read_user({**options, "policy": policy and json.dumps(policy)})
    assert problems == []
    assert server_id_problems(options["server_id"]) == []


def test_returned_fields_are_the_documented_ones() -> None:
    assert set(user_result(User("acme"))) == set(RETURN["user"]["contains"])


def test_the_sample_key_is_the_example_key() -> None:
    (sample,) = RETURN["user"]["contains"]["ssh_public_keys"]["sample"]
    (line,) = EXAMPLES[0]["mft.aws.transfer_user"]["ssh_public_keys"]
    key = parse_public_key(line)
    assert (sample["type"], sample["bits"]) == (key.type, key.bits)
    assert (sample["fingerprint"], sample["comment"]) == (key.fingerprint, key.comment)
    assert re.fullmatch("key-[0-9a-f]{17}", sample["id"])
