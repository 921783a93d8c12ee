# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""S3 for an SFTP session: calls that do not block the event loop, and errors in terms of SFTP."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import AsyncIterator
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.exceptions import ClientError

from lab.sftp.upload import Stored
from lab.transfer.http import INSIDE

if TYPE_CHECKING:
    from lab.sftp.homes import Location

# One thread sends one part or fetches one block: enough for eight transfers at full speed.
THREADS = 32


class Reason(enum.Enum):
    """What an S3 error means to an SFTP client."""

    NO_SUCH_FILE = enum.auto()
    PERMISSION_DENIED = enum.auto()
    FAILURE = enum.auto()


class StoreError(Exception):
    """An S3 call failed; the text is what the SFTP client shows."""

    def __init__(self, reason: Reason, text: str, code: str = "") -> None:
        super().__init__(text)
        self.reason = reason
        self.code = code


@dataclass(frozen=True)
class Entry:
    """A name in a listing. A directory has no size and no time."""

    name: str
    size: int = 0
    modified: datetime | None = None
    is_directory: bool = False


@dataclass(frozen=True)
class FileInfo:
    """An object's state at one moment."""

    size: int
    modified: datetime
    etag: str
    version_id: str | None


def client(service: str, endpoint_url: str, **settings: Any) -> Any:
    """An AWS client of the lab."""
    make: Any = boto3.client  # the stubs know only literal names of services
    return make(
        service,
        endpoint_url=endpoint_url,
        config=Config(
            retries={"mode": "standard", "max_attempts": 4},
            max_pool_connections=THREADS,
            connect_timeout=5,
            user_agent_extra=INSIDE,  # a test's faults and counts are about its own calls
            **settings,
        ),
    )


def s3_client(endpoint_url: str) -> Any:
    """An S3 client that does not hash each part: over loopback that costs more than sending it."""
    return client(
        "s3",
        endpoint_url,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"payload_signing_enabled": False, "addressing_style": "path"},
    )


class Store:
    """The S3 operations an SFTP server needs."""

    def __init__(self, s3: Any) -> None:
        self._s3 = s3
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="s3")

    async def call(self, operation: str, /, **parameters: Any) -> dict[str, Any]:
        """One API call; parameters that are None are left out."""
        given = {name: value for name, value in parameters.items() if value is not None}
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, lambda: getattr(self._s3, operation)(**given))
        except ClientError as error:
            raise _store_error(error, given) from error
        except BotoCoreError as error:
            raise StoreError(Reason.FAILURE, f"Amazon S3 could not be reached: {error}") from error

    async def head(self, location: Location) -> FileInfo:
        """The object's state; NO_SUCH_FILE if there is none."""
        found = await self.call("head_object", Bucket=location.bucket, Key=location.key)
        return FileInfo(found["ContentLength"], found["LastModified"], found["ETag"], found.get("VersionId"))

    async def exists(self, location: Location) -> bool:
        """Whether there is an object of exactly this key."""
        try:
            await self.head(location)
        except StoreError as error:
            if error.reason is Reason.NO_SUCH_FILE:
                return False
            raise
        return True

    async def below(self, location: Location, limit: int) -> list[str]:
        """The first keys that begin with the directory's prefix, its own marker included."""
        found = await self.call(
            "list_objects_v2", Bucket=location.bucket, Prefix=location.prefix or None, MaxKeys=limit
        )
        return [item["Key"] for item in found.get("Contents", [])]

    async def entries(self, location: Location) -> AsyncIterator[Entry]:
        """The files and directories directly in a directory."""
        token = None
        while True:
            page = await self.call(
                "list_objects_v2",
                Bucket=location.bucket,
                Prefix=location.prefix or None,
                Delimiter="/",
                ContinuationToken=token,
            )
            for common in page.get("CommonPrefixes", []):
                yield Entry(common["Prefix"][len(location.prefix) : -1], is_directory=True)
            for item in page.get("Contents", []):
                if item["Key"] != location.prefix:
                    yield Entry(item["Key"][len(location.prefix) :], item["Size"], item["LastModified"])
            if not page.get("IsTruncated"):
                return
            token = page["NextContinuationToken"]

    async def fetch(self, location: Location, info: FileInfo, begin: int, end: int) -> bytes:
        """Bytes [begin, end) of the object as it was when `info` was taken."""
        # Without If-Match an overwrite during a long download would splice two files into one.
        found = await self.call(
            "get_object",
            Bucket=location.bucket,
            Key=location.key,
            Range=f"bytes={begin}-{end - 1}",
            IfMatch=info.etag,
        )
        body = found["Body"]
        loop = asyncio.get_running_loop()
        try:
            data: bytes = await loop.run_in_executor(self._threads, body.read)
        except BotoCoreError as error:
            raise StoreError(Reason.FAILURE, f"the download from Amazon S3 broke off: {error}") from error
        return data

    def close(self) -> None:
        """Let the threads go; calls under way end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class ObjectUpload:
    """The UploadTarget of one key."""

    def __init__(self, store: Store, location: Location, metadata: Mapping[str, str]) -> None:
        self._store = store
        self._key = {"Bucket": location.bucket, "Key": location.key}
        self._metadata = dict(metadata)
        self._upload_id = ""
        self._etags: dict[int, str] = {}

    async def put(self, body: bytearray) -> Stored:
        return _stored(await self._store.call("put_object", **self._key, Body=body, Metadata=self._metadata))

    async def begin(self) -> None:
        begun = await self._store.call("create_multipart_upload", **self._key, Metadata=self._metadata)
        self._upload_id = begun["UploadId"]

    async def part(self, number: int, body: bytearray) -> None:
        sent = await self._store.call(
            "upload_part", **self._key, UploadId=self._upload_id, PartNumber=number, Body=body
        )
        self._etags[number] = sent["ETag"]

    async def complete(self) -> Stored:
        parts = [{"PartNumber": number, "ETag": etag} for number, etag in sorted(self._etags.items())]
        return _stored(
            await self._store.call(
                "complete_multipart_upload", **self._key, UploadId=self._upload_id, MultipartUpload={"Parts": parts}
            )
        )

    async def abort(self) -> None:
        await self._store.call("abort_multipart_upload", **self._key, UploadId=self._upload_id)


def _stored(answer: Mapping[str, Any]) -> Stored:
    return Stored(answer["ETag"].strip('"'), answer.get("VersionId"))


def _store_error(error: Any, given: Mapping[str, Any]) -> StoreError:
    status = error.response["ResponseMetadata"].get("HTTPStatusCode")
    code = error.response["Error"].get("Code", "")
    name = f"/{given.get('Bucket', '')}/{given.get('Key', given.get('Prefix', ''))}"
    if status == 404:
        return StoreError(Reason.NO_SUCH_FILE, "No such file or directory", code)
    if status == 403:
        return StoreError(Reason.PERMISSION_DENIED, "Access denied", code)
    if status == 412:
        return StoreError(Reason.FAILURE, f"{name} changed while it was being read", code)
    message = error.response["Error"].get("Message", "")
    return StoreError(Reason.FAILURE, f"Amazon S3 refused {error.operation_name} of {name}: {code} {message}", code)
