# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors of the CloudFormation modules, in the form that C(fail_json_aws_error) takes."""

from __future__ import annotations

import typing
from typing import Any
from typing import Callable
from typing import TypeVar

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code
from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_message
from ansible_collections.amazon.aws.plugins.module_utils.errors import AWSErrorHandler
from ansible_collections.amazon.aws.plugins.module_utils.exceptions import AnsibleAWSError

if typing.TYPE_CHECKING:
    from collections.abc import Sequence

F = TypeVar("F", bound=Callable[..., Any])

# "ChangeSetNotFound" is what the API sends, "…Exception" what its model calls it.
_MISSING_CODES = ["ChangeSetNotFound", "ChangeSetNotFoundException"]


class AnsibleCloudFormationError(AnsibleAWSError):  # type: ignore[misc]  # amazon.aws ships no types
    """A call failed, or was not worth making."""


class InvalidOptionsError(AnsibleCloudFormationError):
    """What was asked for cannot be; found before any call, with everything that is wrong with it."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        listed = "\n".join(f"- {problem}" for problem in self.problems)
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        super().__init__(message=f"Nothing was changed, {count} found:\n{listed}")


class CloudFormationErrorHandler(AWSErrorHandler):  # type: ignore[misc]
    _CUSTOM_EXCEPTION = AnsibleCloudFormationError

    @classmethod
    def _is_missing(cls) -> type[BaseException]:
        # A stack that is not there is a ValidationError like any other: only the words tell.
        missing: tuple[type[BaseException], ...] = (
            is_boto3_error_code(_MISSING_CODES),
            is_boto3_error_message("does not exist"),
        )
        return next((kind for kind in missing if kind.__name__ == "ClientError"), missing[0])


def named_failure(description: str) -> Callable[[F], F]:
    """botocore's exceptions become AnsibleCloudFormationError "Failed to DESCRIPTION"."""
    return typing.cast("Callable[[F], F]", CloudFormationErrorHandler.common_error_handler(description))


def none_if_missing(description: str) -> Callable[[F], F]:
    """The same, and None for a stack or change set that is not there."""
    return typing.cast("Callable[[F], F]", CloudFormationErrorHandler.list_error_handler(description))
