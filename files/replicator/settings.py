# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The function's settings: read from the environment once, each refused with its value, its rule and the remedy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

# S3's rule for general purpose buckets (S3 user guide, "Bucket naming rules").
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_MODE = re.compile(r"0?[0-7]{3}")
# S3 user guide, "Categorizing your storage using tags": lengths in Unicode characters, and what a tag is written with.
_TAG_KEY = re.compile(r"[\w +\-.:/@]{1,128}")
_TAG_VALUE = re.compile(r"[\w +\-=.:/@]{0,256}")
# Where the server's workflow puts truncated uploads; nothing else may be written there.
_QUARANTINE = "quarantine/"
# Lambda's whole environment is 4 KB (Lambda quotas).
_MAX_PATTERNS = 4096
# Object keys have at most 1,024 bytes; a dead letter's date and digest need their part of it.
_MAX_FAILURE_PREFIX = 200


class SettingError(ValueError):
    """One setting cannot be used; says which, why and what to do."""

    def __init__(self, name: str, value: str | None, rule: str, remedy: str) -> None:
        shown = "not set" if value is None else repr(value)
        super().__init__(f"{name} is {shown}: {rule}. {remedy}.")


class DeleteMode(Enum):
    """What the deletion of an object does to its file on the share."""

    MIRROR = "mirror"
    KEEP = "keep"
    TRASH = "trash"


