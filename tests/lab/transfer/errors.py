# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors that the service answers with: code, message, HTTP status, and the members of the error's shape."""

from __future__ import annotations

from typing import Any

# Which code a broken model constraint (length, pattern, enum, required) is answered with. The model documents only
# InvalidRequestException; hashicorp/terraform-provider-aws issue 44110 shows ValidationException on the wire, with
# the text that validation.py writes. A client must treat both alike; the documented one is served.
CONSTRAINT_VIOLATION = "InvalidRequestException"

# The API reference gives 500 for these two and 400 for every other error.
_FAULTS = {"InternalServiceError", "ServiceUnavailableException"}


class TransferError(Exception):
    """An error response of the service."""

    def __init__(self, code: str, message: str, *, status: int | None = None, **members: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status if status is not None else (500 if code in _FAULTS else 400)
        self.members = members

    def body(self) -> dict[str, Any]:
        """Return the response's JSON object, as awsJson1.1 writes an error."""
        return {"__type": self.code, "Message": self.message, **self.members}


def invalid_request(message: str) -> TransferError:
    return TransferError("InvalidRequestException", message)


def not_found(resource_type: str, resource: str, message: str | None = None) -> TransferError:
    """Return the error for an unknown resource; its text is the one that TestIdentityProvider's reference quotes."""
    text = message or f"Unknown {resource_type.lower()}"
    return TransferError("ResourceNotFoundException", text, Resource=resource, ResourceType=resource_type)


def already_exists(resource_type: str, resource: str, message: str) -> TransferError:
    return TransferError("ResourceExistsException", message, Resource=resource, ResourceType=resource_type)


def conflict(message: str) -> TransferError:
    return TransferError("ConflictException", message)


def invalid_token() -> TransferError:
    return TransferError("InvalidNextTokenException", "The NextToken parameter that was passed is invalid.")


def throttled(retry_after_seconds: str) -> TransferError:
    return TransferError("ThrottlingException", "Rate exceeded", RetryAfterSeconds=retry_after_seconds)
