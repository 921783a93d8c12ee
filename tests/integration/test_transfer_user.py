# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module transfer_user on the lab: check, run, check again, run again; then the same while the service fails."""

from __future__ import annotations

import itertools
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
from integration.support import Faults
from integration.support import _admin
from integration.support import run_module
from integration.support import run_playbook
from integration.transfer_support import LOST
from integration.transfer_support import four_runs
from integration.transfer_support import lose
from unit.module_utils.transfer import examples

ROLE = examples.ROLE
OLD, NEW, RSA = examples.ED25519, examples.ED25519_NEW, examples.RSA_2048
POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::bank/*"}],
}
FULL = {
    "role": ROLE,
    "home_directory_mappings": [{"entry": "/", "target": "/bank/home/${Transfer:UserName}"}],
    "policy": POLICY,
    "posix_profile": {"uid": 5001, "gid": 5000, "secondary_gids": [5020, 5010]},
    "tags": {"partner": "acme", "since": "2019"},
    "ssh_public_keys": [OLD.line, RSA.line],
}
_names = itertools.count()

User = Callable[..., dict[str, Any]]
pytestmark = pytest.mark.usefixtures("faults")


@pytest.fixture(scope="module")
def server(aws: Callable[[str], Any]) -> Iterator[str]:
    transfer = aws("transfer")
    server_id: str = transfer.create_server(IdentityProviderType="SERVICE_MANAGED")["ServerId"]
    yield server_id
    transfer.delete_server(ServerId=server_id)


@pytest.fixture
def name() -> str:
    return f"acme-{next(_names)}"


@pytest.fixture
def user(lab: Lab, server: str, name: str) -> User:
    """Runs the module for the test's own user."""

    def run(*, check: bool = False, **arguments: Any) -> dict[str, Any]:
        return run_module(lab, "transfer_user", check=check, server_id=server, user_name=name, **arguments)

    return run


@pytest.fixture
def described(aws: Callable[[str], Any], server: str, name: str) -> Callable[[], dict[str, Any] | None]:
    """The test's user as the service itself describes it."""

    def describe() -> dict[str, Any] | None:
        transfer = aws("transfer")
        try:
            found: dict[str, Any] = transfer.describe_user(ServerId=server, UserName=name)["User"]
        except transfer.exceptions.ResourceNotFoundException:
            return None
        return found

    return describe


def fingerprints(result: dict[str, Any]) -> set[str]:
    return {key["fingerprint"] for key in result["user"]["ssh_public_keys"]}


def test_a_user_comes_and_goes(user: User, described: Callable[[], Any], name: str, server: str) -> None:
    made = four_runs(user, **FULL)["user"]
    assert made["user_name"] == name
    assert made["arn"].endswith(f":user/{server}/{name}")
    assert made["home_directory_type"] == "LOGICAL"
    assert made["home_directory_mappings"] == [{"entry": "/", "target": f"/bank/home/{name}", "type": "DIRECTORY"}]
    assert made["policy"] == POLICY
    assert made["posix_profile"] == {"uid": 5001, "gid": 5000, "secondary_gids": [5010, 5020]}
    assert made["tags"] == FULL["tags"]
    assert {key["fingerprint"] for key in made["ssh_public_keys"]} == {OLD.fingerprint, RSA.fingerprint}
    assert len(described()["SshPublicKeys"]) == 2

    gone = four_runs(user, state="absent")
    assert gone["user"] == {}
    assert gone["diff"]["after"] == {}
    assert described() is None


def test_a_check_changes_nothing(user: User, described: Callable[[], Any]) -> None:
    user(check=True, **FULL)
    assert described() is None
    user(**FULL)
    before = described()
    assert user(check=True, role=ROLE + "-2", ssh_public_keys=[NEW.line], purge_ssh_public_keys=True, tags={})[
        "changed"
    ]
    assert user(check=True, state="absent")["changed"]
    assert described() == before


def test_settings_change_one_by_one(user: User, faults: Faults) -> None:
    user(**FULL)
    assert four_runs(user, role=ROLE + "-2")["user"]["role"] == ROLE + "-2"
    assert four_runs(user, policy={})["user"]["policy"] == {}
    profile = {"uid": 6001, "gid": 6000}
    assert four_runs(user, posix_profile=profile)["user"]["posix_profile"] == {**profile, "secondary_gids": []}
    files = [{"entry": "/rates.csv", "target": "/bank/rates.csv", "type": "FILE"}]
    assert four_runs(user, home_directory_mappings=files)["user"]["home_directory_mappings"] == files
    faults.count_from_now()
    user(role=ROLE + "-3")
    assert faults.calls() == {"DescribeUser": 2, "UpdateUser": 1}


def test_nothing_to_do_is_one_call(user: User, faults: Faults) -> None:
    user(**FULL)
    faults.count_from_now()
    assert not user(**FULL)["changed"]
    assert faults.calls() == {"DescribeUser": 1}


def test_homes_change_their_type_and_back(user: User) -> None:
    path = {"home_directory_type": "PATH", "home_directory": "/bank/home/acme"}
    logical = {"home_directory_type": "LOGICAL", "home_directory_mappings": [{"entry": "/", "target": "/bank/home"}]}
    assert four_runs(user, role=ROLE, **path)["user"]["home_directory"] == "/bank/home/acme"
    now_logical = four_runs(user, **logical)["user"]
    assert (now_logical["home_directory_type"], now_logical["home_directory"]) == ("LOGICAL", "")
    now_path = four_runs(user, **path)["user"]
    assert (now_path["home_directory_type"], now_path["home_directory_mappings"]) == ("PATH", [])


def test_an_empty_home_directory_takes_it_away(user: User, described: Callable[[], Any]) -> None:
    user(role=ROLE, home_directory="/bank/home/acme")
    assert four_runs(user, home_directory="")["user"]["home_directory"] == ""
    assert "HomeDirectory" not in described()
    mappings = [{"entry": "/in", "target": "/bank/in"}]
    logical = {"home_directory_type": "LOGICAL", "home_directory_mappings": mappings}
    assert four_runs(user, **logical, home_directory="/in")["user"]["home_directory"] == "/in"
    assert four_runs(user, **logical, home_directory="")["user"]["home_directory"] == ""
    user(state="absent")
    four_runs(user, role=ROLE, home_directory="")


def test_other_spellings_are_no_change(user: User) -> None:
    mappings = [{"entry": "/in", "target": "/bank/${Transfer:UserName}/in"}, {"entry": "/out", "target": "/bank/out"}]
    user(role=ROLE, policy=POLICY, home_directory_mappings=mappings, ssh_public_keys=[OLD.line])
    statement = POLICY["Statement"][0]
    again = user(
        home_directory_mappings=mappings[::-1],
        policy={"Statement": {**statement, "Action": statement["Action"][::-1]}, "Version": "2012-10-17"},
        ssh_public_keys=[f"  {OLD.type}   {OLD.blob} another comment\n"],
        purge_ssh_public_keys=True,
    )
    assert not again["changed"], again["diff"]


def test_keys_are_added_and_purged_only_when_asked(user: User) -> None:
    user(role=ROLE, ssh_public_keys=[OLD.line])
    assert fingerprints(four_runs(user, ssh_public_keys=[NEW.line])) == {OLD.fingerprint, NEW.fingerprint}
    kept = four_runs(user, ssh_public_keys=[NEW.line], purge_ssh_public_keys=True)
    assert fingerprints(kept) == {NEW.fingerprint}
    assert fingerprints(four_runs(user, ssh_public_keys=[], purge_ssh_public_keys=True)) == set()


def test_dates_of_keys_are_kept(user: User) -> None:
    old, new = {"body": OLD.line, "not_after": "2096-06-30"}, {"body": NEW.line, "not_before": "2096-06-01"}
    before = four_runs(user, role=ROLE, ssh_public_keys=[old, new, RSA.line])
    assert [key["state"] for key in before["dated_keys"]] == ["valid", "pending"]
    assert fingerprints(before) == {OLD.fingerprint, RSA.fingerprint}
    rotated = four_runs(user, ssh_public_keys=[old | {"not_after": "2025-06-30"}, new | {"not_before": "2025-06-01"}])
    assert rotated["dated_keys"][0] == {
        "fingerprint": OLD.fingerprint,
        "comment": OLD.line.split()[2],
        "not_before": "",
        "not_after": "2025-06-30T23:59:59+00:00",
        "state": "expired",
    }
    assert fingerprints(rotated) == {NEW.fingerprint, RSA.fingerprint}
    assert "not_after 'soon' is no date" in user(ssh_public_keys=[old | {"not_after": "soon"}])["msg"]


def test_tags_are_purged_as_asked(user: User) -> None:
    user(role=ROLE, tags={"partner": "acme", "unit": "payments"})
    assert four_runs(user, tags={"unit": "orders"}, purge_tags=False)["user"]["tags"] == {
        "partner": "acme",
        "unit": "orders",
    }
    assert four_runs(user, tags={"unit": "orders"})["user"]["tags"] == {"unit": "orders"}
    assert four_runs(user, tags={})["user"]["tags"] == {}
    assert not user()["changed"]


def test_all_bad_input_is_reported_at_once_and_nothing_is_called(user: User, faults: Faults) -> None:
    faults.count_from_now()
    result = user(role="sftp-users", home_directory="bank", tags={"aws:x": "1"}, ssh_public_keys=["junk", OLD.line])
    assert result["failed"]
    assert "4 problems found" in result["msg"]
    assert "ssh_public_keys[0]" in result["msg"]
    assert faults.calls() == {}


def test_a_pasted_private_key_is_shown_nowhere(user: User) -> None:
    private = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    result = user(role=ROLE, ssh_public_keys=[private.decode()])
    assert "PRIVATE key" in result["msg"]
    assert not any(line in str(result) for line in private.decode().splitlines()[1:-1])


@pytest.mark.parametrize("state", ["present", "absent"])
def test_an_unknown_server_is_an_error_not_an_absent_user(lab: Lab, state: str) -> None:
    for check in (True, False):
        result = run_module(
            lab, "transfer_user", check=check, server_id=examples.SERVER, user_name="acme", state=state, role=ROLE
        )
        assert result["failed"]
        assert f"server {examples.SERVER} does not exist" in result["msg"]


def test_what_only_the_service_knows_is_found_before_a_change(user: User, described: Callable[[], Any]) -> None:
    for check in (True, False):
        assert "role is needed to create the user" in user(check=check, ssh_public_keys=[OLD.line])["msg"]
    assert described() is None


def test_a_refusal_of_the_service_says_what_was_tried(user: User, faults: Faults, name: str) -> None:
    faults.set({"operation": "CreateUser", "kind": "access_denied"})
    result = user(role=ROLE)
    assert result["failed"]
    assert f"Failed to create user {name}: An error occurred (AccessDeniedException)" in result["msg"]


# Each changes something by each of the calls that the module makes.
CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "CreateUser": ({}, FULL),
    "ImportSshPublicKey": ({}, FULL),
    "UpdateUser": ({"role": ROLE}, {"role": ROLE + "-2"}),
    "TagResource": ({"role": ROLE}, {"tags": {"partner": "acme"}}),
    "UntagResource": ({"role": ROLE, "tags": {"partner": "acme"}}, {"tags": {}}),
    "DeleteSshPublicKey": (
        {"role": ROLE, "ssh_public_keys": [OLD.line, RSA.line]},
        {"ssh_public_keys": [NEW.line], "purge_ssh_public_keys": True},
    ),
    "DeleteUser": ({"role": ROLE}, {"state": "absent"}),
}


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("operation", CHANGES)
def test_a_lost_answer_is_made_good_in_the_same_run(
    user: User, described: Callable[[], Any], faults: Faults, operation: str, kind: str
) -> None:
    before, change = CHANGES[operation]
    if before:
        assert user(**before)["changed"]
    faults.set({"operation": operation, "kind": kind})
    done = user(**change)
    faults.clear()
    assert not done.get("failed"), done
    assert done["changed"]
    assert "warnings" not in done
    assert not user(**change)["changed"]
    keys = [key["SshPublicKeyBody"].split()[1] for key in (described() or {}).get("SshPublicKeys", [])]
    assert len(keys) == len(set(keys))
    assert len(keys) == len(done["user"].get("ssh_public_keys", []))


@pytest.mark.parametrize("kind", ["reset_before", "reset_after"])
@pytest.mark.parametrize("operation", CHANGES)
def test_a_run_that_was_cut_off_is_finished_by_the_next(
    user: User, described: Callable[[], Any], faults: Faults, operation: str, kind: str
) -> None:
    """Cut off for good: the call is lost, and no call after it gets through until the run has given up."""
    before, change = CHANGES[operation]
    if before:
        assert user(**before)["changed"]
    lose(faults, operation, kind, look="DescribeUser")
    cut = user(**change)
    faults.clear()
    assert cut.get("failed")
    finished = user(**change)
    assert not finished.get("failed"), finished
    assert not user(**change)["changed"]
    keys = [key["SshPublicKeyBody"].split()[1] for key in (described() or {}).get("SshPublicKeys", [])]
    assert len(keys) == len(set(keys)) == len(finished["user"].get("ssh_public_keys", []))


def test_a_rotation_that_is_cut_off_locks_nobody_out(user: User, described: Callable[[], Any], faults: Faults) -> None:
    user(role=ROLE, ssh_public_keys=[OLD.line])
    faults.set({"operation": "ImportSshPublicKey", "kind": "access_denied"})
    assert user(ssh_public_keys=[NEW.line], purge_ssh_public_keys=True)["failed"]
    assert [key["SshPublicKeyBody"].split()[1] for key in described()["SshPublicKeys"]] == [OLD.blob]


def test_at_the_limit_of_keys_all_are_rotated_in_one_run(lab: Lab, user: User, described: Callable[[], Any]) -> None:
    limit = _admin(lab, "GET", "transfer/settings")["keys_per_user"]
    _admin(lab, "PUT", "transfer/settings", {"keys_per_user": 2})
    try:
        user(role=ROLE, ssh_public_keys=[OLD.line, RSA.line])
        before = described()
        refused = user(ssh_public_keys=[NEW.line])
        assert "which has as many keys as Transfer lets it have: take one away first" in refused["msg"]
        assert described() == before
        done = four_runs(user, ssh_public_keys=[NEW.line, examples.ECDSA_256.line], purge_ssh_public_keys=True)
    finally:
        _admin(lab, "PUT", "transfer/settings", {"keys_per_user": limit})
    assert fingerprints(done) == {NEW.fingerprint, examples.ECDSA_256.fingerprint}


def test_throttling_on_one_call_in_three_goes_unnoticed(user: User, faults: Faults) -> None:
    faults.set({"operation": "*", "every": 3, "kind": "throttle", "retry_after_seconds": 0.2})
    made = user(**FULL)
    assert not made.get("failed"), made
    rotated = user(ssh_public_keys=[NEW.line], purge_ssh_public_keys=True, tags={})
    assert fingerprints(rotated) == {NEW.fingerprint}
    assert user(state="absent")["changed"]


def test_the_wait_that_throttling_asks_for_is_kept(user: User, faults: Faults) -> None:
    faults.set({"operation": "DescribeUser", "kind": "throttle", "retry_after_seconds": 2})
    faults.count_from_now()
    assert user(role=ROLE)["changed"]
    assert faults.calls()["DescribeUser"] == 3


def test_what_is_documented_is_what_is_returned(user: User) -> None:
    documented = documentation("transfer_user", "RETURN")
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}]}
    dated = {"body": OLD.line, "not_after": "2096-06-30"}
    result = user(**{**FULL, "policy": policy, "tags": {"partner": "acme"}, "ssh_public_keys": [dated]})
    assert_returned(documented, {name: result[name] for name in set(result) - {"changed", "diff", "invocation"}})
    assert result["operation"] == documented["operation"]["sample"]


def test_the_examples_run(lab: Lab, aws: Callable[[str], Any], server: str, tmp_path: Path) -> None:
    tasks = documentation("transfer_user", "EXAMPLES")
    for task in tasks:
        task["mft.aws.transfer_user"]["server_id"] = server
    report = run_playbook(lab, tmp_path, tasks, "--diff")
    assert report["rc"] == 0, report["stdout"]
    assert [task["changed"] for task in report["tasks"]] == [True] * len(tasks)
    left = [user["UserName"] for user in aws("transfer").list_users(ServerId=server)["Users"]]
    assert "payments" in left
    assert "acme" not in left
