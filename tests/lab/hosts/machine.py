# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What application hosts need of this machine, and which way of running guests works on it."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
from pathlib import Path

from lab.errors import LabError
from lab.hosts import qemu

PACKAGES_FILE = Path(__file__).with_name("packages.txt")
# A kernel that runs at all ends within 3 s under KVM; one that KVM cannot run hangs for ever.
PROBE_SECONDS = 15


def read_packages(path: Path) -> list[str]:
    """The names in a package list: one a line, `#` begins a comment."""
    names = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [name for name in names if name]


def missing_packages() -> list[str]:
    answer = subprocess.run(
        ["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\n", *read_packages(PACKAGES_FILE)],
        capture_output=True,
        text=True,
        check=False,
    )
    installed = {line.split()[0] for line in answer.stdout.splitlines() if line.endswith(" installed")}
    return [name for name in read_packages(PACKAGES_FILE) if name not in installed]


def obstacles() -> list[str]:
    """Why application hosts cannot run here, each with its remedy. Empty when they can."""
    if shutil.which("dpkg-query") is None:
        return ["Application hosts need Debian: this machine has no dpkg. The demo reads the share directly here."]
    found = []
    if platform.machine() != "x86_64":
        found.append(f"Application hosts need an x86_64 machine, this one is {platform.machine()}.")
    if os.geteuid() != 0:
        found.append("Application hosts need root: the guest's file owners and the NFS server's access by file handle.")
    if missing := missing_packages():
        found.append(f"Debian packages are missing: run `apt-get install --no-install-recommends {' '.join(missing)}`.")
    return found


def require() -> None:
    if found := obstacles():
        raise LabError("application hosts cannot run here.\n" + "\n".join(f"  - {line}" for line in found))


def qemu_version() -> str:
    answer = subprocess.run([qemu.PROGRAM, "--version"], capture_output=True, text=True, check=True)
    return answer.stdout.splitlines()[0]


def accelerator(kernel: Path, initrd: Path, cache: Path) -> str:
    """`kvm` where it runs the guest's own kernel, else `tcg`. /dev/kvm may open and still not: only booting tells."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "tcg"
    probed = "\n".join(
        (platform.release(), qemu_version(), _processor(), Path("/proc/sys/kernel/random/boot_id").read_text())
    )
    memory = cache / f"accelerator-{hashlib.sha256(probed.encode()).hexdigest()[:16]}"
    if not memory.exists():
        memory.write_text("kvm" if _kvm_runs(kernel, initrd) else "tcg", encoding="utf-8")
    return memory.read_text(encoding="utf-8")


def _kvm_runs(kernel: Path, initrd: Path) -> bool:
    # Without a first program the kernel panics at the end of its own start, and a panic ends this qemu.
    command = (
        *(qemu.PROGRAM, "-machine", "q35", *qemu.ACCELERATORS["kvm"], "-smp", "2", "-m", "512", "-nodefaults"),
        *("-no-user-config", "-display", "none", "-no-reboot", "-kernel", str(kernel), "-initrd", str(initrd)),
        *("-append", "rdinit=/nonexistent root=/nonexistent panic=-1 quiet"),
    )
    try:
        return subprocess.run(command, capture_output=True, timeout=PROBE_SECONDS, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
