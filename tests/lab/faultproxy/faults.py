# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of failure: answers in the server's place, and what can happen to an answer on its way."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
from urllib.parse import unquote
from urllib.parse import urlsplit

# Answered without asking the server (S3 API reference, "Error responses"): status, code, message.
REFUSALS = {
    "slow_down": (503, "SlowDown", "Please reduce your request rate."),
    "internal_error": (500, "InternalError", "We encountered an internal error. Please try again."),
    "denied": (403, "AccessDenied", "Access Denied"),
    # As S3 words it when the role may not use the key (AWS re:Post, "Why do I get Access Denied for SSE-KMS objects?").
    "denied_by_kms": (
        403,
        "AccessDenied",
        "User: arn:aws:sts::123456789012:assumed-role/replicator/f is not authorized to perform: kms:Decrypt on "
        "resource: arn:aws:kms:eu-central-1:123456789012:key/5f2c because no identity-based policy allows it",
    ),
    # As S3 words it when the key is gone or another account's.
    "key_gone": (
        403,
        "AccessDenied",
        "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are "
        "not allowed to access.",
    ),
    "key_disabled": (400, "KMS.DisabledException", "arn:aws:kms:eu-central-1:123456789012:key/5f2c is disabled."),
}
# What becomes of the server's answer.
#   reset: the connection is cut amid the body; reset_before: before the answer
#   short: half of the body, then an orderly end; the header tells of all of it
#   flipped: one bit of the body is another
#   stalled: half of the body, then silence; silent: no answer at all
SPOILED = ("reset", "reset_before", "short", "flipped", "stalled", "silent")
KINDS = (*REFUSALS, *SPOILED)


@dataclass
class Fault:
    """Strikes the requests that match, ``times`` of them after the first ``after``; None: all."""

    kind: str
    method: str | None = None
    key: str = ".*"
    times: int | None = 1
    after: int = 0
    then: Callable[[], object] | None = None
    seen: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"fault {self.kind!r} is none; there are {', '.join(KINDS)}")

    def strikes(self, method: str, target: str) -> bool:
        """Count a request that matches, and say whether it is struck."""
        path = unquote(urlsplit(target).path)
        if self.method not in (None, method) or not re.search(rf"/{self.key}$", path):
            return False
        self.seen += 1
        return self.seen > self.after and (self.times is None or self.seen <= self.after + self.times)


def refusal(kind: str, method: str) -> bytes:
    """The whole answer; a HEAD has no body."""
    status, code, message = REFUSALS[kind]
    text = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message>'
        "<RequestId>0A49CE4060975EAC</RequestId><HostId>lab</HostId></Error>"
    )
    body = b"" if method == "HEAD" else text.encode()
    head = f"HTTP/1.1 {status} {code}\r\ncontent-type: application/xml\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body
