# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the checks behind ``make lint`` and ``make test``: each once, two at a time, with progress and a count.

usage: gate.py [--jobs N] [GROUP...]     (groups: lint sanity unit integration molecule; all when none is named)

Every check's output goes to ``build/checks/<check>.log``; what failed is printed whole. The exit status is non-zero
when anything failed, when a check counted no test at all, or when a group's name is unknown.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import wait
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
LOGS = CHECKOUT / "build" / "checks"
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Check:
    """One command. ``counted`` says that its output ends with a count of tests, which then must not be zero."""

    name: str
    group: str
    command: tuple[str, ...]
    counted: bool = False


@dataclass
class Outcome:
    check: Check
    status: int
    seconds: float
    passed: int
    failed: int
    skipped: int


# Integration tests of the template, of what deploys it and of what runs in it; apart, so that both lanes have some.
STACK_TESTS = tuple(
    f"tests/integration/test_{name}*.py" for name in ("gateway", "lab_cloudformation", "replicator", "template")
)


def molecule_scenarios() -> list[str]:
    return sorted(path.parent.name for path in CHECKOUT.glob("extensions/molecule/*/molecule.yml"))


def checks() -> list[Check]:
    """Every check, the longest first, so that two lanes end at about the same time."""
    return [
        Check(
            "integration-modules",
            "integration",
            (
                "pytest",
                "-q",
                "--durations=10",
                *(f"--ignore-glob={files}" for files in STACK_TESTS),
                "tests/integration",
            ),
            counted=True,
        ),
        Check("integration-stack", "integration", ("pytest", "-q", "--durations=10", *STACK_TESTS), counted=True),
        *(
            Check(f"molecule-{name}", "molecule", ("molecule", "test", "--scenario-name", name))
            for name in molecule_scenarios()
        ),
        Check("sanity", "sanity", ("python", "tests/dev/sanity.py"), counted=True),
        Check("unit", "unit", ("pytest", "-q", "-n", "2", "tests/unit"), counted=True),
        Check("ansible-lint", "lint", ("ansible-lint", "--offline", "--profile", "production", "--strict")),
        Check("mypy", "lint", ("sh", "tests/dev/mypy.sh")),
        Check("cfn-lint", "lint", ("cfn-lint", "--non-zero-exit-code", "informational", "files/cloudformation/*.yaml")),
        Check(
            "checkov",
            "lint",
            (
                "./.venv-scan/bin/checkov",
                *("--framework", "cloudformation", "--skip-download", "--compact", "--quiet"),
                *("--file", "files/cloudformation/gateway.yaml"),
            ),
        ),
        Check("ruff", "lint", ("ruff", "check", ".")),
        Check("ruff-format", "lint", ("ruff", "format", "--check", ".")),
        Check("yamllint", "lint", ("yamllint", "--strict", ".")),
        Check("antsibull-docs", "lint", ("sh", "tests/dev/docs.sh", "lint")),
        Check("generated-docs", "lint", ("sh", "tests/dev/docs.sh", "check")),
        Check("antsibull-changelog", "lint", ("antsibull-changelog", "lint")),
    ]


def counts(output: str) -> tuple[int, int, int]:
    """What the last counting line of a test runner says: passed, failed (with errors), skipped."""
    for line in reversed(output.splitlines()):
        found = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|errors?|skipped)\b", line)}
        if found:
            failed = found.get("failed", 0) + found.get("error", 0) + found.get("errors", 0)
            return found.get("passed", 0), failed, found.get("skipped", 0)
    return 0, 0, 0


