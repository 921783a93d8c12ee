# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: RUF001 (the page multiplies)
"""The page: tables made from the raw runs, and for each target whether it is met and, if not, by how much and why."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.replicator import targets
from bench.replicator.heats import S3_SECONDS
from bench.replicator.heats import SHARE_SECONDS
from bench.replicator.heats import WHOLE
from bench.replicator.heats import WORKERS
from bench.replicator.medians import Runs
from bench.replicator.medians import percentile

_TARGETS = """\
## Targets

Ours is judged by its batches of 1,000 (template parameter `BatchSize`, which needs `BatchWindowSeconds` of 1 or more).
The template's default is batches of 10, which wait for nobody and cost more a file: they stand in the tables.

"""

# What stands below this line was not made here and is kept.
_END = "<!-- end of what tests/bench/replicator makes -->"
_HEATS = {heat.name: heat for heat in WHOLE}

_INTRODUCTION = """\
# Benchmarks

How the replicator's function copies from a bucket to a directory, beside the tools that people use for it. Made by

```console
$ make benchmarks
```

which runs `tests/bench/replicator` and writes this page and the raw runs (`build/bench/replicator.json`).
"""

_CONDITIONS = """\
## What is compared

- All copy the same objects from the same S3 server in the same run, taking turns, each round in another order; figures
  are medians, ratios are of medians. After its first run (small files: after each) every byte a contestant wrote is
  compared.
- **Server and clients share the two processors.** Ours keeps itself to one of them, as it does in a Lambda function of
  up to 1,769 MB, which is given the time of one at most; nobody else is pinned. The server
  (`tests/bench/replicator/server.py`: epoll, sendfile, contents from memory) answers as S3 does, with versions and
  CRC64NVME, and takes 0.01 to 0.07 ms of a processor for an object. It counts for nobody. It speaks plain HTTP where
  the table does not say TLS.
- CPU is user + system time of the client with all its children (`wait4`), peak memory the largest resident set among
  them. Time is the whole command's, its start included.
- `/dev/shm` is a file system that costs next to nothing, so the tools themselves are compared. The tables that say
  *disk* are on ext4, whose journal costs all of them more than the copy, and where fsync means something. Neither is
  EFS: what its latency does is simulated below.
- **ours** is `replicator.handler.handle`, packed by `mft.aws.lambda_package`, unpacked and run as Lambda does: one
  process, `AWS_LAMBDA_FUNCTION_MEMORY_SIZE=512`, no `.pyc`, default concurrency of 16, batches of SQS messages that
  hold SNS envelopes that hold S3 notifications. Parsing them counts.

| | checks the content | fsync | grows where nobody looks | looks again after placing | told by |
|---|---|---|---|---|---|
| the source design's function | no | no | no: beside the file, under another name | no | an event each |
| boto3 `download_file` | no (CRC64NVME needs awscrt) | no | no: the same | no | a list |
| aws-cli | no (the same) | no | no: the same | no | listing |
| rclone | MD5 (not of multipart objects) | no | no: the same | no | listing |
| s5cmd | no | no | no: the same | no | listing |
| **ours** | CRC64NVME and length | file and directory | yes | yes | events |

s5cmd runs with its own defaults, rclone with `--transfers 16 --use-server-modtime` (else it sends a HEAD for each
object). The slowest copy only the first objects of a workload (column *objects*); their rates are of those.
"""

_FAR = f"""\
S3 answers after {S3_SECONDS * 1000:.0f} ms (the server waits, any number of answers at a time). For our function and
the source design's, each call that changes or looks up a name on the share, and each utime and fsync, takes
{SHARE_SECONDS * 1000:.0f} ms more (`clients/distance.py`). s5cmd and rclone cannot be slowed down so: their figures
are with S3's delay alone, so with less to do."""


