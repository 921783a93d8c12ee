# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab keeps no backups: answers as the API model has them, checked by botocore's Stubber."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from ansible_collections.mft.aws.plugins.module_utils._gateway.errors import AnsibleGatewayError
from ansible_collections.mft.aws.plugins.modules.backup_recovery_points import ensure_absent
from botocore.stub import Stubber

SHARE = "arn:aws:elasticfilesystem:eu-central-1:123456789012:file-system/fs-0123456789abcdef0"


@pytest.fixture
def client() -> Any:
    return boto3.client("backup", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")


@pytest.fixture
def stubber(client: Any) -> Iterator[Stubber]:
    with Stubber(client) as active:
        yield active
        active.assert_no_pending_responses()


def point(name: str, status: str = "COMPLETED") -> dict[str, Any]:
    return {"RecoveryPointArn": f"arn:aws:backup:x:1:recovery-point:{name}", "BackupVaultName": "efs", "Status": status}


def listed(stubber: Stubber, *points: Any, token: str = "", more: str = "") -> None:
    request = {"ResourceArn": SHARE, **({"NextToken": token} if token else {})}
    answer = {"RecoveryPoints": list(points), **({"NextToken": more} if more else {})}
    stubber.add_response("list_recovery_points_by_resource", answer, request)


def deleted(name: str) -> dict[str, str]:
    return {"BackupVaultName": "efs", "RecoveryPointArn": f"arn:aws:backup:x:1:recovery-point:{name}"}


def test_every_page_is_deleted_and_looked_at_again(client: Any, stubber: Stubber) -> None:
    listed(stubber, point("a"), point("going", "DELETING"), more="2")
    listed(stubber, point("b"), token="2")
    stubber.add_response("delete_recovery_point", {}, deleted("a"))
    stubber.add_client_error("delete_recovery_point", "ResourceNotFoundException", "gone", 400)
    listed(stubber, point("b", "DELETING"), point("a", "EXPIRED"))
    result = ensure_absent(client, SHARE, check_mode=False)
    assert [arn.rpartition(":")[2] for arn in result["deleted"]] == ["a", "b"]
    assert [arn.rpartition(":")[2] for arn in result["left"]] == ["a"]


def test_check_mode_deletes_nothing(client: Any, stubber: Stubber) -> None:
    listed(stubber, point("a"))
    assert ensure_absent(client, SHARE, check_mode=True)["changed"]


def test_a_vault_that_forbids_it_is_named(client: Any, stubber: Stubber) -> None:
    listed(stubber, point("a"))
    stubber.add_client_error("delete_recovery_point", "AccessDeniedException", "explicit deny", 403)
    with pytest.raises(AnsibleGatewayError, match="The access policy of vault efs forbids it"):
        ensure_absent(client, SHARE, check_mode=False)
