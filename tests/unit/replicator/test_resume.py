# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A large object's copy that stopped is gone on with: verified first, by one worker, never with another state."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from replicator.checksums import Checksum
from replicator.deadline import Deadline
from replicator.errors import OutOfTimeError
from replicator.errors import TransientError
from replicator.paths import SharePath
from replicator.share import Share
from replicator.share import open_share
from replicator.store import ObjectChangedError
from unit.replicator.fakes import FakeBucket
from unit.replicator.fakes import FakeStream

PATH = SharePath((b"acme", b"big.iso"))
FOREVER = Deadline(1e6)
CONTENT = os.urandom(900_000)
KEEP = 100_000


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is gigabytes in life."""
    for module in ("staging", "partials"):
        monkeypatch.setattr(f"replicator.{module}.WORTH_KEEPING_BYTES", KEEP)
    monkeypatch.setattr("replicator.partials._READ_AGAIN_BYTES", 500_000)
    monkeypatch.setattr("replicator.partials._TAIL_BYTES", 50_000)
    monkeypatch.setattr("replicator.staging._FLUSH_EVERY_BYTES", 200_000)


@pytest.fixture(params=["CRC64NVME", "CRC32", "SHA256", "XXHASH3", ""])
def bucket(request: pytest.FixtureRequest) -> Iterator[FakeBucket]:
    bucket = FakeBucket()
    bucket.put("big", CONTENT)
    if request.param:
        hasher = Checksum(request.param, b"").hasher()
        hasher.update(memoryview(CONTENT))
        bucket.checksums["big"] = Checksum(request.param, hasher.digest())
    yield bucket


class Stopping:
    """A time that is over after so many bytes."""

    def __init__(self, stream: FakeStream, size: int) -> None:
        self._stream = stream
        self._size = size

    def check(self) -> None:
        if len(self._stream.whole) - len(self._stream.content) > self._size:
            raise OutOfTimeError


def opened(bucket: FakeBucket) -> FakeStream:
    stream = bucket.open("big")
    assert stream
    return stream


def stop_after(share: Share, bucket: FakeBucket, size: int) -> None:
    stream = opened(bucket)
    with pytest.raises(OutOfTimeError):
        share.stage(stream, Stopping(stream, size), PATH)  # type: ignore[arg-type]


def go_on(share: Share, bucket: FakeBucket) -> tuple[bytes, list[int]]:
    """The file that comes out, and where reading was taken up again."""
    stream, resumed = opened(bucket), []
    stream.resume_at = lambda offset: (resumed.append(offset), FakeStream.resume_at(stream, offset))[1]  # type: ignore[method-assign]
    staged = share.stage(stream, FOREVER, PATH)
    share.place(staged, PATH)
    return Path(f"/proc/self/fd/{share.root_fd}/acme/big.iso").read_bytes(), resumed


def kept(root: Path) -> list[Path]:
    return list((root / ".mft-replicator/partial").iterdir())


def incoming(root: Path) -> list[Path]:
    return list((root / ".mft-replicator/incoming").iterdir())


@pytest.mark.parametrize("size", [150_000, 700_000])
def test_a_copy_goes_on_where_the_time_was_over(share: Share, root: Path, bucket: FakeBucket, size: int) -> None:
    stop_after(share, bucket, size)
    assert (len(kept(root)), incoming(root)) == (1, [])
    offset = kept(root)[0].stat().st_size
    assert size - 65536 <= offset <= size + 65536
    assert go_on(share, bucket) == (CONTENT, [offset])
    assert (kept(root), incoming(root)) == ([], [])


def test_it_can_stop_again_and_again(share: Share, root: Path, bucket: FakeBucket) -> None:
    for size in (150_000, 400_000, 600_000, 800_000):
        stop_after(share, bucket, size)
        assert (len(kept(root)), incoming(root)) == (1, [])
    content, resumed = go_on(share, bucket)
    assert content == CONTENT
    assert resumed[0] > 700_000


def test_a_broken_source_keeps_it_as_well(share: Share, root: Path, bucket: FakeBucket) -> None:
    def fail(step: str) -> None:
        if step == "readinto" and len(stream.content) < 500_000:
            raise TransientError("S3 answered SlowDown (503)", "None: it is tried again")

    bucket.boundary = fail
    stream = opened(bucket)
    with pytest.raises(TransientError, match="SlowDown"):
        share.stage(stream, FOREVER, PATH)
    bucket.boundary = lambda step: None
    content, resumed = go_on(share, bucket)
    assert (content, len(resumed)) == (CONTENT, 1)


def test_a_little_is_not_worth_it(share: Share, root: Path, bucket: FakeBucket) -> None:
    stop_after(share, bucket, 10_000)
    assert (kept(root), incoming(root)) == ([], [])


@pytest.mark.parametrize("place", [0, 140_000])
def test_what_has_been_tampered_with_is_not_trusted(share: Share, root: Path, bucket: FakeBucket, place: int) -> None:
    checksum = bucket.checksums.get("big")
    if checksum is None:
        place = 140_000  # without a checksum only the end is read again
    stop_after(share, bucket, 150_000)
    with kept(root)[0].open("r+b") as file:
        file.seek(place)
        file.write(bytes([CONTENT[place] ^ 1]))
    if place == 0 and checksum and not checksum.resumable:
        # The whole is read again, and found wrong at the end; nothing is placed, and nothing is kept.
        with pytest.raises(TransientError, match="checksum"):
            go_on(share, bucket)
        assert (kept(root), incoming(root)) == ([], [])
    assert go_on(share, bucket) == (CONTENT, [])


@pytest.mark.parametrize("size", [100, 2_000_000])
def test_another_length_is_not_trusted(share: Share, root: Path, bucket: FakeBucket, size: int) -> None:
    stop_after(share, bucket, 150_000)
    os.truncate(kept(root)[0], size)
    assert go_on(share, bucket) == (CONTENT, [])
    assert (kept(root), incoming(root)) == ([], [])


def test_what_is_no_file_of_ours_is_dropped(share: Share, root: Path, bucket: FakeBucket) -> None:
    stop_after(share, bucket, 150_000)
    name = kept(root)[0].name
    kept(root)[0].unlink()
    ledger = root.parent / "outside" / "ledger.csv"
    (root / ".mft-replicator/partial" / name).symlink_to(ledger)
    (root / ".mft-replicator/partial" / f"{name[:50]}nonsense").write_bytes(b"x")
    assert go_on(share, bucket) == (CONTENT, [])
    assert ledger.read_text() == "untouched"


def test_another_state_of_the_object_is_begun_anew(share: Share, root: Path, bucket: FakeBucket) -> None:
    stop_after(share, bucket, 150_000)
    other = CONTENT[::-1]
    bucket.checksums.clear()
    bucket.put("big", other)
    assert go_on(share, bucket) == (other, [])
    assert kept(root) == []


def test_an_object_that_changes_during_the_rest_leaves_nothing(share: Share, root: Path, bucket: FakeBucket) -> None:
    stop_after(share, bucket, 150_000)

    def change(step: str) -> None:
        if step == "readinto":
            raise ObjectChangedError

    stream = opened(bucket)
    stream.boundary = change
    with pytest.raises(ObjectChangedError):
        share.stage(stream, FOREVER, PATH)
    assert (kept(root), incoming(root)) == ([], [])


def test_only_one_worker_goes_on_with_it(share: Share, root: Path, bucket: FakeBucket) -> None:
    stop_after(share, bucket, 700_000)
    resumed: list[int] = []
    contents: list[bytes] = []
    together = threading.Barrier(6)

    def work() -> None:
        own = open_share(str(root), 0o640, 0o750)
        stream = opened(bucket)
        stream.resume_at = lambda offset: (resumed.append(offset), FakeStream.resume_at(stream, offset))[1]  # type: ignore[method-assign]
        together.wait()
        staged = own.stage(stream, FOREVER, PATH)
        contents.append((root / ".mft-replicator/incoming" / staged.name.decode()).read_bytes())
        own.place(staged, PATH)
        own.close()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert contents == [CONTENT] * 6
    assert len(resumed) == 1
    assert (kept(root), incoming(root)) == ([], [])


def test_time_that_is_over_while_it_is_verified_costs_nothing(share: Share, root: Path, bucket: FakeBucket) -> None:
    stop_after(share, bucket, 150_000)
    with pytest.raises(OutOfTimeError):
        share.stage(opened(bucket), Deadline(0), PATH)
    assert (len(kept(root)), incoming(root)) == (1, [])


def test_a_full_share_keeps_nothing(
    share: Share, root: Path, bucket: FakeBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, written = os.write, []

    def write(descriptor: int, data: memoryview) -> int:
        written.append(len(data))
        if sum(written) > 300_000:
            raise OSError(28, "No space left on device")
        return real(descriptor, data)

    monkeypatch.setattr("replicator.staging.os.write", write)
    with pytest.raises(OSError, match="No space left"):
        share.stage(opened(bucket), FOREVER, PATH)
    assert (kept(root), incoming(root)) == ([], [])


def test_only_what_is_abandoned_is_swept(
    share: Share, root: Path, bucket: FakeBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_after(share, bucket, 150_000)
    for hours, left in ((23, 1), (25, 0)):
        ahead = SimpleNamespace(time=lambda hours=hours: time.time() + 3600 * hours)
        monkeypatch.setattr("replicator.partials.time", ahead)
        monkeypatch.setattr("replicator.workspace.time", ahead)
        share.workspace.sweep(share.inode, FOREVER)
        assert len(kept(root)) == left
