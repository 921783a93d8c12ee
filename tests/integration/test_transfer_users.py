# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module transfer_users on the lab: check, run, check again, run again; failing users, purging, thousands."""

from __future__ import annotations

import time
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
from integration.support import run_module
from integration.support import run_playbook
from integration.transfer_support import LOST
from integration.transfer_support import four_runs
from integration.transfer_support import insert_users
from unit.module_utils.transfer import examples

ROLE = examples.ROLE
OLD, NEW, RSA, ORDERS = examples.ED25519, examples.ED25519_NEW, examples.RSA_2048, examples.ED25519_ORDERS
DEFAULTS = {
    "role": ROLE,
    "home_directory_mappings": [{"entry": "/", "target": "/bank/home/${Transfer:UserName}"}],
    "purge_ssh_public_keys": True,
    "tags": {"managed-by": "ansible"},
}
USERS: list[dict[str, Any]] = [
    {"user_name": "acme", "ssh_public_keys": [OLD.line, RSA.line], "tags": {"partner": "acme"}},
    {"user_name": "orders", "ssh_public_keys": [ORDERS.line]},
    {"user_name": "payments", "home_directory": "/bank/archive", "home_directory_type": "PATH"},
]

Roster = Callable[..., dict[str, Any]]
pytestmark = pytest.mark.usefixtures("faults")


@pytest.fixture
def server(aws: Callable[[str], Any]) -> Iterator[str]:
    server_id: str = aws("transfer").create_server(IdentityProviderType="SERVICE_MANAGED")["ServerId"]
    yield server_id
    aws("transfer").delete_server(ServerId=server_id)


@pytest.fixture
def roster(lab: Lab, server: str) -> Roster:
    """Runs the module on the test's own server."""

    def run(users: list[dict[str, Any]], *, check: bool = False, **arguments: Any) -> dict[str, Any]:
        arguments = {"server_id": server, "defaults": DEFAULTS, **arguments}
        return run_module(lab, "transfer_users", check=check, users=users, **arguments)

    return run


@pytest.fixture
def on_server(aws: Callable[[str], Any], server: str) -> Callable[[], dict[str, set[str]]]:
    """The blobs of each user's keys, as the service itself has them; no key may be there twice."""

    def look() -> dict[str, set[str]]:
        found = {}
        for page in aws("transfer").get_paginator("list_users").paginate(ServerId=server):
            for listed in page["Users"]:
                name = listed["UserName"]
                user = aws("transfer").describe_user(ServerId=server, UserName=name)["User"]
                blobs = [key["SshPublicKeyBody"].split()[1] for key in user["SshPublicKeys"]]
                assert len(blobs) == len(set(blobs))
                found[name] = set(blobs)
        return found

    return look


def test_a_roster_is_made_true(
    roster: Roster, on_server: Callable[[], Any], aws: Callable[[str], Any], server: str
) -> None:
    made = four_runs(roster, USERS)
    assert made["created"] == ["acme", "orders", "payments"]
    assert list(made["diff"]["after"]) == ["acme", "orders", "payments"]
    assert on_server() == {"acme": {OLD.blob, RSA.blob}, "orders": {ORDERS.blob}, "payments": set()}
    acme, payments = (
        aws("transfer").describe_user(ServerId=server, UserName=name)["User"] for name in ("acme", "payments")
    )
    assert [(m["Entry"], m["Target"]) for m in acme["HomeDirectoryMappings"]] == [("/", "/bank/home/acme")]
    assert {tag["Key"]: tag["Value"] for tag in acme["Tags"]} == {"managed-by": "ansible", "partner": "acme"}
    assert (payments["HomeDirectoryType"], payments["HomeDirectory"]) == ("PATH", "/bank/archive")

    changed = four_runs(
        roster,
        [
            {"user_name": "acme", "ssh_public_keys": [NEW.line]},
            {"user_name": "orders", "state": "absent"},
            {"user_name": "rates"},
        ],
    )
    assert (changed["created"], changed["updated"], changed["deleted"]) == (["rates"], ["acme"], ["orders"])
    assert on_server() == {"acme": {NEW.blob}, "payments": set(), "rates": set()}
    assert set(changed["diff"]["before"]) == {"acme", "orders"}
    assert [line.split()[1] for line in changed["diff"]["after"]["acme"]["ssh_public_keys"]] == [NEW.fingerprint]


