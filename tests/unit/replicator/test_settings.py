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
    assert read_settings({"MFT_BUCKET": "acme-landing"}) == Settings(
        bucket="acme-landing",
        prefix="home/",
        share="/mnt/sftp",
        delete_mode=DeleteMode.MIRROR,
        file_mode=0o640,
        directory_mode=0o750,
        concurrency=16,
        trash_days=30,
        include=(),
        exclude=(),
        maximum_bytes=0,
        required_tag=None,
        verify_etag=False,
        failure_prefix="failed/",
    )


def test_everything_set() -> None:
    settings = read_settings(
        {
            "MFT_BUCKET": "acme-landing",
            "MFT_DELETE_MODE": "trash",
            "MFT_TRASH_DAYS": "7",
            "MFT_INCLUDE": "acme/*, *.csv",
            "MFT_EXCLUDE": "*.tmp",
            "MFT_MAXIMUM_BYTES": "5368709120",
            "MFT_REQUIRED_TAG": "scan:status=clean=yes",
            "MFT_VERIFY_ETAG": "true",
            "MFT_FAILURE_PREFIX": "",
        }
    )
    assert (settings.delete_mode, settings.trash_days) == (DeleteMode.TRASH, 7)
    assert (settings.include, settings.exclude) == (("acme/*", "*.csv"), ("*.tmp",))
    assert (settings.maximum_bytes, settings.required_tag) == (5 * 2**30, ("scan:status", "clean=yes"))
    assert (settings.verify_etag, settings.failure_prefix) == (True, "")


@pytest.mark.parametrize("name", ["MFT_INCLUDE", "MFT_EXCLUDE", "MFT_REQUIRED_TAG", "MFT_FAILURE_PREFIX"])
def test_empty_is_off(name: str) -> None:
    assert read_settings({"MFT_BUCKET": "acme-landing", name: ""})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MFT_BUCKET", "Acme"),
        ("MFT_PREFIX", "home"),
        ("MFT_PREFIX", "/home/"),
        ("MFT_PREFIX", "home//"),
        ("MFT_SHARE", "mnt/sftp"),
        ("MFT_SHARE", "/"),
        ("MFT_DELETE_MODE", "bin"),
        ("MFT_FILE_MODE", "640 "),
        ("MFT_FILE_MODE", "0440"),
        ("MFT_FILE_MODE", "416"),
        ("MFT_DIRECTORY_MODE", "0650"),
        ("MFT_CONCURRENCY", "0"),
        ("MFT_CONCURRENCY", "65"),
        ("MFT_CONCURRENCY", "²"),
        ("MFT_CONCURRENCY", ""),
        ("MFT_TRASH_DAYS", "0"),
        ("MFT_TRASH_DAYS", "3651"),
        ("MFT_TRASH_DAYS", "-1"),
        ("MFT_INCLUDE", "a,,b"),
        ("MFT_INCLUDE", ","),
        ("MFT_EXCLUDE", "/acme/*"),
        ("MFT_EXCLUDE", "x" * 4097),
        ("MFT_MAXIMUM_BYTES", "5G"),
        ("MFT_MAXIMUM_BYTES", "9" * 5000),
        ("MFT_REQUIRED_TAG", "clean"),
        ("MFT_REQUIRED_TAG", "=clean"),
        ("MFT_REQUIRED_TAG", "scan=clean?"),
        ("MFT_REQUIRED_TAG", "k" * 129 + "=v"),
        ("MFT_REQUIRED_TAG", "k=" + "v" * 257),
        ("MFT_VERIFY_ETAG", "yes"),
        ("MFT_VERIFY_ETAG", "True"),
        ("MFT_FAILURE_PREFIX", "failed"),
        ("MFT_FAILURE_PREFIX", "/failed/"),
        ("MFT_FAILURE_PREFIX", "failed//"),
        ("MFT_FAILURE_PREFIX", "/"),
        ("MFT_FAILURE_PREFIX", "f" * 200 + "/"),
        ("MFT_FAILURE_PREFIX", "home/"),
        ("MFT_FAILURE_PREFIX", "home/failed/"),
        ("MFT_FAILURE_PREFIX", "quarantine/"),
        ("MFT_FAILURE_PREFIX", "quarantine/failed/"),
    ],
)
def test_refusals(name: str, value: str) -> None:
    with pytest.raises(SettingError) as refused:
        read_settings({"MFT_BUCKET": "acme-landing", name: value})
    said = str(refused.value)
    assert said.startswith(f"{name} is {value!r}: ")
    rule, remedy = said.removeprefix(f"{name} is {value!r}: ")[:-1].split(". ")
    assert rule
    assert remedy


@pytest.mark.parametrize(("prefix", "failure_prefix"), [("", "failed/"), ("failed/in/", "failed/")])
def test_dead_letters_are_never_replicated(prefix: str, failure_prefix: str) -> None:
    with pytest.raises(SettingError, match="the served prefix"):
        read_settings({"MFT_BUCKET": "acme-landing", "MFT_PREFIX": prefix, "MFT_FAILURE_PREFIX": failure_prefix})


def test_a_missing_bucket() -> None:
    with pytest.raises(SettingError, match="MFT_BUCKET is not set: "):
        read_settings({})
