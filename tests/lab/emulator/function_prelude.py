# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs at the start of every Lambda function's process, before ministack's worker. Only the standard library.

It gives the process the identity that an EFS access point forces on its clients, and ends it with the emulator.
"""

from __future__ import annotations

import ctypes
import os
import select
import struct
import threading
from pathlib import Path

USER_VARIABLE = "_LAB_POSIX_USER"  # "uid:gid:gid,gid"

_PR_SET_KEEPCAPS = 8  # linux/prctl.h
_CAPABILITY_VERSION_3 = 0x20080522  # linux/capability.h
_CAP_DAC_READ_SEARCH = 2


def _become(user: str) -> None:
    uid, gid, groups = user.split(":")
    libc = ctypes.CDLL(None, use_errno=True)
    # Worker, code and interpreter may lie below directories that only root may search (a checkout in /root).
    # Reading stays possible; who owns what is written, and where nothing may be written, is as for this user.
    libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.chown(Path(__file__).resolve().parent, int(uid), int(gid))
    os.setgroups([int(group) for group in groups.split(",") if group])
    os.setresgid(int(gid), int(gid), int(gid))
    os.setresuid(int(uid), int(uid), int(uid))
    keep = 1 << _CAP_DAC_READ_SEARCH if int(uid) else 0
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    if int(uid) and libc.capset(header, struct.pack("6I", keep, keep, 0, 0, 0, 0)) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def _end_with_parent() -> None:
    # Not PR_SET_PDEATHSIG: ministack starts workers on threads of a pool, and the signal comes when the thread ends.
    parent = os.pidfd_open(os.getppid())

    def wait() -> None:
        select.select([parent], [], [])
        os._exit(1)

    threading.Thread(target=wait, name="lab", daemon=True).start()


if __name__ == "__main__":
    if USER_VARIABLE in os.environ:
        _become(os.environ.pop(USER_VARIABLE))
    _end_with_parent()
