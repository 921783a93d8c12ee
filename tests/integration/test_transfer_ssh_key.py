# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module transfer_ssh_key on the lab: check, run, check again, run again; then the same while the service fails."""

from __future__ import annotations

import itertools
import json
import subprocess
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from integration.conftest import Lab
from integration.documented import assert_returned
from integration.documented import documentation
from integration.support import CHECKOUT
from integration.support import Faults
from integration.support import _admin
from integration.support import run_module
from integration.support import run_playbook
from integration.transfer_support import LOST
from integration.transfer_support import four_runs
from integration.transfer_support import lose
from unit.module_utils.transfer import examples

OLD, NEW, RSA = examples.ED25519, examples.ED25519_NEW, examples.RSA_2048
_names = itertools.count()

Key = Callable[..., dict[str, Any]]
Held = Callable[[], dict[str, str]]
pytestmark = pytest.mark.usefixtures("faults")


@pytest.fixture(scope="module")
def server(aws: Callable[[str], Any]) -> Iterator[str]:
    transfer = aws("transfer")
    server_id: str = transfer.create_server(IdentityProviderType="SERVICE_MANAGED")["ServerId"]
    yield server_id
    transfer.delete_server(ServerId=server_id)


@pytest.fixture
def name(aws: Callable[[str], Any], server: str) -> str:
    """The name of a user that has two keys."""
    user_name = f"acme-{next(_names)}"
    aws("transfer").create_user(
        ServerId=server, UserName=user_name, Role=examples.ROLE, SshPublicKeyBody=OLD.line, HomeDirectory="/bank/acme"
    )
    aws("transfer").import_ssh_public_key(ServerId=server, UserName=user_name, SshPublicKeyBody=RSA.line)
    return user_name


@pytest.fixture
def key(lab: Lab, server: str, name: str) -> Key:
    """Runs the module for the test's own user."""

    def run(*, check: bool = False, **arguments: Any) -> dict[str, Any]:
        given = {"server_id": server, "user_name": name, **arguments}
        return run_module(lab, "transfer_ssh_key", check=check, **given)

    return run


@pytest.fixture
def held(aws: Callable[[str], Any], server: str, name: str) -> Held:
    """The blobs of the user's keys and their ids, as the service itself describes them."""

    def describe() -> dict[str, str]:
        keys = aws("transfer").describe_user(ServerId=server, UserName=name)["User"]["SshPublicKeys"]
        blobs = {each["SshPublicKeyBody"].split()[1]: each["SshPublicKeyId"] for each in keys}
        assert len(blobs) == len(keys), "a key is there twice"
        return blobs

    return describe


def fingerprints(result: dict[str, Any]) -> set[str]:
    return {each["fingerprint"] for each in result["ssh_public_keys"]}


@pytest.mark.parametrize("example", [NEW, examples.ECDSA_384], ids=lambda example: example.type)
def test_a_key_comes_and_goes_and_the_others_stay(key: Key, held: Held, example: examples.Example) -> None:
    made = four_runs(key, ssh_public_key_body=example.line)
    assert made["operation"] == "imported"
    assert made["ssh_public_key"]["fingerprint"] == example.fingerprint
    assert made["ssh_public_key"]["id"] == held()[example.blob]
    assert fingerprints(made) == {OLD.fingerprint, RSA.fingerprint, example.fingerprint}
    assert set(held()) == {OLD.blob, RSA.blob, example.blob}

    gone = four_runs(key, ssh_public_key_body=example.line, state="absent")
    assert (gone["operation"], gone["ssh_public_key"]) == ("deleted", {})
    assert set(held()) == {OLD.blob, RSA.blob}


def test_a_key_is_known_by_its_fingerprint_and_its_id(key: Key, held: Held) -> None:
    by_fingerprint, by_id = {"fingerprint": OLD.fingerprint + "="}, {"ssh_public_key_id": held()[RSA.blob]}
    assert key(**by_fingerprint)["ssh_public_key"]["id"] == held()[OLD.blob]
    assert key(**by_id)["ssh_public_key"]["fingerprint"] == RSA.fingerprint
    four_runs(key, **by_id, state="absent")
    assert set(held()) == {OLD.blob}
    # The last key, too: nothing else was asked for.
    four_runs(key, **by_fingerprint, state="absent")
    assert held() == {}


