# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operator's side: the lab, an inventory as a customer would write it, and ``ansible-playbook`` run on it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from demo.timeline import DemoError

CHECKOUT = Path(__file__).resolve().parents[2]
LAB_PYTHON = CHECKOUT / ".venv-lab" / "bin" / "python"
ANSIBLE_PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")


@dataclass
class Lab:
    """The local AWS in one directory, started and stopped with ``python -m lab``."""

    directory: Path

    def command(self, *words: str, module: str = "lab") -> subprocess.CompletedProcess[str]:
        environment = dict(os.environ, MFT_LAB_DIR=str(self.directory), PYTHONPATH=str(CHECKOUT / "tests"))
        return subprocess.run(
            [str(LAB_PYTHON), "-m", module, *words],
            cwd=CHECKOUT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def up(self) -> None:
        completed = self.command("up")
        if completed.returncode != 0:
            raise DemoError(completed.stderr.strip().removeprefix("error: ") or completed.stdout.strip())

    def down(self) -> None:
        completed = self.command("down")
        if completed.returncode != 0:
            raise DemoError(completed.stderr.strip().removeprefix("error: ") or completed.stdout.strip())

    @property
    def facts(self) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads((self.directory / "lab.json").read_text())
        return loaded

    @property
    def environment(self) -> dict[str, str]:
        """What makes every AWS client talk to the lab and to nothing else."""
        facts = self.facts
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ANSIBLE_"))}
        return inherited | {
            "AWS_ENDPOINT_URL": facts["endpoint_url"],
            "AWS_REGION": facts["region"],
            "AWS_DEFAULT_REGION": facts["region"],
            "AWS_ACCESS_KEY_ID": facts["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": facts["secret_access_key"],
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def client(self, service: str) -> Any:
        facts = self.facts
        session = boto3.Session(
            aws_access_key_id=facts["access_key_id"],
            aws_secret_access_key=facts["secret_access_key"],
            region_name=facts["region"],
        )
        return session.client(  # type: ignore[call-overload]
            service, endpoint_url=facts["endpoint_url"], config=Config(s3={"addressing_style": "path"})
        )

    def sftp_address(self, server_id: str) -> tuple[str, int]:
        """Where the lab listens for this server (on AWS: port 22 of its private name)."""
        with urllib.request.urlopen(f"{self.facts['endpoint_url']}/_lab/sftp/{server_id}", timeout=10) as response:
            answer = json.load(response)
        return answer["host"], int(answer["port"])


@dataclass
class Site:
    """A customer's directory: inventory, variables, the log of every run."""

    directory: Path
    lab: Lab
    variables: dict[str, Any] = field(default_factory=dict)
    application_hosts: dict[str, dict[str, Any]] = field(default_factory=dict)

    def write_inventory(self) -> Path:
        inventory = {
            "all": {
                "hosts": {
                    "localhost": {
                        "ansible_connection": "local",
                        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
                    }
                },
                "vars": self.variables,
                "children": {"application_hosts": {"hosts": self.application_hosts}},
            }
        }
        path = self.directory / "inventory.json"
        path.write_text(json.dumps(inventory, indent=2))
        return path

    def play(self, playbook: str) -> str:
        """Run a playbook of the collection by its name; return its recap. Its whole output is kept in a log."""
        inventory = self.write_inventory()
        log = self.directory / f"{playbook.rpartition('.')[2]}.log"
        config = self.directory / "ansible.cfg"
        config.write_text("[defaults]\n")  # so that none of the user's own is read
        environment = self.lab.environment | {
            "ANSIBLE_CONFIG": str(config),
            "ANSIBLE_HOME": str(self.directory / "ansible"),
            "ANSIBLE_HOST_KEY_CHECKING": "false",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_RETRY_FILES_ENABLED": "false",
        }
        with log.open("a") as output:
            status = subprocess.run(
                [str(ANSIBLE_PLAYBOOK), "-i", str(inventory), playbook],
                cwd=self.directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            ).returncode
        text = log.read_text()
        if status != 0:
            tail = "\n".join(text.splitlines()[-40:])
            raise DemoError(f"ansible-playbook {playbook} ended with status {status}:\n{tail}")
        recap = text.rpartition("PLAY RECAP")[2]
        return "\n".join(re.sub(r"\s{2,}", "  ", line) for line in recap.splitlines()[1:] if line.strip())

    def outputs(self, stack: str) -> dict[str, str]:
        """The stack's outputs, as CloudFormation tells them."""
        described = self.lab.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}
