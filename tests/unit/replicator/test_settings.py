# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each setting is refused with its name, its value, the rule and the remedy."""

from __future__ import annotations

import pytest

from replicator.settings import DeleteMode
from replicator.settings import SettingError
from replicator.settings import Settings
from replicator.settings import read_settings


def test_defaults() -> None:
    expected = Settings("acme-landing", "home/", "/mnt/sftp", DeleteMode.MIRROR, 0o640, 0o750, 16)
    assert read_settings({"MFT_BUCKET": "acme-landing"}) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MFT_BUCKET", "Acme"),
        ("MFT_PREFIX", "home"),
        ("MFT_PREFIX", "/home/"),
        ("MFT_PREFIX", "home//"),
        ("MFT_SHARE", "mnt/sftp"),
        ("MFT_SHARE", "/"),
        ("MFT_DELETE_MODE", "trash"),
        ("MFT_FILE_MODE", "640 "),
        ("MFT_FILE_MODE", "0440"),
        ("MFT_FILE_MODE", "416"),
        ("MFT_DIRECTORY_MODE", "0650"),
        ("MFT_CONCURRENCY", "0"),
        ("MFT_CONCURRENCY", "65"),
        ("MFT_CONCURRENCY", "²"),
    ],
)
def test_refusals(name: str, value: str) -> None:
    with pytest.raises(SettingError) as refused:
        read_settings({"MFT_BUCKET": "acme-landing", name: value})
    assert str(refused.value).startswith(f"{name} is {value!r}: ")


def test_a_missing_bucket() -> None:
    with pytest.raises(SettingError, match="MFT_BUCKET is not set: "):
        read_settings({})