@pytest.mark.parametrize(
    "spelling",
    [
        f"{OLD.type} {OLD.blob}",
        f"  {OLD.type} \t {OLD.blob}   another comment, für acme \r\n",
    ],
)
def test_equal_keys_are_equal_whatever_their_comment_and_spacing(
    key: Key, held: Held, faults: Faults, spelling: str
) -> None:
    before = held()
    faults.count_from_now()
    same = key(ssh_public_key_body=spelling)
    assert not same["changed"]
    assert same["ssh_public_key"]["comment"] == "ops@acme.example"
    assert faults.calls() == {"DescribeUser": 1}
    assert held() == before
    assert key(ssh_public_key_body=spelling, state="absent")["changed"]
    assert set(held()) == {RSA.blob}


def test_a_check_changes_nothing(key: Key, held: Held) -> None:
    before = held()
    assert key(check=True, ssh_public_key_body=NEW.line)["changed"]
    assert key(check=True, fingerprint=OLD.fingerprint, state="absent")["changed"]
    assert held() == before


REFUSED = {
    "RSA of 1024 bits is too weak": examples.RSA_1024.line,
    "DSA keys are broken": examples.DSA.line,
    "damaged or cut off": NEW.line.replace("AAAAIB", "AAAIB"),
    "an SSH2 (RFC 4716) key": "---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n---- END SSH2 PUBLIC KEY ----",
    "it has 2 lines": f"{NEW.line}\n{OLD.line}",
}


@pytest.mark.parametrize("reason", REFUSED)
def test_a_key_that_is_no_good_is_refused_without_a_call(key: Key, faults: Faults, name: str, reason: str) -> None:
    faults.count_from_now()
    for check in (True, False):
        result = key(check=check, ssh_public_key_body=REFUSED[reason])
        assert result["failed"]
        assert f"user {name}: ssh_public_key_body: " in result["msg"]
        assert reason in result["msg"]
    assert faults.calls() == {}


def test_a_pasted_private_key_is_shown_nowhere(lab: Lab, server: str, name: str, tmp_path: Path) -> None:
    """At the verbosity that prints arguments, with the value as a file has it and without its armour."""
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    material = pem.decode().splitlines()[1:-1]
    tasks = [
        {
            "name": state,
            "mft.aws.transfer_ssh_key": {
                "server_id": server,
                "user_name": name,
                "ssh_public_key_body": body,
                "state": state,
            },
            "ignore_errors": True,
        }
        for state, body in (("present", pem.decode()), ("absent", "ssh-ed25519 " + "".join(material)))
    ]
    playbook = tmp_path / "playbook.yml"
    interpreter = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    playbook.write_text(
        json.dumps([{"hosts": "localhost", "gather_facts": False, "vars": interpreter, "tasks": tasks}])
    )
    run = subprocess.run(
        [CHECKOUT / ".venv" / "bin" / "ansible-playbook", "-vvv", "--diff", playbook],
        env=lab.env,
        capture_output=True,
        text=True,
        check=True,
    )
    shown = run.stdout + run.stderr
    assert "ignored=2 " in shown
    assert "this is a PRIVATE key" in shown
    assert [line for line in material if line in shown] == []


def test_a_key_is_named_in_exactly_one_way(key: Key) -> None:
    assert "one of the following is required" in key()["msg"]
    assert "mutually exclusive" in key(ssh_public_key_body=NEW.line, fingerprint=NEW.fingerprint)["msg"]
    # As a template gives it whose variable is null: nothing is removed, and that is said.
    assert "no key is named" in key(ssh_public_key_id=None, state="absent")["msg"]


