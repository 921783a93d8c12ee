# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors of the Transfer modules, in the form that C(fail_json_aws_error) takes."""

from __future__ import annotations

import typing
from typing import Any
from typing import Callable
from typing import TypeVar

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code
from ansible_collections.amazon.aws.plugins.module_utils.errors import AWSErrorHandler
from ansible_collections.amazon.aws.plugins.module_utils.exceptions import AnsibleAWSError

if typing.TYPE_CHECKING:
    from collections.abc import Sequence

F = TypeVar("F", bound=Callable[..., Any])


def _listed(problems: Sequence[str]) -> str:
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return "\n".join([f"{count} found:", *(f"- {problem}" for problem in problems)])


class AnsibleTransferError(AnsibleAWSError):  # type: ignore[misc]  # amazon.aws ships no types
    """A Transfer call failed, or was not worth making."""


class InvalidOptionsError(AnsibleTransferError):
    """What the caller asked for cannot be; found before any change, with everything that is wrong with it."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(message=f"Nothing was changed, {_listed(self.problems)}")


class ChangedMeanwhileError(AnsibleTransferError):
    """What was asked for has come to be impossible while it was being done."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(
            message="What is there has changed while this was at work, and some of it may have been made,"
            f" {_listed(problems)}"
        )


class KeyLimitError(AnsibleTransferError):
    """A user has as many keys as the service lets it have."""


class TransferErrorHandler(AWSErrorHandler):  # type: ignore[misc]
    _CUSTOM_EXCEPTION = AnsibleTransferError

    @classmethod
    def _is_missing(cls) -> type[BaseException]:
        missing: type[BaseException] = is_boto3_error_code("ResourceNotFoundException")
        return missing


def named_failure(description: str) -> Callable[[F], F]:
    """botocore's exceptions become AnsibleTransferError "Failed to DESCRIPTION"; {placeholders} are the parameters."""
    return typing.cast("Callable[[F], F]", TransferErrorHandler.common_error_handler(description))


def none_if_missing(description: str) -> Callable[[F], F]:
    """The same, and None for a resource that is not there."""
    return typing.cast("Callable[[F], F]", TransferErrorHandler.list_error_handler(description))
