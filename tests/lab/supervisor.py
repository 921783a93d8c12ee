# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's one detached process: starts the children, waits until they serve, and ends the lab when one dies.

Nothing is restarted: a lab whose emulator died has lost its objects, and a test should see that, not a fresh start.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from lab import processes
from lab.errors import LabError
from lab.paths import DIRECTORY_VARIABLE
from lab.paths import TESTS
from lab.paths import LabDirectory
from lab.paths import LabInfo
from lab.paths import Lock
from lab.paths import write_json

REGION = "eu-central-1"
# The account AWS's own documentation uses in examples. ministack takes a 12-digit access key for the account's number,
# so that the function, the roles and the caller all live in the same account.
ACCOUNT_ID = "111122223333"
SECRET_ACCESS_KEY = "lab/9vXqTe+secret+of+nothing/0aWm2ZrLkD4"

STOP_GRACE_SECONDS = 5.0

# Never through a proxy of the user's environment: the lab is on this machine.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass
class Child:
    """One process of the lab."""

    name: str
    process: subprocess.Popen[bytes]


class Supervisor:
    """Owns the children of one lab from start to end."""

    def __init__(self, directory: LabDirectory) -> None:
        self.directory = directory
        self.children: list[Child] = []
        self.environment = child_environment(directory)

    def start(self, deadline: float) -> LabInfo:
        """Start everything; returns when all of it serves."""
        # Bound here and handed down, so that the URL is known at once and the children can start side by side.
        with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
            endpoint_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            descriptor = listener.fileno()
            arguments = ("--directory", str(self.directory.root), "--listen-fd", str(descriptor))
            emulator = self._spawn("emulator", "lab.emulator", *arguments, pass_fds=[descriptor])
        sftp = self._spawn("sftp", "lab.sftp", "--endpoint-url", endpoint_url)
        self._wait_until_healthy(emulator, f"{endpoint_url}/_lab/health", "emulator", deadline)
        self._wait_until_healthy(sftp, f"{endpoint_url}/_lab/health", "sftp", deadline)
        return LabInfo(
            endpoint_url=endpoint_url,
            region=REGION,
            account_id=ACCOUNT_ID,
            access_key_id=ACCOUNT_ID,
            secret_access_key=SECRET_ACCESS_KEY,
            directory=str(self.directory.root),
            efs_directory=str(self.directory.efs),
            supervisor_pid=os.getpid(),
        )

    def watch(self, stop: int) -> Child | None:
        """Sleep until asked to stop (None) or until a child has died (that child)."""
        handles = {os.pidfd_open(child.process.pid): child for child in self.children}
        try:
            readable, _, _ = select.select([stop, *handles], [], [])
            dead = [handles[handle] for handle in readable if handle in handles]
            return None if stop in readable else dead[0]
        finally:
            for handle in handles:
                os.close(handle)

    def stop(self) -> None:
        """End the children in reverse order, then whatever they started."""
        for child in reversed(self.children):
            processes.end([child.process.pid], STOP_GRACE_SECONDS)
            child.process.wait()
        processes.end([pid for pid in processes.of_lab(self.directory.root) if pid != os.getpid()], 0.0)

    def _spawn(self, name: str, module: str, *arguments: str, pass_fds: Sequence[int] = ()) -> Child:
        with self.directory.log(name).open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=self.directory.root,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=pass_fds,
                preexec_fn=processes.die_with_parent(),  # noqa: PLW1509 -- this process has one thread
            )
        child = Child(name, process)
        self.children.append(child)
        return child

    def _wait_until_healthy(self, child: Child, url: str, part: str, deadline: float) -> None:
        while True:
            if child.process.poll() is not None:
                raise LabError(self._failure(child, processes.describe_exit(child.process.returncode)))
            # The emulator's socket listens before it serves: a request waits there, so this is no busy loop.
            with contextlib.suppress(OSError, ValueError):
                if json.loads(_OPENER.open(url, timeout=1.0).read())[part]:
                    return
            if time.monotonic() > deadline:
                raise LabError(self._failure(child, "did not get ready in time"))
            time.sleep(0.02)

    def _failure(self, child: Child, what: str) -> str:
        log = self.directory.log(child.name)
        return f"the lab's {child.name} {what}. The end of its log:\n{processes.tail(log)}"


def child_environment(directory: LabDirectory) -> dict[str, str]:
    """Only what a child needs: nothing of the user's own AWS settings may reach a process that serves as AWS."""
    mark, value = processes.OWNED.split("=")
    return {
        DIRECTORY_VARIABLE: str(directory.root),
        mark: value,
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(TESTS),
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": str(directory.temporary),
        "HOME": str(directory.temporary),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ACCOUNT_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
    }


def run(directory: LabDirectory, lock: Lock, report: IO[bytes], timeout: float) -> int:
    """From start to end of one lab. `report` tells the waiting `up` one line: nothing (all well) or the error."""
    lock.write_owner(os.getpid())
    stop_reader, stop_writer = os.pipe()
    os.set_blocking(stop_writer, False)
    signal.set_wakeup_fd(stop_writer)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: None)
    supervisor = Supervisor(directory)
    try:
        directory.write_info(supervisor.start(time.monotonic() + timeout))
    except Exception as error:
        supervisor.stop()
        report.write(json.dumps({"error": str(error) or repr(error)}).encode() + b"\n")
        if not isinstance(error, LabError):
            raise
        return 1
    report.write(b"{}\n")
    report.close()

    dead = supervisor.watch(stop_reader)
    if dead is not None:
        what = processes.describe_exit(dead.process.wait())
        write_json(directory.ended, {"process": dead.name, "what": what, "log": str(directory.log(dead.name))})
        print(f"{dead.name} was {what}: the lab ends", flush=True)
    directory.info.unlink(missing_ok=True)
    supervisor.stop()
    return 0 if dead is None else 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m lab.supervisor", description=__doc__)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--lock-fd", type=int, required=True)
    parser.add_argument("--report-fd", type=int, required=True)
    parser.add_argument("--timeout", type=float, required=True)
    arguments = parser.parse_args()
    with os.fdopen(arguments.report_fd, "wb", buffering=0) as report:
        return run(LabDirectory(arguments.directory), Lock(arguments.lock_fd), report, arguments.timeout)


if __name__ == "__main__":
    sys.exit(main())