def test_dates_of_keys_are_kept(roster: Roster, on_server: Callable[[], Any]) -> None:
    def acme(old_until: str, new_from: str) -> list[dict[str, Any]]:
        keys = [{"body": OLD.line, "not_after": old_until}, {"body": NEW.line, "not_before": new_from}]
        return [{"user_name": "acme", "ssh_public_keys": [*keys, RSA.line], "purge_ssh_public_keys": False}]

    before = four_runs(roster, acme("2096-06-30", "2096-06-01"))
    assert [key["state"] for key in before["dated_keys"]] == ["valid", "pending"]
    assert on_server()["acme"] == {OLD.blob, RSA.blob}
    assert roster(acme("2096-06-30", "2096-06-01"), expiring_days=36500)["dated_keys"][0]["state"] == "expiring"
    rotated = four_runs(roster, acme("2025-01-31T18:00:00+02:00", "2025-01-01"))
    assert [key["state"] for key in rotated["dated_keys"]] == ["expired", "valid"]
    assert rotated["dated_keys"][0]["not_after"] == "2025-01-31T16:00:00+00:00"
    assert on_server()["acme"] == {NEW.blob, RSA.blob}


def test_all_bad_input_of_all_users_is_reported_at_once_and_nothing_is_called(roster: Roster, faults: Faults) -> None:
    private = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    faults.count_from_now()
    result = roster(
        [
            {"user_name": "root"},
            {"user_name": "acme", "role": "sftp-users", "ssh_public_keys": [private.decode(), OLD.line]},
            {"user_name": "acme", "policy": '{"Statement": "' + 2048 * "x" + '"}'},
            {"user_name": "orders", "ssh_public_keys": [{"body": OLD.line, "not_after": "soon", "until": 1}]},
            {"user_name": "rates", "home_directory_mappings": 2 * [{"entry": "/", "target": "/bank"}]},
        ],
        max_removals="a few",
        concurrency=0,
        rate=0,
        progress_file="/nowhere/progress",
    )
    assert result["failed"]
    assert "13 problems found" in result["msg"], result["msg"]
    for problem in (
        "user_name 'root' is refused",
        "role 'sftp-users' is no role ARN",
        "user acme: ssh_public_keys[0]: this is a PRIVATE key",
        "users names acme 2 times",
        "policy is 2064 characters",
        "not_after 'soon' is no date",
        "no option 'until'",
        "maps '/' twice",
        f"key {OLD.fingerprint} is given to acme, orders",
        "max_removals 'a few'",
        "concurrency 0",
        "rate 0",
        "progress_file '/nowhere/progress'",
    ):
        assert problem in result["msg"], (problem, result["msg"])
    assert not any(line in str(result) for line in private.decode().splitlines()[1:-1])
    assert faults.calls() == {}


def test_what_only_the_service_knows_is_found_before_a_change(roster: Roster, on_server: Callable[[], Any]) -> None:
    logical = {"user_name": "rates", "home_directory_type": "LOGICAL"}
    result = roster([USERS[0], {"user_name": "orders"}, logical], defaults={})
    assert result["msg"].count("role is needed to create the user") == 3
    assert "user rates: home_directory_type LOGICAL needs home_directory_mappings" in result["msg"]
    assert on_server() == {}
    assert f"server {examples.SERVER} does not exist" in roster(USERS, server_id=examples.SERVER)["msg"]


def test_users_are_for_servers_that_have_their_own_whether_they_run_or_not(
    roster: Roster, on_server: Callable[[], Any], aws: Callable[[str], Any], server: str
) -> None:
    function = {"Function": "arn:aws:lambda:eu-central-1:111122223333:function:who"}
    elsewhere = aws("transfer").create_server(IdentityProviderType="AWS_LAMBDA", IdentityProviderDetails=function)
    for check in (True, False):
        refused = roster(USERS, check=check, server_id=elsewhere["ServerId"])["msg"]
        assert "Nothing was changed, 1 problem found:" in refused
        assert f"server {elsewhere['ServerId']} takes its users from AWS_LAMBDA" in refused
    aws("transfer").delete_server(ServerId=elsewhere["ServerId"])

    aws("transfer").get_waiter("server_online").wait(ServerId=server, WaiterConfig={"Delay": 1})
    aws("transfer").stop_server(ServerId=server)
    four_runs(roster, USERS)
    assert len(on_server()) == 3


