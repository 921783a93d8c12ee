# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way into a guest: one ssh configuration per guest, used by this harness, by people and by Ansible alike."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError

# A handshake takes seconds under emulation: everybody shares one connection, whose socket goes with the guest's
# directory. A guest that reboots or dies must not be waited for longer than a few seconds.
CONFIGURATION = """\
Host {name}
    HostName 127.0.0.1
    Port {port}
    User root
    IdentityFile "{key}"
    IdentitiesOnly yes
    HostKeyAlias {name}
    UserKnownHostsFile "{directory}/known_hosts"
    StrictHostKeyChecking yes
    BatchMode yes
    ConnectTimeout 15
    ServerAliveInterval 5
    ServerAliveCountMax 6
    ControlMaster auto
    ControlPersist 120
    ControlPath "{directory}/ssh"
    LogLevel ERROR
"""


@dataclass(frozen=True)
class Connection:
    """ssh to one guest."""

    name: str
    configuration: Path

    @classmethod
    def create(cls, directory: Path, name: str, port: int, key: Path, host_key: Path) -> Connection:
        (directory / "known_hosts").write_text(f"{name} {host_key.read_text(encoding='utf-8')}", encoding="utf-8")
        configuration = directory / "ssh_config"
        text = CONFIGURATION.format(name=name, port=port, key=key, directory=directory)
        configuration.write_text(text, encoding="utf-8")
        return cls(name, configuration)

    def command(self, *remote: str) -> list[str]:
        return ["ssh", "-F", str(self.configuration), self.name, *remote]

    def run(self, *remote: str, feed: str | None = None, timeout: float = 60.0) -> str:
        answer = subprocess.run(
            self.command(*remote),
            input=feed if feed is not None else "",
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if answer.returncode != 0:
            raise LabError(f"`{' '.join(remote)}` failed on {self.name}: {(answer.stderr or answer.stdout).strip()}")
        return answer.stdout

    def wait(self, deadline: float) -> None:
        """Until a command can be run. While a guest starts, a connection is refused, cut or not answered."""
        while True:
            try:
                self.run("true", timeout=20)
            except (LabError, subprocess.TimeoutExpired) as error:
                if time.monotonic() > deadline:
                    raise LabError(f"{self.name} cannot be reached by ssh: {error}") from error
                time.sleep(0.1)
            else:
                return

    def close(self) -> None:
        """End the shared connection; harmless without one."""
        subprocess.run(["ssh", "-F", self.configuration, "-O", "exit", self.name], capture_output=True, check=False)
