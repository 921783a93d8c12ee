# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS in front of the NFS server, as at an EFS mount target: a certificate for its name, TLS 1.2 or later."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time

from lab import processes
from lab.errors import LabError
from lab.hosts.paths import HOST_NAME
from lab.hosts.paths import HostsDirectory

START_SECONDS = 10.0

CONFIGURATION = """\
foreground = yes
pid =
output = {directory}/stunnel.log
[nfs]
accept = 127.0.0.1:{port}
connect = 127.0.0.1:{nfs_port}
cert = {directory}/server.pem
key = {directory}/server.key
sslVersionMin = TLSv1.2
"""


class Front:
    """The one TLS front of a lab, in `nfs/tls`. Its authority, `ca.pem`, stays the same for every name."""

    def __init__(self, directory: HostsDirectory) -> None:
        self.directory = directory
        self.root = directory.root / "nfs" / "tls"
        self.pid_file = self.root / "pid"
        self.authority = self.root / "ca.pem"

    def start(self, name: str) -> None:
        self.stop()
        self.certify(name)
        settings = self.root / "stunnel.conf"
        port = self.directory.port("tls")
        text = CONFIGURATION.format(directory=self.root, port=port, nfs_port=self.directory.port("nfs"))
        settings.write_text(text, encoding="utf-8")
        log = self.root / "stunnel.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                ["stunnel4", settings],
                cwd=self.root,
                env=self.directory.environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.pid_file.write_text(f"{process.pid}\n", encoding="utf-8")
        deadline = time.monotonic() + START_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=1):
                    return
            except OSError:
                time.sleep(0.05)
        self.stop()
        raise LabError(f"the TLS front did not start. The end of its log:\n{processes.tail(log)}")

    def stop(self) -> bool:
        """Whether there was one to stop."""
        running = self.directory.running(self.pid_file)
        if running is not None:
            processes.end([running], grace=3.0)
        self.pid_file.unlink(missing_ok=True)
        return running is not None

    def certify(self, name: str) -> None:
        if HOST_NAME.fullmatch(name) is None:
            raise LabError(f"{name!r} cannot be in a certificate: letters, digits, dots and hyphens only.")
        self.root.mkdir(parents=True, exist_ok=True)
        new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30")
        if not self.authority.exists():
            self._openssl(
                "req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.draft", "-subj", "/CN=mft lab authority"
            )
            shutil.move(self.root / "ca.draft", self.authority)
        (self.root / "names").write_text(f"subjectAltName=DNS:{name}\n", encoding="utf-8")
        self._openssl(
            "req", *new_key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=mft lab mount target"
        )
        self._openssl(
            *(
                "x509",
                "-req",
                "-in",
                "server.csr",
                "-CA",
                "ca.pem",
                "-CAkey",
                "ca.key",
                "-CAcreateserial",
                "-days",
                "30",
            ),
            *("-extfile", "names", "-out", "server.pem"),
        )

    def _openssl(self, *arguments: str) -> None:
        answer = subprocess.run(["openssl", *arguments], cwd=self.root, capture_output=True, text=True, check=False)
        if answer.returncode != 0:
            raise LabError(
                f"openssl {arguments[0]} {processes.describe_exit(answer.returncode)}: {answer.stderr.strip()}"
            )