def made(results: dict[str, Any], page: Path) -> str:
    """The whole page; what stood below its end stays."""
    kept = page.read_text(encoding="utf-8").partition(_END)[2] if page.exists() else "\n"
    runs = Runs(results["runs"])
    parts = [
        _INTRODUCTION,
        _surroundings(results),
        _targets(runs, results),
        _CONDITIONS,
        *(_copying(runs, name) for name in ("small", "medium", "large")),
        *(_copying(runs, name) for name in ("small-tls", "large-tls", "small-disk", "large-disk")),
        _memory(runs),
        _distance(runs),
        _cold(runs, results["imports"]),
        _growth(runs),
    ]
    return "\n".join(parts) + f"\n{_END}{kept}"


def _surroundings(results: dict[str, Any]) -> str:
    machine, versions = results["machine"], results["versions"]
    when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(results["began"]))
    others = ", ".join(f"{name} {version}" for name, version in versions.items())
    return (
        f"Last run: {when}, {results['took'] / 60:.0f} minutes, on {machine['cpus']} × {machine['cpu']},"
        f" {machine['memory_gib']} GiB, Linux {machine['kernel']}, Python {machine['python']}; {others}."
        f" Load when it began: {machine['load']:.1f}.\n"
    )


def _targets(runs: Runs, results: dict[str, Any]) -> str:
    rows = []
    missed = []
    for target in targets.judged(runs, results["imports"]["median"]):
        rows.append((target.text, target.wanted, target.measured, "met" if target.met else f"**missed** {target.by}"))
        if not target.met:
            missed.append(f"- **{target.text}**: {target.why}")
    note = "Why those that are missed are missed:\n\n" + "\n".join(missed) + "\n" if missed else ""
    return _TARGETS + _table(("", "wanted", "measured", ""), rows) + ("\n" + note if note else "")


def _copying(runs: Runs, name: str) -> str:
    """One heat's contestants; megabytes where files are large, objects where they are small."""
    heat = _HEATS[name]
    in_bytes = name.split("-", maxsplit=1)[0] != "small"
    head = (
        "way",
        "objects",
        "MB/s" if in_bytes else "objects/s",
        "÷ s5cmd's",
        "CPU s/GiB" if in_bytes else "CPU ms/object",
        "÷ s5cmd's",
        "peak MB",
    )
    rows = []
    for racer, contestant in heat.contestants.items():
        rate = runs.megabytes_per_second(name, racer) if in_bytes else runs.objects_per_second(name, racer)
        cost = runs.cpu_per_gib(name, racer) if in_bytes else runs.cpu_ms_per_object(name, racer)
        peer_rate = runs.megabytes_per_second(name, "s5cmd") if in_bytes else runs.objects_per_second(name, "s5cmd")
        peer_cost = runs.cpu_per_gib(name, "s5cmd") if in_bytes else runs.cpu_ms_per_object(name, "s5cmd")
        rows.append(
            (
                contestant.title,
                f"{runs.objects(name, racer):,}",
                f"{rate:,.0f}",
                f"{rate / peer_rate:.2f}",
                f"{cost:.2f}" if in_bytes else f"{cost:.3f}",
                f"{cost / peer_cost:.2f}",
                f"{runs.peak_megabytes(name, racer):.0f}",
            )
        )
    titles = {"small": "10,000 × 4 KiB in nested directories", "medium": "1,000 × 1 MiB", "large": "4 × 1 GiB"}
    where = "on disk (ext4)" if heat.on_disk else "in memory, over TLS" if heat.secure else "in memory"
    title = f"## {titles[name.split('-', maxsplit=1)[0]]}, {where}\n\nRounds: {runs.rounds(name)}.\n\n"
    return title + _table(head, rows)


def _memory(runs: Runs) -> str:
    rows = [
        (size, f"{runs.peak_megabytes(name, 'ours-10'):.0f}", f"{runs.megabytes_per_second(name, 'ours-10'):,.0f}")
        for name, size in (("memory-1", "1 GiB"), ("memory-8", "8 GiB"))
    ]
    return "## Memory by size\n\nOne object, once, on disk.\n\n" + _table(("object", "peak MB", "MB/s"), rows)


