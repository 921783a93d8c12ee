# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role transfer_users on the lab: a roster made true, and made true again."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from collections.abc import Iterator
from datetime import datetime
from datetime import timedelta
from datetime import timezone
from pathlib import Path
from typing import Any

import pytest

from integration.conftest import Lab
from integration.support import Faults
from integration.support import run_playbook
from unit.module_utils.transfer import examples

BUCKET = f"bank-transfers-{uuid.uuid4().hex[:8]}"
KEY_ARN = "arn:aws:kms:eu-central-1:111122223333:key/7c9e6679-7425-40de-944b-e07fc1f90ae7"
OLD, NEW, RSA = examples.ED25519, examples.ED25519_NEW, examples.RSA_2048
HOMES = "mft.aws.transfer_users : Make the homes that are not there, without which no session begins"
NAMES = ("acme", "payments", "orders")


@pytest.fixture(scope="module")
def gateway(aws: Callable[[str], Any]) -> Iterator[dict[str, str]]:
    """What the role gateway would have set: the outputs of its stack."""
    transfer, s3 = aws("transfer"), aws("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    server_id = transfer.create_server(IdentityProviderType="SERVICE_MANAGED")["ServerId"]
    yield {
        "ServerId": server_id,
        "UserRoleArn": examples.ROLE,
        "BucketName": BUCKET,
        "ServedPrefix": "home/",
        "KeyArn": KEY_ARN,
    }
    transfer.delete_server(ServerId=server_id)
    for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        s3.delete_object(Bucket=BUCKET, Key=item["Key"])
    s3.delete_bucket(Bucket=BUCKET)


@pytest.fixture
def roster(lab: Lab, gateway: dict[str, str], aws: Callable[[str], Any], tmp_path: Path) -> Iterator[Any]:
    """Runs the role for a roster: {"rc", "stdout", "result"}. Its users are gone when the test is over."""

    def run(users: list[dict[str, Any]], *options: str, **variables: Any) -> dict[str, Any]:
        tasks = [
            {"name": "Users", "ansible.builtin.include_role": {"name": "mft.aws.transfer_users"}},
            {"name": "Result", "ansible.builtin.debug": {"var": "transfer_users_result"}},
        ]
        variables = {"gateway_outputs": gateway, "transfer_users_roster": users, **variables}
        report = run_playbook(lab, tmp_path, tasks, *options, **variables)
        report["result"] = next(
            (task["transfer_users_result"] for task in report["tasks"] if task["name"] == "Result"), None
        )
        report["changed"] = [task["name"] for task in report["tasks"] if task.get("changed")]
        return report

    Faults(lab).clear()
    yield run
    for listed in aws("transfer").list_users(ServerId=gateway["ServerId"])["Users"]:
        aws("transfer").delete_user(ServerId=gateway["ServerId"], UserName=listed["UserName"])


def keys_in_bucket(aws: Callable[[str], Any]) -> list[str]:
    return [item["Key"] for item in aws("s3").list_objects_v2(Bucket=BUCKET)["Contents"]]


def test_a_roster_is_made_true(roster: Any, gateway: dict[str, str], aws: Callable[[str], Any]) -> None:
    users = [
        {"name": "acme", "ssh_public_keys": [OLD.line, RSA.line], "tags": {"partner": "Acme Corp"}},
        {"name": "payments", "ssh_public_keys": [OLD.line], "home": "archive/payments"},
    ]
    foreseen = roster(users, "--check")
    assert foreseen["rc"] == 0, foreseen["stdout"]
    assert foreseen["result"] == {"added": ["acme", "payments"], "changed": [], "removed": [], "expiring": []}
    assert aws("transfer").list_users(ServerId=gateway["ServerId"])["Users"] == []
    assert aws("s3").list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0

    made = roster(users)
    assert made["rc"] == 0, made["stdout"]
    assert made["result"] == foreseen["result"]
    assert keys_in_bucket(aws) == ["archive/payments/", "home/acme/"]
    acme = aws("transfer").describe_user(ServerId=gateway["ServerId"], UserName="acme")["User"]
    assert acme["HomeDirectoryType"] == "LOGICAL"
    assert [(m["Entry"], m["Target"]) for m in acme["HomeDirectoryMappings"]] == [("/", f"/{BUCKET}/home/acme")]
    assert len(acme["SshPublicKeys"]) == 2
    assert acme["Tags"] == [{"Key": "partner", "Value": "Acme Corp"}]

    for options in (["--check"], []):
        again = roster(users, *options)
        assert again["rc"] == 0, again["stdout"]
        assert again["changed"] == []
        assert again["result"] == {"added": [], "changed": [], "removed": [], "expiring": []}

    # Removed by hand: the one comes back, of the other only the marker is gone.
    aws("s3").put_object(Bucket=BUCKET, Key="archive/payments/today.csv", Body=b"1")
    for key in ("home/acme/", "archive/payments/"):
        aws("s3").delete_object(Bucket=BUCKET, Key=key)
    for options, changed in ((["--check"], [HOMES]), ([], [HOMES])):
        mended = roster(users, *options)
        assert mended["changed"] == changed, mended["stdout"]
        assert mended["result"] == {"added": [], "changed": [], "removed": [], "expiring": []}
    assert keys_in_bucket(aws) == ["archive/payments/today.csv", "home/acme/"]

    users[0]["ssh_public_keys"] = [NEW.line]
    users[1] = {"name": "payments", "state": "absent"}
    users.append({"name": "orders"})
    moved = roster(users)
    assert moved["result"] == {"added": ["orders"], "changed": ["acme"], "removed": ["payments"], "expiring": []}
    acme = aws("transfer").describe_user(ServerId=gateway["ServerId"], UserName="acme")["User"]
    assert [key["SshPublicKeyBody"].split()[1] for key in acme["SshPublicKeys"]] == [NEW.blob]
    assert keys_in_bucket(aws) == ["archive/payments/today.csv", "home/acme/", "home/orders/"]
    assert roster(users)["changed"] == []


def test_the_session_policy_fences_in_and_keys_left_out_are_left_alone(
    roster: Any, gateway: dict[str, str], aws: Callable[[str], Any]
) -> None:
    def acme() -> Any:
        return aws("transfer").describe_user(ServerId=gateway["ServerId"], UserName="acme")["User"]

    assert roster([{"name": "acme", "ssh_public_keys": [OLD.line, RSA.line]}])["rc"] == 0
    statements = {statement["Sid"]: statement for statement in json.loads(acme()["Policy"])["Statement"]}
    assert all(statement["Effect"] == "Allow" for statement in statements.values())
    assert statements["ListHome"]["Resource"] == f"arn:aws:s3:::{BUCKET}"
    assert statements["ListHome"]["Condition"] == {"StringLike": {"s3:prefix": ["home/acme/", "home/acme/*"]}}
    assert statements["UseHome"]["Resource"] == f"arn:aws:s3:::{BUCKET}/home/acme/*"
    assert statements["UseKey"]["Resource"] == KEY_ARN

    assert roster([{"name": "acme"}], transfer_users_session_policy=False)["result"]["changed"] == ["acme"]
    assert not acme().get("Policy")
    assert len(acme()["SshPublicKeys"]) == 2

    emptied = roster([{"name": "acme", "ssh_public_keys": []}], transfer_users_session_policy=False)
    assert emptied["result"]["changed"] == ["acme"]
    assert not acme().get("SshPublicKeys")


CSV = """name;state;tags;ssh_public_key;not_after
acme;;partner=Acme Corp|unit=payments;{old};{soon}
acme;;;{rsa};
orders;absent;;;
"""


def test_more_users_come_from_a_file_and_who_is_in_neither_goes_if_asked(
    roster: Any, gateway: dict[str, str], aws: Callable[[str], Any], tmp_path: Path
) -> None:
    soon = (datetime.now(timezone.utc) + timedelta(days=7)).date().isoformat()
    file = tmp_path / "partners.csv"
    file.write_text(CSV.format(old=OLD.line, rsa=RSA.line, soon=soon))
    for name in ("orders", "rates"):
        aws("transfer").create_user(ServerId=gateway["ServerId"], UserName=name, Role=examples.ROLE)
    options = {"transfer_users_file": str(file), "transfer_users_purge": True}
    bounded = roster([{"name": "payments"}], **options, transfer_users_max_removals=0)
    assert bounded["rc"] != 0
    assert "purge would remove 1 of the 2 users of the server (rates)" in bounded["stdout"]

    done = roster([{"name": "payments"}], **options)
    assert done["rc"] == 0, done["stdout"]
    result = done["result"]
    assert (result["added"], result["changed"], result["removed"]) == (["acme", "payments"], [], ["orders", "rates"])
    assert [(key["user_name"], key["fingerprint"]) for key in result["expiring"]] == [("acme", OLD.fingerprint)]
    acme = aws("transfer").describe_user(ServerId=gateway["ServerId"], UserName="acme")["User"]
    assert len(acme["SshPublicKeys"]) == 2
    assert {tag["Key"]: tag["Value"] for tag in acme["Tags"]} == {"partner": "Acme Corp", "unit": "payments"}

    yaml = tmp_path / "partners.yml"
    yaml.write_text(f"- name: acme\n  ssh_public_keys: [{{body: {OLD.line}, not_after: 2025-06-30}}]\n")
    rotated = roster([{"name": "payments"}], transfer_users_file=str(yaml))
    assert rotated["result"]["changed"] == ["acme"], rotated["stdout"]
    assert not aws("transfer").describe_user(ServerId=gateway["ServerId"], UserName="acme")["User"]["SshPublicKeys"]
    yaml.write_text("- name: acme\n  key: x\n")
    assert "Supported parameters include: home, name" in roster([], transfer_users_file=str(yaml))["stdout"]
    file.write_text("name;key\nacme;x\n")
    assert "column 'key' is none of name, home" in roster([], transfer_users_file=str(file))["stdout"]


BAD: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "names acme more than once": ([{"name": "acme"}, {"name": "acme"}], {}),
    "no path within the bucket: /home/acme, home/../payments, home/*.": (
        [{"name": name, "home": home} for name, home in zip(NAMES, ("/home/acme", "home/../payments", "home/*"))],
        {},
    ),
    "transfer_users_server_id is empty": ([{"name": "acme"}], {"gateway_outputs": {}}),
    "transfer_users_prefix ('home')": ([{"name": "acme"}], {"transfer_users_prefix": "home"}),
    "transfer_users_prefix ('ho*/')": ([{"name": "acme"}], {"transfer_users_prefix": "ho*/"}),
    "Supported parameters include: home, name": ([{"name": "acme", "key": "x"}], {}),
    "ssh_public_keys[0]: RSA of 1024 bits is too weak": (
        [{"name": "acme"}, {"name": "orders", "ssh_public_keys": [examples.RSA_1024.line]}, {"name": "x"}],
        {},
    ),
}


@pytest.mark.parametrize("reason", BAD)
def test_a_bad_roster_changes_nothing(
    roster: Any, gateway: dict[str, str], aws: Callable[[str], Any], reason: str
) -> None:
    users, variables = BAD[reason]
    report = roster(users, **variables)
    assert report["rc"] != 0
    assert reason in report["stdout"]
    assert aws("transfer").list_users(ServerId=gateway["ServerId"])["Users"] == []
    assert report["changed"] == []
