# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deleted files are moved aside whole, never over one another, and swept by the day."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from replicator.deadline import Deadline
from replicator.paths import SharePath
from replicator.settings import DeleteMode
from replicator.share import Share
from replicator.trash import Trash
from unit.replicator.function import Function
from unit.replicator.function import failures
from unit.replicator.test_events import notification
from unit.replicator.test_events import queued

TODAY = f"{datetime.now(UTC):%Y-%m-%d}"
TRASH = {"MFT_DELETE_MODE": DeleteMode.TRASH.value}


@pytest.fixture
def trashed(root: Path) -> Callable[[], dict[str, bytes]]:
    """Every file in the trash, by its path from the day on."""

    def look() -> dict[str, bytes]:
        trash = root / ".mft-replicator" / "trash"
        return {str(path.relative_to(trash)): path.read_bytes() for path in trash.rglob("*") if path.is_file()}

    return look


@pytest.fixture
def bin_it(share: Share, root: Path) -> Callable[..., None]:
    """Put a file on the share and move it to the trash."""
    trash = Trash(share.root_fd, 30)

    def take(path: str, content: bytes = b"x") -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
        with_fd = os.open((root / path).parent, os.O_RDONLY)
        try:
            trash.take(with_fd, tuple(name.encode() for name in path.split("/")))
        finally:
            os.close(with_fd)

    return take


def test_a_deleted_file_is_in_the_trash_as_it_was(function: Function, root: Path, tree: Any) -> None:
    function.bucket.put("home/acme/in/orders.csv", b"1,2,3")
    function.invoke(queued(notification("home/acme/in/orders.csv")), **TRASH)
    before = (root / "acme/in/orders.csv").stat()
    function.bucket.delete("home/acme/in/orders.csv")
    assert function.invoke(queued(notification("home/acme/in/orders.csv")), **TRASH) == failures()
    assert tree() == {}
    binned = root / ".mft-replicator" / "trash" / TODAY / "acme/in/orders.csv"
    assert binned.read_bytes() == b"1,2,3"
    after = binned.stat()
    assert (after.st_ino, after.st_mtime, after.st_mode) == (before.st_ino, before.st_mtime, before.st_mode)
    line = function.lines("converged")[-1]
    assert (line["outcome"], line["pruned"]) == ("trashed", ["acme/in/", "acme/"])
    assert function.metrics()["Deletions"] == 1


def test_an_overwritten_file_is_not_trash(function: Function, trashed: Callable[[], dict[str, bytes]]) -> None:
    for content in (b"1", b"2"):
        function.bucket.put("home/a", content)
        function.invoke(queued(notification("home/a")), **TRASH)
    assert trashed() == {}


def test_deleting_what_is_not_there_leaves_no_trace(
    function: Function, root: Path, trashed: Callable[[], dict[str, bytes]]
) -> None:
    (root / "directory").mkdir()
    for key in ("home/none", "home/no/where", "home/directory"):
        assert function.invoke(queued(notification(key)), **TRASH) == failures()
    assert trashed() == {}
    assert (root / "directory").is_dir()


def test_collisions_of_a_day_get_a_suffix_and_nothing_is_lost(
    bin_it: Callable[..., None], trashed: Callable[[], dict[str, bytes]]
) -> None:
    for content in (b"1", b"2", b"3"):
        bin_it("in/orders.csv", content)
    found = trashed()
    assert sorted(found.values()) == [b"1", b"2", b"3"]
    assert found[f"{TODAY}/in/orders.csv"] == b"1"
    assert all(name.startswith(f"{TODAY}/in/orders.csv") for name in found)


def test_a_name_of_full_length_collides_as_well(
    bin_it: Callable[..., None], trashed: Callable[[], dict[str, bytes]]
) -> None:
    for content in (b"1", b"2"):
        bin_it("n" * 255, content)
    assert sorted(trashed().values()) == [b"1", b"2"]
    assert {len(name.split("/")[-1]) for name in trashed()} == {255}


def test_what_was_a_file_may_be_a_directory_later_the_same_day(
    bin_it: Callable[..., None], root: Path, trashed: Callable[[], dict[str, bytes]]
) -> None:
    bin_it("a", b"file")
    bin_it("a/b", b"below")
    (root / "a").rmdir()
    bin_it("a", b"again")
    assert sorted(trashed().values()) == [b"again", b"below", b"file"]


