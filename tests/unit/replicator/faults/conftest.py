# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The function, and file systems that are as the tests need them."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path

import pytest

from unit.replicator.faults.function import Function

_MS_RDONLY, _MS_REMOUNT, _MNT_DETACH = 1, 32, 2  # linux/mount.h


class Mount:
    """A small file system of its own, in memory."""

    def __init__(self, place: Path, options: str) -> None:
        self.place = place
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._call(self._libc.mount(b"tmpfs", bytes(place), b"tmpfs", 0, options.encode()))

    def read_only(self, on: bool) -> None:
        flags = _MS_REMOUNT | (_MS_RDONLY if on else 0)
        self._call(self._libc.mount(b"tmpfs", bytes(self.place), b"tmpfs", flags, None))

    def unmount(self) -> None:
        self._libc.umount2(bytes(self.place), _MNT_DETACH)

    @staticmethod
    def _call(status: int) -> None:
        if status != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


@pytest.fixture
def mounted(root: Path) -> Iterator[Mount]:
    """The share is a file system of 1 MiB."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount")
    try:
        mount = Mount(root, "size=1m,nr_inodes=200")
    except PermissionError as error:
        pytest.skip(f"this machine lets not even root mount: {error}")
    try:
        yield mount
    finally:
        mount.unmount()


@pytest.fixture
def function(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Function:
    return Function(root, monkeypatch, lambda: capsys.readouterr().out)


@pytest.fixture
def untouched(root: Path) -> Iterator[Callable[[], None]]:
    """Checks, in the end as well, that nothing beside the share has changed."""

    def check() -> None:
        assert sorted(path.name for path in root.parent.iterdir()) == ["outside", "share"]
        assert (root.parent / "outside" / "ledger.csv").read_text() == "untouched"

    yield check
    check()
