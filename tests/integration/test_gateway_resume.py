# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plug is pulled on role gateway again and again, at each place where it has just changed something: every next run
takes up what is there, and the last one ends as if nothing had happened. The stack is then torn down the same way, with
10,000 versions in its bucket."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import pytest

if TYPE_CHECKING:
    from integration.conftest import Lab

CHECKOUT = Path(__file__).resolve().parents[2]
STACK = "orders"
PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.include_role:
        name: mft.aws.gateway
        tasks_from: "{{ entry | default('main') }}"
"""
# The whole process group, as a machine that goes down: nothing runs any more, no `always`, no handler.
CALLBACK = """
import os, signal
from ansible.plugins.callback import CallbackBase

class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_NAME = "pull_the_plug"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_task_start(self, task, is_conditional):
        if task.get_name().endswith(os.environ["KILL_AT"]):
            os.killpg(os.getpgrp(), signal.SIGKILL)
"""
VERSIONS = 10_000
WRITTEN = 1_000


class Killed:
    """Runs of the role that are killed when a task begins."""

    def __init__(self, lab: Lab, directory: Path) -> None:
        (directory / "play.yml").write_text(PLAYBOOK)
        (directory / "callbacks").mkdir()
        (directory / "callbacks" / "pull_the_plug.py").write_text(CALLBACK)
        (directory / "tmp").mkdir()
        # Sources that nobody edits meanwhile: a run must not differ from the one before.
        shutil.copytree(CHECKOUT / "files", directory / "files", ignore=shutil.ignore_patterns("__pycache__", "wheels"))
        self._sources = {
            "__gateway_sources": str(directory / "files" / "replicator"),
            "__gateway_template": str(directory / "files" / "cloudformation" / "gateway.yaml"),
        }
        self._directory = directory
        self._env = lab.env | {
            "TMPDIR": str(directory / "tmp"),
            "ANSIBLE_HOME": str(directory / "home"),
            "ANSIBLE_CALLBACK_PLUGINS": str(directory / "callbacks"),
            "ANSIBLE_CALLBACKS_ENABLED": "pull_the_plug",
        }

    def run(self, at: str = "nowhere", **variables: Any) -> subprocess.CompletedProcess[str]:
        extra = {"gateway_stack_name": STACK} | self._sources | variables
        return subprocess.run(
            ["ansible-playbook", "play.yml", "-e", json.dumps(extra)],
            cwd=self._directory,
            env=self._env | {"KILL_AT": at},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,
        )

    def kill(self, at: str, **variables: Any) -> str:
        completed = self.run(at, **variables)
        assert completed.returncode == -signal.SIGKILL, f"{at}: {completed.stdout}{completed.stderr}"
        return completed.stdout

    def finish(self, **variables: Any) -> str:
        completed = self.run(**variables)
        assert completed.returncode == 0, completed.stdout + completed.stderr
        return completed.stdout


@pytest.fixture(scope="module")
def runs(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Killed:
    return Killed(lab, tmp_path_factory.mktemp("killed"))


def status(aws: Callable[[str], Any]) -> str:
    found = [s for s in aws("cloudformation").describe_stacks()["Stacks"] if s["StackName"] == STACK]
    return str(found[0]["StackStatus"]) if found else ""


def all_events(aws: Callable[[str], Any]) -> list[dict[str, Any]]:
    pages = aws("cloudformation").get_paginator("describe_stack_events").paginate(StackName=STACK)
    events: list[dict[str, Any]] = pages.build_full_result()["StackEvents"]
    return events


def test_a_creation_that_is_killed_at_every_step_is_finished(runs: Killed, aws: Callable[[str], Any]) -> None:
    runs.kill("Ask CloudFormation what would change")  # the bucket and the template are there
    assert status(aws) == ""
    runs.kill("Show what would change")  # and a change set, in a stack that is a place for it
    assert status(aws) == "REVIEW_IN_PROGRESS"
    runs.kill("Execute the change set that was shown")  # and the package
    assert status(aws) == "REVIEW_IN_PROGRESS"
    runs.kill("Follow what happens to the stack")  # CloudFormation is at work, or has been
    output = runs.kill("Protect the stack")
    assert status(aws) == "CREATE_COMPLETE"
    # It had either waited for the work or found it done; nothing was executed twice.
    assert "CREATE_COMPLETE" in output or f"Stack {STACK} is as it should be" in output

    output = runs.finish()
    assert f"Stack {STACK} is as it should be" in output
    [described] = aws("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    assert described["EnableTerminationProtection"] is True
    assert "StackPolicyBody" in aws("cloudformation").get_stack_policy(StackName=STACK)
    # A run that was killed before the first start leaves it to the next one.
    assert re.search(r"See that the replicator starts and reaches the share\] \*+\nok:", output)
    begun = [
        e for e in all_events(aws) if e["LogicalResourceId"] == STACK and e["ResourceStatus"] == "CREATE_IN_PROGRESS"
    ]
    assert len(begun) == 1


def test_what_a_killed_run_was_doing_is_waited_for(runs: Killed, aws: Callable[[str], Any]) -> None:
    runs.kill("Follow what happens to the stack", gateway_parameters={"DeliveryDelaySeconds": 3})
    output = runs.finish(gateway_parameters={"DeliveryDelaySeconds": 3})
    assert f"Stack {STACK} is as it should be" in output
    assert status(aws) == "UPDATE_COMPLETE"
    begun = [
        e for e in all_events(aws) if e["LogicalResourceId"] == STACK and e["ResourceStatus"] == "UPDATE_IN_PROGRESS"
    ]
    assert len(begun) == 1


def test_a_teardown_that_is_killed_deletes_ten_thousand_versions_in_the_end(
    runs: Killed, aws: Callable[[str], Any], lab: Lab
) -> None:
    facts = {
        output["OutputKey"]: output["OutputValue"]
        for output in aws("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]["Outputs"]
    }
    s3, bucket = aws("s3"), facts["BucketName"]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: s3.put_object(Bucket=bucket, Key=f"archive/{n}", Body=b"x"), range(WRITTEN)))
    # A delete marker is a version as well, and a request makes a thousand.
    for start in range(WRITTEN, VERSIONS, 1000):
        keys = [{"Key": f"archive/{number}"} for number in range(start, start + 1000)]
        s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
    s3.create_multipart_upload(Bucket=bucket, Key="archive/unfinished")
    user = {"ServerId": facts["ServerId"], "UserName": "acme", "Role": facts["UserRoleArn"]}
    aws("transfer").create_user(**user)

    everything = {
        "entry": "teardown",
        "gateway_teardown_confirm": STACK,
        "gateway_teardown_data": "delete",
        "gateway_teardown_artefacts": True,
    }
    runs.kill("Follow the deletion", **everything)
    # The stack is gone or going, and with it what knew the names; they are told by its last events.
    output = runs.kill("Delete the file system", **everything)
    assert (
        f"{bucket}: {WRITTEN} versions, {VERSIONS - WRITTEN} delete markers and 1 unfinished upload deleted" in output
    )
    assert status(aws) == ""
    output = runs.finish(**everything)
    assert f"There is no stack {STACK}." in output
    assert "key arn:" in output
    assert "(PendingDeletion)" in output

    assert not [b["Name"] for b in s3.list_buckets()["Buckets"] if b["Name"].startswith(f"{STACK}-")]
    assert facts["FileSystemId"] not in [f["FileSystemId"] for f in aws("efs").describe_file_systems()["FileSystems"]]
    assert facts["ServerId"] not in [s["ServerId"] for s in aws("transfer").list_servers()["Servers"]]
    assert not [g for g in aws("logs").describe_log_groups()["logGroups"] if f"/{STACK}-" in g["logGroupName"]]
