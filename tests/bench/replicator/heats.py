# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is measured: the heats of one whole run, each a workload, its contestants and how often they take turns."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field

from bench.replicator.catalog import GIB
from bench.replicator.catalog import KIB
from bench.replicator.catalog import MIB
from bench.replicator.catalog import Item
from bench.replicator.catalog import flat
from bench.replicator.catalog import large
from bench.replicator.catalog import nested
from bench.replicator.contestants import CONTESTANTS
from bench.replicator.contestants import Contestant
from bench.replicator.contestants import ours
from bench.replicator.contestants import rclone
from bench.replicator.contestants import s5cmd
from bench.replicator.contestants import source_design

# Assumed of the services (the share's only for our function and the source design's: others cannot be slowed down).
S3_SECONDS = 0.030
SHARE_SECONDS = 0.003
WORKERS = (1, 2, 4, 8, 16, 32, 64)


@dataclass(frozen=True)
class Heat:
    """Contestants that take turns, each round in another order, on one workload."""

    name: str
    workload: str
    contestants: dict[str, Contestant]
    rounds: int
    on_disk: bool = False
    secure: bool = False
    latency: float = 0.0
    # The slow ones copy only so many of the objects; their rates are of those.
    most: dict[str, int] = field(default_factory=dict)


def items_of(workload: str) -> list[Item]:
    """What a bucket holds, by the workload's name: shape, count and size in bytes."""
    shape, count, size = workload.split("-")
    return {"nested": nested, "flat": flat, "large": large}[shape](int(count), int(size))


SMALL = f"nested-10000-{4 * KIB}"
MEDIUM = f"nested-1000-{MIB}"
LARGE = f"large-4-{GIB}"


def _some(*names: str) -> dict[str, Contestant]:
    return {name: CONTESTANTS[name] for name in names}


def _workers(latency: float, count: int) -> list[Heat]:
    racers = {f"ours-{workers}": ours(1000, workers) for workers in WORKERS}
    most = {f"ours-{workers}": min(count, 50 * workers) for workers in WORKERS} if latency else {}
    return [
        Heat(
            "workers-far" if latency else "workers-near",
            f"nested-{count}-{4 * KIB}",
            racers,
            2,
            latency=latency,
            most=most,
        )
    ]


def _keys(count: int, rounds: int) -> Heat:
    return Heat(f"keys-{count}", f"flat-{count}-{KIB}", _some("s5cmd", "ours-1000"), rounds)


WHOLE = [
    Heat("small", SMALL, CONTESTANTS, 5, most={"source": 200, "boto3": 1000, "aws": 2000}),
    Heat("small-disk", SMALL, _some("rclone", "s5cmd", "ours-10", "ours-1000", "limit"), 5, on_disk=True),
    Heat("small-tls", SMALL, _some("rclone", "s5cmd", "ours-10", "ours-1000"), 3, secure=True),
    Heat("medium", MEDIUM, CONTESTANTS, 5, most={"source": 100}),
    Heat("large", LARGE, CONTESTANTS, 3, most={"source": 1}),
    Heat("large-disk", LARGE, _some("s5cmd", "ours-1000"), 3, on_disk=True),
    Heat("large-tls", LARGE, _some("rclone", "s5cmd", "ours-1000"), 3, secure=True),
    Heat("memory-1", f"large-1-{GIB}", _some("ours-10"), 1, on_disk=True),
    Heat("memory-8", f"large-1-{8 * GIB}", _some("ours-10"), 1, on_disk=True),
    Heat(
        "latency",
        SMALL,
        {
            "source": source_design(SHARE_SECONDS),
            "rclone": rclone(64),
            "s5cmd": s5cmd("--numworkers", "64"),
            "ours": ours(1000, 64, SHARE_SECONDS),
        },
        3,
        latency=S3_SECONDS,
        most={"source": 50},
    ),
    Heat("single", f"nested-100-{4 * KIB}", {"ours": ours(1, 16, SHARE_SECONDS)}, 1, latency=S3_SECONDS),
    Heat("cold", f"nested-1-{4 * KIB}", _some("source", "s5cmd", "ours-10"), 7),
    *_workers(0.0, 2000),
    *_workers(S3_SECONDS, 3200),
    _keys(1_000, 3),
    _keys(10_000, 3),
    _keys(100_000, 1),
]

# Shows in seconds that everything runs; its figures say nothing.
QUICK = [Heat("small", f"nested-200-{4 * KIB}", CONTESTANTS, 1, most={"source": 5, "boto3": 50})]
