# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths of an SFTP client against places in S3."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.sftp.homes import Home
from lab.sftp.homes import Location
from lab.sftp.homes import PathError


def logical(*mappings: tuple[str, ...]) -> Home:
    names = ("Entry", "Target", "Type")
    entries = [dict(zip(names, mapping, strict=False)) for mapping in mappings]
    return Home.of({"UserName": "acme", "HomeDirectoryType": "LOGICAL", "HomeDirectoryMappings": entries})


def path(home: str | None) -> Home:
    user: dict[str, Any] = {"UserName": "acme"}
    return Home.of(user if home is None else {**user, "HomeDirectoryType": "PATH", "HomeDirectory": home})


ACME = logical(("/", "/acme-files/home/acme"))
SEVERAL = logical(
    ("/in", "/acme-files/home/acme/incoming"),
    ("/in/archive", "/acme-archive"),
    ("/shared/reports/orders.csv", "/acme-reports/daily/orders.csv", "FILE"),
)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("payments.csv", "home/acme/payments.csv"),
        ("/in//a.csv", "home/acme/in/a.csv"),
        ("./in/./a.csv", "home/acme/in/a.csv"),
        ("in/../a.csv", "home/acme/a.csv"),
        ("../../../etc/passwd", "home/acme/etc/passwd"),
        ("/../orders", "home/acme/orders"),
        ("invoice été (1)+%.csv", "home/acme/invoice été (1)+%.csv"),
        ("in/", "home/acme/in"),
    ],
)
def test_a_path_is_resolved_inside_the_root(name: str, key: str) -> None:
    assert ACME.locate(ACME.canonical(name)) == Location("acme-files", key)


@given(st.text())
def test_no_path_leaves_the_target_of_its_entry(text: str) -> None:
    try:
        location = ACME.locate(ACME.canonical(text))
    except PathError:
        assert "\0" in text
        return
    assert location is not None
    assert location.bucket == "acme-files"
    assert (location.key + "/").startswith("home/acme/")
    assert ".." not in location.key.split("/")


@given(st.text(alphabet="ab./"))
def test_canonical_paths_stay_as_they_are(text: str) -> None:
    once = ACME.canonical(text)
    assert once.startswith("/")
    assert ACME.canonical(once) == once


def test_the_longest_entry_wins() -> None:
    assert SEVERAL.locate("/in/archive/2026") == Location("acme-archive", "2026")
    assert SEVERAL.locate("/in/archive") == Location("acme-archive", "")
    assert SEVERAL.locate("/in/archives") == Location("acme-files", "home/acme/incoming/archives")


def test_a_file_entry_is_one_file_and_nothing_below_it() -> None:
    assert SEVERAL.locate("/shared/reports/orders.csv") == Location("acme-reports", "daily/orders.csv")
    with pytest.raises(PathError, match=r"/shared/reports/orders\.csv/x"):
        SEVERAL.locate("/shared/reports/orders.csv/x")


@pytest.mark.parametrize("name", ["/outside", "/inbox", "/shared/other", "/shared/reports/payments.csv"])
def test_what_no_entry_covers_does_not_exist(name: str) -> None:
    with pytest.raises(PathError, match="No such file"):
        SEVERAL.locate(name)


@pytest.mark.parametrize("name", ["/", "/shared", "/shared/reports"])
def test_parents_of_entries_are_directories_without_a_place(name: str) -> None:
    assert SEVERAL.locate(name) is None
    assert SEVERAL.is_fixed(name)


def test_listings_show_entries_and_their_parents() -> None:
    assert SEVERAL.children("/") == {"in": None, "shared": None}
    assert SEVERAL.children("/in") == {"archive": None}
    assert SEVERAL.children("/shared/reports") == {"orders.csv": Location("acme-reports", "daily/orders.csv")}
    assert SEVERAL.children("/in/archive") == {}


def test_entries_are_fixed_and_what_is_below_them_is_not() -> None:
    assert SEVERAL.is_fixed("/in")
    assert not SEVERAL.is_fixed("/in/x")
    assert not SEVERAL.is_fixed("/shared/reports/orders.csv")


@pytest.mark.parametrize("variable", ["${transfer:UserName}", "${Transfer:UserName}"])
def test_the_user_name_is_expanded(variable: str) -> None:
    home = logical(("/", f"/acme-files/home/{variable}"))
    assert home.locate("/a.csv") == Location("acme-files", "home/acme/a.csv")
    assert path(f"/acme-files/home/{variable}").start == "/acme-files/home/acme"


def test_a_path_home_shows_real_bucket_paths() -> None:
    home = path("/acme-files/home/acme")
    assert home.canonical("in/a.csv") == "/acme-files/home/acme/in/a.csv"
    assert home.locate("/acme-files/home/acme/in/a.csv") == Location("acme-files", "home/acme/in/a.csv")
    assert home.locate(home.canonical("../other")) == Location("acme-files", "home/other")
    assert home.locate("/") is None
    assert home.children("/") == {"acme-files": None}


def test_a_path_home_defaults_to_the_root() -> None:
    home = path(None)
    assert home.start == "/"
    assert home.children("/") == {}
    assert home.locate("/acme-files/a") == Location("acme-files", "a")


def test_a_nul_is_refused() -> None:
    with pytest.raises(PathError, match="NUL"):
        ACME.canonical("a\0b")


def test_a_mapping_without_a_bucket_is_refused() -> None:
    with pytest.raises(PathError, match="names no bucket"):
        logical(("/", "/"))
