# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that the replicator asks of S3, and how it answers.

``open`` tells state and content in one answer, so they always belong together. Absence is believed only of ``open``:
a HEAD has no body, so its 404 can also mean that the bucket itself is missing, and nothing is deleted for that.

What can pass (throttling, 5xx, a broken or silent connection) is tried again here while the invocation has time, with
exponential backoff and full jitter. A body that breaks off goes on where it stopped, if the object is still the same.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from collections.abc import Mapping
from typing import TYPE_CHECKING
from typing import NamedTuple
from typing import Protocol
from typing import TypeVar

from replicator import checksums
from replicator import documents
from replicator import errors
from replicator.checksums import Checksum
from replicator.deadline import Deadline
from replicator.errors import ReplicationError
from replicator.errors import TransientError
from replicator.s3client import Client

if TYPE_CHECKING:
    from replicator.http1 import Response

# Ten attempts wait for about half a minute in all: longer than S3 throttles one prefix, and the queue comes after.
_MAX_ATTEMPTS = 10
_BACKOFF_SECONDS = 0.1
_MAX_BACKOFF_SECONDS = 20.0


_T = TypeVar("_T")


class ObjectState(NamedTuple):
    """What tells one state of a key from another."""

    etag: str
    size: int
    modified: float
    version: str | None


class ObjectChangedError(TransientError):
    """The object is no longer the one whose copy was begun."""

    def __init__(self) -> None:
        super().__init__("the object changed while it was copied", "None: it is tried again")


class ObjectStream(Protocol):
    """One state of an object with its content."""

    @property
    def state(self) -> ObjectState: ...

    @property
    def checksum(self) -> Checksum | None:
        """What the content is to be verified with, beyond its length."""

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill the buffer from the content; 0 at its end."""

    def resume_at(self, offset: int) -> None:
        """Go on reading there."""

    def close(self) -> None: ...


class Store(Protocol):
    """The bucket. All raise only ``ReplicationError``."""

    def open(self, key: str) -> ObjectStream | None:
        """The object as it is now, or None if the bucket holds none of this key."""

    def head(self, key: str) -> ObjectState | None:
        """The object's state alone; None is a hint, see above."""

    def tags(self, key: str, version: str | None) -> Mapping[str, str] | None:
        """The tags of that version of the object; None if it is gone."""

    def page(self, prefix: str, after: str) -> list[tuple[str, ObjectState]]:
        """At most 1,000 keys under ``prefix`` that sort after ``after``, in order; a listing knows no versions."""

    def put(self, key: str, body: bytes) -> None:
        """Write a small object."""


class Patience(NamedTuple):
    """How long one silence of S3 is borne, and how often the same is tried."""

    seconds: float = 10.0
    attempts: int = _MAX_ATTEMPTS
    backoff: float = _BACKOFF_SECONDS


_PATIENCE = Patience()