def test_all_bad_input_is_reported_at_once_and_nothing_is_called(key: Key, faults: Faults) -> None:
    faults.count_from_now()
    result = key(server_id="s-1", user_name="root", fingerprint="MD5:6a:8f")
    assert "3 problems found" in result["msg"]
    assert faults.calls() == {}


def test_an_unknown_key_is_not_made_up(key: Key) -> None:
    for check in (True, False):
        refused = key(check=check, fingerprint=NEW.fingerprint)
        assert f"has no key {NEW.fingerprint}: give ssh_public_key_body to import it" in refused["msg"]
        absent = key(check=check, ssh_public_key_id="key-0123456789abcdef0", state="absent")
        assert not absent["changed"]


def test_an_unknown_user_has_no_key_and_gets_none(key: Key, server: str) -> None:
    for check in (True, False):
        absent = key(check=check, user_name="payments", fingerprint=NEW.fingerprint, state="absent")
        assert not absent["changed"]
        assert (absent["ssh_public_key"], absent["ssh_public_keys"]) == ({}, [])
    refused = key(check=True, user_name="payments", ssh_public_key_body=NEW.line)
    assert f"user payments does not exist on server {server}: create it with mft.aws.transfer_user" in refused["msg"]


@pytest.mark.parametrize("state", ["present", "absent"])
def test_an_unknown_server_is_an_error_not_an_absent_key(key: Key, state: str) -> None:
    for check in (True, False):
        result = key(check=check, server_id=examples.SERVER, ssh_public_key_body=NEW.line, state=state)
        assert result["failed"]
        assert f"server {examples.SERVER} does not exist" in result["msg"]


def test_a_key_is_imported_straight_after_its_user(lab: Lab, aws: Callable[[str], Any], server: str) -> None:
    seconds = _admin(lab, "GET", "transfer/settings")["user_visible_after_seconds"]
    _admin(lab, "PUT", "transfer/settings", {"user_visible_after_seconds": 1.5})
    try:
        aws("transfer").create_user(ServerId=server, UserName="newborn", Role=examples.ROLE)
        Faults(lab).count_from_now()
        made = run_module(lab, "transfer_ssh_key", server_id=server, user_name="newborn", ssh_public_key_body=NEW.line)
    finally:
        _admin(lab, "PUT", "transfer/settings", {"user_visible_after_seconds": seconds})
    assert made.get("changed"), made
    assert "warnings" not in made
    assert Faults(lab).calls()["ImportSshPublicKey"] > 1
    assert len(aws("transfer").describe_user(ServerId=server, UserName="newborn")["User"]["SshPublicKeys"]) == 1


def test_a_key_over_the_limit_is_refused_by_the_service(lab: Lab, key: Key, held: Held, name: str) -> None:
    limit = _admin(lab, "GET", "transfer/settings")["keys_per_user"]
    _admin(lab, "PUT", "transfer/settings", {"keys_per_user": 2})
    try:
        refused = key(ssh_public_key_body=NEW.line)
    finally:
        _admin(lab, "PUT", "transfer/settings", {"keys_per_user": limit})
    assert refused["msg"].startswith(f"Failed to import an SSH public key of user {name}, ")
    assert "which has as many keys as Transfer lets it have: take one away first" in refused["msg"]
    assert set(held()) == {OLD.blob, RSA.blob}


CHANGES: dict[str, dict[str, Any]] = {
    "ImportSshPublicKey": {"ssh_public_key_body": NEW.line},
    "DeleteSshPublicKey": {"fingerprint": RSA.fingerprint, "state": "absent"},
}
EXPECTED = {"ImportSshPublicKey": {OLD.blob, RSA.blob, NEW.blob}, "DeleteSshPublicKey": {OLD.blob}}


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("operation", CHANGES)
def test_a_lost_answer_is_made_good_in_the_same_run(
    key: Key, held: Held, faults: Faults, operation: str, kind: str
) -> None:
    faults.set({"operation": operation, "kind": kind})
    faults.count_from_now()
    done = key(**CHANGES[operation])
    faults.clear()
    assert not done.get("failed"), done
    assert done["changed"]
    assert "warnings" not in done
    # What had its effect before the answer was lost is not asked for again.
    assert faults.calls()[operation] == (1 if kind in {"reset_after", "server_error_after"} else 2)
    assert set(held()) == EXPECTED[operation]
    assert not key(**CHANGES[operation])["changed"]


