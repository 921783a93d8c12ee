# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module's four runs (check, run, check again, run again), its diff and what it returns."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .conftest import Run


def test_four_runs(run: Run, sources: Path, tmp_path: Path) -> None:
    dest = tmp_path / "replicator.zip"
    options = {"source": str(sources), "dest": str(dest), "prefix": "replicator"}

    checked = run(check=True, **options)
    assert checked["changed"]
    assert not dest.exists()

    done = run(**options)
    assert done["changed"]
    content = dest.read_bytes()
    assert done["sha256"] == checked["sha256"] == hashlib.sha256(content).hexdigest()
    assert done["size"] == len(content)
    assert done["path"] == str(dest)
    assert done["files"] == ["replicator/__init__.py", "replicator/handler.py", "replicator/lib/paths.py"]
    assert zipfile.ZipFile(dest).namelist() == done["files"]

    inode = dest.stat().st_ino
    assert not run(check=True, **options)["changed"]
    assert not run(**options)["changed"]
    assert dest.stat().st_ino == inode, "a package that did not change was written again"


def test_diff_names_the_file_that_changed(run: Run, sources: Path, tmp_path: Path) -> None:
    options = {"source": str(sources), "dest": str(tmp_path / "replicator.zip")}
    assert run(**options)["diff"]["before"] == ""
    (sources / "handler.py").write_bytes(b"# orders\n")
    diff = run(check=True, **options)["diff"]
    changed = set(diff["after"].splitlines()) - set(diff["before"].splitlines())
    assert sorted(line.split()[0] for line in changed) == ["handler.py", "package"]


def test_what_is_there_may_be_no_zip_file(run: Run, sources: Path, tmp_path: Path) -> None:
    dest = tmp_path / "replicator.zip"
    dest.write_bytes(b"half a download")
    answer = run(source=str(sources), dest=str(dest))
    assert answer["changed"]
    assert "not a readable zip file" in answer["diff"]["before"]
    assert zipfile.is_zipfile(dest)


def test_exclude_replaces_the_default(run: Run, sources: Path, tmp_path: Path) -> None:
    answer = run(source=str(sources), dest=str(tmp_path / "p.zip"), exclude=[".git", "__pycache__", "*.pyc", "lib"])
    assert answer["files"] == ["__init__.py", "handler.py", "tests/test_handler.py"]
