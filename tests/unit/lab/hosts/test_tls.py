# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificate of the TLS front: for one name, by an authority that stays."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.hosts.paths import HostsDirectory
from lab.hosts.tls import Front

SHARE = "fs-0123456789abcdef0.efs.eu-central-1.amazonaws.com"
OTHER = "fs-0fedcba9876543210.efs.eu-central-1.amazonaws.com"


def proves(front: Front, name: str) -> bool:
    command = ["openssl", "verify", "-CAfile", front.authority, "-verify_hostname", name, front.root / "server.pem"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_certificate_is_for_the_name_alone_and_the_authority_stays(tmp_path: Path) -> None:
    front = Front(HostsDirectory(tmp_path))
    front.certify(SHARE)
    assert (proves(front, SHARE), proves(front, OTHER)) == (True, False)
    authority = front.authority.read_bytes()
    front.certify(OTHER)
    assert (proves(front, SHARE), proves(front, OTHER)) == (False, True)
    assert front.authority.read_bytes() == authority


@pytest.mark.parametrize("name", ["", "fs 1", "fs,DNS:evil.example", "-fs", "fs\nbasicConstraints=CA:TRUE"])
def test_refuses_what_cannot_be_a_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(LabError, match="cannot be in a certificate"):
        Front(HostsDirectory(tmp_path)).certify(name)
