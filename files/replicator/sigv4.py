# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS's signature version 4, as S3 wants it: every header is signed, the path is quoted once and never normalised.

(IAM user guide, "Create a signed AWS API request"; S3 API reference, "Authenticating requests".) The key that signs
changes once a day, so a request costs two hashes.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
_ALGORITHM = "AWS4-HMAC-SHA256"


class Credentials(NamedTuple):
    """What a request is signed with."""

    access_key: str
    secret_key: str
    token: str | None = None

    def __repr__(self) -> str:
        return f"Credentials({self.access_key!r})"  # the rest is secret


class Signer:
    """Signs for one region and service; thread-safe."""

    def __init__(self, region: str, service: str = "s3") -> None:
        self._scope = f"{region}/{service}/aws4_request"
        self._derivation = (region, service, "aws4_request")
        # One entry: the newest. Replaced whole, so no thread sees half of it.
        self._newest: tuple[tuple[str, str], bytes] = (("", ""), b"")

    def authorization(
        self,
        credentials: Credentials,
        method: str,
        path: str,
        *,
        query: str,
        headers: Mapping[str, str],
        payload_sha256: str,
    ) -> str:
        """The Authorization header. Path and query are quoted, and the query sorted, as they will be sent.

        ``headers`` are all that are to be signed, with lower-case names: ``host``, ``x-amz-date`` and the rest.
        """
        moment = headers["x-amz-date"]
        day = moment[:8]
        names = sorted(headers)
        signed = ";".join(names)
        lines = "".join([f"{name}:{headers[name]}\n" for name in names])
        request = f"{method}\n{path}\n{query}\n{lines}\n{signed}\n{payload_sha256}"
        scope = f"{day}/{self._scope}"
        text = f"{_ALGORITHM}\n{moment}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        signature = hmac.digest(self._key(credentials.secret_key, day), text.encode(), "sha256").hex()
        return (
            f"{_ALGORITHM} Credential={credentials.access_key}/{scope}, SignedHeaders={signed}, Signature={signature}"
        )

    def _key(self, secret: str, day: str) -> bytes:
        known, key = self._newest
        if known != (secret, day):
            key = f"AWS4{secret}".encode()
            for part in (day, *self._derivation):
                key = hmac.digest(key, part.encode(), "sha256")
            self._newest = ((secret, day), key)
        return key


def amz_date(seconds: float) -> str:
    """A time as x-amz-date has it."""
    return _amz_date(int(seconds))


@lru_cache(maxsize=2)
def _amz_date(seconds: int) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(seconds))