class Settings(NamedTuple):
    """Everything the environment decides."""

    bucket: str
    prefix: str
    share: str
    delete_mode: DeleteMode
    file_mode: int
    directory_mode: int
    concurrency: int
    trash_days: int
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    maximum_bytes: int
    required_tag: tuple[str, str] | None
    verify_etag: bool
    failure_prefix: str


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Validate the environment, or raise ``SettingError`` for the first variable that cannot be used."""
    prefix = _prefix(environment)
    return Settings(
        bucket=_bucket(environment),
        prefix=prefix,
        share=_share(environment),
        delete_mode=_delete_mode(environment),
        file_mode=_mode(environment, "MFT_FILE_MODE", "0640", owner=0o600, needs="read and write"),
        directory_mode=_mode(environment, "MFT_DIRECTORY_MODE", "0750", owner=0o700, needs="read, write and enter"),
        concurrency=_whole(environment, "MFT_CONCURRENCY", 16, range(1, 65), "16 keys at a time"),
        trash_days=_whole(environment, "MFT_TRASH_DAYS", 30, range(1, 3651), "30 days"),
        include=_patterns(environment, "MFT_INCLUDE"),
        exclude=_patterns(environment, "MFT_EXCLUDE"),
        maximum_bytes=_whole(environment, "MFT_MAXIMUM_BYTES", 0, range(10**15 + 1), "no limit"),
        required_tag=_required_tag(environment),
        verify_etag=_verify_etag(environment),
        failure_prefix=_failure_prefix(environment, prefix),
    )


def _bucket(environment: Mapping[str, str]) -> str:
    value = environment.get("MFT_BUCKET")
    if value is None or not _BUCKET.fullmatch(value):
        raise SettingError("MFT_BUCKET", value, "it must be a bucket's name", "Set it to the bucket that is replicated")
    return value


def _prefix(environment: Mapping[str, str]) -> str:
    value = environment.get("MFT_PREFIX", "home/")
    if value and (not value.endswith("/") or value.startswith("/") or "//" in value or "\0" in value):
        rule = "it must end with one slash and not begin with one"
        raise SettingError("MFT_PREFIX", value, rule, "Write it like 'home/', or leave it empty for the whole bucket")
    return value


def _share(environment: Mapping[str, str]) -> str:
    value = environment.get("MFT_SHARE", "/mnt/sftp")
    if not value.startswith("/") or "\0" in value or not value.strip("/"):
        rule = "it must be the absolute path of a directory, not of the root"
        raise SettingError("MFT_SHARE", value, rule, "Set it to the path where the file system is mounted")
    return value.rstrip("/")


def _delete_mode(environment: Mapping[str, str]) -> DeleteMode:
    value = environment.get("MFT_DELETE_MODE", DeleteMode.MIRROR.value)
    try:
        return DeleteMode(value)
    except ValueError:
        choices = " or ".join(mode.value for mode in DeleteMode)
        raise SettingError("MFT_DELETE_MODE", value, f"it must be {choices}", "Set it to one of these") from None


def _mode(environment: Mapping[str, str], name: str, default: str, *, owner: int, needs: str) -> int:
    value = environment.get(name, default)
    if not _MODE.fullmatch(value):
        raise SettingError(name, value, "it must be three octal digits", f"Write it like '{default}', quoted in YAML")
    mode = int(value, 8)
    if mode & owner != owner:
        raise SettingError(name, value, f"the owner must be able to {needs}", f"Use at least '{owner:04o}'")
    return mode


def _whole(environment: Mapping[str, str], name: str, default: int, allowed: range, left_out: str) -> int:
    value = environment.get(name, str(default))
    # isascii: isdigit also takes digits of other scripts, which int() would read or refuse in its own words.
    if not value.isascii() or not value.isdigit() or len(value) > 16 or int(value) not in allowed:
        rule = f"it must be a whole number from {allowed.start:,} to {allowed.stop - 1:,}"
        raise SettingError(name, value, rule, f"Leave it out for {left_out}")
    return int(value)


def _patterns(environment: Mapping[str, str], name: str) -> tuple[str, ...]:
    value = environment.get(name, "")
    if not value:
        return ()
    patterns = tuple(pattern.strip() for pattern in value.split(","))
    rule = None
    if len(value) > _MAX_PATTERNS:
        rule = f"it must have at most {_MAX_PATTERNS:,} characters"
    elif not all(patterns):
        rule = "there must be a pattern before and after each comma"
    elif any(pattern.startswith("/") for pattern in patterns):
        rule = "no path under the prefix begins with a slash, so such a pattern matches nothing"
    if rule:
        raise SettingError(name, value, rule, "Write it like 'acme/*,*.csv' (the star stands for slashes too)")
    return patterns


def _required_tag(environment: Mapping[str, str]) -> tuple[str, str] | None:
    value = environment.get("MFT_REQUIRED_TAG", "")
    if not value:
        return None
    key, equals, content = value.partition("=")
    if not equals or not _TAG_KEY.fullmatch(key) or not _TAG_VALUE.fullmatch(content):
        rule = "it must be an object tag, key=value, in S3's letters (key at most 128, value at most 256 characters)"
        raise SettingError("MFT_REQUIRED_TAG", value, rule, "Write it like 'scan=clean', or leave it empty")
    return key, content


def _verify_etag(environment: Mapping[str, str]) -> bool:
    value = environment.get("MFT_VERIFY_ETAG", "false")
    if value not in ("true", "false"):
        raise SettingError("MFT_VERIFY_ETAG", value, "it must be true or false", "Write it in small letters")
    return value == "true"


def _failure_prefix(environment: Mapping[str, str], served: str) -> str:
    name, value = "MFT_FAILURE_PREFIX", environment.get("MFT_FAILURE_PREFIX", "failed/")
    if not value:
        return value
    remedy = "Write it like 'failed/', or leave it empty to have failures reported to the queue instead"
    if not value.endswith("/") or value.startswith("/") or "//" in value or "\0" in value:
        raise SettingError(name, value, "it must end with one slash and not begin with one", remedy)
    if len(value.encode("utf-8", errors="replace")) > _MAX_FAILURE_PREFIX:
        raise SettingError(name, value, f"it must have at most {_MAX_FAILURE_PREFIX} bytes", remedy)
    for other, what in ((served, "the served prefix"), (_QUARANTINE, "the truncated uploads' prefix")):
        # Both ways: S3 refuses notifications with overlapping prefixes, and a dead letter must never be replicated.
        if value.startswith(other) or other.startswith(value):
            raise SettingError(name, value, f"it must lie apart from {what} {other!r}", remedy)
    return value