def _distance(runs: Runs) -> str:
    heat = _HEATS["latency"]
    rows = [
        (
            contestant.title,
            f"{runs.objects('latency', racer):,}",
            f"{1000 / runs.objects_per_second('latency', racer):.2f}",
            f"{runs.objects_per_second('latency', racer):,.0f}",
            f"{runs.cpu_ms_per_object('latency', racer):.3f}",
        )
        for racer, contestant in heat.contestants.items()
    ]
    one, phases = runs.phases(), []
    for title, names in (("event to rename", ("read", "copy", "place")), ("event to answer", ("total",))):
        seconds = [sum(piece.get(name, 0.0) for name in names) * 1000 for piece in one]
        phases.append((title, *(f"{percentile(seconds, share):.0f}" for share in (0.5, 0.9, 1.0))))
    table = _table(("way", "objects", "ms/object", "objects/s", "CPU ms/object"), rows)
    return (
        f"## With the services' latencies\n\n{_FAR}\n\n10,000 × 4 KiB, 64 at a time, rounds: {runs.rounds('latency')}."
        f"\n\n{table}\nOne event at a time, the process warm:\n\n{_table(('ms', 'median', '90 %', 'worst'), phases)}"
    )


def _cold(runs: Runs, imports: dict[str, Any]) -> str:
    heat = _HEATS["cold"]
    rows = [
        (contestant.title, f"{runs.placed_after(racer) * 1000:.0f}", f"{runs.cpu_ms_per_object('cold', racer):.0f}")
        for racer, contestant in heat.contestants.items()
    ]
    modules = [
        (f"`{entry['module']}`", f"{entry['own_ms']:.1f}", f"{entry['with_imports_ms']:.1f}")
        for entry in imports["top"]
    ]
    return (
        "## Cold start\n\nFrom the start of the process to the first file in its place; rounds:"
        f" {runs.rounds('cold')}.\n\n"
        f"{_table(('way', 'ms', 'CPU ms'), rows)}\n"
        f"`import replicator.handler` takes {imports['median'] * 1000:.0f} ms (median of {len(imports['seconds'])}"
        f" fresh interpreters that find no `.pyc` of ours), {imports['modules']} modules. The costliest, as"
        f" `-X importtime` has them (which itself slows them down):\n\n"
        f"{_table(('module', 'itself, ms', 'with what it imports, ms'), modules)}"
    )


def _growth(runs: Runs) -> str:
    rows = []
    for workers in WORKERS:
        near, far = (runs.objects_per_second(name, f"ours-{workers}") for name in ("workers-near", "workers-far"))
        rows.append((str(workers), f"{near:,.0f}", f"{far:,.0f}"))
    keys = []
    for count in (1_000, 10_000, 100_000):
        name = f"keys-{count}"
        ours, peer = runs.objects_per_second(name, "ours-1000"), runs.objects_per_second(name, "s5cmd")
        keys.append((f"{count:,}", f"{ours:,.0f}", f"{peer:,.0f}", str(runs.rounds(name))))
    return (
        f"## Growth\n\nOurs by workers (`MFT_CONCURRENCY`), 4 KiB objects, rounds: {runs.rounds('workers-near')};"
        " Python's threads share one processor, so workers pay as far as they wait.\n\n"
        f"{_table(('workers', 'no delay, objects/s', f'S3 after {S3_SECONDS * 1000:.0f} ms, objects/s'), rows)}\n"
        "By keys in one directory, 1 KiB each:\n\n"
        f"{_table(('keys', 'ours, objects/s', 's5cmd, objects/s', 'rounds'), keys)}"
    )


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    names = list(head)
    lines = [names, ["---", *["--:"] * (len(names) - 1)], *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
