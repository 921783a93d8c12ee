# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab's directory: what is created, what is refused, what may be removed."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from lab.errors import LabError
from lab.paths import LabDirectory
from lab.paths import LabInfo
from lab.paths import Lock
from lab.paths import lock_owner


@pytest.fixture
def directory(tmp_path: Path) -> LabDirectory:
    return LabDirectory(tmp_path / "deep" / "lab")


def taken(directory: LabDirectory) -> Lock:
    directory.make()
    lock = Lock.take(directory)
    assert lock is not None
    lock.write_owner(4711)
    return lock


def test_the_default_is_in_the_checkout_and_the_variable_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MFT_LAB_DIR", raising=False)
    assert LabDirectory.from_environment().root == Path(__file__).resolve().parents[4] / ".lab"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MFT_LAB_DIR", "relative/lab")
    assert LabDirectory.from_environment().root == tmp_path / "relative" / "lab"


def test_a_new_or_empty_directory_is_taken(directory: LabDirectory) -> None:
    directory.make()
    directory.make()
    assert directory.root.is_dir()


def test_a_directory_with_foreign_content_is_refused_by_name(directory: LabDirectory) -> None:
    directory.root.mkdir(parents=True)
    (directory.root / "lock").write_text("somebody else's\n")
    with pytest.raises(LabError, match=str(directory.root)):
        directory.make()
    assert not directory.is_ours()


def test_too_little_space_is_refused_with_both_figures(
    directory: LabDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=3 * 2**20))
    with pytest.raises(LabError, match="has 3 MB free, the lab needs 512 MB"):
        directory.make()


def test_populate_removes_what_an_earlier_lab_left_but_not_the_lock(directory: LabDirectory, tmp_path: Path) -> None:
    lock = taken(directory)
    outside = tmp_path / "payments.csv"
    outside.write_text("kept")
    (directory.root / "link").symlink_to(outside)
    (directory.root / "efs").mkdir()
    (directory.root / "efs" / "fs-old").mkdir()
    directory.populate()
    assert sorted(entry.name for entry in directory.root.iterdir()) == ["efs", "lock", "logs", "state", "tmp"]
    assert not list(directory.efs.iterdir())
    assert directory.state.stat().st_mode & 0o077 == 0
    assert outside.read_text() == "kept"
    lock.release()


def test_one_holder_at_a_time(directory: LabDirectory) -> None:
    lock = taken(directory)
    assert Lock.take(directory) is None
    assert lock_owner(directory) == 4711
    lock.release()
    again = Lock.take(directory)
    assert again is not None
    again.release()


def test_a_lock_on_a_removed_directorys_file_is_none(directory: LabDirectory) -> None:
    """The one who waited for `down` must not think that it guards the directory of the next `up`."""
    lock = taken(directory)
    directory.remove()
    assert not directory.root.exists()
    fresh = taken(directory)
    assert Lock.take(directory) is None
    lock.release()
    assert Lock.take(directory) is None
    fresh.release()


def test_info_is_read_as_written_and_for_the_owner_only(directory: LabDirectory) -> None:
    lock = taken(directory)
    info = LabInfo("http://127.0.0.1:1", "eu-central-1", "1", "2", "odd/secret+of payments", "/lab", "/lab/efs", 7)
    directory.write_info(info)
    assert directory.read_info() == info
    assert directory.info.stat().st_mode & 0o777 == 0o600
    lock.release()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"endpoint_url": "x"}', '{"unknown": 1}'])
def test_a_damaged_info_is_no_info(content: str, directory: LabDirectory) -> None:
    lock = taken(directory)
    directory.info.write_text(content)
    assert directory.read_info() is None
    lock.release()