def test_the_last_user_goes_only_if_that_is_said(roster: Roster, on_server: Callable[[], Any]) -> None:
    roster([{"user_name": "acme"}])
    for options in ({}, {"max_removals": "99%"}, {"max_removals": 0}):
        refused = roster([], purge=True, **options)["msg"]
        assert "purge would remove 1 of the 1 users of the server (acme)" in refused
        assert "allows 0: name them in users, or raise max_removals" in refused
    assert set(on_server()) == {"acme"}
    assert four_runs(roster, [], purge=True, max_removals=1)["deleted"] == ["acme"]


def test_a_key_of_two_users_is_a_warning_if_asked(roster: Roster, on_server: Callable[[], Any]) -> None:
    users = [{"user_name": name, "ssh_public_keys": [OLD.line]} for name in ("acme", "orders")]
    assert f"key {OLD.fingerprint} is given to acme, orders" in roster(users)["msg"]
    made = roster(users, duplicate_keys="warn")
    assert made["created"] == ["acme", "orders"]
    assert [OLD.fingerprint in str(warning) for warning in made["warnings"]] == [True]
    assert on_server() == {"acme": {OLD.blob}, "orders": {OLD.blob}}


def test_one_failing_user_does_not_stop_the_others(
    roster: Roster, on_server: Callable[[], Any], faults: Faults
) -> None:
    users = [{"user_name": f"partner-{number:02}"} for number in range(20)]
    faults.set({"operation": "CreateUser", "kind": "access_denied", "nth": 7})
    result = roster(users)
    faults.clear()
    assert result["failed"]
    assert result["changed"]
    assert len(result["created"]) == 19
    (failed,) = result["failed_users"]
    assert f"Failed to create user {failed['user_name']}: An error occurred (AccessDenied" in failed["error"]
    assert f"1 of 20 users failed:\n- user {failed['user_name']}: " in result["msg"]
    assert set(on_server()) == set(result["diff"]["after"]) == {u["user_name"] for u in users} - {failed["user_name"]}
    assert four_runs(roster, users)["created"] == [failed["user_name"]]

    faults.set({"operation": "DescribeUser", "kind": "access_denied", "nth": 5})
    unseen = roster(users, defaults={**DEFAULTS, "role": ROLE + "-2"})
    assert len(unseen["updated"]) == 19
    assert "Failed to describe user partner-" in unseen["failed_users"][0]["error"]


def test_purging_is_bounded(roster: Roster, on_server: Callable[[], Any]) -> None:
    names = [f"partner-{number}" for number in range(10)]
    roster([{"user_name": name} for name in names])
    kept = [{"user_name": name} for name in names[:8]]
    assert not roster(kept)["changed"]
    for bound in ("1", "10%"):
        for check in (True, False):
            refused = roster(kept, check=check, purge=True, max_removals=bound)
            assert "purge would remove 2 of the 10 users of the server (partner-8, partner-9)" in refused["msg"]
    assert len(on_server()) == 10
    gone = four_runs(roster, kept, purge=True, max_removals="20%")
    assert gone["deleted"] == ["partner-8", "partner-9"]
    assert gone["diff"]["before"]["partner-8"]["role"] == ROLE
    assert set(on_server()) == set(names[:8])
    assert "max_removals 10% allows 1" in roster([], purge=True)["msg"]
    assert len(roster([], purge=True, max_removals="100%")["deleted"]) == 8


