# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The partner's side: an OpenSSH key and the unmodified OpenSSH ``sftp`` client."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from demo.timeline import DemoError


@dataclass(frozen=True)
class Transfer:
    """How one run of ``sftp`` ended."""

    status: int
    output: str
    seconds: float
    closed_at: float
    """time.time() when the client had closed the file and left."""


@dataclass(frozen=True)
class Partner:
    """A partner company with its own key, talking to one SFTP server."""

    name: str
    key: Path
    host: str
    port: int
    known_hosts: Path

    def sftp(self, *commands: str, timeout: float = 300) -> Transfer:
        """Run the client's commands in one session (``sftp -b``); the first that fails ends it with status 1."""
        began = time.monotonic()
        completed = subprocess.run(
            [
                *("sftp", "-F", "none", "-b", "-", "-P", str(self.port), "-i", str(self.key)),
                *("-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o", "PreferredAuthentications=publickey"),
                *("-o", f"UserKnownHostsFile={self.known_hosts}", "-o", "GlobalKnownHostsFile=/dev/null"),
                *("-o", "StrictHostKeyChecking=yes", "-o", "ConnectTimeout=10", f"{self.name}@{self.host}"),
            ],
            input="".join(f"{command}\n" for command in commands),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Transfer(
            completed.returncode, completed.stdout + completed.stderr, time.monotonic() - began, time.time()
        )


def fresh_key(path: Path, comment: str) -> str:
    """Make an Ed25519 key pair with ``ssh-keygen``; return the public half."""
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)], check=True, capture_output=True
    )
    return path.with_name(path.name + ".pub").read_text().strip()


def pin_host_keys(host: str, port: int, fingerprints: set[str], known_hosts: Path) -> list[str]:
    """Fetch the server's host keys, keep those whose fingerprints the Transfer API names, and return these.

    A partner gets the fingerprints by letter or phone; the demo gets them from ``ListHostKeys``. A server that shows
    none of them is not the one we rolled out.
    """
    scanned = subprocess.run(
        ["ssh-keyscan", "-p", str(port), "-T", "10", host], capture_output=True, text=True, check=False
    ).stdout
    kept: list[str] = []
    seen: list[str] = []
    for line in scanned.splitlines():
        if not line or line.startswith("#"):
            continue
        shown = subprocess.run(
            ["ssh-keygen", "-l", "-f", "-"], input=line + "\n", capture_output=True, text=True, check=True
        ).stdout
        fingerprint = shown.split()[1]
        seen.append(fingerprint)
        if fingerprint.rstrip("=") in {known.rstrip("=") for known in fingerprints}:
            kept.append(line)
    if not kept:
        raise DemoError(
            f"the SFTP server at {host}:{port} shows the host keys {seen}, none of which the Transfer API lists "
            f"({sorted(fingerprints)})"
        )
    known_hosts.write_text("".join(f"{line}\n" for line in kept))
    return kept
