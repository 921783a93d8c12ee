# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The recovery points that AWS Backup keeps of a resource, also after the resource itself is gone."""

from __future__ import annotations

import typing
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry

from .errors import AWS_ERRORS
from .errors import AnsibleGatewayError
from .errors import is_denied
from .errors import is_missing
from .errors import named_failure

if typing.TYPE_CHECKING:
    from collections.abc import Iterable

_retried = AWSRetry.jittered_backoff(retries=8, catch_extra_error_codes=["ServiceUnavailableException"])


@named_failure("list the backups of {arn}")
def list_points(client: Any, arn: str) -> list[dict[str, Any]]:
    """Those that are not being deleted already."""
    found: list[dict[str, Any]] = []
    request = {"ResourceArn": arn}
    while True:
        page = _retried(client.list_recovery_points_by_resource)(**request)
        found += page["RecoveryPoints"]
        if not page.get("NextToken"):
            return [point for point in found if point.get("Status") != "DELETING"]
        request["NextToken"] = page["NextToken"]


def delete_points(client: Any, points: Iterable[dict[str, Any]]) -> None:
    for point in points:
        vault, arn = str(point["BackupVaultName"]), str(point["RecoveryPointArn"])
        try:
            _retried(client.delete_recovery_point)(BackupVaultName=vault, RecoveryPointArn=arn)
        except AWS_ERRORS as error:
            if is_missing(error):
                continue
            # "By default, the automatic backup vault denies deletion" (EFS user guide, Automatic backups).
            remedy = f". The access policy of vault {vault} forbids it: change that first" if is_denied(error) else ""
            raise AnsibleGatewayError(message=f"Failed to delete backup {arn}{remedy}", exception=error) from error
