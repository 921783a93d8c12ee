# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot be packed is refused with the value, the rule and the remedy, and leaves what was there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Run


@pytest.mark.parametrize("prefix", ["/replicator", "..", "replicator/../x", "./replicator", "a//b", "a\\b", "/"])
def test_prefix_leaves_the_package(run: Run, sources: Path, tmp_path: Path, prefix: str) -> None:
    answer = run(source=str(sources), dest=str(tmp_path / "p.zip"), prefix=prefix)
    assert answer["failed"]
    assert f"prefix is {prefix!r}" in answer["msg"]
    assert "Write it like 'replicator'" in answer["msg"]


@pytest.mark.parametrize(("prefix", "first"), [("", "__init__.py"), ("a/b/", "a/b/__init__.py")])
def test_prefix_that_is_right(run: Run, sources: Path, tmp_path: Path, prefix: str, first: str) -> None:
    assert run(source=str(sources), dest=str(tmp_path / "p.zip"), prefix=prefix)["files"][0] == first


def test_source_is_missing(run: Run, tmp_path: Path) -> None:
    answer = run(source=str(tmp_path / "replicater"), dest=str(tmp_path / "p.zip"))
    assert answer["failed"]
    assert "replicater': no such directory" in answer["msg"]


def test_source_is_empty(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    answer = run(source=str(tmp_path / "empty"), dest=str(tmp_path / "p.zip"))
    assert answer["failed"]
    assert "no file is left to pack" in answer["msg"]
    assert not (tmp_path / "p.zip").exists()


def test_link_is_not_followed(run: Run, sources: Path, tmp_path: Path) -> None:
    dest = tmp_path / "p.zip"
    dest.write_bytes(b"the package of yesterday")
    (sources / "lib" / "secrets.py").symlink_to("/etc/passwd")
    answer = run(source=str(sources), dest=str(dest))
    assert answer["failed"]
    assert "secrets.py' is a symbolic link" in answer["msg"]
    assert dest.read_bytes() == b"the package of yesterday"


def test_directory_of_dest_is_missing(run: Run, sources: Path, tmp_path: Path) -> None:
    answer = run(source=str(sources), dest=str(tmp_path / "nowhere" / "p.zip"))
    assert answer["failed"]
    assert f"Make '{tmp_path / 'nowhere'}' first" in answer["msg"]


def test_dest_is_a_directory(run: Run, sources: Path, tmp_path: Path) -> None:
    answer = run(source=str(sources), dest=str(tmp_path))
    assert answer["failed"]
    assert "a directory is there" in answer["msg"]
