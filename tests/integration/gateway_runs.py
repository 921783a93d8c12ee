# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of role gateway by ansible-playbook, and what stands in the account before and after them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    from integration.conftest import Lab

CHECKOUT = Path(__file__).resolve().parents[2]
TEMPLATE = CHECKOUT / "files/cloudformation/gateway.yaml"
PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.include_role:
        name: mft.aws.gateway
        tasks_from: "{{ item }}"
      loop: "{{ entries | default(['main']) }}"
    - ansible.builtin.copy:
        content: "{{ gateway_outputs | default({}) | to_json }}"
        dest: "{{ outputs_file }}"
        mode: "0600"
      when: outputs_file is defined
      check_mode: false
      changed_when: false
"""


class Run:
    """One ansible-playbook run: its output, and what its recap counted."""

    def __init__(self, completed: subprocess.CompletedProcess[str]) -> None:
        self.output = completed.stdout + completed.stderr
        counted = re.search(r"localhost +: ok=\d+ +changed=(\d+) +unreachable=0 +failed=(\d+)", self.output)
        assert counted, self.output
        self.changed, self.failed = int(counted[1]), int(counted[2])
        self.status = completed.returncode

    @property
    def message(self) -> str:
        """What the task that failed says."""
        found = re.search(r"^fatal: .*?FAILED! => (\{.*)$", self.output, re.M)
        assert found, self.output
        message: str = json.loads(found[1])["msg"]
        return message

    def succeeded(self) -> Run:
        assert self.status == 0, self.output
        return self


class Play:
    """Runs the role with variables of its own and those that it is called with."""

    def __init__(self, lab: Lab, directory: Path, **variables: Any) -> None:
        (directory / "tmp").mkdir()
        # Sources that nobody edits meanwhile: a run must not differ from the one before.
        sources = directory / "replicator"
        shutil.copytree(CHECKOUT / "files/replicator", sources, ignore=shutil.ignore_patterns("__pycache__"))
        self._variables = {"__gateway_sources": str(sources)} | variables
        self.directory = directory
        self._env = lab.env | {"TMPDIR": str(directory / "tmp"), "ANSIBLE_HOME": str(directory / "home")}

    def __call__(self, *words: str, playbook: str = PLAYBOOK, **variables: Any) -> Run:
        (self.directory / "play.yml").write_text(playbook)
        completed = subprocess.run(
            ["ansible-playbook", "play.yml", "-e", json.dumps(self._variables | variables), *words],
            cwd=self.directory,
            env=self._env,
            capture_output=True,
            text=True,
            check=False,
        )
        left = [path.name for path in (self.directory / "tmp").iterdir() if path.name.startswith("mft-gateway-")]
        assert not left, f"the role left {left} in the temporary directory"
        return Run(completed)


def everything(aws: Callable[[str], Any]) -> dict[str, Any]:
    """What stands in the account: for comparing before and after."""
    stacks = aws("cloudformation").describe_stacks()["Stacks"]
    return {
        "stacks": {
            s["StackName"]: (s["StackStatus"], s.get("LastUpdatedTime"), str(s.get("Parameters"))) for s in stacks
        },
        "change sets": [
            c["ChangeSetName"]
            for s in stacks
            for c in aws("cloudformation").list_change_sets(StackName=s["StackName"])["Summaries"]
            if not c["ExecutionStatus"].startswith("EXECUTE_")  # those are history
        ],
        "objects": {
            b["Name"]: sorted(
                (v["Key"], v["VersionId"]) for v in aws("s3").list_object_versions(Bucket=b["Name"]).get("Versions", [])
            )
            for b in aws("s3").list_buckets()["Buckets"]
        },
        "functions": [f["FunctionName"] for f in aws("lambda").list_functions()["Functions"]],
        "log groups": [g["logGroupName"] for g in aws("logs").describe_log_groups()["logGroups"]],
        "servers": [s["ServerId"] for s in aws("transfer").list_servers()["Servers"]],
        "file systems": [f["FileSystemId"] for f in aws("efs").describe_file_systems()["FileSystems"]],
    }
