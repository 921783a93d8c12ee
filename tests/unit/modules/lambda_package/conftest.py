# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A directory of sources, and the module run on it as Ansible runs it: in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.mft.aws.plugins.modules import lambda_package

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """Sources as a checkout has them, with what must stay out."""
    directory = tmp_path / "replicator"
    (directory / "lib").mkdir(parents=True)
    (directory / "__init__.py").write_bytes(b"")
    (directory / "handler.py").write_bytes(b"def handle(event, context):\n    return None\n")
    (directory / "lib" / "paths.py").write_bytes("# acme, payments, été\n".encode())
    for left_out in ("__pycache__/handler.cpython-313.pyc", "tests/test_handler.py", "lib/old.pyc", ".git/config"):
        path = directory / left_out
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"must stay out")
    return directory


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run the module with these options; its answer, failed or not."""

    def call(*, check: bool = False, **options: Any) -> dict[str, Any]:
        arguments = {
            **options,
            "_ansible_check_mode": check,
            "_ansible_diff": True,
            "_ansible_remote_tmp": str(tmp_path / "ansible"),
        }
        completed = subprocess.run(
            [sys.executable, lambda_package.__file__],
            input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
            capture_output=True,
            text=True,
            check=False,
        )
        assert completed.stdout, completed.stderr
        answer: dict[str, Any] = json.loads(completed.stdout)
        return answer

    return call
