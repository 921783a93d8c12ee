# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One lab for the whole integration run, in a directory of its own.

``MFT_LAB_DIR`` set to the directory of a running lab makes the tests use that one and leave it running: handy while
writing a test (``make lab-up``; ``MFT_LAB_DIR=.lab .venv/bin/pytest tests/integration/test_….py``).
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from integration.support import Faults

CHECKOUT = Path(__file__).resolve().parents[2]
LAB_PYTHON = CHECKOUT / ".venv-lab" / "bin" / "python"


@dataclass(frozen=True)
class Lab:
    """A running local AWS; ``env`` is the environment in which every AWS client talks to it and to nothing else."""

    directory: Path
    endpoint_url: str
    region: str
    account_id: str
    efs_directory: Path
    env: dict[str, str]


def lab_command(directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run ``python -m lab`` for the lab in the given directory; fail the test with its output when it fails."""
    environment = dict(os.environ, MFT_LAB_DIR=str(directory), PYTHONPATH=str(CHECKOUT / "tests"))
    completed = subprocess.run(
        [str(LAB_PYTHON), "-m", "lab", *words],
        check=False,
        env=environment,
        capture_output=True,
        text=True,
        cwd=CHECKOUT,
    )
    assert completed.returncode == 0, f"lab {' '.join(words)}: {completed.stdout}{completed.stderr}"
    return completed


def connect(directory: Path) -> Lab:
    """The lab in a directory, as its lab.json describes it."""
    facts = json.loads((directory / "lab.json").read_text())
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ANSIBLE_"))}
    env = inherited | {
        "MFT_LAB_DIR": str(directory),
        "AWS_ENDPOINT_URL": facts["endpoint_url"],
        "AWS_REGION": facts["region"],
        "AWS_DEFAULT_REGION": facts["region"],
        "AWS_ACCESS_KEY_ID": facts["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": facts["secret_access_key"],
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "ANSIBLE_NOCOLOR": "1",
        "PATH": f"{CHECKOUT / '.venv' / 'bin'}:{os.environ['PATH']}",
    }
    return Lab(
        directory=directory,
        endpoint_url=facts["endpoint_url"],
        region=facts["region"],
        account_id=facts["account_id"],
        efs_directory=Path(facts["efs_directory"]),
        env=env,
    )


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A running lab."""
    given = os.environ.get("MFT_LAB_DIR")
    if given and (Path(given) / "lab.json").exists():
        yield connect(Path(given).resolve())
        return
    directory = tmp_path_factory.mktemp("lab") / "state"
    lab_command(directory, "up")
    try:
        yield connect(directory)
    finally:
        lab_command(directory, "down")


@pytest.fixture(scope="session")
def aws(lab: Lab) -> Callable[[str], Any]:
    """boto3 clients of the lab: ``aws("s3")``."""
    session = boto3.Session(
        aws_access_key_id=lab.env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=lab.env["AWS_SECRET_ACCESS_KEY"],
        region_name=lab.region,
    )
    config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
    clients: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in clients:
            clients[service] = session.client(service, endpoint_url=lab.endpoint_url, config=config)  # type: ignore[call-overload]
        return clients[service]

    return client


@pytest.fixture
def faults(lab: Lab) -> Iterator[Faults]:
    """The lab's fault rules; none before and after the test."""
    faults = Faults(lab)
    faults.clear()  # a run of the tests that was killed may have left some
    yield faults
    faults.clear()