@pytest.mark.parametrize("kind", ["reset_before", "reset_after"])
@pytest.mark.parametrize("operation", CHANGES)
def test_a_run_that_was_cut_off_is_finished_by_the_next(
    key: Key, held: Held, faults: Faults, operation: str, kind: str
) -> None:
    lose(faults, operation, kind, look="DescribeUser")
    assert key(**CHANGES[operation]).get("failed")
    faults.clear()
    finished = key(**CHANGES[operation])
    assert not finished.get("failed"), finished
    assert finished["changed"] == (kind == "reset_before")
    assert set(held()) == EXPECTED[operation]


@pytest.mark.parametrize("operation", ["DescribeUser", *CHANGES])
def test_a_refusal_of_the_service_says_what_was_tried(key: Key, faults: Faults, operation: str) -> None:
    faults.set({"operation": operation, "kind": "access_denied"})
    result = key(**CHANGES.get(operation, CHANGES["ImportSshPublicKey"]))
    assert result["failed"]
    assert result["msg"].startswith("Failed to ")
    assert f"(AccessDeniedException) when calling the {operation} operation" in result["msg"]


def test_throttling_on_one_call_in_three_goes_unnoticed(key: Key, held: Held, faults: Faults) -> None:
    faults.set({"operation": "*", "every": 3, "kind": "throttle", "retry_after_seconds": 0.2})
    for change in CHANGES.values():
        done = key(**change)
        assert done.get("changed"), done
    faults.clear()
    assert set(held()) == {OLD.blob, NEW.blob}


def test_what_is_documented_is_what_is_returned(key: Key) -> None:
    documented = documentation("transfer_ssh_key", "RETURN")
    result = key(ssh_public_key_body=NEW.line)
    returned = {name: value for name, value in result.items() if name not in {"changed", "diff", "invocation"}}
    assert_returned(documented, returned)
    assert result["operation"] == documented["operation"]["sample"]
    sample = {name: entry["sample"] for name, entry in documented["ssh_public_key"]["contains"].items()}
    assert (sample["type"], sample["bits"], sample["fingerprint"]) == (NEW.type, NEW.bits, NEW.fingerprint)


def test_the_examples_run(lab: Lab, aws: Callable[[str], Any], tmp_path: Path) -> None:
    transfer = aws("transfer")
    # Not the one of the other tests: an example takes keys away from every user.
    server = transfer.create_server(IdentityProviderType="SERVICE_MANAGED")["ServerId"]
    tasks = documentation("transfer_ssh_key", "EXAMPLES")
    (lost,) = documentation("transfer_user", "RETURN")["user"]["contains"]["ssh_public_keys"]["sample"]
    assert lost["fingerprint"] == tasks[1]["mft.aws.transfer_ssh_key"]["fingerprint"]
    (body,) = documentation("transfer_user", "EXAMPLES")[0]["mft.aws.transfer_user"]["ssh_public_keys"]
    transfer.create_user(ServerId=server, UserName="acme", Role=examples.ROLE, SshPublicKeyBody=body)
    transfer.import_ssh_public_key(ServerId=server, UserName="acme", SshPublicKeyBody=RSA.line)
    for task in tasks:
        for module in task:
            if module.startswith("mft.aws."):
                task[module]["server_id"] = server
    report = run_playbook(lab, tmp_path, tasks, "--diff")
    assert report["rc"] == 0, report["stdout"]
    assert [task["changed"] for task in report["tasks"]] == [True, True, False, True]
    left = transfer.describe_user(ServerId=server, UserName="acme")["User"]["SshPublicKeys"]
    assert [each["SshPublicKeyBody"].split()[1] for each in left] == [NEW.blob]
    transfer.delete_server(ServerId=server)
