# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time: an empty share, a server that is up, a command, its figures, and whether it copied every byte."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.replicator import catalog
from bench.replicator.certificate import make_certificate
from bench.replicator.contestants import CHECKOUT
from bench.replicator.contestants import ENVIRONMENT
from bench.replicator.contestants import Task
from bench.replicator.contestants import variables
from bench.replicator.heats import Heat
from bench.replicator.heats import items_of
from bench.replicator.medians import Run

_HERE = Path(__file__).resolve().parent
# Where so little is copied every run is compared byte by byte, otherwise each contestant's first.
_ALWAYS_VERIFIED_BYTES = 64 * catalog.MIB


class BenchError(Exception):
    """A contestant failed, or copied something wrongly: there is nothing to report."""


@dataclass(frozen=True)
class Served:
    """A server that holds one workload."""

    items: list[catalog.Item]
    port: int
    pid: int
    certificate: Path | None

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Track:
    """A directory in which runs are made."""

    def __init__(self, directory: Path, package: str, environment: Path = ENVIRONMENT) -> None:
        self.directory = directory
        self.log = directory / "output"
        self.share = directory / "share"
        self._package = package
        self._environment = environment
        self._block_path = directory / "block"
        (directory / "home").mkdir(parents=True, exist_ok=True)
        catalog.make_block(self._block_path)
        self._block = memoryview(self._block_path.read_bytes())

    @contextmanager
    def serve(self, workload: str, latency: float = 0.0, *, secure: bool = False) -> Iterator[Served]:
        certificate = self.directory / "certificate.pem" if secure else None
        command = [sys.executable, str(_HERE / "server.py"), str(self._block_path), workload, str(latency)]
        if certificate:
            make_certificate(certificate)
            command.append(str(certificate))
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                assert server.stdout
                port = server.stdout.readline()
                if not port:
                    raise BenchError("the S3 server did not start; what it said is above")
                yield Served(items_of(workload), int(port), server.pid, certificate)
            finally:
                server.terminate()

    def run(self, served: Served, heat: Heat, name: str, number: int) -> Run:
        contestant = heat.contestants[name]
        items = served.items[: heat.most.get(name)]
        shutil.rmtree(self.share, ignore_errors=True)
        self.share.mkdir()
        whole = len(items) == len(served.items)
        orders = self.directory / "orders"
        task = Task(items, whole, orders, self.share, served.port, served.certificate, self._environment)
        command = contestant.command(task)
        # What the last run left to be written would otherwise be written during this one.
        os.sync()
        server_before = served.cpu_seconds()
        run = self._measure(command, variables(task, contestant, self._package, self.directory / "home"))
        run |= {
            "heat": heat.name,
            "round": number,
            "contestant": name,
            "objects": len(items),
            "bytes": sum(item.size for item in items),
            "server_cpu": served.cpu_seconds() - server_before,
        }
        if number == 0 or run["bytes"] <= _ALWAYS_VERIFIED_BYTES:
            self._verify(items, name)
        if len(items) == 1:
            # A rename sets it.
            run["placed_after"] = (self.share / items[0].path).stat().st_ctime - run["clock"]
        if heat.name == "single":
            run["phases"] = self._phases()
        return run

    def _verify(self, items: list[catalog.Item], name: str) -> None:
        wrong = catalog.differences(self._block, items, self.share)
        if wrong:
            raise BenchError(f"{name} copied {len(wrong)} of {len(items)} files wrongly: {wrong[:5]}; see {self.log}")

    def _phases(self) -> list[dict[str, float]]:
        """The seconds of each phase, of each key, as our function's log has them."""
        lines = (json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines() if line[:1] == "{")
        return [line["seconds"] for line in lines if line.get("event") == "converged"]

    def _measure(self, command: list[str], environment: dict[str, str]) -> Run:
        reading, writing = os.pipe()
        launcher = [sys.executable, "-I", "-S", str(_HERE / "usage.py"), str(writing), *command]
        with self.log.open("wb") as output:
            process = subprocess.Popen(
                launcher, env=environment, cwd=CHECKOUT, stdout=output, stderr=output, pass_fds=[writing]
            )
            os.close(writing)
            with os.fdopen(reading, encoding="ascii") as figures:
                found = figures.read()
        if process.wait():
            tail = self.log.read_text(encoding="utf-8", errors="replace")[-3000:]
            raise BenchError(f"{' '.join(command)} ended with {process.returncode}:\n{tail}")
        return dict(json.loads(found))

    def clear(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)
