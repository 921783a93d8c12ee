# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``kill -9`` at random instants of real processes, and the next delivery."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[4]
KILLS = int(os.environ.get("MFT_STORM_KILLS", "200"))
SEED = 20261124


@pytest.mark.parametrize("delete_mode", ["mirror", "trash"])
def test_killed_at_any_instant_it_leaves_whole_files_and_the_next_delivery_finishes(delete_mode: str) -> None:
    environment = os.environ | {"PYTHONPATH": f"{CHECKOUT / 'tests'}:{CHECKOUT / 'files'}"}
    # In memory where that can be had: flushing to a disk thousands of times would take most of the time.
    memory = Path("/dev/shm")  # noqa: S108
    with tempfile.TemporaryDirectory(prefix="kills-", dir=memory if memory.is_dir() else None) as share:
        arguments = [share, str(KILLS // 2), str(SEED), delete_mode]
        done = subprocess.run(
            [sys.executable, "-m", "unit.replicator.faults.killing", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, f"seed {SEED}: {done.stderr[-3000:]}"
    seen = json.loads(done.stdout.splitlines()[-1])
    print(seen)
    assert seen["killed"] == KILLS // 2
    assert seen["leftovers"], "no run was killed while it copied"
