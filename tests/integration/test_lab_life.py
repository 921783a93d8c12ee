# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's life: up, down, killed, stale, side by side. Judged by /proc and sockets, not by what the lab says."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import pytest

if TYPE_CHECKING:
    from integration.conftest import Lab

CHECKOUT = Path(__file__).resolve().parents[2]
LAB_PYTHON = CHECKOUT / ".venv-lab" / "bin" / "python"


def environment_for(directory: Path) -> dict[str, str]:
    return {**os.environ, "MFT_LAB_DIR": str(directory), "PYTHONPATH": str(CHECKOUT / "tests")}


def run_lab(directory: Path, command: str, python: Path = LAB_PYTHON) -> subprocess.CompletedProcess[str]:
    words = [str(python), "-m", "lab", command]
    environment = environment_for(directory)
    return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=90, check=False)


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """Where a lab may be; it is gone afterwards, whatever the test did."""
    root = tmp_path / "lab"
    yield root
    if (root / "lock").exists():
        run_lab(root, "down")
    assert not processes_of(root)


@pytest.fixture
def running(directory: Path) -> dict[str, Any]:
    """The lab.json of a lab that is up."""
    started = run_lab(directory, "up")
    assert started.returncode == 0, started.stderr
    return lab_json(directory)


def lab_json(directory: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((directory / "lab.json").read_text())
    return content


def processes_of(directory: Path) -> dict[int, str]:
    """Live processes started for a lab: pid and command line. They carry its directory and this mark; pytest may too,
    if somebody exports MFT_LAB_DIR, but not the mark."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            environment = (entry / "environ").read_bytes().split(b"\0")
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if {f"MFT_LAB_DIR={directory}".encode(), b"MFT_LAB_PROCESS=1"} <= set(environment) and command:
            found[int(entry.name)] = command
    return found


def pid_of(directory: Path, module: str) -> int:
    [pid] = [pid for pid, command in processes_of(directory).items() if f"-m {module} " in command]
    return pid


def listening_addresses(pids: set[int]) -> set[str]:
    """Local addresses of every TCP and UDP socket that waits for peers in one of the processes (/proc/net/tcp…)."""
    inodes = set()
    for pid in pids:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            try:
                target = str(link.readlink())
            except OSError:
                continue
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    found = set()
    for table, state in (("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[9] in inodes and fields[3] == state:
                found.add(fields[1].rpartition(":")[0])
    return found


def wait_until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def health(info: dict[str, Any]) -> dict[str, Any]:
    with urllib.request.urlopen(f"{info['endpoint_url']}/_lab/health", timeout=5) as response:
        content: dict[str, Any] = json.load(response)
        return content


def test_up_serves_what_lab_json_says(lab: Lab) -> None:
    info = lab_json(lab.directory)
    assert set(info) == {
        *("endpoint_url", "region", "account_id", "access_key_id", "secret_access_key"),
        *("directory", "efs_directory", "supervisor_pid"),
    }
    assert info["region"] == "eu-central-1"
    assert Path(info["efs_directory"]).is_dir()
    assert health(info) == {"emulator": True, "sftp": True}
    assert (lab.directory / "lab.json").stat().st_mode & 0o077 == 0


def test_a_second_up_changes_nothing_and_says_so(lab: Lab) -> None:
    info, before = lab_json(lab.directory), set(processes_of(lab.directory))
    again = run_lab(lab.directory, "up")
    assert (again.returncode, "already up" in again.stdout) == (0, True)
    assert lab_json(lab.directory) == info
    assert before <= set(processes_of(lab.directory))


def test_status_of_a_lab_that_is_up(lab: Lab) -> None:
    status = run_lab(lab.directory, "status")
    assert (status.returncode, f"is up: {lab.endpoint_url}" in status.stdout) == (0, True)


def test_env_points_to_the_lab_and_away_from_the_users_profile(lab: Lab) -> None:
    script = f"export AWS_PROFILE=acme AWS_SESSION_TOKEN=x\n{run_lab(lab.directory, 'env').stdout}env"
    output = subprocess.run(["sh", "-c", script], env={"PATH": os.defpath}, capture_output=True, text=True, check=True)
    info = lab_json(lab.directory)
    assert {line for line in output.stdout.splitlines() if line.startswith("AWS_")} == {
        f"AWS_ENDPOINT_URL={info['endpoint_url']}",
        f"AWS_REGION={info['region']}",
        f"AWS_DEFAULT_REGION={info['region']}",
        f"AWS_ACCESS_KEY_ID={info['access_key_id']}",
        f"AWS_SECRET_ACCESS_KEY={info['secret_access_key']}",
        "AWS_EC2_METADATA_DISABLED=true",
    }


def test_it_listens_on_loopback_only(lab: Lab) -> None:
    addresses = listening_addresses(set(processes_of(lab.directory)))
    assert addresses == {"0100007F"}, "127.0.0.1 in the kernel's notation, and nothing else"


def test_two_ups_at_once_make_one_lab_and_leak_nothing_of_the_user(directory: Path) -> None:
    environment = {
        **environment_for(directory),
        "AWS_SECRET_ACCESS_KEY": "payments/Zk4+real/9sXw+long+and+odd/2Qd",
        "AWS_PROFILE": "payments-production",
    }
    words = [str(LAB_PYTHON), "-m", "lab", "up"]
    both = [subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate(timeout=90)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted("already" in output for output in outputs) == [False, True]
    processes = processes_of(directory)
    assert len(processes) == 3, processes
    for pid in processes:
        assert b"payments" not in Path(f"/proc/{pid}/environ").read_bytes()


def test_a_second_lab_does_not_touch_the_first_and_leaves_nothing(lab: Lab, tmp_path: Path) -> None:
    other = tmp_path / "lab with space"
    assert run_lab(other, "up").returncode == 0
    info = lab_json(other)
    assert info["endpoint_url"] != lab.endpoint_url
    assert health(info) == {"emulator": True, "sftp": True}

    ended = run_lab(other, "down")
    assert ended.returncode == 0, ended.stderr
    assert not processes_of(other)
    assert not other.exists()
    with pytest.raises(urllib.error.URLError, match="refused"):
        health(info)
    assert run_lab(other, "down").returncode == 0, "nothing to do is no error"
    assert health(lab_json(lab.directory)) == {"emulator": True, "sftp": True}


@pytest.mark.parametrize("name", ["emulator", "sftp"])
def test_a_dead_child_ends_the_lab_and_status_says_which(name: str, directory: Path, running: dict[str, Any]) -> None:
    os.kill(pid_of(directory, f"lab.{name}"), signal.SIGKILL)
    wait_until(lambda: not processes_of(directory))
    status = run_lab(directory, "status")
    assert status.returncode == 1
    assert f"its {name} was killed by SIGKILL" in status.stdout
    assert str(directory / "logs" / f"{name}.log") in status.stdout
    assert not (directory / "lab.json").exists()
    assert run_lab(directory, "env").returncode == 1


def test_a_killed_supervisor_takes_its_children_along(directory: Path, running: dict[str, Any]) -> None:
    os.kill(running["supervisor_pid"], signal.SIGKILL)
    wait_until(lambda: not processes_of(directory))
    status = run_lab(directory, "status")
    assert (status.returncode, "was killed" in status.stdout) == (1, True)
    assert "no lab is up" in run_lab(directory, "env").stderr

    assert run_lab(directory, "down").returncode == 0
    assert not directory.exists()


def test_up_after_a_kill_ends_what_was_left_and_starts_afresh(directory: Path, running: dict[str, Any]) -> None:
    """What is left: a process that lost its parent and did not notice, and a share with files."""
    content = Path(f"/proc/{pid_of(directory, 'lab.sftp')}/environ").read_text()
    environment = dict(entry.split("=", 1) for entry in content.split("\0") if entry)
    survivor = subprocess.Popen(["sleep", "300"], env=environment, start_new_session=True)
    for pid in processes_of(directory):
        if pid != survivor.pid:
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: set(processes_of(directory)) == {survivor.pid})
    (directory / "efs" / "fs-old").mkdir()

    started = run_lab(directory, "up")
    assert started.returncode == 0, started.stderr
    assert survivor.wait(timeout=5) != 0
    assert not (directory / "efs" / "fs-old").exists()
    assert health(lab_json(directory)) == {"emulator": True, "sftp": True}


def test_down_does_not_need_the_help_of_a_child(directory: Path, running: dict[str, Any]) -> None:
    os.kill(pid_of(directory, "lab.emulator"), signal.SIGSTOP)
    assert run_lab(directory, "down").returncode == 0
    assert not processes_of(directory)
    assert not directory.exists()


def test_a_directory_with_something_in_it_is_left_alone(directory: Path) -> None:
    directory.mkdir()
    (directory / "payments.csv").write_text("kept")
    for command in ("up", "down"):
        refused = run_lab(directory, command)
        assert refused.returncode == 1
        assert refused.stderr.startswith("lab: error: ")
        assert str(directory) in refused.stderr
    assert [path.name for path in directory.iterdir()] == ["payments.csv"]
    assert not processes_of(directory)


def test_a_place_that_cannot_be_written_to_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused = run_lab(tmp_path / "file" / "lab", "up")
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "cannot create the lab directory" in refused.stderr
    assert "MFT_LAB_DIR" in refused.stderr


def test_a_full_disk_is_one_clear_error_and_leaves_nothing(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip("needs the right to mount a small file system")
    try:
        refused = run_lab(disk / "lab", "up")
        assert refused.returncode == 1
        assert refused.stderr.count("\n") == 1
        assert "MB free" in refused.stderr
        assert not (disk / "lab").exists()
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_missing_package_is_named(directory: Path) -> None:
    refused = run_lab(directory, "up", python=CHECKOUT / ".venv" / "bin" / "python")
    assert refused.returncode == 1
    assert "lacks the Python package(s) ministack" in refused.stderr
    assert "pip install -r" in refused.stderr
    assert not directory.exists()


def test_an_old_python_is_told_so(directory: Path) -> None:
    candidates = ["python3.9", "python3.10", "python3.11", "/usr/bin/python3"]
    old = next((found for name in candidates if (found := shutil.which(name)) and is_older(found)), None)
    if old is None:
        pytest.skip("no Python older than 3.12 here")
    refused = run_lab(directory, "up", python=Path(old))
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "too old" in refused.stderr


def is_older(python: str) -> bool:
    program = "import sys; sys.exit(sys.version_info >= (3, 12))"
    return subprocess.run([python, "-c", program], capture_output=True, check=False).returncode == 0


def test_an_interrupted_up_leaves_nothing(directory: Path) -> None:
    started = subprocess.Popen(
        [str(LAB_PYTHON), "-m", "lab", "up"], env=environment_for(directory), stderr=subprocess.PIPE, text=True
    )
    wait_until(lambda: any("lab.emulator" in command for command in processes_of(directory).values()))
    started.send_signal(signal.SIGINT)
    assert started.communicate(timeout=30)[1] == "lab: interrupted\n"
    assert started.returncode == 130
    assert not processes_of(directory)
    assert not directory.exists()
