# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate fails when anything fails, and when a check that should count tests counts none."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

GATE = Path(__file__).resolve().parents[2] / "dev" / "gate.py"


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    specification = importlib.util.spec_from_file_location("gate", GATE)
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    monkeypatch.setitem(sys.modules, "gate", module)
    specification.loader.exec_module(module)
    monkeypatch.setattr(module, "LOGS", tmp_path)
    monkeypatch.setattr(module, "CHECKOUT", tmp_path)
    monkeypatch.setattr(sys, "argv", ["gate.py"])
    return module


def with_checks(gate: ModuleType, monkeypatch: pytest.MonkeyPatch, *checks: tuple[str, bool]) -> None:
    made = [
        gate.Check(f"c{number}", "lint", ("sh", "-c", script), counted)
        for number, (script, counted) in enumerate(checks)
    ]
    monkeypatch.setattr(gate, "checks", lambda: made)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("12 passed in 0.3s", (12, 0, 0)),
        ("1 failed, 3 passed, 2 skipped in 9s", (3, 1, 2)),
        ("2 passed, 1 error in 1s", (2, 1, 0)),
        ("24 passed, 0 failed", (24, 0, 0)),
        ("no tests ran in 0.01s", (0, 0, 0)),
    ],
)
def test_counts_are_read_from_the_runner_s_last_line(
    gate: ModuleType, line: str, expected: tuple[int, int, int]
) -> None:
    assert gate.counts(f"noise 7 passes\n{line}\n") == expected


def test_all_well(gate: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with_checks(gate, monkeypatch, ("exit 0", False), ("echo 5 passed in 1s", True))

    assert gate.main() == 0
    assert capsys.readouterr().out.splitlines()[-1] == "6 passed, 0 failed"


def test_one_failure_fails_the_gate_and_is_shown(
    gate: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with_checks(gate, monkeypatch, ("echo the reason; exit 3", False), ("echo 5 passed in 1s", True))

    assert gate.main() == 1
    output = capsys.readouterr().out
    assert "the reason" in output
    assert output.splitlines()[-1] == "5 passed, 1 failed"


def test_a_runner_that_ran_nothing_fails_the_gate(
    gate: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with_checks(gate, monkeypatch, ("echo no tests ran in 0.01s; exit 0", True))

    assert gate.main() == 1
    assert "counted no test" in capsys.readouterr().out


def test_an_unknown_group_is_refused(gate: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    with_checks(gate, monkeypatch, ("exit 0", False))
    monkeypatch.setattr(sys, "argv", ["gate.py", "lintt"])

    with pytest.raises(SystemExit) as refused:
        gate.main()

    assert refused.value.code == 2