class Terminal:
    """One line when a check starts and one when it ends; every 30 s a sign of life from those still running."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0
        self.running: dict[str, tuple[float, Path]] = {}
        self.lock = threading.Lock()

    def say(self, text: str) -> None:
        print(text, flush=True)

    def started(self, check: Check, log: Path) -> None:
        with self.lock:
            self.running[check.name] = (time.monotonic(), log)
            self.say(f"         {check.name} …")

    def ended(self, outcome: Outcome) -> None:
        with self.lock:
            self.done += 1
            del self.running[outcome.check.name]
            verdict = "ok  " if outcome.status == 0 else "FAIL"
            tests = f"  {outcome.passed} passed" if outcome.check.counted else ""
            tests += f", {outcome.failed} failed" if outcome.check.counted and outcome.failed else ""
            tests += f", {outcome.skipped} skipped" if outcome.skipped else ""
            self.say(f"[{self.done:2}/{self.total}]  {verdict} {outcome.check.name}  {outcome.seconds:.1f} s{tests}")

    def sign_of_life(self) -> None:
        with self.lock:
            for name, (since, log) in self.running.items():
                lines = log.read_text(errors="replace").split("\n")[-12:] if log.exists() else []
                last = next((line.strip() for line in reversed(lines) if line.strip()), "")
                self.say(f"         {name}: {time.monotonic() - since:.0f} s … {last[-110:]}")


def run(check: Check, terminal: Terminal) -> Outcome:
    log = LOGS / f"{check.name}.log"
    terminal.started(check, log)
    environment = dict(os.environ, PATH=f"{BIN}:{os.environ['PATH']}")
    environment |= {"PYTHONUNBUFFERED": "1", "ANSIBLE_NOCOLOR": "1", "NO_COLOR": "1", "LC_ALL": "C.UTF-8"}
    command = [word for part in check.command for word in expand(part)]
    started = time.monotonic()
    with log.open("wb") as output:
        status = subprocess.run(
            command,
            check=False,
            cwd=CHECKOUT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        ).returncode
    seconds = time.monotonic() - started
    passed, failed, skipped = counts(log.read_text(errors="replace")) if check.counted else (0, 0, 0)
    if check.counted and status == 0 and passed == 0:
        status = 1
        with log.open("a") as output_text:
            output_text.write(f"error: {check.name} ended well but counted no test.\n")
    if not check.counted:
        passed, failed = int(status == 0), int(status != 0)
    elif status != 0 and failed == 0:
        failed = 1
    outcome = Outcome(check, status, seconds, passed, failed, skipped)
    terminal.ended(outcome)
    return outcome


def expand(word: str) -> list[str]:
    """A word of a command line, its wildcard (if any) replaced by the files that match."""
    if "*" not in word:
        return [word]
    return sorted(str(path.relative_to(CHECKOUT)) for path in CHECKOUT.glob(word)) or [word]


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the project's checks.")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="checks at a time (default 2)")
    parser.add_argument("groups", nargs="*", help="lint, sanity, unit, integration, molecule")
    arguments = parser.parse_args()
    known = {check.group for check in checks()} | {"molecule"}
    unknown = sorted(set(arguments.groups) - known)
    if unknown:
        parser.error(f"no group {', '.join(unknown)}; the groups are {', '.join(sorted(known))}")
    selected = [check for check in checks() if not arguments.groups or check.group in arguments.groups]
    LOGS.mkdir(parents=True, exist_ok=True)
    terminal = Terminal(len(selected))
    started = time.monotonic()
    with ThreadPoolExecutor(arguments.jobs) as pool:
        futures = [pool.submit(run, check, terminal) for check in selected]
        pending = set(futures)
        while pending:
            pending = wait(pending, timeout=30).not_done
            if pending:
                terminal.sign_of_life()
        outcomes = [future.result() for future in futures]
    for outcome in outcomes:
        if outcome.status != 0:
            log = LOGS / f"{outcome.check.name}.log"
            print(f"\n===== {outcome.check.name} (exit {outcome.status}; {log.relative_to(CHECKOUT)})")
            print("\n".join(log.read_text(errors="replace").splitlines()[-200:]))
    skipped = sum(outcome.skipped for outcome in outcomes)
    print(f"\nAll checks took {time.monotonic() - started:.0f} s.")
    print(
        f"{sum(outcome.passed for outcome in outcomes)} passed, {sum(outcome.failed for outcome in outcomes)} failed"
        + (f", {skipped} skipped" if skipped else "")
    )
    return int(any(outcome.status != 0 for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