class S3Store:
    """One invocation's view of the bucket; thread-safe."""

    def __init__(
        self,
        client: Client,
        deadline: Deadline,
        retried: Callable[[], None],
        verify_etag: bool = False,
        patience: Patience = _PATIENCE,
    ) -> None:
        self._client = client
        self._deadline = deadline
        self._retried = retried
        self._verify_etag = verify_etag
        self._patience = patience
        self._silence = min(patience.seconds, deadline.patience)

    def open(self, key: str) -> ObjectStream | None:
        # Without the header S3 states no checksum (S3 API reference, GetObject, ChecksumMode).
        response = self.send("GET", key, headers={"x-amz-checksum-mode": "ENABLED"}, absent=("NoSuchKey",))
        if response is None:
            return None
        try:
            etag = checksums.from_etag(response.headers) if self._verify_etag else None
            return _S3Stream(self, key, response, etag or checksums.stated(response.headers))
        except BaseException:
            response.close()
            raise

    def head(self, key: str) -> ObjectState | None:
        response = self.send("HEAD", key, absent=("",))  # a HEAD's 404 has no code
        return None if response is None else _state(response.headers)

    def tags(self, key: str, version: str | None) -> Mapping[str, str] | None:
        query = {"tagging": ""} | ({"versionId": version} if version else {})
        response = self.send("GET", key, query=query, absent=("NoSuchKey", "NoSuchVersion"))
        return None if response is None else _read(response, documents.tags)

    def page(self, prefix: str, after: str) -> list[tuple[str, ObjectState]]:
        query = {"list-type": "2", "encoding-type": "url", "prefix": prefix} | ({"start-after": after} if after else {})
        response = self.send("GET", "", query=query)
        entries = [] if response is None else _read(response, documents.listing)
        return [(key, ObjectState(etag, size, modified, None)) for key, etag, size, modified in entries]

    def put(self, key: str, body: bytes) -> None:
        self.send("PUT", key, headers={"content-type": "application/json"}, body=body)

    def send(
        self,
        method: str,
        key: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        absent: tuple[str, ...] = (),
        failures: int = 0,
    ) -> Response | None:
        """S3's answer to a request that it grants, or None for a 404 with one of the codes in ``absent``.

        ``failures`` are those before, which count. Raises ``ReplicationError``.
        """
        while True:
            try:
                response = self._client.request(method, key, self._silence, query=query, headers=headers, body=body)
                if response.status < 300:
                    if method == "PUT":
                        response.read()
                    return response
                refusal = response.read()
            except OSError as error:
                failure: ReplicationError = _interrupted(error)
            else:
                code, status, message = _refusal(refusal, response.status)
                if status == 404 and (code if refusal else "") in absent:
                    return None
                if status in (404, 412) and headers and "if-match" in headers:
                    raise ObjectChangedError
                if status == 403 and method == "HEAD":
                    failure = self._denied(key)
                else:
                    failure = errors.from_s3(code, status, message)
                if not isinstance(failure, TransientError):
                    raise failure
            failures += 1
            self.back_off(failures, failure)

    def _denied(self, key: str) -> ReplicationError:
        """Why a HEAD was denied: only the body of a refused GET tells whether S3 or KMS refused."""
        try:
            response = self._client.request("GET", key, self._silence, headers={"range": "bytes=0-0"})
            body = response.read()
        except OSError as error:
            return _interrupted(error)
        if response.status != 403:
            return TransientError("S3 denied a HEAD, but not the GET after it", "None: it is tried again")
        return errors.from_s3(*_refusal(body, 403))

    def back_off(self, failures: int, failure: ReplicationError) -> None:
        """Wait before the next attempt; raise the failure where there is none."""
        if failures >= self._patience.attempts:
            raise failure
        longest = min(_MAX_BACKOFF_SECONDS, self._patience.backoff * 2 ** (failures - 1))
        # Full jitter (AWS Builders' Library, "Timeouts, retries, and backoff with jitter").
        if not self._deadline.wait(random.uniform(0, longest)):  # noqa: S311
            raise failure
        self._retried()


class _S3Stream:
    def __init__(self, store: S3Store, key: str, response: Response, checksum: Checksum | None) -> None:
        self._store = store
        self._key = key
        self._response: Response | None = response
        self._offset = 0
        self._failures = 0
        self.state = _state(response.headers)
        self.checksum = checksum

    def readinto(self, buffer: memoryview, /) -> int:
        while self._offset < self.state.size:
            try:
                if self._response is None:
                    self._response = self._from(self._offset)
                count = self._response.readinto(buffer)
            except OSError as error:
                self.close()
                self._failures += 1
                self._store.back_off(self._failures, _interrupted(error))
            else:
                self._offset += count
                self._failures = 0
                return count
        return 0

    def resume_at(self, offset: int) -> None:
        self.close()
        self._offset = offset

    def close(self) -> None:
        if self._response is not None:
            self._response.close()
            self._response = None

    def _from(self, offset: int) -> Response:
        headers = {"range": f"bytes={offset}-", "if-match": self.state.etag}
        response = self._store.send("GET", self._key, headers=headers, failures=self._failures)
        if response is None or response.status != 206:
            if response is not None:
                response.close()
            raise TransientError("S3 answered a request for a part with something else", "None: it is tried again")
        expected = f"bytes {offset}-{self.state.size - 1}/{self.state.size}"
        if response.headers.get("content-range") != expected:
            response.close()
            raise ObjectChangedError
        return response


def _state(headers: Mapping[str, str]) -> ObjectState:
    try:
        return ObjectState(
            etag=headers["etag"],
            size=int(headers["content-length"]),
            modified=documents.http_date(headers["last-modified"]),
            version=headers.get("x-amz-version-id"),
        )
    except (KeyError, ValueError) as problem:
        raise TransientError(f"S3's answer cannot be read: {problem}", "None: it is tried again") from problem


def _read(response: Response, parse: Callable[[bytes], _T]) -> _T:
    try:
        return parse(response.read())
    except OSError as error:
        raise _interrupted(error) from error
    except documents.UnreadableError as problem:
        raise TransientError(f"S3's answer cannot be read: {problem}", "None: it is tried again") from problem


def _refusal(body: bytes, status: int) -> tuple[str, int, str]:
    """Code, status and message; an answer to a HEAD has only the status."""
    if not body:
        return {403: "AccessDenied", 404: "NoSuchKey", 503: "SlowDown"}.get(status, "?"), status, ""
    code, message = documents.error(body)
    return code, status, message


def _interrupted(error: OSError) -> TransientError:
    return TransientError(f"S3 could not be read: {type(error).__name__}: {error}", "None: it is tried again")
