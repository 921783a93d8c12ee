# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes: found by their environment, ended for certain, tied to their parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import processes

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[subprocess.Popen[bytes]] = []

    def begin(*words: str, **environment: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(words, env={"PATH": os.environ["PATH"], **environment}, stdout=subprocess.PIPE)
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def test_only_marked_processes_of_this_directory_are_found(start: Start, tmp_path: Path) -> None:
    ours = start("sleep", "60", MFT_LAB_DIR=str(tmp_path), MFT_LAB_PROCESS="1")
    start("sleep", "60", MFT_LAB_DIR=str(tmp_path))  # a user's shell exports the directory
    start("sleep", "60", MFT_LAB_DIR=f"{tmp_path}-other", MFT_LAB_PROCESS="1")
    deadline = time.monotonic() + 5
    while not processes.of_lab(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert processes.of_lab(tmp_path) == [ours.pid]


def test_a_zombie_is_not_alive(start: Start) -> None:
    ended = start("true")
    deadline = time.monotonic() + 5
    while processes.alive(ended.pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not processes.alive(ended.pid)
    assert processes.alive(os.getpid())
    assert not processes.alive(2**22 + 1)


def test_end_asks_first(start: Start) -> None:
    polite = start("sh", "-c", "trap 'exit 7' TERM; echo; while :; do sleep 0.05; done")
    assert polite.stdout is not None
    polite.stdout.readline()
    processes.end([polite.pid], grace=5.0)
    assert polite.wait(timeout=1) == 7


def test_end_kills_what_does_not_listen_and_ignores_what_is_gone(start: Start) -> None:
    deaf = start("sh", "-c", "trap '' TERM; echo; while :; do sleep 0.05; done")
    assert deaf.stdout is not None
    deaf.stdout.readline()
    gone = start("true")
    gone.wait()
    processes.end([deaf.pid, gone.pid], grace=0.1)
    assert deaf.wait(timeout=1) == -signal.SIGKILL


def test_a_child_dies_with_its_parent() -> None:
    program = (
        "import subprocess, sys, time\n"
        "from lab.processes import die_with_parent\n"
        "child = subprocess.Popen(['sleep', '60'], preexec_fn=die_with_parent())\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    tests = str(Path(processes.__file__).parents[1])
    parent = subprocess.Popen(
        [sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": tests}, stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert processes.alive(child)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 5
    while processes.alive(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not processes.alive(child)


@pytest.mark.parametrize(("returncode", "text"), [(-9, "killed by SIGKILL"), (3, "ended with exit status 3")])
def test_an_exit_is_described(returncode: int, text: str) -> None:
    assert processes.describe_exit(returncode) == text


def test_the_tail_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "emulator.log"
    assert "cannot be read" in processes.tail(log)
    log.write_text("")
    assert "is empty" in processes.tail(log)
    log.write_text("\n".join(str(number) for number in range(100)))
    assert processes.tail(log, lines=2) == "    98\n    99"
