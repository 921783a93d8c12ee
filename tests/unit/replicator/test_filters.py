# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pattern language, said by examples and by what always holds."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replicator.filters import Filters

PATHS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
LITERALS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="*?["), min_size=1, max_size=10)


@pytest.mark.parametrize(
    ("pattern", "path", "admitted"),
    [
        ("*.tmp", "a.tmp", True),
        ("*.tmp", "acme/in/a.tmp", True),
        ("*.tmp", "a.tmp/b", False),
        ("*.tmp", "a.TMP", False),
        ("acme/*", "acme/in/a", True),
        ("acme/*", "acme/", True),
        ("acme/*", "acme", False),
        ("acme/*", "x/acme/in", False),
        ("*/in/*.csv", "acme/in/2026/a.csv", True),
        ("a?b", "a,b", True),
        ("a?b", "a/b", True),
        ("a?b", "a\nb", True),
        ("a?b", "ab", False),
        ("[ab].csv", "a.csv", True),
        ("[!ab].csv", "a.csv", False),
        ("[!ab].csv", "c.csv", True),
        ("[", "[", True),
        ("a.c", "abc", False),
        ("*/", "acme/in/", True),
        ("*/", "acme/in", False),
    ],
)
def test_patterns(pattern: str, path: str, admitted: bool) -> None:
    assert Filters(include=[pattern]).admit(path) is admitted
    assert Filters(exclude=[pattern]).admit(path) is not admitted


def test_exclusion_wins() -> None:
    filters = Filters(include=["acme/*", "globex/*"], exclude=["*.tmp", "*/.*"])
    admitted = [path for path in ("acme/a", "globex/a", "acme/a.tmp", "acme/.a", "b") if filters.admit(path)]
    assert admitted == ["acme/a", "globex/a"]


@given(PATHS)
def test_without_patterns_all_is_admitted(path: str) -> None:
    assert Filters().admit(path)
    assert Filters(include=["*"]).admit(path)
    assert not Filters(exclude=["*"]).admit(path)


@given(LITERALS, PATHS)
def test_a_pattern_without_signs_means_itself(literal: str, path: str) -> None:
    assert Filters(include=[literal]).admit(literal)
    assert Filters(include=[literal]).admit(path) == (path == literal)


@given(LITERALS, PATHS)
def test_a_star_is_any_text(literal: str, text: str) -> None:
    assert Filters(include=[literal + "*"]).admit(literal + text)
    assert Filters(include=["*" + literal]).admit(text + literal)
    assert Filters(include=[literal + "*"]).admit(text) == text.startswith(literal)
    assert Filters(include=["*" + literal]).admit(text) == text.endswith(literal)


@given(st.lists(LITERALS, min_size=1, max_size=4), PATHS)
def test_patterns_are_alternatives(patterns: list[str], path: str) -> None:
    alone = [Filters(include=[pattern]).admit(path) for pattern in patterns]
    assert Filters(include=patterns).admit(path) == any(alone)


@given(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=4), PATHS)
def test_any_text_is_a_pattern(patterns: list[str], path: str) -> None:
    Filters(include=patterns, exclude=patterns).admit(path)


def test_no_pattern_takes_for_ever() -> None:
    begun = time.process_time()
    assert not Filters(include=["*a" * 40 + "b"]).admit("a" * 1024)
    assert time.process_time() - begun < 1
