# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the hosts of a lab keep their things: `hosts/` in the lab's directory, and the images in the cache."""

from __future__ import annotations

import contextlib
import os
import re
import socket
from pathlib import Path

from lab import processes
from lab.errors import LabError
from lab.paths import CHECKOUT
from lab.paths import DIRECTORY_VARIABLE
from lab.paths import LabDirectory

CACHE_VARIABLE = "MFT_CACHE_DIR"
# sun_path is 108 bytes (unix(7)); ssh puts 17 more after the name while it makes its socket.
LONGEST_SOCKET_PATH = 90
NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
RESERVED_NAMES = ("nfs",)
HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


def cache_directory() -> Path:
    return Path(os.environ.get(CACHE_VARIABLE) or CHECKOUT / ".cache").absolute() / "hosts"


class HostsDirectory:
    """The hosts' part of one lab's directory."""

    def __init__(self, lab: Path) -> None:
        self.lab = lab
        self.root = lab / "hosts"
        self.ssh_config = self.root / "ssh_config"

    @classmethod
    def from_environment(cls) -> HostsDirectory:
        return cls(LabDirectory.from_environment().root)

    def guest(self, name: str) -> Path:
        if NAME.fullmatch(name) is None or name in RESERVED_NAMES:
            raise LabError(
                f"{name!r} cannot be a host's name: a lower-case letter, then up to 30 letters, digits and hyphens, "
                f"and not {' or '.join(RESERVED_NAMES)}."
            )
        directory = self.root / name
        if len(str(directory / "monitor")) > LONGEST_SOCKET_PATH:
            raise LabError(
                f"{directory} is too long for the sockets in it: "
                f"set {DIRECTORY_VARIABLE} to a shorter path than {self.lab}."
            )
        return directory

    def guests(self) -> list[str]:
        return sorted(path.parent.name for path in self.root.glob("*/disk.qcow2"))

    def make(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        self.ssh_config.write_text(f'Include "{self.root}/*/ssh_config"\n', encoding="utf-8")

    def port(self, service: str) -> int:
        """Of `nfs` or `tls`. Drawn once and kept: guests hold on to it through every restart of the server."""
        memory = self.root / "nfs" / f"{service}-port"
        memory.parent.mkdir(parents=True, exist_ok=True)
        if not memory.exists():
            draft = memory.with_name(f"{memory.name}.{os.getpid()}")
            draft.write_text(f"{free_port()}\n", encoding="utf-8")
            # Two guests may start at once: the first one's port counts.
            with contextlib.suppress(FileExistsError):
                os.link(draft, memory)
            draft.unlink()
        return int(memory.read_text(encoding="utf-8"))

    def environment(self) -> dict[str, str]:
        """What marks a process as this lab's, so that `lab down` finds it whatever became of its parent."""
        return {
            DIRECTORY_VARIABLE: str(self.lab),
            **dict([processes.OWNED.split("=", 1)]),
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
        }

    def running(self, pid_file: Path) -> int | None:
        """The process of a pid file, if it lives and is this lab's: a pid alone may be somebody else's by now."""
        try:
            pid = int(pid_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return pid if pid in processes.of_lab(self.lab) else None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
