# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The application's side: a guest with its own kernel, and the mount target that it will find."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

from demo.share import HostReader
from demo.site import Lab
from demo.timeline import DemoError
from demo.timeline import Timeline

NAME = "app1"
MOUNT_POINT = "/srv/mft"


@dataclass
class ApplicationHost:
    """One host of ``python -m lab.hosts``."""

    lab: Lab
    timeline: Timeline
    _stop: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def if_possible(cls, lab: Lab, timeline: Timeline) -> ApplicationHost | None:
        """A host where one can run; elsewhere the reasons are said, and that the share is read directly."""
        checked = lab.command("check", module="lab.hosts")
        if checked.returncode == 0:
            return cls(lab, timeline)
        timeline.say("No application host can run here, so the demo reads the share directly:")
        timeline.note("\n".join(checked.stdout.splitlines()[1:]) or checked.stderr)
        return None

    def build(self) -> None:
        self._command("build")

    def start(self) -> None:
        self._command("start", NAME)
        threading.Thread(target=self._play_the_vpc, daemon=True).start()

    def _command(self, *words: str) -> None:
        completed = self.lab.command(*words, module="lab.hosts")
        if completed.returncode != 0:
            raise DemoError(completed.stderr.strip().removeprefix("lab.hosts: error: "))

    def _play_the_vpc(self) -> None:
        """As soon as the stack's file system is there, serve it by NFS and let the host resolve its name.

        On AWS the mount target and the VPC's resolver do that by themselves.
        """
        shares = Path(self.lab.facts["efs_directory"])
        while not self._stop.wait(0.2):
            found = sorted(shares.glob("fs-*"))
            if found:
                try:
                    self._command("nfs-start", str(found[0]))
                    self._command("resolve", NAME, f"{found[0].name}.efs.{self.lab.facts['region']}.amazonaws.com")
                except DemoError as error:
                    self.timeline.check(False, f"the lab's NFS server: {error}")
                return

    def inventory(self) -> dict[str, dict[str, Any]]:
        config = self.lab.directory / "hosts" / "ssh_config"
        return {NAME: {"ansible_ssh_common_args": f"-F {config}", "ansible_user": "root"}}

    def reader(self) -> HostReader:
        config = self.lab.directory / "hosts" / "ssh_config"
        return HostReader(
            login=["ssh", "-F", str(config), NAME],
            mount_point=MOUNT_POINT,
            description=f"{NAME}:{MOUNT_POINT}, the share mounted by NFSv4.1 on a host with its own kernel",
        )

    def leave(self) -> None:
        self._stop.set()
