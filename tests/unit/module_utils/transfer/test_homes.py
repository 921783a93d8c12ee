# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which homes are there, by as few listings as it takes."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mft.aws.plugins.module_utils._transfer import retries
from ansible_collections.mft.aws.plugins.module_utils._transfer.errors import AnsibleTransferError
from ansible_collections.mft.aws.plugins.module_utils._transfer.homes import home_problems
from ansible_collections.mft.aws.plugins.module_utils._transfer.homes import make_homes
from ansible_collections.mft.aws.plugins.module_utils._transfer.homes import missing_homes
from hypothesis import given
from hypothesis import strategies as st

from unit.module_utils.transfer.fake_transfer import refusal


class Bucket:
    """A bucket whose listings have two entries a page."""

    def __init__(self, *keys: str) -> None:
        self.keys = set(keys)
        self.listings = 0
        self.failures: list[Exception] = []

    def list_objects_v2(self, Bucket: str, Prefix: str, Delimiter: str, ContinuationToken: str = "") -> dict[str, Any]:  # noqa: N803
        self.listings += 1
        entries = sorted(
            {
                Prefix + rest.partition(Delimiter)[0] + (Delimiter if Delimiter in rest else "")
                for rest in (key[len(Prefix) :] for key in self.keys if key.startswith(Prefix))
            }
        )
        left = [entry for entry in entries if entry > ContinuationToken]
        page = left[:2]
        return {
            "CommonPrefixes": [{"Prefix": entry} for entry in page if entry.endswith(Delimiter)],
            "Contents": [{"Key": entry} for entry in page if not entry.endswith(Delimiter)],
            **({"NextContinuationToken": page[-1]} if len(left) > 2 else {}),
        }

    def put_object(self, Bucket: str, Key: str, Body: bytes) -> None:  # noqa: N803
        if self.failures:
            raise self.failures.pop()
        self.keys.add(Key)


names = st.text("ab/-.", min_size=1, max_size=4).filter(lambda home: not home_problems([home]))


@given(st.sets(names, min_size=1, max_size=6), st.sets(st.text("ab/-.", min_size=1, max_size=6), max_size=12))
def test_a_home_is_there_when_anything_is_in_it(homes: set[str], keys: set[str]) -> None:
    bucket = Bucket(*keys)
    missing = missing_homes(bucket, "bank", homes)
    assert missing == sorted(home for home in homes if not any(key.startswith(f"{home}/") for key in keys))
    make_homes(bucket, "bank", missing)
    assert bucket.keys == keys | {f"{home}/" for home in missing}
    assert missing_homes(bucket, "bank", homes) == []


def test_siblings_are_one_listing_that_ends_with_the_last_of_them() -> None:
    bucket = Bucket("home/a/", "home/b/", "home/c/x", "home/d/", "home/e/", "other/")
    assert missing_homes(bucket, "bank", ["home/a", "home/b"]) == []
    assert bucket.listings == 1
    assert missing_homes(bucket, "bank", ["home/c", "home/a", "home/bb", "archive/payments"]) == [
        "archive/payments",
        "home/bb",
    ]
    assert bucket.listings == 1 + 2 + 1
    assert missing_homes(bucket, "bank", []) == []


@pytest.mark.parametrize("home", ["", "/home/acme", "home/acme/", "home//acme", "home/../acme", "./acme", "ä" * 512])
def test_what_is_no_home_is_told(home: str) -> None:
    (problem,) = home_problems(["home/acme", home, "ä" * 511])
    assert repr(home[:40])[:-1] in problem


def test_s3_that_asks_to_slow_down_is_asked_again_and_a_refusal_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries.time, "sleep", lambda _seconds: None)
    bucket = Bucket()
    bucket.failures = [refusal("SlowDown", "PutObject", 503)] * 3
    make_homes(bucket, "bank", ["home/acme"])
    assert bucket.keys == {"home/acme/"}
    bucket.failures = [refusal("AccessDenied", "PutObject", 403)]
    with pytest.raises(AnsibleTransferError, match="Failed to make home home/orders in bucket bank"):
        make_homes(bucket, "bank", ["home/orders"])
