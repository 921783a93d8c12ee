# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was measured on what: the machine, the versions, the package that Lambda would run, and its import."""

from __future__ import annotations

import os
import platform
import re
import shutil
import statistics
import subprocess
import zipfile
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from bench.replicator.contestants import CHECKOUT
from bench.replicator.contestants import ENVIRONMENT

_TIMES_IMPORTED = 7
_TOP_MODULES = 12


def machine() -> dict[str, Any]:
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": cpu[1] if cpu else platform.machine(),
        "cpus": os.cpu_count(),
        "memory_gib": round(memory / 2**30, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load": os.getloadavg()[0],
    }


def versions() -> dict[str, str]:
    site = next(ENVIRONMENT.glob("lib/python3*/site-packages"))
    found = {item.name: item.version for item in distributions(path=[str(site)])}
    names = ("awscli", "boto3", "botocore")
    s5cmd = _said(str(site / "s5cmd/bin/s5cmd"), "version")
    rclone = _said(str(ENVIRONMENT / "bin/rclone"), "version", "--config", "")
    return {name: found[name] for name in names} | {"s5cmd": s5cmd, "rclone": rclone.removeprefix("rclone ")}


def _said(*command: str) -> str:
    output = subprocess.run(command, capture_output=True, text=True, check=True, env={"HOME": "/nonexistent"}).stdout
    return output.splitlines()[0]


def unpack_function(directory: Path) -> Path:
    """The function's package, built by mft.aws.lambda_package and unpacked as Lambda does."""
    package, unpacked = directory / "replicator.zip", directory / "package"
    options = f"source={CHECKOUT}/files/replicator dest={package} prefix=replicator wheels={CHECKOUT}/files/wheels"
    ansible = CHECKOUT / ".venv/bin/ansible"
    command = [str(ansible), "localhost", "-m", "mft.aws.lambda_package", "-a", options]
    python = {"ANSIBLE_PYTHON_INTERPRETER": str(CHECKOUT / ".venv/bin/python"), "ANSIBLE_LOCALHOST_WARNING": "0"}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, **python})
    shutil.rmtree(unpacked, ignore_errors=True)
    with zipfile.ZipFile(package) as archive:
        archive.extractall(unpacked)
    return unpacked


def imports(package: Path) -> dict[str, Any]:
    """How long the function's modules take to import, in a fresh interpreter that may write no .pyc, as in Lambda."""
    timed = "import time; began = time.perf_counter(); import replicator.handler; print(time.perf_counter() - began)"
    seconds = [float(_python(package, "-c", timed).stdout) for _ in range(_TIMES_IMPORTED)]
    report = _python(package, "-X", "importtime", "-c", "import replicator.handler").stderr
    lines = re.findall(r"import time:\s+(\d+) \|\s+(\d+) \|( +)(\S+)", report)
    names = {name for _, _, _, name in lines}
    own = [(int(alone), int(all_of_it), name) for alone, all_of_it, _, name in lines]
    return {
        "seconds": seconds,
        "median": statistics.median(seconds),
        "modules": len(names),
        "top": [
            {"module": name, "own_ms": alone / 1000, "with_imports_ms": all_of_it / 1000}
            for alone, all_of_it, name in sorted(own, key=lambda entry: -entry[1])[:_TOP_MODULES]
        ],
    }


def _python(package: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(package), "PYTHONDONTWRITEBYTECODE": "1"}
    program = str(ENVIRONMENT / "bin/python")
    return subprocess.run([program, *arguments], env=environment, capture_output=True, text=True, check=True)
