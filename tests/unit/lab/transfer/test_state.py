# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""State: survives the process, and a call has its whole effect or none."""

from __future__ import annotations

import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from lab.transfer import MemoryEndpoints
from lab.transfer import TransferError
from lab.transfer import TransferService
from unit.lab.transfer.support import ROLE
from unit.lab.transfer.support import Clock


def opened(tmp_path: Path, clock: Clock) -> TransferService:
    return TransferService(tmp_path / "transfer.sqlite", "111122223333", "eu-central-1", MemoryEndpoints(), clock=clock)


def test_everything_is_there_after_a_restart(
    service: TransferService, clock: Clock, user: dict[str, str], new_public_key: Any, tmp_path: Path
) -> None:
    service.call("ImportSshPublicKey", {**user, "SshPublicKeyBody": new_public_key()})
    service.call("CreateUser", {**user, "UserName": "orders", "Role": ROLE})
    service.call("StopServer", {"ServerId": user["ServerId"]})
    asked = (
        ("DescribeServer", {"ServerId": user["ServerId"]}),
        ("DescribeUser", user),
        ("ListUsers", {"ServerId": user["ServerId"], "MaxResults": 1}),
    )
    before = [service.call(*question) for question in asked]
    keys = service.inside_servers()[0]["HostKeys"]
    # Not closed first: a process that is killed does not close either.
    again = opened(tmp_path, clock)
    assert [again.call(*question) for question in asked] == before
    assert again.inside_servers()[0]["HostKeys"] == keys
    token = before[2]["NextToken"]
    rest = again.call("ListUsers", {"ServerId": user["ServerId"], "NextToken": token})["Users"]
    assert [item["UserName"] for item in rest] == ["orders"]
    clock.now += 60
    assert again.call(*asked[0])["Server"]["State"] == "OFFLINE"
    again.close()


def test_the_file_is_nobody_elses(service: TransferService, server_id: str, tmp_path: Path) -> None:
    for path in tmp_path.glob("transfer.sqlite*"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_a_file_of_another_layout_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "transfer.sqlite") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(RuntimeError, match=r"layout 99.*down and up again"):
        opened(tmp_path, Clock())


def test_a_call_that_fails_late_leaves_nothing(
    service: TransferService, server_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    too_many = [{"Key": f"tag{number}", "Value": "x"} for number in range(50)]
    too_many[-1]["Key"] = "aws:reserved"
    with pytest.raises(TransferError):
        service.call("CreateUser", {"ServerId": server_id, "UserName": "acme", "Role": ROLE, "Tags": too_many})
    assert service.call("ListUsers", {"ServerId": server_id})["Users"] == []


def test_threads_do_not_lose_each_others_work(service: TransferService, server_id: str) -> None:
    def create(number: int) -> str:
        identity = {"ServerId": server_id, "UserName": f"user-{number % 20}"}
        try:
            service.call("CreateUser", {**identity, "Role": ROLE})
        except TransferError as error:
            return error.code
        return "created"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(create, range(40)))
    assert outcomes.count("created") == 20
    assert outcomes.count("ResourceExistsException") == 20
    assert service.call("DescribeServer", {"ServerId": server_id})["Server"]["UserCount"] == 20
