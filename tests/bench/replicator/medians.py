# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What many raw runs come to."""

from __future__ import annotations

import statistics
from typing import Any

from bench.replicator.catalog import GIB

Run = dict[str, Any]


class Runs:
    """Raw runs, asked by heat and contestant."""

    def __init__(self, runs: list[Run]) -> None:
        self._runs: dict[tuple[str, str], list[Run]] = {}
        for run in runs:
            self._runs.setdefault((run["heat"], run["contestant"]), []).append(run)

    def pairs(self) -> list[tuple[str, str]]:
        return list(self._runs)

    def _median(self, heat: str, name: str, figure: str) -> float:
        return statistics.median(float(run[figure]) for run in self._runs[heat, name])

    def _cpu(self, heat: str, name: str) -> float:
        return statistics.median(float(run["user"] + run["system"]) for run in self._runs[heat, name])

    def rounds(self, heat: str) -> int:
        return max(len(runs) for (of, _), runs in self._runs.items() if of == heat)

    def objects(self, heat: str, name: str) -> int:
        return int(self._runs[heat, name][0]["objects"])

    def _bytes(self, heat: str, name: str) -> int:
        return int(self._runs[heat, name][0]["bytes"])

    def objects_per_second(self, heat: str, name: str) -> float:
        return self.objects(heat, name) / self._median(heat, name, "seconds")

    def megabytes_per_second(self, heat: str, name: str) -> float:
        return self._bytes(heat, name) / self._median(heat, name, "seconds") / 1e6

    def cpu_ms_per_object(self, heat: str, name: str) -> float:
        return self._cpu(heat, name) / self.objects(heat, name) * 1000

    def cpu_per_gib(self, heat: str, name: str) -> float:
        return self._cpu(heat, name) / self._bytes(heat, name) * GIB

    def peak_megabytes(self, heat: str, name: str) -> float:
        """The largest of all rounds."""
        return max(float(run["peak_kib"]) for run in self._runs[heat, name]) * 1024 / 1e6

    def server_ms_per_object(self, heat: str, name: str) -> float:
        return self._median(heat, name, "server_cpu") / self.objects(heat, name) * 1000

    def placed_after(self, name: str) -> float:
        return self._median("cold", name, "placed_after")

    def phases(self) -> list[dict[str, float]]:
        """Of each single event: seconds by phase."""
        return [phases for run in self._runs["single", "ours"] for phases in run["phases"]]

    def line(self, heat: str, name: str) -> str:
        """One contestant's medians, for the terminal."""
        return (
            f"{heat:13} {name:10} {self.objects_per_second(heat, name):8,.0f} objects/s"
            f" {self.cpu_ms_per_object(heat, name):9,.3f} ms CPU/object"
            f" {self.megabytes_per_second(heat, name):6,.0f} MB/s {self.cpu_per_gib(heat, name):7.2f} s CPU/GiB"
            f" {self.peak_megabytes(heat, name):4.0f} MB peak"
            f" {self.server_ms_per_object(heat, name):8.3f} ms server/object"
        )


def percentile(values: list[float], share: float) -> float:
    """The value that so large a share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[max(round(share * len(ordered)) - 1, 0)]
