# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of hosts, lengths of socket paths, and whose process a pid file means."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.hosts.paths import HostsDirectory
from lab.hosts.paths import cache_directory


@pytest.mark.parametrize("name", ["", "App1", "-app", "1app", "app.1", "../app", "a" * 32, "nfs", "app 1", "app;true"])
def test_refuses_what_cannot_be_a_host_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(LabError, match="cannot be a host's name"):
        HostsDirectory(tmp_path).guest(name)


def test_refuses_a_directory_too_long_for_sockets() -> None:
    with pytest.raises(LabError, match="set MFT_LAB_DIR to a shorter path"):
        HostsDirectory(Path("/srv") / ("long-" * 20)).guest("app1")


def test_port_of_each_service_is_drawn_once(tmp_path: Path) -> None:
    first = {service: HostsDirectory(tmp_path).port(service) for service in ("nfs", "tls")}
    assert {service: HostsDirectory(tmp_path).port(service) for service in ("nfs", "tls")} == first
    assert len(set(first.values())) == 2
    assert sorted(path.name for path in (tmp_path / "hosts/nfs").iterdir()) == ["nfs-port", "tls-port"]


def test_pid_of_somebody_else_is_not_this_labs(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    pid_file.write_text(str(os.getpid()))
    assert HostsDirectory(tmp_path).running(pid_file) is None


def test_pid_of_this_labs_process_is_found_until_it_ends(tmp_path: Path) -> None:
    directory = HostsDirectory(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-c", "print(1, flush=True); input()"],
        env=directory.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        pid_file = tmp_path / "pid"
        pid_file.write_text(str(process.pid))
        assert directory.running(pid_file) == process.pid
        process.kill()
        process.wait()
        assert directory.running(pid_file) is None


def test_cache_can_be_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MFT_CACHE_DIR", str(tmp_path))
    assert cache_directory() == tmp_path / "hosts"
