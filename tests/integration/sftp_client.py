# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An SFTP gateway in the lab and its partners, each an unmodified OpenSSH client with a key of its own."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    from integration.conftest import Lab

ROLE = "arn:aws:iam::111122223333:role/mft-sftp-user"
MIB = 1024 * 1024


def wait_for(what: str, found: Callable[[], Any], seconds: float = 20) -> Any:
    """Ask until there is an answer."""
    deadline = time.monotonic() + seconds
    while not (answer := found()):
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.1)
    return answer


class Partner:
    """A user of a server with its own key, and the OpenSSH client that speaks for it."""

    def __init__(self, gateway: Gateway, name: str, directory: Path) -> None:
        self.gateway = gateway
        self.name = name
        self.key = directory / f"{name}.key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key], check=True)
        self.public_key = self.key.with_suffix(".key.pub").read_text()

    def options(self, *more: str) -> list[str]:
        known = f"UserKnownHostsFile={self.key.parent / 'known_hosts'}"
        fixed = ["BatchMode=yes", "IdentitiesOnly=yes", "StrictHostKeyChecking=no", "ConnectTimeout=10", known]
        return [*[word for option in fixed for word in ("-o", option)], "-i", str(self.key), *more]

    def start(self, *more: str, port: int | None = None) -> subprocess.Popen[str]:
        """The sftp client, waiting for a batch on its standard input, in a process group of its own."""
        command = ["sftp", "-P", str(port or self.gateway.port), *self.options("-b", "-", *more)]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [*command, f"{self.name}@127.0.0.1"],
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            text=True,
            start_new_session=True,
            # Names in a listing as they are, whatever the locale of the tests.
            env=os.environ | {"LC_ALL": "C.UTF-8"},
        )

    def sftp(self, batch: str, *more: str, port: int | None = None) -> subprocess.CompletedProcess[str]:
        with self.start(*more, port=port) as process:
            output, errors = process.communicate(batch + "\n", timeout=120)
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def does(self, batch: str, *more: str) -> str:
        """A batch that must work; what it printed."""
        done = self.sftp(batch, *more)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def fails(self, batch: str, message: str, *more: str) -> None:
        """A batch that must be refused with a message."""
        done = self.sftp(batch, *more)
        assert done.returncode != 0, done.stdout
        assert message in done.stderr, done.stderr

    def names(self, directory: str = "") -> list[str]:
        return [line for line in self.does(f"ls -1 {directory}").splitlines() if not line.startswith("sftp>")]


class Gateway:
    """A Transfer server before a versioned bucket."""

    def __init__(self, lab: Lab, aws: Callable[[str], Any], directory: Path, **settings: Any) -> None:
        self.lab = lab
        self.transfer = aws("transfer")
        self.s3 = aws("s3")
        self.directory = directory
        self.bucket = f"acme-files-{uuid.uuid4().hex[:12]}"
        self.s3.create_bucket(Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": lab.region})
        self.s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})
        self.id = self.transfer.create_server(SecurityPolicyName="TransferSecurityPolicy-2025-03", **settings)[
            "ServerId"
        ]
        self.port: int = wait_for("the server listening", self.reported_port)

    def reported_port(self) -> int | None:
        try:
            with urllib.request.urlopen(f"{self.lab.endpoint_url}/_lab/sftp/{self.id}") as answer:
                return int(json.load(answer)["port"])
        except urllib.error.HTTPError:
            return None

    def user(self, name: str, *, home: str | list[dict[str, str]] | None = None) -> Partner:
        """A new user; the home is a PATH, a list of LOGICAL mappings, or "/" on the user's own prefix."""
        partner = Partner(self, name, self.directory)
        if isinstance(home, str):
            settings: dict[str, Any] = {"HomeDirectoryType": "PATH", "HomeDirectory": home}
        else:
            mappings = home or [{"Entry": "/", "Target": f"/{self.bucket}/home/{name}"}]
            settings = {"HomeDirectoryType": "LOGICAL", "HomeDirectoryMappings": mappings}
        key = partner.public_key
        self.transfer.create_user(ServerId=self.id, UserName=name, Role=ROLE, SshPublicKeyBody=key, **settings)
        return partner

    def update(self, **settings: Any) -> None:
        self.transfer.update_server(ServerId=self.id, **settings)
        time.sleep(0.6)  # the endpoint asks the lab five times a second

    def keys(self, prefix: str = "") -> list[str]:
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return [item["Key"] for item in listed.get("Contents", [])]

    def content(self, key: str) -> bytes:
        body: bytes = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return body

    def log(self) -> list[dict[str, Any]]:
        """What the endpoint wrote about this server."""
        lines = (self.lab.directory / "logs" / "sftp.log").read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and self.id in line]

    def wait_log(self, kind: str, **fields: str) -> dict[str, Any]:
        def found() -> dict[str, Any] | None:
            wanted = {"activity-type": kind, **fields}.items()
            return next((line for line in self.log() if wanted <= line.items()), None)

        line: dict[str, Any] = wait_for(f"{kind} in the log", found)
        return line


def endpoint_process(lab: Lab) -> Path:
    """/proc/PID of this lab's endpoint."""
    mine = f"MFT_LAB_DIR={lab.directory}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            if b"lab.sftp" in words and mine in (process / "environ").read_bytes().split(b"\0"):
                return process
        except OSError:
            continue
    raise AssertionError("this lab has no SFTP endpoint process")


def resident(process: Path, name: str) -> int:
    line = next(line for line in (process / "status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024
