# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the replicator's tests share."""

from __future__ import annotations

import os
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path

import pytest

from replicator.share import Share
from replicator.share import open_share
from unit.replicator.function import Function


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The directory that is the share, with something beside it that must never change."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "ledger.csv").write_text("untouched")
    root = tmp_path / "share"
    root.mkdir()
    return root


@pytest.fixture
def displaced() -> list[str]:
    return []


@pytest.fixture
def share(root: Path, displaced: list[str]) -> Iterator[Share]:
    share = open_share(str(root), 0o640, 0o750, displaced.append)
    yield share
    share.close()


@pytest.fixture
def function(share: Share) -> Function:
    return Function(share)


@pytest.fixture
def tree(root: Path) -> Callable[[], dict[str, bytes | None]]:
    """Every file with its content and every directory (None) that a reader sees."""

    def look() -> dict[str, bytes | None]:
        return look_at(root)

    return look


def look_at(root: Path) -> dict[str, bytes | None]:
    found: dict[str, bytes | None] = {}
    for place, directories, files in os.walk(root):
        if ".mft-replicator" in directories:
            directories.remove(".mft-replicator")
        base = Path(place)
        found |= {str((base / name).relative_to(root)): None for name in directories}
        found |= {str((base / name).relative_to(root)): (base / name).read_bytes() for name in files}
    return found
