# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The replicator against the tools people would use, on one S3 server, with the same data, taking turns.

    PYTHONPATH=tests .venv/bin/python -m bench.replicator          # everything, about 15 minutes
    PYTHONPATH=tests .venv/bin/python -m bench.replicator --quick  # seconds: does it all run? changes no page

Raw runs go to build/bench/replicator.json, and from there into docs/benchmarks.md. --only and --contestants choose
some heats and contestants, and then only print.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

from bench.replicator import page
from bench.replicator import surroundings
from bench.replicator.contestants import CHECKOUT
from bench.replicator.heats import QUICK
from bench.replicator.heats import WHOLE
from bench.replicator.heats import Heat
from bench.replicator.medians import Run
from bench.replicator.medians import Runs
from bench.replicator.track import BenchError
from bench.replicator.track import Track

RESULTS = CHECKOUT / "build" / "bench"
PAGE = CHECKOUT / "docs" / "benchmarks.md"
_IN_MEMORY = Path("/dev/shm")  # noqa: S108 (a file system that costs the tools as little as can be)


def race(track: Track, heat: Heat) -> list[Run]:
    """All rounds of one heat."""
    runs = []
    names = list(heat.contestants)
    with track.serve(heat.workload, heat.latency, secure=heat.secure) as served:
        for number in range(heat.rounds):
            turn = number % len(names)
            for name in names[turn:] + names[:turn]:
                runs.append(track.run(served, heat, name, number))
                print(Runs(runs[-1:]).line(heat.name, name), flush=True)
    return runs


def chosen(options: argparse.Namespace) -> list[Heat]:
    heats = QUICK if options.quick else WHOLE
    if options.only:
        heats = [heat for heat in heats if heat.name in options.only.split(",")]
    if options.contestants:
        names = options.contestants.split(",")
        heats = [
            replace(heat, contestants={name: racer for name, racer in heat.contestants.items() if name in names})
            for heat in heats
        ]
    return [replace(heat, rounds=options.rounds or heat.rounds) for heat in heats if heat.contestants]


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the replicator against the tools people would use")
    parser.add_argument("--quick", action="store_true", help="small and once")
    parser.add_argument("--only", help="names of heats, with commas")
    parser.add_argument("--contestants", help="names of contestants, with commas")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--code", help="the function's PYTHONPATH instead of its built package")
    parser.add_argument("--page", type=Path, metavar="JSON", help="only make the page again, from that run")
    options = parser.parse_args()
    if options.page:
        PAGE.write_text(page.made(json.loads(options.page.read_text(encoding="utf-8")), PAGE), encoding="utf-8")
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that what lies in memory is removed
    began = time.time()
    own = RESULTS / f"run-{os.getpid()}"
    own.mkdir(parents=True)
    package = options.code or str(surroundings.unpack_function(own))
    tracks = {
        False: Track(_IN_MEMORY / f"mft-bench-{os.getpid()}", package),
        True: Track(own, package),
    }
    results = {"began": began, "machine": surroundings.machine(), "versions": surroundings.versions()}
    try:
        runs = [run for heat in chosen(options) for run in race(tracks[heat.on_disk], heat)]
        results |= {"runs": runs, "imports": surroundings.imports(Path(package))}
    except BenchError as error:
        sys.exit(str(error))
    finally:
        for track in tracks.values():
            track.clear()
    print("\nmedians")
    for heat_name, name in Runs(runs).pairs():
        print(Runs(runs).line(heat_name, name))
    if options.quick or options.only or options.contestants or options.code:
        return
    results["took"] = took = time.time() - began
    (RESULTS / "replicator.json").write_text(json.dumps(results, indent=1), encoding="utf-8")
    PAGE.write_text(page.made(results, PAGE), encoding="utf-8")
    print(f"\n{PAGE} is made from {RESULTS / 'replicator.json'}; this took {took / 60:.1f} minutes")


if __name__ == "__main__":
    main()
