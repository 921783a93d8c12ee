# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the application looks: the share through a host's NFS mount, or, where no host can run, the share itself."""

from __future__ import annotations

import hashlib
import shlex
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

POLL_SECONDS = 0.02


class Reader(Protocol):
    """Reads the share as the application sees it; paths are relative to the share, like ``acme/in/a.csv``."""

    description: str

    def shows(self, path: str, digest: str | None, seconds: float) -> bool:
        """Whether, within this time, the path came to hold a file of this SHA-256 (None: no file)."""

    def tree(self) -> str: ...


@dataclass
class DirectReader:
    """The share's directory on this machine."""

    root: Path
    description: str = "the share's own directory"

    def shows(self, path: str, digest: str | None, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self._sha256(path) != digest:
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def _sha256(self, path: str) -> str | None:
        try:
            return file_sha256(self.root / path)
        except FileNotFoundError:
            return None

    def tree(self) -> str:
        lines = []
        for path in sorted(self.root.rglob("*")):
            relative = path.relative_to(self.root)
            if relative.parts[0].startswith("."):
                continue
            size = "" if path.is_dir() else f"  ({path.stat().st_size:,} bytes)"
            lines.append(f"{'  ' * (len(relative.parts) - 1)}{relative.name}{'/' if path.is_dir() else ''}{size}")
        return "\n".join(lines)


@dataclass
class HostReader:
    """The way into an application host (a command line to which a remote command is added) and its mount point."""

    login: list[str]
    mount_point: str
    description: str

    def _run(self, command: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*self.login, command], capture_output=True, text=True, timeout=timeout, check=False)

    def shows(self, path: str, digest: str | None, seconds: float) -> bool:
        # The loop runs on the host: over ssh each look would cost more than the wait.
        file = shlex.quote(f"{self.mount_point}/{path}")
        holds = f"[ ! -e {file} ]" if digest is None else f'[ "$(sha256sum 2>/dev/null <{file})" = "{digest}  -" ]'
        end = f"$(($(date +%s) + {seconds:.0f}))"
        loop = f"end={end}; until {holds}; do [ $(date +%s) -lt $end ] || exit 1; sleep 0.2; done"
        return self._run(f"{{ {loop}; }} 2>/dev/null", timeout=seconds + 60).returncode == 0

    def tree(self) -> str:
        point = shlex.quote(self.mount_point)
        completed = self._run(
            f"cd {point} && find . -mindepth 1 -not -path './.*' -printf '%P\\t%y\\t%s\\t%U:%G %M\\n' | sort"
        )
        lines = []
        for line in completed.stdout.splitlines():
            path, kind, size, owner = line.split("\t")
            indent = "  " * path.count("/")
            name = path.rpartition("/")[2]
            lines.append(f"{indent}{name}/" if kind == "d" else f"{indent}{name}  ({int(size):,} bytes, {owner})")
        return "\n".join(lines)


def wait_until(holds: Callable[[], bool], seconds: float) -> bool:
    """Whether it came true within the given time."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
