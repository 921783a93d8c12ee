# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands: `up`, `down`, `status`, `env`."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import select
import shlex
import subprocess
import sys
import time

from lab import processes
from lab.errors import LabError
from lab.paths import DIRECTORY_VARIABLE
from lab.paths import TESTS
from lab.paths import LabDirectory
from lab.paths import LabInfo
from lab.paths import Lock
from lab.paths import lock_owner
from lab.paths import read_json
from lab.supervisor import child_environment

START_TIMEOUT_SECONDS = 30.0
STOP_TIMEOUT_SECONDS = 20.0
PACKAGES = ("ministack", "uvicorn", "boto3", "asyncssh", "cryptography")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m lab", description="A local AWS for the demo and the tests.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, function, description in (
        ("up", up, "start the lab and return when it serves"),
        ("down", down, "stop the lab and remove its directory"),
        ("status", status, "say what runs and what does not; exit status 0 only for a lab that serves"),
        ("env", env, 'print what points AWS tools to the lab: eval "$(python -m lab env)"'),
    ):
        commands.add_parser(name, help=description, description=description).set_defaults(function=function)
    arguments = parser.parse_args(argv)
    try:
        return int(arguments.function(LabDirectory.from_environment()))
    except LabError as error:
        print(f"lab: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: interrupted", file=sys.stderr)
        return 130


def up(directory: LabDirectory) -> int:
    _check_machine()
    existed = directory.root.exists()
    lock: Lock | None = None
    try:
        directory.make()
        lock = Lock.take(directory)
        if lock is None:
            info = _wait_for_live_lab(directory)
            print(f"The lab in {directory.root} is already up: {info.endpoint_url}")
            return 0
        lock.write_owner(os.getpid())
        processes.end(processes.of_lab(directory.root), grace=0.0)
        directory.populate()
        info = _start_supervisor(directory, lock)
    except BaseException as error:
        # Ctrl-C too: nothing half done stays behind.
        if lock is not None:
            processes.end(processes.of_lab(directory.root), grace=1.0)
            directory.remove()
        elif not existed and directory.root.is_dir() and not any(directory.root.iterdir()):
            directory.root.rmdir()
        if isinstance(error, OSError):
            raise LabError(f"the lab in {directory.root} cannot start: {error}") from error
        raise
    finally:
        if lock is not None:
            lock.release()
    print(f"The lab in {directory.root} is up: {info.endpoint_url}")
    return 0


def down(directory: LabDirectory) -> int:
    if not directory.root.exists():
        print(f"There is no lab in {directory.root}.")
        return 0
    if not directory.is_ours():
        raise LabError(f"{directory.root} holds no lab: nothing is removed. Is {DIRECTORY_VARIABLE} right?")
    deadline = time.monotonic() + STOP_TIMEOUT_SECONDS
    while (lock := Lock.take(directory)) is None:
        # The kernel tells when a pidfd's process has ended, so that this loop turns only a few times.
        owner = lock_owner(directory)
        if owner is not None and owner in processes.of_lab(directory.root):
            processes.end([owner], grace=max(0.0, deadline - time.monotonic()))
        elif time.monotonic() > deadline:
            raise LabError(f"process {owner} holds {directory.lock} and is not the lab's supervisor: end it first.")
        else:
            time.sleep(0.05)
    try:
        processes.end(processes.of_lab(directory.root), grace=0.0)
        directory.remove()
    except OSError as error:
        raise LabError(f"cannot remove {directory.root}: {error}") from error
    finally:
        lock.release()
    print(f"The lab in {directory.root} is down.")
    return 0


def status(directory: LabDirectory) -> int:
    if not directory.is_ours():
        print(f"There is no lab in {directory.root}.")
        return 1
    ended = read_json(directory.ended)
    if ended is not None:
        print(f"The lab in {directory.root} has ended: its {ended['process']} was {ended['what']}.")
        print(f"Log: {ended['log']}")
        return 1
    info = directory.read_info()
    lock = Lock.take(directory)
    if lock is not None:
        lock.release()
        print(f"The lab in {directory.root} was killed. `up` cleans up and starts afresh, `down` only cleans up.")
        return 1
    if info is None:
        print(f"The lab in {directory.root} is starting or stopping.")
        return 1
    print(f"The lab in {directory.root} is up: {info.endpoint_url}")
    print(f"Supervisor: pid {info.supervisor_pid}. Logs: {directory.logs}. Share: {info.efs_directory}")
    return 0


def env(directory: LabDirectory) -> int:
    info = _live(directory)
    # Both would win over, or be sent beside, the lab's keys.
    print("unset AWS_PROFILE AWS_SESSION_TOKEN")
    for name, value in info.variables().items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


def _check_machine() -> None:
    if sys.platform != "linux":
        raise LabError(f"the lab needs Linux (process file descriptors, /proc), this is {sys.platform}.")
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise LabError(
            f"{sys.executable} lacks the Python package(s) {', '.join(missing)}: "
            f"install them with `{sys.executable} -m pip install -r {TESTS / 'requirements' / 'lab.txt'}`."
        )


def _start_supervisor(directory: LabDirectory, lock: Lock) -> LabInfo:
    reader, writer = os.pipe()
    with directory.log("supervisor").open("ab") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "lab.supervisor", "--directory", str(directory.root)),
                *("--lock-fd", str(lock.descriptor), "--report-fd", str(writer)),
                *("--timeout", str(START_TIMEOUT_SECONDS)),
            ],
            cwd="/",
            env=child_environment(directory),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[lock.descriptor, writer],
            start_new_session=True,
        )
    os.close(writer)
    with os.fdopen(reader, "rb") as report:
        # The supervisor has its own deadline and explains itself better: this one is for a supervisor that hangs.
        readable, _, _ = select.select([report], [], [], START_TIMEOUT_SECONDS + STOP_TIMEOUT_SECONDS)
        line = report.readline() if readable else b""
    if not line:
        processes.end([process.pid, *processes.of_lab(directory.root)], grace=1.0)
        raise LabError(f"the supervisor did not start. Its log:\n{processes.tail(directory.log('supervisor'))}")
    error = json.loads(line).get("error")
    if error is not None:
        process.wait()
        raise LabError(error)
    info = directory.read_info()
    if info is None:
        raise LabError(f"{directory.info} is missing although the supervisor said that the lab is up.")
    return info


def _wait_for_live_lab(directory: LabDirectory) -> LabInfo:
    """Another `up` may be at work: its lab.json comes soon."""
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while (info := directory.read_info()) is None:
        if time.monotonic() > deadline:
            raise LabError(
                f"process {lock_owner(directory)} holds {directory.lock}, and no lab came up: run `down`, then `up`."
            )
        time.sleep(0.05)
    return info


def _live(directory: LabDirectory) -> LabInfo:
    info = directory.read_info()
    if info is None or not processes.alive(info.supervisor_pid):
        raise LabError(f"no lab is up in {directory.root}: run `up`.")
    return info
