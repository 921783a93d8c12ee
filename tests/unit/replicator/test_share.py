# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files appear whole or not at all, beneath the root or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import awscrt
import pytest

from replicator.checksums import Checksum
from replicator.deadline import Deadline
from replicator.errors import OutOfTimeError
from replicator.errors import PermanentError
from replicator.errors import ShareUnusableError
from replicator.errors import TransientError
from replicator.paths import SharePath
from replicator.paths import locate
from replicator.share import Occupancy
from replicator.share import Share
from replicator.share import open_share
from unit.replicator.conftest import look_at
from unit.replicator.fakes import FakeBucket
from unit.replicator.stepping import SteppedOs

Tree = Callable[[], dict[str, bytes | None]]
FOREVER = Deadline(1e6)


def upload(share: Share, key: str, content: bytes, bucket: FakeBucket | None = None) -> None:
    bucket = bucket or FakeBucket()
    bucket.put(key, content)
    stream, path = bucket.open(key), locate(key, "")
    assert stream
    assert path
    share.place(share.stage(stream, FOREVER), path)


def leftovers(root: Path) -> list[str]:
    return [entry.name for entry in (root / ".mft-replicator" / "incoming").iterdir()]


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o000])
def test_a_file_is_placed_with_its_mode_and_time(share: Share, root: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        upload(share, "acme/in/a.csv", b"1;2\n")
    finally:
        os.umask(before)
    placed = (root / "acme/in/a.csv").stat()
    assert (placed.st_mode & 0o7777, placed.st_mtime) == (0o640, 1_700_000_001.0)
    assert (root / "acme").stat().st_mode & 0o7777 == 0o750
    assert leftovers(root) == []


@pytest.mark.parametrize(
    "name", ["e" * 255, "é" * 127, "new\nline", "tab\t", "back\\slash", " ", "-rf", "~", "🏦", "..."]
)
def test_hostile_names(share: Share, tree: Tree, name: str) -> None:
    upload(share, name, b"x")
    assert tree() == {name: b"x"}


def test_a_link_in_the_middle_is_refused_and_not_followed(share: Share, root: Path) -> None:
    (root / "acme").symlink_to(root.parent / "outside")
    with pytest.raises(PermanentError, match="'acme' on the share is a symbolic link"):
        upload(share, "acme/ledger.csv", b"overwritten")
    assert share.remove_file(SharePath((b"acme", b"ledger.csv"))) is False
    assert share.occupancy((b"acme",)) is Occupancy.IN_USE
    assert (root.parent / "outside/ledger.csv").read_text() == "untouched"
    assert (root / "acme").is_symlink()
    assert leftovers(root) == []


@pytest.mark.parametrize("target", ["../outside/ledger.csv", "/nowhere"])
def test_a_link_at_the_end_is_replaced_itself(share: Share, root: Path, target: str) -> None:
    (root / "a").symlink_to(target)
    upload(share, "a", b"new")
    assert (root / "a").read_bytes() == b"new"
    assert not (root / "a").is_symlink()
    (root / "b").symlink_to(target)
    assert share.remove_file(SharePath((b"b",))) is True
    assert (root.parent / "outside/ledger.csv").read_text() == "untouched"


def test_a_pipe_in_the_middle_is_refused(share: Share, root: Path) -> None:
    os.mkfifo(root / "acme")
    with pytest.raises(PermanentError, match="neither file nor directory"):
        upload(share, "acme/a", b"x")


def test_the_directory_wins(share: Share, tree: Tree, displaced: list[str]) -> None:
    upload(share, "acme", b"file")
    upload(share, "acme/in", b"beneath")
    assert tree() == {"acme": None, "acme/in": b"beneath"}
    assert displaced == ["acme"]
    with pytest.raises(PermanentError, match="'acme' is a directory"):
        upload(share, "acme", b"file")
    assert tree() == {"acme": None, "acme/in": b"beneath"}


def test_only_directories_the_replicator_made_are_idle(share: Share, root: Path) -> None:
    (root / "theirs").mkdir()
    share.make_directory(SharePath((b"ours", b"in"), is_directory=True))
    assert share.occupancy((b"theirs",)) is Occupancy.IN_USE
    assert share.occupancy((b"ours",)) is Occupancy.IN_USE
    assert share.occupancy((b"ours", b"in")) is Occupancy.IDLE
    assert share.occupancy((b"none",)) is Occupancy.ABSENT
    assert share.prune((b"ours", b"in")) is True
    assert share.occupancy((b"ours",)) is Occupancy.IDLE
    (root / "ours" / "new").touch()
    assert share.prune((b"ours",)) is False
    assert len(list((root / ".mft-replicator/directories").iterdir())) == 1


def test_a_directory_made_again_by_somebody_is_theirs(share: Share, root: Path) -> None:
    share.make_directory(SharePath((b"in",), is_directory=True))
    (root / "in").rename(root / "kept-so-that-its-inode-number-is-not-used-again")
    (root / "in").mkdir()
    assert share.occupancy((b"in",)) is Occupancy.IN_USE


@pytest.mark.parametrize("call", ["open", "write", "fsync", "utime", "rename"])
@pytest.mark.parametrize("number", ["ENOSPC", "EDQUOT", "EIO", "ESTALE", "EROFS"])
def test_a_failing_share_keeps_the_old_file(
    share: Share, root: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: str
) -> None:
    upload(share, "acme/a", b"old")

    def fail(name: str) -> None:
        if name == call:
            raise OSError(getattr(errno, number), "injected")

    with monkeypatch.context() as patched:
        for module in ("share", "workspace", "staging"):
            patched.setattr(f"replicator.{module}.os", FaultyOs(fail))
        with pytest.raises((OSError, TransientError)):
            upload(share, "acme/a", b"new")
    assert look_at(root) == {"acme": None, "acme/a": b"old"}
    assert leftovers(root) == []


class FaultyOs(SteppedOs):
    """As ``SteppedOs``, for every call there is."""

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in ("open", "write", "fsync", "utime", "rename"):
            return real

        def faulty(*args: Any, **kwargs: Any) -> Any:
            self._before(name)
            return real(*args, **kwargs)

        return faulty


def test_a_short_body_and_a_wrong_checksum_never_arrive(share: Share, root: Path, tree: Tree) -> None:
    bucket = FakeBucket()
    bucket.short.add("a")
    with pytest.raises(TransientError, match="9 bytes arrived of an object of 10"):
        upload(share, "a", b"0123456789", bucket)
    bucket.checksums["b"] = Checksum("CRC32", b"\0\0\0\0")
    with pytest.raises(TransientError, match="CRC32"):
        upload(share, "b", b"0123456789", bucket)
    bucket.checksums["c"] = Checksum("CRC32", bytes.fromhex("cbf43926"))
    upload(share, "c", b"123456789", bucket)
    assert tree() == {"c": b"123456789"}
    assert leftovers(root) == []


def test_a_copy_stops_when_the_time_is_over(share: Share, root: Path) -> None:
    bucket = FakeBucket()
    bucket.put("a", b"x")
    stream = bucket.open("a")
    assert stream
    with pytest.raises(OutOfTimeError):
        share.stage(stream, Deadline(0))
    assert leftovers(root) == []


def test_a_source_that_trickles_does_not_outlast_the_time(share: Share, root: Path) -> None:
    bucket = FakeBucket(lambda step: time.sleep(0.01), chunk=1)
    bucket.put("a", b"x" * 10_000)
    stream = bucket.open("a")
    assert stream
    begun = time.monotonic()
    with pytest.raises(OutOfTimeError):
        share.stage(stream, Deadline(0.2))
    assert time.monotonic() - begun < 5
    assert leftovers(root) == []


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let the replicator's clock be ahead of the files': no call can set a file's ctime back."""
    monkeypatch.setattr("replicator.workspace.time", SimpleNamespace(time=lambda: time.time() + seconds))


def test_only_leftovers_of_dead_runs_are_swept(share: Share, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    incoming = root / ".mft-replicator" / "incoming"
    (incoming / "file").touch()
    (incoming / "directory").mkdir()
    # What is staged has its object's time already, which may be years ago.
    os.utime(incoming / "file", (1e9, 1e9))
    later(monkeypatch, 3500)
    assert share.workspace.sweep(share.inode, FOREVER) == 0
    later(monkeypatch, 3700)
    assert share.workspace.sweep(share.inode, Deadline(0)) == 0
    assert len(leftovers(root)) == 2
    assert share.workspace.sweep(share.inode, FOREVER) == 2
    assert leftovers(root) == []


def test_notes_of_directories_that_are_gone_are_swept(
    share: Share, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("replicator.workspace._NOTES_EVERY", 1)
    for name in (b"stays", b"goes", b"replaced"):
        share.make_directory(SharePath((name, b"in"), is_directory=True))
    notes = root / ".mft-replicator/directories"
    (notes / "theirs").touch()
    (notes / f"{'0' * 40}.12345").touch()  # its writer was killed before the directory came to be
    (root / "goes/in").rmdir()
    (root / "replaced/in").rename(root / "kept-so-that-its-inode-number-is-not-used-again")
    (root / "replaced/in").mkdir()
    later(monkeypatch, 3500)
    assert share.workspace.sweep(share.inode, FOREVER) == 0
    later(monkeypatch, 3700)
    assert share.workspace.sweep(share.inode, FOREVER) == 3
    assert len(list(notes.iterdir())) == 5
    assert share.occupancy((b"stays", b"in")) is Occupancy.IDLE


def test_a_directory_that_is_moved_away_is_noticed(share: Share, root: Path) -> None:
    upload(share, "acme/in/a", b"1")
    share.sync()
    (root / "acme/in").rename(root / "acme/old")
    upload(share, "acme/in/b", b"2")
    with pytest.raises(TransientError, match="'acme/in' was moved away"):
        share.sync()


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EACCES])
def test_a_directory_that_cannot_be_flushed_is_named(
    share: Share, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    upload(share, "acme/in/a", b"1")
    monkeypatch.setattr("replicator.share.os.fsync", fail)
    with pytest.raises(TransientError, match=rf"the directory '.*' could not be flushed: .* {errno.errorcode[number]}"):
        share.sync()


def test_a_directory_that_is_removed_is_made_again(share: Share, root: Path, tree: Tree) -> None:
    upload(share, "acme/in/a", b"1")
    shutil.rmtree(root / "acme")
    upload(share, "acme/in/b", b"2")
    share.sync()
    assert tree() == {"acme": None, "acme/in": None, "acme/in/b": b"2"}


def test_every_changed_directory_is_flushed_once(share: Share, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("acme/in/a", "acme/in/b", "acme/out/a", "a"):
        upload(share, key, b"1")
    flushed: list[int] = []
    monkeypatch.setattr("replicator.share.os.fsync", lambda descriptor: flushed.append(os.fstat(descriptor).st_ino))
    share.sync()
    assert sorted(flushed) == sorted(
        inode for inode in map(share.inode, [(), (b"acme",), (b"acme", b"in"), (b"acme", b"out")]) if inode
    )
    share.sync()
    assert len(flushed) == 4


def test_more_directories_than_are_held(share: Share, tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("replicator.share._MAX_HELD", 3)
    keys = [f"{number}/in/deep/a" for number in range(6)]
    before = len(list(Path("/proc/self/fd").iterdir()))
    for key in keys * 2:
        upload(share, key, key.encode())
    share.sync()
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 2
    assert {key: tree()[key] for key in keys} == {key: key.encode() for key in keys}


def test_a_share_that_is_not_there_is_refused_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(ShareUnusableError, match="cannot be opened: No such file"):
        open_share(str(tmp_path / "none"), 0o640, 0o750)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("path", ["/mnt/not-mounted", "/mnt/not-mounted/in"])
def test_below_mnt_only_a_mount_will_do(path: str) -> None:
    with pytest.raises(ShareUnusableError, match="nothing is mounted there"):
        open_share(path, 0o640, 0o750)


@pytest.mark.parametrize("path", ["/tmp", str(Path(__file__).parents[3]), str(Path(__file__).parents[3] / "files")])  # noqa: S108
def test_the_functions_own_disk_is_refused(path: str) -> None:
    with pytest.raises(ShareUnusableError, match="own disk"):
        open_share(path, 0o640, 0o750)


def test_a_share_that_cannot_be_written_to_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        if name == "mkdir":
            raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("replicator.workspace.os", SteppedOs(fail))
    with pytest.raises(ShareUnusableError, match="cannot be written to: Read-only"):
        open_share(str(root), 0o640, 0o750)


def test_a_planted_workspace_is_refused(root: Path) -> None:
    (root / ".mft-replicator").symlink_to(root.parent / "outside")
    with pytest.raises(ShareUnusableError, match="something else than directories"):
        open_share(str(root), 0o640, 0o750)
    assert [entry.name for entry in (root.parent / "outside").iterdir()] == ["ledger.csv"]


COPY_FOR_EVER = """
import io, sys
from types import SimpleNamespace
from replicator.deadline import Deadline
from replicator.paths import locate
from replicator.share import open_share

share = open_share(sys.argv[1], 0o640, 0o750)
digit = 0
while True:
    stream = io.BytesIO(b"%d" % digit * 300_000)
    stream = SimpleNamespace(
        readinto=stream.readinto, state=SimpleNamespace(size=300_000, modified=0), checksum=None
    )
    share.place(share.stage(stream, Deadline(1e6)), locate("in/a", ""))
    digit = (digit + 1) % 10
    print("placed", flush=True)
"""


def test_kill_9_leaves_a_whole_file_and_junk_that_is_swept(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = [str(Path(__file__).parents[3] / "files"), str(Path(awscrt.__file__).parents[1])]
    environment = os.environ | {"PYTHONPATH": ":".join(package)}
    junk = 0
    for run in range(8):
        child = subprocess.Popen(
            [sys.executable, "-S", "-c", COPY_FOR_EVER, str(root)], stdout=subprocess.PIPE, env=environment, text=True
        )
        assert child.stdout
        with child, child.stdout:
            assert child.stdout.readline() == "placed\n"
            until = time.monotonic() + 0.01 + 0.0037 * run
            while time.monotonic() < until:
                assert whole(root)
            child.send_signal(signal.SIGKILL)
        assert whole(root)
        junk += len(leftovers(root))
        share = open_share(str(root), 0o640, 0o750)
        later(monkeypatch, 3700)
        share.workspace.sweep(share.inode, FOREVER)
        share.close()
        assert leftovers(root) == []
    assert junk > 0, "no run was killed while it copied"


def whole(root: Path) -> bool:
    content = (root / "in/a").read_bytes()
    return len(content) == 300_000 and content == content[:1] * 300_000
