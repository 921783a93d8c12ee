# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module refuses before it makes a client."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.mft.aws.plugins.modules import transfer_user

from unit.module_utils.transfer import examples


def run(capsys: pytest.CaptureFixture[str], **options: Any) -> dict[str, Any]:
    with patch_module_args(options), pytest.raises(SystemExit):
        transfer_user.main()
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def test_all_problems_are_reported_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    result = run(capsys, server_id="s-1", user_name="root", role="x", ssh_public_keys=[examples.RSA_1024.line])
    assert result["failed"]
    assert result["msg"].startswith("Nothing was changed, 4 problems found:\n- server_id 's-1'")


def test_a_pasted_private_key_is_masked_in_the_whole_result(capsys: pytest.CaptureFixture[str]) -> None:
    pasted = "-----BEGIN OPENSSH PRIVATE KEY-----\nKoe7LongOddSecret+%2B/0123456789\n-----END OPENSSH PRIVATE KEY-----"
    result = run(capsys, server_id=examples.SERVER, user_name="acme", ssh_public_keys=[pasted])
    assert "PRIVATE key" in result["msg"]
    assert "Koe7" not in json.dumps(result)
