# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a machine that lacks something is told, and that nothing is changed there."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

DEV = Path(__file__).resolve().parents[2] / "dev"


class Machine:
    """A PATH of our own making, before the machine's: programs that say what we want them to say."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.bin = root / "bin"
        self.bin.mkdir()
        self.home = root / "home"
        self.home.mkdir()

    def program(self, name: str, script: str) -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def run(self, script: str, *arguments: str, path: str = "/usr/bin:/bin") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(DEV / script), *arguments],
            env={
                "PATH": f"{self.bin}:{path}",
                "HOME": str(self.home),
                "MFT_POLICY_RC_D": str(self.root / "policy-rc.d"),
            },
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_python_among_pyenv_versions_is_found(machine: Machine) -> None:
    versions = machine.home / ".pyenv" / "versions" / "3.12.9" / "bin"
    versions.mkdir(parents=True)
    python = versions / "python"
    python.write_text("#!/bin/sh\nexit 0\n")
    python.chmod(0o755)
    machine.program("python3", "exit 1")
    machine.program("python3.13", "exit 127")

    found = machine.run("find_python.sh")

    assert found.stdout.strip() == str(python)


def test_no_usable_python_says_which_versions_would_do(machine: Machine) -> None:
    for name in ("python3", "python3.12", "python3.13", "python3.14"):
        machine.program(name, "exit 1")  # there, but older, or without venv

    refused = machine.run("find_python.sh")

    assert refused.returncode == 1
    assert "no Python 3.12, 3.13 or 3.14" in refused.stderr
    assert "pyenv install 3.13" in refused.stderr


def test_missing_packages_are_named_to_whoever_is_not_root(machine: Machine, tmp_path: Path) -> None:
    wanted = tmp_path / "packages.txt"
    wanted.write_text("# what for\nopenssh-client # the client\nnfs-ganesha\n\nprocps\n")
    machine.program("id", "echo 1000")
    machine.program(
        "dpkg-query",
        'case "$*" in *procps) printf "install ok installed";; *) printf "deinstall ok config-files";; esac',
    )
    machine.program("apt-get", f"touch {tmp_path}/apt-get-was-called")

    refused = machine.run("debian_packages.sh", str(wanted))

    assert refused.returncode == 1
    assert "these Debian packages are missing: nfs-ganesha openssh-client\n" in refused.stderr
    assert "apt-get install --no-install-recommends nfs-ganesha openssh-client" in refused.stderr
    assert not (tmp_path / "apt-get-was-called").exists()


def test_packages_that_are_there_are_not_installed_again(machine: Machine, tmp_path: Path) -> None:
    wanted = tmp_path / "packages.txt"
    wanted.write_text("procps\n")
    machine.program("dpkg-query", 'printf "install ok installed"')
    machine.program("apt-get", f"touch {tmp_path}/apt-get-was-called")

    assert machine.run("debian_packages.sh", str(wanted)).returncode == 0
    assert not (tmp_path / "apt-get-was-called").exists()


def test_an_installation_that_fails_shows_why(machine: Machine, tmp_path: Path) -> None:
    wanted = tmp_path / "packages.txt"
    wanted.write_text("nfs-ganesha\n")
    machine.program("id", "echo 0")
    machine.program("dpkg-query", "exit 1")
    machine.program("apt-get", 'echo "E: Could not resolve the mirror" >&2; exit 100')

    refused = machine.run("debian_packages.sh", str(wanted))

    assert refused.returncode == 1
    assert "E: Could not resolve the mirror" in refused.stderr
    assert "apt-get could not install: nfs-ganesha" in refused.stderr


def test_no_service_is_started_or_left_enabled(machine: Machine, tmp_path: Path) -> None:
    wanted = tmp_path / "packages.txt"
    wanted.write_text("nfs-ganesha\n")
    machine.program("id", "echo 0")
    machine.program(
        "dpkg-query",
        f'[ "$#" -eq 2 ] || exit 1; echo bash install ok installed; [ ! -e {tmp_path}/asked ] ||'
        ' printf "rpcbind install ok installed\\nnfs-ganesha install ok installed\\n"',
    )
    machine.program("apt-get", f"{tmp_path}/policy-rc.d nfs-ganesha start; echo $? >{tmp_path}/asked")
    machine.program(
        "dpkg", 'echo "/lib/systemd/system/$2.service"; echo /lib/systemd/system/$2@.service; echo /usr/bin/$2'
    )
    machine.program("systemctl", f'echo "$*" >>{tmp_path}/systemctl')

    assert machine.run("debian_packages.sh", str(wanted)).returncode == 0

    assert (tmp_path / "asked").read_text() == "101\n"
    assert (tmp_path / "systemctl").read_text() == "disable nfs-ganesha.service\ndisable rpcbind.service\n"
    assert not (tmp_path / "policy-rc.d").exists()


def test_a_full_disk_is_found_before_anything_is_made(machine: Machine, tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    (checkout / "tests" / "dev").mkdir(parents=True)
    script = checkout / "tests" / "dev" / "environments.sh"
    script.write_text((DEV / "environments.sh").read_text())
    script.chmod(0o755)
    machine.program("df", 'printf "Filesystem 1024-blocks Used Available\\n/dev/x 9 8 204800 99%% /\\n"')

    refused = subprocess.run(
        [str(script), "/usr/bin/python3"],
        env={"PATH": f"{machine.bin}:{os.environ['PATH']}", "HOME": str(machine.home)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert refused.returncode == 1
    assert "200 MiB free" in refused.stderr
    assert "2048 MiB" in refused.stderr
    assert sorted(path.name for path in checkout.iterdir()) == ["tests"]
