# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules transfer_host_key and transfer_host_key_info on the lab, and on its SFTP endpoint what clients meet."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from integration.conftest import Lab
from integration.documented import assert_returned
from integration.documented import documentation
from integration.sftp_client import wait_for
from integration.support import CHECKOUT
from integration.support import Faults
from integration.support import _admin
from integration.support import run_module
from integration.support import run_playbook
from integration.transfer_host_key.support import ECDSA
from integration.transfer_host_key.support import ED25519
from integration.transfer_host_key.support import RSA
from integration.transfer_host_key.support import RSA_NEW
from integration.transfer_host_key.support import TAGS
from integration.transfer_host_key.support import HostKey
from integration.transfer_support import four_runs
from integration.transfer_support import warnings
from unit.module_utils.transfer import examples
from unit.module_utils.transfer.legacy_keys import LegacyKey
from unit.module_utils.transfer.legacy_keys import material

pytestmark = pytest.mark.usefixtures("faults")


@pytest.mark.parametrize("legacy", [ECDSA, ED25519, RSA_NEW], ids=lambda key: key.public.split()[0])
def test_a_key_comes_and_goes(host_key: HostKey, held: Callable[[], list[str]], legacy: LegacyKey) -> None:
    done = four_runs(host_key, host_key_body=legacy.text, description="sftp.acme.example until 2026", tags=TAGS)
    made = done["host_key"]
    assert (made["fingerprint"], made["type"]) == (legacy.fingerprint, legacy.public.split()[0])
    assert made["description"] == "sftp.acme.example until 2026"
    assert made["tags"] == TAGS
    assert made["host_key_id"].startswith("hostkey-")
    assert held() == [RSA.fingerprint, legacy.fingerprint]

    gone = four_runs(host_key, fingerprint=legacy.fingerprint, state="absent", force=True)
    assert gone["host_key"] == {}
    assert held() == [RSA.fingerprint]


def test_a_key_comes_from_a_file_in_whatever_form_it_has(host_key: HostKey, tmp_path: Path) -> None:
    file = tmp_path / "ssh_host_ecdsa_key"
    file.touch(mode=0o600)
    file.write_text(ECDSA.text)
    four_runs(host_key, host_key_path=str(file))
    subprocess.run(["ssh-keygen", "-q", "-p", "-N", "", "-m", "PEM", "-f", file], check=True)
    assert "EC PRIVATE KEY" in file.read_text()
    assert not host_key(host_key_path=str(file))["changed"]
    assert not host_key(host_key_body=ECDSA.text)["changed"]
    assert four_runs(host_key, host_key_path=str(file), state="absent", force=True)["operation"] == "deleted"


def test_a_check_changes_nothing(host_key: HostKey, held: Callable[[], list[str]]) -> None:
    host_key(check=True, host_key_body=ECDSA.text)
    assert held() == [RSA.fingerprint]
    host_key(host_key_body=ECDSA.text)
    host_key(check=True, host_key_body=ECDSA.text, state="absent", force=True)
    assert held() == [RSA.fingerprint, ECDSA.fingerprint]


def test_description_and_tags_change_without_the_body(host_key: HostKey, faults: Faults) -> None:
    made = host_key(host_key_body=ECDSA.text, tags=TAGS)["host_key"]
    by_id = {"host_key_id": made["host_key_id"]}
    assert four_runs(host_key, **by_id, description="in use until 2027")["host_key"]["tags"] == TAGS
    assert four_runs(host_key, **by_id, description="")["host_key"]["description"] == ""
    by_fingerprint = {"fingerprint": ECDSA.fingerprint + "="}
    merged = four_runs(host_key, **by_fingerprint, tags={"unit": "orders"}, purge_tags=False)["host_key"]
    assert merged["tags"] == {"origin": "sftp.acme.example", "unit": "orders"}
    assert four_runs(host_key, **by_fingerprint, tags={})["host_key"]["tags"] == {}
    faults.count_from_now()
    assert not host_key(host_key_body=ECDSA.text, description="", tags={})["changed"]
    assert faults.calls() == {"DescribeHostKey": 1, "ListHostKeys": 1}


