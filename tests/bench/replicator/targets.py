# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: RUF001 (the page multiplies)
"""What the replicator is held to, and where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bench.replicator.medians import Runs

_PEAK_MB = 64.0
_MS_PER_OBJECT = 1.0
_IMPORT_SECONDS = 0.15
_TIMES_THE_SOURCE = 20.0
# The peak memory of 8 GiB may differ by this share from that of 1 GiB and still be the same.
_SAME = 0.05

_START = (
    "the whole command's time counts, and a Python process with our function's modules takes some tenths of a second "
    "to start where s5cmd takes a hundredth; a Lambda function starts once and serves many batches"
)
_FSYNC = (
    "each file and its directory are flushed to the disk before the message is done, which s5cmd leaves to the kernel; "
    "the table in memory shows the same work without the disk"
)
_BUSY = (
    "ours keeps to one processor (512 MB: Lambda gives the time of less than one), s5cmd runs on both; see CPU s/GiB"
)
_RECORDS = (
    "OpenSSL, as Python's ssl module uses it, reads each record of 16 KiB by two calls and gives it back by itself; "
    "Go reads more at a time"
)
_COMPILED = (
    "about half of it is compiling our own modules, which a Lambda package without .pyc files does at each cold start; "
    "the table of modules below shows the rest"
)


@dataclass(frozen=True)
class Target:
    """One figure against what is wanted of it."""

    text: str
    wanted: str
    measured: str
    met: bool
    by: str
    why: str


def _at_least(text: str, wanted: float, measured: float, unit: str, why: str) -> Target:
    by = f"by {(1 - measured / wanted) * 100:.0f} %"
    return Target(text, f"≥ {wanted:,.0f} {unit}", f"{measured:,.0f} {unit}", measured >= wanted, by, why)


def _at_most(text: str, wanted: float, measured: float, unit: str, why: str, *, digits: int = 2) -> Target:
    by = f"by {(measured / wanted - 1) * 100:.0f} %"
    shown = f"≤ {wanted:,.{digits}f} {unit}", f"{measured:,.{digits}f} {unit}"
    return Target(text, *shown, measured <= wanted, by, why)


def judged(runs: Runs, import_seconds: float) -> Iterator[Target]:
    """Each target of ours; "s5cmd's" are those of the same run."""
    for heat, where in (("small", "in memory"), ("small-tls", "over TLS"), ("small-disk", "on disk")):
        peer = runs.objects_per_second(heat, "s5cmd")
        rate = runs.objects_per_second(heat, "ours-1000")
        yield _at_least(f"10,000 × 4 KiB {where}: s5cmd's objects/s", peer, rate, "objects/s", _BUSY)
        peer = runs.cpu_ms_per_object(heat, "s5cmd")
        cost = runs.cpu_ms_per_object(heat, "ours-1000")
        why = _FSYNC if heat == "small-disk" else _START
        yield _at_most(f"10,000 × 4 KiB {where}: s5cmd's CPU an object", peer, cost, "ms", why, digits=3)
    source = runs.objects_per_second("small", "source") * _TIMES_THE_SOURCE
    rate = runs.objects_per_second("small", "ours-1000")
    why = "see the figures of both in the table below"
    yield _at_least("10,000 × 4 KiB: 20 × the source design's objects/s", source, rate, "objects/s", why)
    heats = ("medium", "1,000 × 1 MiB in memory", _BUSY), ("large", "4 × 1 GiB in memory", _BUSY)
    others = ("large-tls", "4 × 1 GiB over TLS", _RECORDS), ("large-disk", "4 × 1 GiB on disk", _FSYNC)
    for heat, title, why in (*heats, *others):
        peer = runs.megabytes_per_second(heat, "s5cmd")
        rate = runs.megabytes_per_second(heat, "ours-1000")
        yield _at_least(f"{title}: s5cmd's MB/s", peer, rate, "MB/s", why)
    pairs = [(heat, name) for heat, name in runs.pairs() if name.startswith("ours")]
    peak, heat = max((runs.peak_megabytes(heat, name), heat) for heat, name in pairs)
    why = f"the largest is in the runs {heat!r}"
    yield _at_most("peak memory, the largest of all runs", _PEAK_MB, peak, "MB", why, digits=0)
    one, eight = (runs.peak_megabytes(name, "ours-10") for name in ("memory-1", "memory-8"))
    yield _at_most("peak memory of 8 GiB: that of 1 GiB", one * (1 + _SAME), eight, "MB", "see below", digits=1)
    far = 1000 / runs.objects_per_second("latency", "ours")
    why = "the table of phases below shows where the time goes"
    yield _at_most("with the services' latencies, 64 at a time: time an object", _MS_PER_OBJECT, far, "ms", why)
    text = "import of the function"
    yield _at_most(text, _IMPORT_SECONDS * 1000, import_seconds * 1000, "ms", _COMPILED, digits=0)
