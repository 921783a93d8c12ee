# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The NFSv4.1 server: nfs-ganesha on loopback, exporting one directory as EFS exports a file system's root."""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path

from lab import processes
from lab.errors import LabError
from lab.hosts.paths import HostsDirectory

START_SECONDS = 15.0
PLUGINS = Path("/usr/lib/x86_64-linux-gnu/ganesha")

# EFS speaks 4.0 and 4.1, and AWS recommends 4.1: a client that needs less or more must fail here, too
# (EFS User Guide, "NFS support in Amazon EFS"). Root is not squashed there either ("Working with users, groups, and
# permissions at the NFS level"), and ids travel as numbers.
# Graceless and a short lease: a client recovers within seconds of the server's return, as with EFS's own fail-over.
# The replicator writes below the server, into the exported directory itself: the server must not answer from memory, or
# a host would see a file a minute later than it would on EFS.
CONFIGURATION = """\
NFS_CORE_PARAM {{
    NFS_Protocols = 4;
    NFS_Port = {port};
    Bind_addr = 127.0.0.1;
    Enable_NLM = false;
    Enable_RQUOTA = false;
    Plugins_Dir = "{plugins}";
}}
NFSV4 {{
    Minor_Versions = 1;
    Graceless = true;
    Grace_Period = 5;
    Lease_Lifetime = 10;
    RecoveryBackend = fs;
    RecoveryRoot = "{recovery}";
    Only_Numeric_Owners = true;
}}
NFS_KRB5 {{ Active_krb5 = false; }}
EXPORT_DEFAULTS {{ SecType = sys; Protocols = 4; Transports = TCP; Attr_Expiration_Time = 0; }}
MDCACHE {{ Dir_Chunk = 0; }}
EXPORT {{
    Export_Id = 1;
    Path = "{export}";
    Pseudo = "/";
    Access_Type = RW;
    Squash = No_Root_Squash;
    FSAL {{ Name = VFS; }}
}}
LOG {{ Default_Log_Level = EVENT; }}
"""


def configuration(export: Path, recovery: Path, port: int) -> str:
    for path in (export, recovery):
        if '"' in str(path) or "\n" in str(path):
            raise LabError(f"{str(path)!r} cannot be exported: nfs-ganesha takes no quote or line break in a path.")
    return CONFIGURATION.format(port=port, plugins=PLUGINS, recovery=recovery, export=export)


class Server:
    """The one NFS server of a lab. Its port is drawn once, so that guests find it again after an outage."""

    def __init__(self, directory: HostsDirectory) -> None:
        self.directory = directory
        self.root = directory.root / "nfs"
        self.pid_file = self.root / "pid"
        self.log = self.root / "ganesha.log"

    def port(self) -> int:
        return self.directory.port("nfs")

    def start(self, export: Path) -> None:
        if not export.is_dir():
            raise LabError(f"{export} is not a directory: there is nothing to export.")
        if (running := self.directory.running(self.pid_file)) is not None:
            raise LabError(f"the NFS server of this lab already runs (pid {running}): say nfs-stop first.")
        recovery = self.root / "recovery"
        recovery.mkdir(parents=True, exist_ok=True)
        settings = self.root / "ganesha.conf"
        settings.write_text(configuration(export.resolve(), recovery, self.port()), encoding="utf-8")
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                ["ganesha.nfsd", "-F", "-f", settings, "-L", self.log, "-p", self.root / "ganesha.pid"],
                cwd=self.root,
                env=self.directory.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.pid_file.write_text(f"{process.pid}\n", encoding="utf-8")
        self._wait(process)

    def stop(self) -> bool:
        """Whether there was one to stop."""
        running = self.directory.running(self.pid_file)
        if running is not None:
            processes.end([running], grace=3.0)
        self.pid_file.unlink(missing_ok=True)
        return running is not None

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                break
            try:
                with socket.create_connection(("127.0.0.1", self.port()), timeout=1):
                    return
            except OSError:
                time.sleep(0.05)
        self.stop()
        raise LabError(f"the NFS server did not start. The end of its log:\n{processes.tail(self.log)}")
