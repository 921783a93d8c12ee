# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Emptying a bucket: every version, every delete marker, every unfinished upload, a thousand at a time.

amazon.aws.s3_bucket with C(force) says nothing meanwhile, leaves unfinished uploads, and deletes a version whose id is
"null" (written while versioning was off or suspended) without its id, which leaves a delete marker behind.
"""

from __future__ import annotations

import time
import typing
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry

from .errors import AnsibleGatewayError
from .errors import named_failure

if typing.TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterator

    Item = dict[str, str]
    Counts = dict[str, int]

# DeleteObjects takes 1,000 keys, and a page of versions has as many.
_BATCH = 1000
BATCHES_AT_A_TIME = 8
_ATTEMPTS = 5
# Single keys of a batch can fail while the request does not (API reference, DeleteObjects).
_PASSING = frozenset({"InternalError", "SlowDown", "ServiceUnavailable", "Throttling"})
_retried = AWSRetry.jittered_backoff(retries=8, catch_extra_error_codes=["SlowDown", "InternalError"])


def empty(client: Any, bucket: str, prefix: str, seconds: float, check_mode: bool) -> tuple[Counts, bool]:
    """Delete for so long at most; what was deleted, and whether nothing is left."""
    deadline = time.monotonic() + seconds
    counts = {"versions": 0, "delete_markers": 0, "uploads": 0}

    def all_of(pages: Iterator[list[Item]], kind: str, remove: Callable[[Any, str, list[Item]], None]) -> bool:
        with ThreadPoolExecutor(BATCHES_AT_A_TIME) as pool:
            running = []
            for page in pages:
                if not check_mode:
                    running.append(pool.submit(remove, client, bucket, page))
                    # Not more batches in hand than can be on their way: a bucket may hold millions.
                    if len(running) >= BATCHES_AT_A_TIME:
                        running.pop(0).result()
                for item in page:
                    counts[item.get("kind", kind)] += 1
                if time.monotonic() > deadline and not check_mode:
                    break
            else:
                for batch in running:
                    batch.result()
                return True
            for batch in running:
                batch.result()
            return False

    finished = all_of(_versions(client, bucket, prefix), "versions", _delete_versions) and all_of(
        _uploads(client, bucket, prefix), "uploads", _abort_uploads
    )
    return counts, finished


def _versions(client: Any, bucket: str, prefix: str) -> Iterator[list[Item]]:
    request: dict[str, Any] = {"Bucket": bucket, "Prefix": prefix, "MaxKeys": _BATCH}
    while True:
        page = _list_versions(client, **request)
        items = [{**_identity(item), "kind": "versions"} for item in page.get("Versions", [])]
        items += [{**_identity(item), "kind": "delete_markers"} for item in page.get("DeleteMarkers", [])]
        if items:
            yield items
        if not page.get("IsTruncated"):
            return
        request["KeyMarker"], request["VersionIdMarker"] = page["NextKeyMarker"], page["NextVersionIdMarker"]


def _identity(item: dict[str, Any]) -> Item:
    return {"Key": item["Key"], "VersionId": item["VersionId"]}


@named_failure("list the versions of a bucket")
def _list_versions(client: Any, **request: Any) -> dict[str, Any]:
    page: dict[str, Any] = _retried(client.list_object_versions)(**request)
    return page


def _uploads(client: Any, bucket: str, prefix: str) -> Iterator[list[Item]]:
    request: dict[str, Any] = {"Bucket": bucket, "Prefix": prefix}
    while True:
        page = _list_uploads(client, **request)
        items = [{"Key": item["Key"], "UploadId": item["UploadId"]} for item in page.get("Uploads", [])]
        if items:
            yield items
        if not page.get("IsTruncated"):
            return
        request["KeyMarker"], request["UploadIdMarker"] = page["NextKeyMarker"], page["NextUploadIdMarker"]


@named_failure("list the unfinished uploads of a bucket")
def _list_uploads(client: Any, **request: Any) -> dict[str, Any]:
    page: dict[str, Any] = _retried(client.list_multipart_uploads)(**request)
    return page


def _delete_versions(client: Any, bucket: str, items: list[Item]) -> None:
    pending = [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in items]
    # XML 1.0 cannot carry control characters, and DeleteObjects is XML: those keys go one by one, in a request's path.
    plain = [item for item in pending if min(item["Key"], default=" ") >= " "]
    for item in pending:
        if min(item["Key"], default=" ") < " ":
            _delete_one(client, bucket, item["Key"], item["VersionId"])
    for attempt in range(_ATTEMPTS):
        if not plain:
            return
        errors = _delete_batch(client, bucket, plain)
        lasting = [error for error in errors if error.get("Code") not in _PASSING]
        if lasting or (errors and attempt == _ATTEMPTS - 1):
            first = (lasting or errors)[0]
            raise AnsibleGatewayError(
                message=f"{len(errors)} of {len(plain)} versions of bucket {bucket} could not be deleted, first "
                f"{first.get('Key')}: {first.get('Code')} ({first.get('Message')})"
            )
        plain = [{"Key": error["Key"], "VersionId": error["VersionId"]} for error in errors]
        if plain:
            time.sleep(2**attempt / 2)


@named_failure("delete versions of bucket {bucket}")
def _delete_batch(client: Any, bucket: str, items: list[Item]) -> list[dict[str, Any]]:
    answer = _retried(client.delete_objects)(Bucket=bucket, Delete={"Objects": items, "Quiet": True})
    errors: list[dict[str, Any]] = answer.get("Errors", [])
    return errors


@named_failure("delete {key!r} of bucket {bucket}")
def _delete_one(client: Any, bucket: str, key: str, version: str) -> None:
    _retried(client.delete_object)(Bucket=bucket, Key=key, VersionId=version)


@named_failure("abort unfinished uploads of bucket {bucket}")
def _abort_uploads(client: Any, bucket: str, items: list[Item]) -> None:
    for item in items:
        _retried(client.abort_multipart_upload)(Bucket=bucket, Key=item["Key"], UploadId=item["UploadId"])
