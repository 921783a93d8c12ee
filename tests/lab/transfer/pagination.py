# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists in pages: MaxResults and NextToken.

A token names the last item given, so that items created or deleted between two pages neither double nor hide another.
It is signed with a key kept in the store: one made up, altered, or of another list is refused, and one given before
a restart is still good.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any
from typing import TypeVar

from lab.transfer.context import Context
from lab.transfer.context import Parameters
from lab.transfer.errors import invalid_token

Item = TypeVar("Item")
Key = str | int


def paginate(
    ctx: Context,
    parameters: Parameters,
    *,
    scope: str,
    fetch: Callable[[Key | None, int], list[Item]],
    key: Callable[[Item], Key],
) -> tuple[list[Item], Parameters]:
    """Return one page of items, and the NextToken member if more follow.

    fetch(after, limit) gives at most limit items in the order of their key, beginning behind after.
    """
    size = parameters.get("MaxResults") or ctx.settings.page_size
    token = parameters.get("NextToken")
    after = _read(ctx, scope, token) if token is not None else None
    items = fetch(after, size + 1)
    if len(items) <= size:
        return items, {}
    return items[:size], {"NextToken": _write(ctx, scope, key(items[size - 1]))}


def _write(ctx: Context, scope: str, after: Key) -> str:
    payload = json.dumps([scope, after]).encode()
    return base64.urlsafe_b64encode(_signature(ctx, payload) + payload).decode()


def _read(ctx: Context, scope: str, token: str) -> Any:
    try:
        raw = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
    except ValueError:
        raise invalid_token() from None
    signature, payload = raw[:32], raw[32:]
    if not hmac.compare_digest(signature, _signature(ctx, payload)):
        raise invalid_token()
    made_for, after = json.loads(payload)
    if made_for != scope:
        raise invalid_token()
    return after


def _signature(ctx: Context, payload: bytes) -> bytes:
    row = ctx.db.execute("SELECT value FROM properties WHERE name = 'token_key'").fetchone()
    return hmac.new(bytes.fromhex(row["value"]), payload, hashlib.sha256).digest()
