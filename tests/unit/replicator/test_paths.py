# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys become paths, or are refused; never two keys one path."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replicator.errors import PermanentError
from replicator.paths import SharePath
from replicator.paths import file_key
from replicator.paths import locate


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("home/acme/in/a.csv", SharePath((b"acme", b"in", b"a.csv"))),
        ("home/acme/in/", SharePath((b"acme", b"in"), is_directory=True)),
        ("home/été", SharePath(("été".encode(),))),
        ("home/" + "é" * 126, SharePath((("é" * 126).encode(),))),
        ("home/a/.mft-replicator", SharePath((b"a", b".mft-replicator"))),
        ("home/", None),
        ("home", None),
        ("quarantine/a", None),
        ("homes/a", None),
    ],
)
def test_paths(key: str, path: SharePath | None) -> None:
    assert locate(key, "home/") == path


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("home/../../etc/passwd", "'..'"),
        ("home/a/..", "'..'"),
        ("home/./a", "'.'"),
        ("home//etc/passwd", "empty part"),
        ("home/a//b", "empty part"),
        ("home/a//", "empty part"),
        ("home//", "empty part"),
        ("home/a\0b", "NUL"),
        ("home/\ud800", "not valid Unicode"),
        ("home/" + "é" * 128, "256 bytes"),
        ("home/.mft-replicator/incoming/x", "own directory"),
        ("home/.mft-replicator/", "own directory"),
    ],
)
def test_keys_that_cannot_be_paths(key: str, reason: str) -> None:
    with pytest.raises(PermanentError) as refused:
        locate(key, "home/")
    assert reason in refused.value.reason
    assert refused.value.remedy


def test_without_a_prefix_a_leading_slash_is_no_way_to_the_root() -> None:
    with pytest.raises(PermanentError, match="empty part"):
        locate("/etc/passwd", "")


# Any character, lone surrogates too, and those that mean something to a file system more often.
@given(st.text(st.characters() | st.sampled_from("/.\0")))
def test_any_key_is_refused_or_stays_beneath_the_root_and_can_be_told_back(key: str) -> None:
    try:
        path = locate("home/" + key, "home/")
    except PermanentError:
        return
    if path is None:
        assert key == ""
        return
    for name in path.components:
        assert 0 < len(name) <= 255
        assert name not in (b".", b"..")
        assert b"/" not in name
        assert b"\0" not in name
    assert file_key(path.components, "home/") + ("/" if path.is_directory else "") == "home/" + key