def test_workers_that_trash_one_path_at_once_lose_nothing(
    share: Share, root: Path, trashed: Callable[[], dict[str, bytes]]
) -> None:
    share.dispose = Trash(share.root_fd, 30).take
    contents = [str(number).encode() for number in range(60)]
    waiting, removed = list(contents), threading.Event()

    def remove() -> None:
        while not removed.is_set():
            share.remove_file(SharePath((b"in", b"a")))

    (root / "in").mkdir()
    threads = [threading.Thread(target=remove) for _ in range(4)]
    for thread in threads:
        thread.start()
    while waiting:
        if not (root / "in" / "a").exists():
            (root / "new").write_bytes(waiting.pop())
            (root / "new").rename(root / "in" / "a")
    while (root / "in" / "a").exists():
        pass
    removed.set()
    for thread in threads:
        thread.join()
    assert sorted(trashed().values()) == sorted(contents)


def test_a_file_that_gives_place_to_a_directory_is_trash_too(
    function: Function, tree: Any, trashed: Callable[[], dict[str, bytes]]
) -> None:
    function.bucket.put("home/a", b"file")
    function.invoke(queued(notification("home/a")), **TRASH)
    function.bucket.delete("home/a")
    function.bucket.put("home/a/b", b"below")
    function.invoke(queued(notification("home/a/b")), **TRASH)
    assert tree() == {"a": None, "a/b": b"below"}
    assert trashed() == {f"{TODAY}/a": b"file"}


def test_a_link_is_moved_and_not_followed(root: Path, share: Share) -> None:
    share.dispose = Trash(share.root_fd, 30).take
    (root / "a").symlink_to(root.parent / "outside" / "ledger.csv")
    assert share.remove_file(SharePath((b"a",)))
    assert (root / ".mft-replicator" / "trash" / TODAY / "a").is_symlink()
    assert (root.parent / "outside" / "ledger.csv").read_text() == "untouched"


def test_a_trash_that_leads_elsewhere_is_not_followed(root: Path, share: Share) -> None:
    (root / ".mft-replicator" / "trash").symlink_to(root.parent / "outside")
    (root / "a").write_bytes(b"x")
    share.dispose = Trash(share.root_fd, 30).take
    share.remove_file(SharePath((b"a",)))
    assert [path.name for path in (root.parent / "outside").iterdir()] == ["ledger.csv"]


def test_days_that_are_too_old_are_swept(
    bin_it: Callable[..., None], root: Path, share: Share, trashed: Callable[[], dict[str, bytes]]
) -> None:
    bin_it("in/a")
    trash = root / ".mft-replicator" / "trash"
    for days in (29, 30, 31, 400):
        old = trash / f"{datetime.now(UTC) - timedelta(days=days):%Y-%m-%d}" / "acme" / "in"
        old.mkdir(parents=True)
        (old / "a").write_bytes(b"x")
        (old / "b").symlink_to(root.parent / "outside")
    for name in ("0000-00-00", "2019-13-01", "notes"):
        (trash / name).mkdir()
    assert Trash(share.root_fd, 30).sweep(Deadline(60)) == 4
    kept = {f"{datetime.now(UTC) - timedelta(days=days):%Y-%m-%d}" for days in (0, 29, 30)}
    assert {path.name for path in trash.iterdir()} == kept | {"0000-00-00", "2019-13-01", "notes"}
    assert (root.parent / "outside" / "ledger.csv").exists()


def test_without_trash_there_is_nothing_to_sweep(share: Share) -> None:
    assert Trash(share.root_fd, 30).sweep(Deadline(60)) == 0


def test_a_sweep_ends_with_the_time(bin_it: Callable[..., None], root: Path, share: Share) -> None:
    bin_it("a")
    day = root / ".mft-replicator" / "trash" / TODAY
    day.rename(day.with_name("2020-01-01"))
    assert Trash(share.root_fd, 30).sweep(Deadline(0)) == 0
    assert (day.with_name("2020-01-01") / "a").exists()