def test_the_key_that_clients_meet_is_the_oldest_of_its_algorithm(
    lab: Lab, host_key: HostKey, info: Callable[[], dict[str, Any]], server: str
) -> None:
    def met() -> dict[str, str]:
        """The server's keys by algorithm, as OpenSSH's own client sees them."""
        port = wait_for("the SFTP endpoint", lambda: _port(lab, server))
        scanned = subprocess.run(
            ["ssh-keyscan", "-p", str(port), "127.0.0.1"], capture_output=True, text=True, check=True
        ).stdout
        shown = subprocess.run(
            ["ssh-keygen", "-l", "-f", "-"], input=scanned, capture_output=True, text=True, check=True
        )
        lines = [line.split() for line in shown.stdout.splitlines()]
        return {line[-1].strip("()").lower(): line[1] for line in lines}

    warned = four_runs_of_import(host_key, RSA_NEW)
    assert f"of the RSA keys the oldest is served, which is {RSA.fingerprint}" in warnings(warned)[0]
    assert not warned["host_key"]["served"]
    warned = four_runs_of_import(host_key, ED25519)
    assert "is the first ED25519 key of a server that had RSA" in warnings(warned)[0]
    assert warned["host_key"]["served"]
    expected = {"rsa": RSA.fingerprint, "ed25519": ED25519.fingerprint}
    assert info()["served_fingerprints"] == expected
    wait_for("serving both", lambda: met() == expected)

    refused = host_key(fingerprint=RSA.fingerprint, state="absent")
    assert refused["failed"]
    assert f"the RSA key that clients meet, and {RSA_NEW.fingerprint} would take its place" in refused["msg"]
    assert host_key(fingerprint=RSA.fingerprint, state="absent", force=True)["changed"]
    expected["rsa"] = RSA_NEW.fingerprint
    assert info()["served_fingerprints"] == expected
    wait_for("serving the new one", lambda: met() == expected)


def four_runs_of_import(host_key: HostKey, legacy: LegacyKey) -> dict[str, Any]:
    return four_runs(host_key, host_key_body=legacy.text)


def _port(lab: Lab, server: str) -> int | None:
    try:
        port: int = _admin(lab, "GET", f"sftp/{server}")["port"]
    except OSError:
        return None
    return port


def test_the_only_key_stays_even_by_force(host_key: HostKey, held: Callable[[], list[str]]) -> None:
    for check in (True, False):
        refused = host_key(check=check, fingerprint=RSA.fingerprint, state="absent", force=True)
        assert refused["failed"]
        assert "is the server's only one" in refused["msg"]
    assert held() == [RSA.fingerprint]


def test_an_unknown_key_is_not_made_up(host_key: HostKey) -> None:
    for check in (True, False):
        refused = host_key(check=check, host_key_id="hostkey-0123456789abcdef0", description="acme")
        assert "give host_key_body or host_key_path to import it" in refused["msg"]
        assert not host_key(check=check, host_key_id="hostkey-0123456789abcdef0", state="absent")["changed"]


def test_all_bad_input_is_reported_at_once_and_nothing_is_called(host_key: HostKey, faults: Faults) -> None:
    faults.count_from_now()
    result = host_key(host_key_body=RSA.public, description="für acme", tags={"aws:x": "1"})
    assert "3 problems found" in result["msg"]
    assert "host_key_body: this is a public key" in result["msg"]
    assert faults.calls() == {}


def test_one_way_to_name_a_key_is_demanded(host_key: HostKey) -> None:
    assert "one of the following is required" in host_key()["msg"]
    assert "mutually exclusive" in host_key(host_key_body=RSA.text, fingerprint=RSA.fingerprint)["msg"]


@pytest.mark.parametrize("state", ["present", "absent"])
def test_an_unknown_server_is_an_error(lab: Lab, state: str) -> None:
    for module, arguments in (
        ("transfer_host_key", {"host_key_body": RSA.text, "state": state}),
        ("transfer_host_key_info", {}),
    ):
        result = run_module(lab, module, server_id=examples.SERVER, **arguments)
        assert f"server {examples.SERVER} does not exist" in result["msg"]


