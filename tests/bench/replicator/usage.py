# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a command and writes to a descriptor what it took, its children included: JSON of seconds, CPU, peak KiB.

A process of its own, with nothing imported that it can do without: Linux counts the memory of the process that starts
a program towards that program's peak (about 9 MB here, less than any client needs).
"""

import os
import sys
import time

report, *command = sys.argv[1:]
clock, began = time.time(), time.monotonic()
pid = os.fork()
if pid == 0:
    os.close(int(report))
    os.execvp(command[0], command)  # noqa: S606 (to be measured, not to be wrapped)
_, status, used = os.wait4(pid, 0)
seconds = time.monotonic() - began
figures = f'{{"clock": {clock}, "seconds": {seconds}, "user": {used.ru_utime}, "system": {used.ru_stime}, '
figures += f'"peak_kib": {used.ru_maxrss}}}'
os.write(int(report), figures.encode())
sys.exit(os.waitstatus_to_exitcode(status) & 255)
