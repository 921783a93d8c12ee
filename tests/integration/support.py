# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running modules and playbooks against the lab, and making the lab's Transfer service fail."""

from __future__ import annotations

import atexit
import json
import subprocess
import tempfile
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    from integration.conftest import Lab

CHECKOUT = Path(__file__).resolve().parents[2]
PYTHON = CHECKOUT / ".venv" / "bin" / "python"

# A process that has everything imported and forks for each module run: a run is a process of its own, as Ansible's are,
# without the seconds that starting Ansible, Python and boto3 takes each time.
_FORK_MODULES = """
import importlib, json, os, sys, traceback
from ansible.module_utils.testing import patch_module_args
import boto3
from ansible_collections.amazon.aws.plugins.module_utils import modules
for line in sys.stdin:
    name, arguments, output = json.loads(line)
    module = importlib.import_module(f"ansible_collections.mft.aws.plugins.modules.{name}")
    child = os.fork()
    if child == 0:
        with open(output, "w") as file:
            os.dup2(file.fileno(), 1)
        try:
            with patch_module_args(arguments):
                module.main()
        except SystemExit:
            sys.stdout.flush()
        except BaseException:
            traceback.print_exc()
        os._exit(0)
    os.waitpid(child, 0)
    print("done", flush=True)
"""
_runners: dict[str, subprocess.Popen[str]] = {}


def _runner(lab: Lab) -> subprocess.Popen[str]:
    if lab.endpoint_url not in _runners:
        runner = subprocess.Popen(
            [PYTHON, "-c", _FORK_MODULES], env=lab.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        _runners[lab.endpoint_url] = runner
        atexit.register(runner.communicate)  # closes its input, upon which it ends
    return _runners[lab.endpoint_url]


def run_module(lab: Lab, name: str, *, check: bool = False, **arguments: Any) -> dict[str, Any]:
    """A module's result; it has ``failed`` when the module did."""
    arguments |= {"_ansible_check_mode": check, "_ansible_diff": True, "_ansible_module_name": f"mft.aws.{name}"}
    runner = _runner(lab)
    with tempfile.NamedTemporaryFile() as output:
        print(json.dumps([name, arguments, output.name]), file=runner.stdin, flush=True)
        assert runner.stdout is not None
        assert runner.stdout.readline() == "done\n", "the module runner has died"
        text = Path(output.name).read_text()
    assert text, "the module said nothing; see stderr"
    result: dict[str, Any] = json.loads(text.splitlines()[-1])
    return result


def run_playbook(
    lab: Lab, directory: Path, tasks: list[dict[str, Any]], *options: str, **variables: Any
) -> dict[str, Any]:
    """Tasks on localhost, by ansible-playbook: {"rc", "stdout", "tasks": [{"name", **result}]}."""
    playbook = directory / "playbook.yml"
    play = {
        "name": "Test",
        "hosts": "localhost",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}", **variables},
        "tasks": tasks,
    }
    playbook.write_text(json.dumps([play]))
    completed = subprocess.run(
        [CHECKOUT / ".venv" / "bin" / "ansible-playbook", playbook, *options],
        env=lab.env | {"ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"},
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.stdout.startswith("{"), completed.stdout + completed.stderr
    report = json.loads(completed.stdout)
    results = [
        {"name": task["task"]["name"], **task["hosts"]["localhost"]}
        for play_report in report["plays"]
        for task in play_report["tasks"]
    ]
    return {"rc": completed.returncode, "stdout": completed.stdout + completed.stderr, "tasks": results}


def _admin(lab: Lab, method: str, path: str, body: Any = None) -> Any:
    request = urllib.request.Request(
        f"{lab.endpoint_url}/_lab/{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        text = response.read()
    return json.loads(text) if text else None


class Faults:
    """The lab's fault rules and call counts; cleared when the test is over."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def set(self, *rules: dict[str, Any]) -> None:
        _admin(self._lab, "PUT", "faults", list(rules))

    def clear(self) -> None:
        _admin(self._lab, "DELETE", "faults")

    def count_from_now(self) -> None:
        _admin(self._lab, "DELETE", "calls")

    def calls(self) -> dict[str, int]:
        counted: dict[str, int] = _admin(self._lab, "GET", "calls")
        return counted
