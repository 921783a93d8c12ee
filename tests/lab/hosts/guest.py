# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One application host of a lab, from its start to its end."""

from __future__ import annotations

import ipaddress
import secrets
import shutil
import subprocess
import time

from lab import processes
from lab.errors import LabError
from lab.hosts import image as images
from lab.hosts import qemu
from lab.hosts.paths import HOST_NAME
from lab.hosts.paths import HostsDirectory
from lab.hosts.paths import free_port
from lab.hosts.ssh import Connection

WAKE_SECONDS = 60.0
PERSONALIZE = images.INGREDIENTS / "personalize.sh"


class Guest:
    """A host by its name."""

    def __init__(self, directory: HostsDirectory, name: str) -> None:
        self.hosts = directory
        self.name = name
        self.root = directory.guest(name)
        self.pid_file = self.root / "pid"
        self.log = self.root / "qemu.log"
        self.connection = Connection(name, self.root / "ssh_config")

    def start(self, image: images.Image) -> None:
        if (running := self.pid()) is not None:
            raise LabError(f"the host {self.name} already runs (pid {running}): say `stop {self.name}` first.")
        self.stop()
        self.hosts.make()
        self.root.mkdir()
        try:
            self._launch(image)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> bool:
        """Cut the power and remove what is left. Whether it ran."""
        running = self.pid()
        if self.root.exists():
            self.connection.close()
        if running is not None:
            processes.end([running], grace=3.0)
        if self.root.exists():
            shutil.rmtree(self.root)
        return running is not None

    def pid(self) -> int | None:
        return self.hosts.running(self.pid_file)

    def resolve(self, host_name: str, address: str) -> None:
        """Give the guest a DNS answer, as the VPC's resolver would: it has no DNS server to ask."""
        if HOST_NAME.fullmatch(host_name) is None:
            raise LabError(f"{host_name!r} is not a DNS name: letters, digits, dots and hyphens only.")
        try:
            ipaddress.IPv4Address(address)
        except ValueError:
            raise LabError(f"{address!r} is not an IPv4 address such as {qemu.MOUNT_TARGET}.") from None
        pattern = host_name.replace(".", "\\.")
        self.connection.run(f"sed -i '/ {pattern}$/d' /etc/hosts && echo '{address} {host_name}' >> /etc/hosts")

    def _launch(self, image: images.Image) -> None:
        begin = time.monotonic()
        disk = self.root / "disk.qcow2"
        images.create_layer(image.disk, "qcow2", disk)
        network = qemu.Network(free_port(), self.hosts.port("nfs"), self.hosts.port("tls"))
        Connection.create(self.root, self.name, network.ssh_port, image.key, image.host_key)
        boot = qemu.Boot(image.accelerator, image.kernel, image.initrd, disk)
        command = qemu.command(boot, self.root, network)
        waking = qemu.wake_arguments(image.state) if image.state is not None else ()
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [*command, *waking],
                cwd=self.root,
                env=self.hosts.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        # qemu writes its pid file late; a `stop` in between must find it all the same.
        self.pid_file.write_text(f"{process.pid}\n", encoding="utf-8")
        deadline = begin + (WAKE_SECONDS if waking else images.BOOT_SECONDS)
        try:
            if waking:
                with qemu.Monitor(self.root / "monitor", deadline) as monitor:
                    monitor.wait_until_awake()
            self.connection.wait(deadline)
        except LabError as error:
            raise LabError(f"the host {self.name} did not start: {error}\n{processes.tail(self.log)}") from error
        arguments = f"{self.name} {int(time.time())} {secrets.token_hex(32)}"
        self.connection.run(f"sh -s {arguments}", feed=PERSONALIZE.read_text(encoding="utf-8"))


def all_guests(directory: HostsDirectory) -> list[Guest]:
    return [Guest(directory, name) for name in directory.guests()]


def remove_all(directory: HostsDirectory) -> None:
    """Every host of the lab, and what is left of the hosts' directory."""
    for guest in all_guests(directory):
        guest.stop()
    if directory.root.exists():
        shutil.rmtree(directory.root)
