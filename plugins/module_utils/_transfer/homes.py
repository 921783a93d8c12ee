# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The homes of users in a bucket. S3 has no directories: a home is there when a key begins with it and a slash."""

from __future__ import annotations

import os.path
import typing
from collections import defaultdict
from typing import Any

from .bulk import in_parallel
from .errors import AnsibleTransferError
from .errors import named_failure
from .retries import retried

if typing.TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Sequence

# "Object key names … have a maximum of 1,024 bytes" (S3 user guide); a home's own ends in a slash.
_MAX_KEY = 1024
_CONCURRENCY = 8


def home_problems(homes: Iterable[str]) -> list[str]:
    problems = []
    for home in homes:
        if any(component in ("", ".", "..") for component in home.split("/")):
            problems.append(
                f"home {home!r} is no path within the bucket: write it as home/acme, with no slash first or last,"
                " no empty component, no '.' or '..'"
            )
        elif len(home.encode()) >= _MAX_KEY:
            problems.append(f"home {home[:40]!r}… has {len(home.encode())} bytes: {_MAX_KEY - 1} is the most")
    return problems


@named_failure("list bucket {bucket}")
@retried
def _list(client: Any, bucket: str, prefix: str, token: dict[str, str]) -> dict[str, Any]:
    page: dict[str, Any] = client.list_objects_v2(Bucket=bucket, Prefix=prefix, Delimiter="/", **token)
    return page


# Repeated freely: it is the same empty object each time.
@named_failure("make home {home} in bucket {bucket}")
@retried
def _make(client: Any, bucket: str, home: str) -> None:
    client.put_object(Bucket=bucket, Key=f"{home}/", Body=b"")


def _present(client: Any, bucket: str, prefix: str, last: str) -> set[str]:
    """The directories whose paths begin with a prefix, as far as C(last) in their order."""
    found: set[str] = set()
    token: dict[str, str] = {}
    while True:
        page = _list(client, bucket, prefix, token)
        directories = [entry["Prefix"] for entry in page.get("CommonPrefixes", [])]
        found.update(directories)
        passed = any(path >= last for path in (*directories, *(item["Key"] for item in page.get("Contents", []))))
        if passed or not page.get("NextContinuationToken"):
            return found
        token = {"ContinuationToken": page["NextContinuationToken"]}


def missing_homes(client: Any, bucket: str, homes: Iterable[str]) -> list[str]:
    """Homes beside each other are looked for in one listing, of which a page has 1,000, whatever is in them."""
    siblings: dict[str, set[str]] = defaultdict(set)
    for home in homes:
        siblings[os.path.dirname(home)].add(home)  # noqa: PTH120  # of an object's key
    missing: list[str] = []
    for some in siblings.values():
        # Of their characters: S3 knows no components.
        prefix = os.path.commonprefix(list(some))  # noqa: RUF071
        present = _present(client, bucket, prefix, max(f"{home}/" for home in some))
        missing += [home for home in some if f"{home}/" not in present]
    return sorted(missing)


def make_homes(client: Any, bucket: str, homes: Sequence[str]) -> None:
    for outcome in in_parallel(lambda home: _make(client, bucket, home), homes, _CONCURRENCY):
        if isinstance(outcome, AnsibleTransferError):
            raise outcome
