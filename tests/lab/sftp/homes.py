# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A user's home directory: which bucket and key stands behind an SFTP path.

Paths are resolved lexically, inside the virtual root, before anything is looked up: S3 knows no symbolic links, so
`..` can only ever mean the parent in the path itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# The guide writes ${transfer:UserName}, the API reference ${Transfer:UserName}: both are in use.
_USER_NAME = re.compile(r"\$\{transfer:username\}", re.IGNORECASE)


class PathError(Exception):
    """A path this user cannot have; the text is what the SFTP client shows."""


@dataclass(frozen=True)
class Location:
    """A place in S3. An empty key is the bucket's root."""

    bucket: str
    key: str

    @property
    def prefix(self) -> str:
        """What the keys of everything below begin with."""
        return f"{self.key}/" if self.key else ""

    def __str__(self) -> str:
        return f"/{self.bucket}/{self.key}" if self.key else f"/{self.bucket}"


@dataclass(frozen=True)
class _Entry:
    parts: tuple[str, ...]
    target: Location
    is_file: bool


def split(path: str) -> tuple[str, ...]:
    """The components of an absolute path; `.` and `..` are gone, and nothing climbs above the root."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return tuple(parts)


class Home:
    """The directory tree one user sees."""

    def __init__(self, entries: Sequence[_Entry], start: str, logical: bool) -> None:
        # The longest entry wins, so the first match in this order is the right one.
        self._entries = sorted(entries, key=lambda entry: len(entry.parts), reverse=True)
        self.start = start
        self.logical = logical

    @classmethod
    def of(cls, user: Mapping[str, Any]) -> Home:
        """The home of a user as DescribeUser returns it."""
        name = str(user["UserName"])
        if user.get("HomeDirectoryType") == "LOGICAL":
            entries = [
                _Entry(split(item["Entry"]), _location(item["Target"], name), item.get("Type") == "FILE")
                for item in user.get("HomeDirectoryMappings") or []
            ]
            return cls(entries, "/", logical=True)
        parts = split(_USER_NAME.sub(lambda _: name, user.get("HomeDirectory") or "/"))
        # A PATH user sees real bucket paths. Only the own bucket is listed at "/": naming every bucket of the
        # account would need s3:ListAllMyBuckets, which no user role should have.
        buckets = [_Entry(parts[:1], Location(parts[0], ""), is_file=False)] if parts else []
        return cls(buckets, "/" + "/".join(parts), logical=False)

    def canonical(self, path: str) -> str:
        """An absolute path without `.`, `..` or doubled slashes; relative ones start in the home directory."""
        if "\0" in path:
            raise PathError("a path cannot contain a NUL character")
        return "/" + "/".join(split(path if path.startswith("/") else f"{self.start}/{path}"))

    def locate(self, path: str) -> Location | None:
        """Where a canonical path is stored; None for a directory that exists only as the parent of an entry."""
        parts = split(path)
        for entry in self._entries:
            depth = len(entry.parts)
            if parts[:depth] == entry.parts and (len(parts) == depth or not entry.is_file):
                return _below(entry.target, parts[depth:])
        if self.is_fixed(path):
            return None
        if not self.logical and parts:
            return Location(parts[0], "/".join(parts[1:]))
        raise PathError(f"No such file or directory: {path}")

    def is_fixed(self, path: str) -> bool:
        """Whether a directory is part of the home itself (an entry or a parent of one) and cannot be changed."""
        parts = split(path)
        return not parts or any(
            entry.parts[: len(parts)] == parts and not (entry.is_file and entry.parts == parts)
            for entry in self._entries
        )

    def children(self, path: str) -> dict[str, Location | None]:
        """What the entries put directly below a directory: a file's location, or None for a directory."""
        parts = split(path)
        below: dict[str, Location | None] = {}
        for entry in self._entries:
            if len(entry.parts) > len(parts) and entry.parts[: len(parts)] == parts:
                is_file = entry.is_file and len(entry.parts) == len(parts) + 1
                below[entry.parts[len(parts)]] = entry.target if is_file else None
        return below


def _location(target: str, user_name: str) -> Location:
    parts = split(_USER_NAME.sub(lambda _: user_name, target))
    if not parts:
        raise PathError(f"the home directory mapping's target {target!r} names no bucket")
    return Location(parts[0], "/".join(parts[1:]))


def _below(target: Location, parts: tuple[str, ...]) -> Location:
    return Location(target.bucket, "/".join([target.key, *parts] if target.key else parts))
