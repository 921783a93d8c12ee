# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The function's settings: read from the environment once, each refused with its value, its rule and the remedy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

# S3's rule for general purpose buckets (S3 user guide, "Bucket naming rules").
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_MODE = re.compile(r"0?[0-7]{3}")


class SettingError(ValueError):
    """One setting cannot be used; says which, why and what to do."""

    def __init__(self, name: str, value: str | None, rule: str, remedy: str) -> None:
        shown = "not set" if value is None else repr(value)
        super().__init__(f"{name} is {shown}: {rule}. {remedy}.")


class DeleteMode(Enum):
    """What the deletion of an object does to its file on the share."""

    MIRROR = "mirror"
    KEEP = "keep"


@dataclass(frozen=True)
class Settings:
    """Everything the environment decides."""

    bucket: str
    prefix: str
    share: str
    delete_mode: DeleteMode
    file_mode: int
    directory_mode: int
    concurrency: int


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Validate the environment, or raise ``SettingError`` for the first variable that cannot be used."""
    return Settings(
        bucket=_bucket(environment),
        prefix=_prefix(environment),
        share=_share(environment),
        delete_mode=_delete_mode(environment),
        file_mode=_mode(environment, "MFT_FILE_MODE", "0640", owner=0o600, needs="read and write"),
        directory_mode=_mode(environment, "MFT_DIRECTORY_MODE", "0750", owner=0o700, needs="read, write and enter"),
        concurrency=_concurrency(environment),
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


def _concurrency(environment: Mapping[str, str]) -> int:
    value = environment.get("MFT_CONCURRENCY", "16")
    if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= 64:
        rule = "it must be a whole number from 1 to 64"
        raise SettingError("MFT_CONCURRENCY", value, rule, "Leave it out for 16 keys at a time")
    return int(value)
