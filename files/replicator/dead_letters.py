# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dead letters: each permanent failure written into the bucket at the first certainty.

The function can reach nothing but S3, and a message that it only reports as failed comes to the dead-letter queue hours
later. So a failure becomes a small object, and the bucket tells the dead-letter queue of it. The README holds the
format; tools read it, so a change of meaning is a new version.

The same failure has the same key, however often it is met. It is written again each time: a failure that comes back
after its letter was dealt with has to be heard of again.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from datetime import UTC
from datetime import datetime
from typing import TYPE_CHECKING
from typing import NamedTuple
from urllib.parse import quote_plus

from replicator.errors import PermanentError
from replicator.events import Message

if TYPE_CHECKING:
    from replicator.store import Store

FORMAT = "mft.aws/dead-letter"
VERSION = 1
_MAX_BODY_BYTES = 256 * 1024
_MAX_MESSAGES = 1000


class Failed(NamedTuple):
    """What failed for good: a change, or (``key`` None) a message that names none."""

    problem: PermanentError
    messages: Sequence[Message]
    bucket: str
    key: str | None = None
    version: str | None = None
    event_time: float | None = None
    attempt: int = 1


class DeadLetters:
    """Where permanent failures are written; thread-safe."""

    def __init__(self, store: Store, prefix: str) -> None:
        self._store = store
        self._prefix = prefix

    @property
    def enabled(self) -> bool:
        return bool(self._prefix)

    def write(self, failed: Failed) -> str:
        """Write a failure; returns its key. Raises ``ReplicationError`` if that cannot be done."""
        seen = [message.first_seen for message in failed.messages if message.first_seen]
        first_seen = min(seen, default=time.time())
        body = None if failed.key is not None else _text(failed.messages[0].body if failed.messages else None)
        # A message without a key is told from others by its text.
        subject = failed.key if failed.key is not None else hashlib.sha256(_encoded(body or "")).hexdigest()
        identity = json.dumps([failed.bucket, subject, failed.version, failed.problem.reason])
        digest = hashlib.sha256(identity.encode("ascii")).hexdigest()
        # Times that stay the same however often the message comes, so that the key does.
        day = _date(failed.event_time, first_seen)
        key = f"{self._prefix}{day}/{digest}.json"
        self._store.put(key, _document(failed, first_seen, body))
        return key


def _document(failed: Failed, first_seen: float, body: str | None) -> bytes:
    encoded = _encoded(body or "")
    letter = {
        "format": FORMAT,
        "format_version": VERSION,
        "bucket": failed.bucket,
        "key": failed.key,
        "version": failed.version,
        "reason": failed.problem.reason,
        "remedy": failed.problem.remedy,
        "first_seen": _iso(first_seen),
        "failed_at": _iso(time.time()),
        "event_time": _iso(failed.event_time) if failed.event_time is not None else None,
        "attempt": failed.attempt,
        "message_ids": [message.identifier for message in failed.messages if message.identifier][:_MAX_MESSAGES],
        "redrive": _notification(failed) if failed.key is not None else None,
        "body": encoded[:_MAX_BODY_BYTES].decode("utf-8", errors="ignore") if body is not None else None,
        "body_is_cut": len(encoded) > _MAX_BODY_BYTES,
    }
    return json.dumps(letter, indent=1).encode("ascii")


def _notification(failed: Failed) -> dict[str, object]:
    """The change as S3 itself would have told it: sent to the queue as it is, it is work again."""
    item: dict[str, object] = {"key": quote_plus(failed.key or "", safe="/", errors="surrogatepass")}
    if failed.version is not None:
        item["versionId"] = failed.version
    record: dict[str, object] = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": failed.bucket}, "object": item},
    }
    if failed.event_time is not None:
        record["eventTime"] = _iso(failed.event_time)
    return {"Records": [record]}


def _text(body: object) -> str:
    return body if isinstance(body, str) else json.dumps(body, default=str)


def _encoded(text: str) -> bytes:
    # A lone surrogate, which JSON can hold and UTF-8 cannot, is written as JSON writes it.
    return text.encode("utf-8", errors="backslashreplace")


def _date(*times: float | None) -> str:
    for moment in times:
        if moment is not None and (said := _iso(moment)):
            return said[:10]
    return _iso(time.time())[:10]


def _iso(moment: float) -> str:
    try:
        return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return ""  # A time no calendar holds.
