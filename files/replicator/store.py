# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that the replicator asks of S3, and botocore's answer to it.

``open`` tells state and content in one answer, so they always belong together. Absence is believed only of ``open``:
a HEAD has no body, so its 404 can also mean that the bucket itself is missing, and nothing is deleted for that.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from typing import Protocol

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.exceptions import ClientError
from urllib3.exceptions import HTTPError

from replicator import errors
from replicator.checksums import COMPUTABLE
from replicator.checksums import Checksum
from replicator.errors import TransientError


@dataclass(frozen=True)
class ObjectState:
    """What tells one state of a key from another."""

    etag: str
    size: int
    modified: float
    version: str | None


class ObjectStream(Protocol):
    """One state of an object with its content."""

    @property
    def state(self) -> ObjectState: ...

    @property
    def checksum(self) -> Checksum | None: ...

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill the buffer from the content; 0 at its end."""

    def close(self) -> None: ...


class Store(Protocol):
    """The bucket. Both raise only ``ReplicationError``."""

    def open(self, key: str) -> ObjectStream | None:
        """The object as it is now, or None if the bucket holds none of this key."""

    def head(self, key: str) -> ObjectState | None:
        """The object's state alone; None is a hint, see above."""


class S3Store:
    """A bucket through botocore. Thread-safe, as botocore's clients are."""

    def __init__(self, client: Any, bucket: str, retried: Callable[[int], None]) -> None:
        self._client = client
        self._bucket = bucket
        self._retried = retried

    def open(self, key: str) -> ObjectStream | None:
        try:
            response = self._client.get_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if error.response["Error"].get("Code") == "NoSuchKey":
                return None
            raise _refused(error) from error
        except (BotoCoreError, HTTPError, OSError) as error:
            raise _interrupted(error) from error
        return _S3Stream(response["Body"], self._state(response), _checksum(response))

    def head(self, key: str) -> ObjectState | None:
        try:
            return self._state(self._client.head_object(Bucket=self._bucket, Key=key))
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return None
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 403:
                raise self._denied(key, error) from error
            raise _refused(error) from error
        except (BotoCoreError, HTTPError, OSError) as error:
            raise _interrupted(error) from error

    def _denied(self, key: str, denied: ClientError) -> errors.ReplicationError:
        """Only the body of a refused GET tells whether S3 or KMS refused."""
        try:
            self._client.get_object(Bucket=self._bucket, Key=key, Range="bytes=0-0")["Body"].close()
        except ClientError as error:
            return _refused(error)
        except (BotoCoreError, HTTPError, OSError) as error:
            return _interrupted(error)
        return _refused(denied)

    def _state(self, response: Mapping[str, Any]) -> ObjectState:
        self._retried(int(response["ResponseMetadata"].get("RetryAttempts", 0)))
        return ObjectState(
            etag=response["ETag"],
            size=int(response["ContentLength"]),
            modified=response["LastModified"].timestamp(),
            version=response.get("VersionId"),
        )


class _S3Stream:
    def __init__(self, body: Any, state: ObjectState, checksum: Checksum | None) -> None:
        self._body = body
        self.state = state
        self.checksum = checksum

    def readinto(self, buffer: memoryview, /) -> int:
        try:
            return int(self._body.readinto(buffer))
        except (BotoCoreError, HTTPError, OSError) as error:
            raise _interrupted(error) from error

    def close(self) -> None:
        self._body.close()


def create_client(connections: int) -> Any:
    """A client to keep for the life of the process: making one costs more than hundreds of small objects."""
    config = Config(
        connect_timeout=3,
        read_timeout=10,
        max_pool_connections=connections,
        retries={"mode": "standard", "total_max_attempts": 3},
        # The placement verifies what it has written (share.py); botocore doing so as well would hash twice.
        response_checksum_validation="when_required",
    )
    client = botocore.session.get_session().create_client("s3", config=config)
    client.meta.events.register("before-call.s3.GetObject", _ask_for_checksum)
    return client


def _ask_for_checksum(params: dict[str, Any], **_: object) -> None:
    # Not the parameter ChecksumMode, which would also switch botocore's own validation on.
    if "Range" not in params["headers"]:
        params["headers"]["x-amz-checksum-mode"] = "ENABLED"


def _checksum(response: Mapping[str, Any]) -> Checksum | None:
    # A composite checksum is one of the parts' checksums, not of the object's bytes (S3 user guide, "Checking object
    # integrity"); older ones show it only by the number of parts after a hyphen.
    if response.get("ChecksumType") == "COMPOSITE":
        return None
    for algorithm in COMPUTABLE:
        value = response.get(f"Checksum{algorithm}")
        if value and "-" not in value:
            try:
                return Checksum(algorithm, base64.b64decode(value, validate=True))
            except binascii.Error:
                return None
    return None


def _refused(error: ClientError) -> errors.ReplicationError:
    details = error.response["Error"]
    status = int(error.response["ResponseMetadata"]["HTTPStatusCode"])
    code = str(details.get("Code", "?"))
    # A refused HEAD has the status for a code.
    return errors.from_s3("AccessDenied" if code == "403" else code, status, str(details.get("Message", "")))


def _interrupted(error: Exception) -> TransientError:
    return TransientError(f"S3 could not be read: {type(error).__name__}: {error}", "None: it is tried again")
