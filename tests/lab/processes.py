# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes of a lab: tied to their parent's life, found again after a crash, and ended without a trace."""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import time
from collections.abc import Callable
from collections.abc import Iterable
from pathlib import Path

from lab.paths import DIRECTORY_VARIABLE

# Stands in the environment of everything that belongs to a lab. MFT_LAB_DIR alone would not do: a user's shell may
# export it, and what runs in that shell (pytest, ansible, the next `up`) is not ours to end.
OWNED = "MFT_LAB_PROCESS=1"

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def die_with_parent() -> Callable[[], None]:
    """For Popen's preexec_fn: the kernel kills the child when the thread that started it ends."""
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def before_exec() -> None:
        if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
        # The parent may have died before the line above: nobody would send the signal then.
        if os.getppid() != parent:
            os._exit(1)

    return before_exec


def alive(pid: int) -> bool:
    """Whether the process runs; a zombie has ended and only waits for its parent."""
    try:
        status = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    return status.rpartition(b")")[2].split()[0] not in (b"Z", b"X")


def of_lab(root: Path) -> list[int]:
    """Every live process that carries this lab's directory in its environment, whoever its parent is now."""
    wanted = {f"{DIRECTORY_VARIABLE}={root}".encode(), OWNED.encode()}
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            environment = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if wanted <= set(environment) and alive(int(entry.name)):
            found.append(int(entry.name))
    return sorted(found)


def end(pids: Iterable[int], grace: float) -> None:
    """SIGTERM, then SIGKILL to those that are still there after `grace` seconds; returns when all are gone."""
    handles = {}
    for pid in pids:
        try:
            # A pid may be given to somebody else between two looks; a pidfd always means the same process.
            handles[pid] = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
    try:
        for number, wait in ((signal.SIGTERM, grace), (signal.SIGKILL, 5.0)):
            for handle in handles.values():
                _send(handle, number)
            _wait(handles, time.monotonic() + wait)
    finally:
        for handle in handles.values():
            os.close(handle)


def describe_exit(returncode: int) -> str:
    if returncode < 0:
        return f"killed by {signal.Signals(-returncode).name}"
    return f"ended with exit status {returncode}"


def tail(path: Path, lines: int = 15) -> str:
    try:
        content = path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
    except OSError as error:
        return f"    ({path} cannot be read: {error.strerror})"
    return "\n".join(f"    {line}" for line in content) or f"    ({path} is empty)"


def _send(handle: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(handle, number)


def _wait(handles: dict[int, int], deadline: float) -> None:
    """Close and drop the handles of processes that have ended, until none is left or it is too late."""
    while handles:
        readable, _, _ = select.select(list(handles.values()), [], [], max(0.0, deadline - time.monotonic()))
        for pid in [pid for pid, handle in handles.items() if handle in readable]:
            os.close(handles.pop(pid))
        if not readable:
            return