def test_the_private_key_is_shown_nowhere(lab: Lab, server: str, faults: Faults, tmp_path: Path) -> None:
    """At the highest verbosity that prints arguments, whether it goes well, is refused here or by the service."""
    file = tmp_path / "ssh_host_ed25519_key"
    file.write_text(ED25519.text)
    arguments = [
        {"host_key_body": ECDSA.text},
        {"host_key_path": str(file)},
        {"host_key_body": ECDSA.text[:-100], "description": "damaged"},
        {"host_key_body": RSA_NEW.text, "description": "denied"},
    ]
    tasks = [
        {"name": str(number), "mft.aws.transfer_host_key": {"server_id": server, **given}, "ignore_errors": True}
        for number, given in enumerate(arguments)
    ]
    playbook = tmp_path / "playbook.yml"
    interpreter = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    playbook.write_text(
        json.dumps([{"hosts": "localhost", "gather_facts": False, "vars": interpreter, "tasks": tasks}])
    )
    faults.set({"operation": "ImportHostKey", "nth": 3, "kind": "access_denied"})
    run = subprocess.run(
        [CHECKOUT / ".venv" / "bin" / "ansible-playbook", "-vvv", "--diff", playbook],
        env=lab.env,
        capture_output=True,
        text=True,
        check=True,
    )
    shown = run.stdout + run.stderr
    assert "changed=2 " in shown
    assert "ignored=2 " in shown
    assert f"Failed to import host key {RSA_NEW.fingerprint}" in shown
    assert [line for key in (ECDSA, ED25519, RSA_NEW) for line in material(key.text) if line in shown] == []


def test_every_page_of_keys_is_read(lab: Lab, host_key: HostKey, info: Callable[[], dict[str, Any]]) -> None:
    size = _admin(lab, "GET", "transfer/settings")["page_size"]
    try:
        for page_size in (1, 2, 3):
            _admin(lab, "PUT", "transfer/settings", {"page_size": page_size})
            for legacy in (RSA_NEW, ECDSA, ED25519):
                host_key(host_key_body=legacy.text)
                assert not host_key(host_key_body=legacy.text)["changed"]
            listed = [(key["fingerprint"], key["served"]) for key in info()["host_keys"]]
            assert listed == [
                (RSA.fingerprint, True),
                (RSA_NEW.fingerprint, False),
                (ECDSA.fingerprint, True),
                (ED25519.fingerprint, True),
            ]
    finally:
        _admin(lab, "PUT", "transfer/settings", {"page_size": size})


def test_what_is_documented_is_what_is_returned(host_key: HostKey, info: Callable[[], dict[str, Any]]) -> None:
    host_key(fingerprint=RSA.fingerprint, description="acme", tags={"origin": "sftp.acme.example"})
    for module, result in (
        ("transfer_host_key", host_key(fingerprint=RSA.fingerprint)),
        ("transfer_host_key_info", info()),
    ):
        returned = {key: value for key, value in result.items() if key not in {"changed", "diff", "invocation"}}
        assert_returned(documentation(module, "RETURN"), returned)
    assert (
        host_key(host_key_body=ECDSA.text)["operation"]
        == documentation("transfer_host_key", "RETURN")["operation"]["sample"]
    )


def test_the_examples_run_and_bring_a_legacy_server_along(
    lab: Lab, aws: Callable[[str], Any], held: Callable[[], list[str]], tmp_path: Path
) -> None:
    transfer = aws("transfer")
    server_id = transfer.create_server(IdentityProviderType="SERVICE_MANAGED")["ServerId"]
    file = tmp_path / "ssh_host_rsa_key"
    file.write_text(RSA.text)
    tasks = documentation("transfer_host_key", "EXAMPLES") + documentation("transfer_host_key_info", "EXAMPLES")
    for task in tasks:
        for module in ("mft.aws.transfer_host_key", "mft.aws.transfer_host_key_info"):
            if module in task:
                task[module]["server_id"] = server_id
                if "host_key_path" in task[module]:
                    task[module]["host_key_path"] = str(file)
    report = run_playbook(lab, tmp_path, tasks, "--diff", vault_next_host_key=RSA_NEW.text)
    assert report["rc"] == 0, report["stdout"]
    assert [task["changed"] for task in report["tasks"]] == [True, False, True, True, True, False, False]
    # The three keys that the service had made are gone, and clients meet the legacy server's.
    keys = transfer.list_host_keys(ServerId=server_id)["HostKeys"]
    assert [key["Fingerprint"].rstrip("=") for key in keys] == [RSA.fingerprint, RSA_NEW.fingerprint]
    assert report["tasks"][-1]["msg"] == [RSA.fingerprint]
    transfer.delete_server(ServerId=server_id)
