# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors of the gateway's modules, in the form that C(fail_json_aws_error) takes."""

from __future__ import annotations

import typing
from typing import Any
from typing import Callable
from typing import TypeVar

from ansible_collections.amazon.aws.plugins.module_utils.errors import AWSErrorHandler
from ansible_collections.amazon.aws.plugins.module_utils.exceptions import AnsibleAWSError

try:
    from botocore.exceptions import BotoCoreError
    from botocore.exceptions import ClientError
except ImportError:
    AWS_ERRORS: tuple[type[BaseException], ...] = ()  # AnsibleAWSModule says what is missing
else:
    AWS_ERRORS = (BotoCoreError, ClientError)

F = TypeVar("F", bound=Callable[..., Any])


class AnsibleGatewayError(AnsibleAWSError):  # type: ignore[misc]  # amazon.aws ships no types
    """A call failed, or was not worth making."""


class GatewayErrorHandler(AWSErrorHandler):  # type: ignore[misc]
    _CUSTOM_EXCEPTION = AnsibleGatewayError


def named_failure(description: str) -> Callable[[F], F]:
    """botocore's exceptions become AnsibleGatewayError "Failed to DESCRIPTION"."""
    return typing.cast("Callable[[F], F]", GatewayErrorHandler.common_error_handler(description))


def error_code(error: BaseException | None) -> str:
    return str(error.response["Error"]["Code"]) if isinstance(error, ClientError) else ""


_DENIED = frozenset({"403", "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"})
_MISSING = frozenset(
    {
        "404",
        "FileSystemNotFound",
        "NoSuchBucket",
        "NotFoundException",
        "NonExistentQueue",
        "AWS.SimpleQueueService.NonExistentQueue",
        "QueueDoesNotExist",
        "ResourceNotFoundException",
    }
)


def is_denied(error: BaseException | None) -> bool:
    return error_code(error) in _DENIED


def is_missing(error: BaseException | None) -> bool:
    return error_code(error) in _MISSING
