# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From an object's key to a path on the share.

Keys are almost any Unicode text; names in a file system are not. A key that cannot be a path is refused for good,
never mended: two keys must not end at one path.

When keys collide: ``a`` and ``a/b`` (or the marker ``a/``) can both be objects, but no path is both file and
directory. **The directory wins**, whatever the order of events: ``a`` is a directory as long as the bucket holds
``a/`` or anything under it, the object ``a`` is a permanent failure that says so, and a file ``a`` that stands in the
way gives place once the newcomer is complete. When the directory has gone, ``a`` is looked at again and placed.
"""

from __future__ import annotations

from typing import NamedTuple

from replicator.errors import PermanentError

HIDDEN_DIRECTORY = b".mft-replicator"
_MAX_COMPONENT_BYTES = 255
_RENAME = "Copy the object to a key without it, and delete this one"


class SharePath(NamedTuple):
    """A place on the share, as names relative to its root; ``is_directory`` for keys that end with a slash."""

    components: tuple[bytes, ...]
    is_directory: bool = False

    @property
    def parent(self) -> tuple[bytes, ...]:
        return self.components[:-1]

    @property
    def name(self) -> bytes:
        return self.components[-1]

    def __str__(self) -> str:
        return readable(self.components) + ("/" if self.is_directory else "")


def readable(components: tuple[bytes, ...]) -> str:
    """The path for a person's eyes."""
    return b"/".join(components).decode("utf-8", errors="backslashreplace")


def locate(key: str, prefix: str) -> SharePath | None:
    """The path of a key, or None for a key outside the served prefix (and for the prefix itself).

    Raises ``PermanentError`` for a key that cannot be a path.
    """
    if not key.startswith(prefix) or key == prefix:
        return None
    served = key[len(prefix) :]
    is_directory = served.endswith("/")
    parts = served[:-1].split("/") if is_directory else served.split("/")
    components = tuple(_component(part) for part in parts)
    if components[0] == HIDDEN_DIRECTORY:
        raise PermanentError("the key lies in the replicator's own directory on the share", _RENAME)
    return SharePath(components, is_directory)


def file_key(components: tuple[bytes, ...], prefix: str) -> str:
    """The key whose object would be a file at this path."""
    return prefix + b"/".join(components).decode("utf-8")


def marker_key(components: tuple[bytes, ...], prefix: str) -> str:
    """The key whose object keeps a directory at this path though it is empty."""
    return file_key(components, prefix) + "/"


def _component(part: str) -> bytes:
    if not part:
        raise PermanentError("the key has an empty part (two slashes in a row, or one at its beginning)", _RENAME)
    if part in (".", ".."):
        raise PermanentError(f"the key has a part {part!r}, which a file system takes for a direction", _RENAME)
    if "\0" in part:
        raise PermanentError("the key has a NUL character, which no file name can hold", _RENAME)
    try:
        name = part.encode("utf-8")
    except UnicodeEncodeError:
        raise PermanentError("the key is not valid Unicode", _RENAME) from None
    if len(name) > _MAX_COMPONENT_BYTES:
        reason = f"a part of the key is {len(name)} bytes long, a file name has at most {_MAX_COMPONENT_BYTES}"
        raise PermanentError(reason, "Copy the object to a shorter key, and delete this one")
    return name