def test_throttling_on_one_call_in_three_goes_unnoticed(
    roster: Roster, on_server: Callable[[], Any], faults: Faults
) -> None:
    faults.set({"operation": "*", "every": 3, "kind": "throttle", "retry_after_seconds": 0.1})
    made = roster(USERS)
    rotated = roster([{"user_name": "acme", "ssh_public_keys": [NEW.line]}, *USERS[1:]])
    faults.clear()
    assert made["created"] == ["acme", "orders", "payments"]
    assert rotated["updated"] == ["acme"]
    assert on_server() == {"acme": {NEW.blob}, "orders": {ORDERS.blob}, "payments": set()}


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("operation", ["CreateUser", "ImportSshPublicKey", "DeleteSshPublicKey", "UpdateUser"])
def test_lost_answers_are_made_good(
    roster: Roster, on_server: Callable[[], Any], faults: Faults, operation: str, kind: str
) -> None:
    changing = operation in ("DeleteSshPublicKey", "UpdateUser")
    if changing:
        roster(USERS)
    faults.set({"operation": operation, "kind": kind})
    users = [{"user_name": "acme", "ssh_public_keys": [NEW.line, ORDERS.line], "role": ROLE + "-2"}]
    done = roster(users)
    faults.clear()
    assert done["updated" if changing else "created"] == ["acme"], done
    assert not roster(users)["changed"]
    assert on_server()["acme"] == {NEW.blob, ORDERS.blob}


def test_the_rate_is_kept_over_all_threads(roster: Roster, faults: Faults) -> None:
    users = [{"user_name": f"partner-{number}"} for number in range(10)]
    roster(users)
    faults.count_from_now()
    began = time.monotonic()
    assert not roster(users, rate=10)["changed"]
    assert time.monotonic() - began >= 1.0  # eleven calls, the first at once
    assert faults.calls() == {"ListUsers": 1, "DescribeUser": 10}


def test_progress_is_said_while_it_runs(roster: Roster, tmp_path: Path) -> None:
    users = [{"user_name": f"partner-{number}"} for number in range(12)]
    roster(users)
    path = tmp_path / "progress"
    roster(users, rate=2, progress_file=str(path))
    begins, looked = path.read_text().splitlines()
    assert begins.endswith(": begins")
    assert looked.endswith(" of 12 users")


def test_thousands_unchanged_are_a_list_call_a_page_and_a_description_each(
    lab: Lab, roster: Roster, server: str, faults: Faults
) -> None:
    names = [f"partner-{number:04}" for number in range(2500)]
    insert_users(lab, server, names)
    # One on either side of each page boundary is not in the roster, and purge is off: it costs nothing.
    unnamed = {names[position] for position in (0, 999, 1000, 1999, 2000, 2499)}
    faults.count_from_now()
    result = roster([{"user_name": name} for name in names if name not in unnamed], defaults={"role": ROLE})
    assert (result["changed"], result["unchanged"]) == (False, 2494)
    assert faults.calls() == {"ListUsers": 3, "DescribeUser": 2494}


def test_what_is_documented_is_what_is_returned(roster: Roster, faults: Faults) -> None:
    dated = {"body": OLD.line, "not_after": "2036-06-30"}
    roster([{"user_name": "payments"}, {"user_name": "orders"}])
    faults.set({"operation": "DeleteUser", "kind": "access_denied", "nth": 2})
    result = roster(
        [
            {"user_name": "acme", "ssh_public_keys": [dated]},
            {"user_name": "orders", "tags": {"unit": "orders"}},
            {"user_name": "payments", "state": "absent"},
        ]
    )
    faults.set({"operation": "CreateUser", "kind": "access_denied"})
    failed = roster([{"user_name": "rates"}])
    (sample,) = result["dated_keys"]
    assert (
        sample["not_after"]
        == documentation("transfer_users", "RETURN")["dated_keys"]["contains"]["not_after"]["sample"]
    )
    documented = documentation("transfer_users", "RETURN")
    returned = {**result, "failed_users": failed["failed_users"]}
    assert_returned(
        documented, {key: returned[key] for key in returned if key not in ("changed", "diff", "invocation")}
    )


def test_the_examples_run(lab: Lab, server: str, tmp_path: Path, on_server: Callable[[], Any]) -> None:
    tasks = documentation("transfer_users", "EXAMPLES")
    for task in tasks:
        task["mft.aws.transfer_users"]["server_id"] = server
    report = run_playbook(lab, tmp_path, tasks, "--diff")
    assert report["rc"] == 0, report["stdout"]
    assert [task["changed"] for task in report["tasks"]] == [True] * len(tasks)
    assert {name: len(keys) for name, keys in on_server().items()} == {"acme": 2}
