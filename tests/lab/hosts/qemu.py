# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guest's machine: qemu's command line and its monitor. Changing the machine makes old snapshots unusable."""

from __future__ import annotations

import json
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.errors import LabError

PROGRAM = "qemu-system-x86_64"
MEMORY_MEGABYTES = 512
# Where a guest finds the share, as it would find the addresses of an EFS file system's two mount targets.
MOUNT_TARGET = "10.0.2.100"
OTHER_MOUNT_TARGET = "10.0.2.101"
# EFS takes TLS on the same addresses; here it has one of its own.
TLS_MOUNT_TARGET = "10.0.2.102"
NFS_PORT = 2049

KERNEL_ARGUMENTS = (
    *("root=/dev/vda", "rw", "console=ttyS0", "net.ifnames=0", "quiet"),
    # Half of the boot time under emulation is protection of a throw-away guest against itself.
    "mitigations=off",
)

# With KVM the guest sees the real processor. The emulator is quickest with the plainest one.
ACCELERATORS = {
    "kvm": ("-accel", "kvm", "-cpu", "host"),
    "tcg": ("-accel", "tcg,thread=multi,tb-size=256", "-cpu", "qemu64"),
}


@dataclass(frozen=True)
class Network:
    """User-mode networking: the guest reaches nothing but the share, and only loopback reaches the guest."""

    ssh_port: int
    nfs_port: int
    tls_port: int

    def arguments(self) -> tuple[str, ...]:
        # `cmd:` starts a process per connection (qemu's manual, "guestfwd"), so that a server that comes back is
        # reached again; without it qemu opens one connection at start and never another.
        targets = {MOUNT_TARGET: self.nfs_port, OTHER_MOUNT_TARGET: self.nfs_port, TLS_MOUNT_TARGET: self.tls_port}
        forwards = (
            f"guestfwd=tcp:{address}:{NFS_PORT}-cmd:/bin/nc 127.0.0.1 {port}" for address, port in targets.items()
        )
        return (
            "-netdev",
            f"user,id=net0,restrict=on,hostfwd=tcp:127.0.0.1:{self.ssh_port}-:22,{','.join(forwards)}",
        )


def machine(accelerator: str) -> tuple[str, ...]:
    """All that must be the same when a snapshot is taken and when it is woken."""
    return (
        *("-machine", "q35", *ACCELERATORS[accelerator], "-smp", "2", "-m", str(MEMORY_MEGABYTES)),
        *("-nodefaults", "-no-user-config", "-display", "none"),
        *("-device", "virtio-blk-pci,drive=disk0", "-device", "virtio-net-pci,netdev=net0,romfile="),
        *("-device", "virtio-rng-pci", "-append", " ".join(KERNEL_ARGUMENTS)),
    )


@dataclass(frozen=True)
class Boot:
    """What a guest starts from."""

    accelerator: str
    kernel: Path
    initrd: Path
    disk: Path


def command(boot: Boot, directory: Path, network: Network) -> tuple[str, ...]:
    """qemu with its console log, monitor and process id in `directory`."""
    return (
        *(PROGRAM, *machine(boot.accelerator), "-kernel", str(boot.kernel), "-initrd", str(boot.initrd)),
        # A guest is thrown away after use: its disk need not survive a crash of this machine.
        *("-drive", f"if=none,id=disk0,file={_value(boot.disk)},format=qcow2,cache=unsafe,discard=unmap"),
        *network.arguments(),
        *("-serial", f"file:{_value(directory / 'console.log')}"),
        *("-qmp", f"unix:{_value(directory / 'monitor')},server=on,wait=off"),
        *("-pidfile", str(directory / "pid")),
    )


def wake_arguments(state: Path) -> tuple[str, ...]:
    """Start from a saved state instead of booting."""
    return ("-incoming", f"exec:cat {_shell(state)}")


def _value(path: Path) -> str:
    # qemu splits option values at commas and takes a doubled one for a comma.
    return str(path).replace(",", ",,")


def _shell(path: Path) -> str:
    return "'" + str(path).replace("'", "'\\''") + "'"


class Monitor:
    """One conversation in the QEMU Machine Protocol."""

    def __init__(self, path: Path, deadline: float) -> None:
        self._deadline = deadline
        self._socket = self._connect(path)
        self._socket.settimeout(max(0.1, deadline - time.monotonic()))
        self._stream = self._socket.makefile("rw", encoding="utf-8")
        self._stream.readline()
        self.execute("qmp_capabilities")

    def __enter__(self) -> Monitor:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        self._socket.close()

    def execute(self, name: str, **arguments: object) -> dict[str, Any]:
        self._stream.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
        self._stream.flush()
        while line := self._stream.readline():
            answer = json.loads(line)
            if "error" in answer:
                raise LabError(f"qemu refused {name}: {answer['error']['desc']}")
            if "return" in answer:
                result = answer["return"]
                return result if isinstance(result, dict) else {}
        raise LabError(f"qemu ended while asked to {name}")

    def wait_until_awake(self) -> None:
        """A guest that was saved while halted is halted when it has been loaded, too."""
        while self.execute("query-status")["status"] == "inmigrate":
            self._pause("the saved state is not loaded")
        self.execute("cont")

    def save(self, state: Path) -> None:
        """Halt the guest and write its memory and devices to a file; the disk holds still from then on."""
        self.execute("stop")
        self.execute("migrate-set-parameters", **{"max-bandwidth": 10**12})
        self.execute("migrate", uri=f"exec:cat > {_shell(state)}")
        while (status := self.execute("query-migrate").get("status")) != "completed":
            if status in {"failed", "cancelled"}:
                raise LabError(f"qemu could not save the guest's state to {state}: is the disk full?")
            self._pause("the state is not saved")

    def _pause(self, what: str) -> None:
        if time.monotonic() > self._deadline:
            raise LabError(f"{what} after the time allowed: is this machine overloaded?")
        time.sleep(0.05)

    def _connect(self, path: Path) -> socket.socket:
        while True:
            connection = socket.socket(socket.AF_UNIX)
            try:
                connection.connect(str(path))
            except OSError:
                connection.close()
                self._pause(f"qemu's monitor {path} does not answer")
            else:
                return connection
