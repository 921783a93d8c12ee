# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a lab keeps its things, and the proof that a directory is a lab's before anything in it is removed."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from dataclasses import asdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.errors import LabError

TESTS = Path(__file__).resolve().parent.parent
CHECKOUT = TESTS.parent

DIRECTORY_VARIABLE = "MFT_LAB_DIR"
# First line of the lock file. `down` removes a directory only if it finds this: MFT_LAB_DIR may be a typing error.
MARKER = "mft.aws lab"
# S3 objects live in memory, the share and the state do not: enough for the demo's 200 MB file twice over.
MINIMUM_FREE_BYTES = 512 * 1024 * 1024


@dataclass(frozen=True)
class LabInfo:
    """What a client needs to know of a running lab: the content of lab.json."""

    endpoint_url: str
    region: str
    account_id: str
    access_key_id: str
    secret_access_key: str
    directory: str
    efs_directory: str
    supervisor_pid: int

    def variables(self) -> dict[str, str]:
        """The environment that makes every AWS SDK speak to this lab and to nothing else."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


class LabDirectory:
    """The paths of one lab."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lock = root / "lock"
        self.info = root / "lab.json"
        self.ended = root / "ended.json"
        self.logs = root / "logs"
        self.efs = root / "efs"
        self.state = root / "state"
        self.temporary = root / "tmp"

    @classmethod
    def from_environment(cls) -> LabDirectory:
        return cls(Path(os.environ.get(DIRECTORY_VARIABLE) or CHECKOUT / ".lab").resolve())

    def log(self, process: str) -> Path:
        return self.logs / f"{process}.log"

    def read_info(self) -> LabInfo | None:
        content = read_json(self.info)
        try:
            return None if content is None else LabInfo(**content)
        except TypeError:
            return None

    def write_info(self, info: LabInfo) -> None:
        write_json(self.info, asdict(info))

    def make(self) -> None:
        """Create the root, or refuse a directory that is not ours."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            # World-searchable, so that the application's uid reaches the share below it; secrets are 0600 files.
            self.root.chmod(0o755)
        except OSError as error:
            raise LabError(f"cannot create the lab directory {self.root}: {_reason(error)}. {_REMEDY}") from error
        if any(self.root.iterdir()) and not self.is_ours():
            raise LabError(f"{self.root} is not empty and holds no lab: it is left alone. {_REMEDY}")
        self._check_space()

    def _check_space(self) -> None:
        free = shutil.disk_usage(self.root).free
        if free < MINIMUM_FREE_BYTES:
            raise LabError(
                f"{self.root} has {free // 2**20} MB free, the lab needs {MINIMUM_FREE_BYTES // 2**20} MB: "
                f"free some space, or set {DIRECTORY_VARIABLE} to a directory on another disk."
            )
        try:
            # Space may be free and still not ours (quota, reserved blocks, read-only mount): ask by writing.
            with tempfile.TemporaryFile(dir=self.root) as probe:
                probe.write(bytes(1024 * 1024))
        except OSError as error:
            raise LabError(f"cannot write to the lab directory {self.root}: {_reason(error)}. {_REMEDY}") from error

    def is_ours(self) -> bool:
        try:
            return self.lock.read_text(encoding="utf-8").split("\n", 1)[0] == MARKER
        except (OSError, UnicodeDecodeError):
            return False

    def populate(self) -> None:
        """Remove what an earlier lab left and make the sub-directories afresh. The caller holds the lock."""
        for entry in self.root.iterdir():
            if entry != self.lock:
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        for directory in (self.logs, self.efs, self.state, self.temporary):
            directory.mkdir()
        self.state.chmod(0o700)
        self.temporary.chmod(0o1777)

    def remove(self) -> None:
        """Remove everything. The caller holds the lock, which goes last: until then nobody else can start here."""
        for entry in self.root.iterdir():
            if entry != self.lock:
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        self.lock.unlink()
        self.root.rmdir()


class Lock:
    """A lab's lock. Whoever holds it owns the directory; the kernel drops it when the holder dies."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    @classmethod
    def take(cls, directory: LabDirectory) -> Lock | None:
        """The lock, or None when a live process has it."""
        while True:
            descriptor = os.open(directory.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                return None
            except BaseException:
                os.close(descriptor)
                raise
            # Between open and flock a `down` may have removed the file: such a lock would guard nothing.
            try:
                if os.path.samestat(directory.lock.stat(), os.fstat(descriptor)):
                    return cls(descriptor)
            except FileNotFoundError:
                pass
            os.close(descriptor)

    def write_owner(self, pid: int) -> None:
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, f"{MARKER}\n{pid}\n".encode(), 0)

    def release(self) -> None:
        os.close(self.descriptor)


def lock_owner(directory: LabDirectory) -> int | None:
    try:
        lines = directory.lock.read_text(encoding="utf-8").splitlines()
        return int(lines[1]) if len(lines) > 1 and lines[0] == MARKER else None
    except (OSError, ValueError):
        return None


def read_json(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Whole or not at all, and for the owner's eyes only."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump(content, stream, indent=2)
        stream.write("\n")
    temporary.replace(path)


def _reason(error: OSError) -> str:
    return error.strerror or str(error)


_REMEDY = f"Set {DIRECTORY_VARIABLE} to an empty or new directory that you may write to."
