# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When an image or a saved state is made anew, and when an old one goes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from lab.hosts import image
from lab.hosts import qemu


@pytest.fixture
def ingredients(tmp_path: Path) -> Path:
    return Path(shutil.copytree(image.INGREDIENTS, tmp_path / "image"))


def test_key_is_the_same_wherever_the_checkout_is(ingredients: Path) -> None:
    assert image.content_key("bookworm", ingredients) == image.content_key("bookworm")


def test_key_changes_with_the_debian_release() -> None:
    assert image.content_key("bookworm") != image.content_key("trixie")


@pytest.mark.parametrize("name", sorted(path.name for path in image.INGREDIENTS.iterdir()))
def test_key_changes_with_every_ingredient(ingredients: Path, name: str) -> None:
    before = image.content_key("bookworm", ingredients)
    with (ingredients / name).open("a", encoding="utf-8") as stream:
        stream.write("#\n")
    assert image.content_key("bookworm", ingredients) != before


def test_state_belongs_to_one_qemu_and_one_accelerator() -> None:
    keys = {
        image.state_key("tcg", "QEMU emulator version 7.2.22"),
        image.state_key("tcg", "QEMU emulator version 10.0.2"),
        image.state_key("kvm", "QEMU emulator version 7.2.22"),
    }
    assert len(keys) == 3


def test_state_is_made_anew_for_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    before = image.state_key("tcg", "QEMU emulator version 7.2.22")
    monkeypatch.setattr(qemu, "MEMORY_MEGABYTES", 1024)
    assert image.state_key("tcg", "QEMU emulator version 7.2.22") != before


def test_images_that_nobody_asks_for_any_more_go(tmp_path: Path) -> None:
    for name, used in (("0123456789abcdef", 1000.0), ("fedcba9876543210", 3000.0), ("unrelated", 1000.0)):
        (tmp_path / name / "state").mkdir(parents=True)
        os.utime(tmp_path / name, (used, used))
    assert image.prune(tmp_path, before=2000.0) == ["0123456789abcdef"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fedcba9876543210", "unrelated"]
