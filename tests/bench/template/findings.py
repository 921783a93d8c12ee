# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings of the policy scanner: our template beside the design it started from.

usage: python tests/bench/template/findings.py      (needs .venv-scan, made by `make scanner`)

Counts are checkov's own. Suppressions of ours stand in the template, each with its reason, and are printed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[3]
CHECKOV = CHECKOUT / ".venv-scan" / "bin" / "checkov"
TEMPLATES = {
    "ours": CHECKOUT / "files" / "cloudformation" / "gateway.yaml",
    "source design": Path(__file__).resolve().parent / "source_design.template",
}


def scan(template: Path) -> dict[str, Any]:
    """What checkov says of one template."""
    completed = subprocess.run(
        [CHECKOV, "--file", template, "--framework", "cloudformation", "--skip-download", "--output", "json"],
        capture_output=True,
        text=True,
        check=False,
    )
    # 1: something failed, which is what is counted here.
    if completed.returncode not in (0, 1):
        sys.exit(f"error: checkov ended with status {completed.returncode}: {completed.stderr[-2000:]}")
    report: dict[str, Any] = json.loads(completed.stdout)
    return report


def main() -> int:
    if not CHECKOV.exists():
        sys.exit(f"error: {CHECKOV} is not there; make environments makes it from tests/requirements/scan.in")
    reports = {}
    for name, template in TEMPLATES.items():
        started = time.monotonic()
        reports[name] = scan(template)
        reports[name]["seconds"] = time.monotonic() - started
    print(f"{'':<16}{'resources':>10}{'passed':>8}{'failed':>8}{'suppressed':>12}{'seconds':>9}")
    for name, report in reports.items():
        summary = report["summary"]
        print(
            f"{name:<16}{summary['resource_count']:>10}{summary['passed']:>8}{summary['failed']:>8}"
            f"{summary['skipped']:>12}{report['seconds']:>9.1f}"
        )
    for name, report in reports.items():
        failed = Counter((check["check_id"], check["check_name"]) for check in report["results"]["failed_checks"])
        print(f"\n{name}: {'nothing failed' if not failed else 'failed'}")
        for (identifier, what), count in sorted(failed.items()):
            print(f"  {count} x {identifier}  {what}")
        for check in report["results"]["skipped_checks"]:
            reason = check["check_result"]["suppress_comment"]
            print(f"  suppressed {check['check_id']} on {check['resource'].rpartition('.')[2]}: {reason}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
