# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's Transfer service alone, over real HTTP: pulled plugs, cut connections, many clients at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.exceptions import ConnectionClosedError

TESTS = Path(__file__).resolve().parents[1]
LAB_PYTHON = TESTS.parent / ".venv-lab" / "bin" / "python"
ROLE = "arn:aws:iam::111122223333:role/acme-uploads"


class Running:
    """The service in a process of its own."""

    def __init__(self, database: Path) -> None:
        self._process = subprocess.Popen(
            [LAB_PYTHON, "-m", "lab.transfer.serve", database],
            env={**os.environ, "PYTHONPATH": str(TESTS)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        if not self.url.startswith("http://127.0.0.1:"):
            self.end(signal.SIGKILL)
            pytest.fail("the service did not start, see its output above")

    def client(self, attempts: int = 1) -> Any:
        return boto3.client(
            "transfer",
            endpoint_url=self.url,
            region_name="eu-central-1",
            aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
            aws_secret_access_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            config=Config(retries={"mode": "standard", "total_max_attempts": attempts}, max_pool_connections=16),
        )

    def lab(self, method: str, path: str, content: Any = None) -> Any:
        body = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(f"{self.url}/_lab/{path}", body, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def end(self, sign: signal.Signals) -> None:
        if self._process.poll() is None:
            self._process.send_signal(sign)
        self._process.wait(timeout=20)
        assert self._process.stdout is not None
        self._process.stdout.close()


Start = Callable[[], Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start the service on the test's database; what still runs at the end is ended."""
    started: list[Running] = []

    def begin() -> Running:
        started.append(Running(tmp_path / "transfer.sqlite"))
        return started[-1]

    yield begin
    for running in started:
        if running._process.poll() is None:
            running.end(signal.SIGTERM)


def online(client: Any) -> str:
    server_id: str = client.create_server()["ServerId"]
    deadline = time.monotonic() + 10
    while client.describe_server(ServerId=server_id)["Server"]["State"] != "ONLINE":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return server_id


def test_what_was_answered_survives_a_pulled_plug(start: Start) -> None:
    running = start()
    client = running.client()
    server_id = online(client)
    for number in range(20):
        client.create_user(ServerId=server_id, UserName=f"user-{number:02}", Role=ROLE)
    fingerprint = client.describe_server(ServerId=server_id)["Server"]["HostKeyFingerprint"]
    token = client.list_users(ServerId=server_id, MaxResults=7)["NextToken"]
    running.end(signal.SIGKILL)
    client = start().client()
    server = client.describe_server(ServerId=server_id)["Server"]
    assert (server["State"], server["UserCount"], server["HostKeyFingerprint"]) == ("ONLINE", 20, fingerprint)
    users = client.list_users(ServerId=server_id, NextToken=token)["Users"]
    assert [user["UserName"] for user in users] == [f"user-{number:02}" for number in range(7, 20)]


@pytest.mark.parametrize(("kind", "created"), [("reset_before", False), ("reset_after", True)])
def test_a_cut_connection_is_cut_on_the_wire(start: Start, kind: str, created: bool) -> None:
    running = start()
    client = running.client()
    server_id = online(client)
    running.lab("PUT", "faults", [{"operation": "CreateUser", "kind": kind}])
    with pytest.raises(ConnectionClosedError):
        client.create_user(ServerId=server_id, UserName="acme", Role=ROLE)
    names = [user["UserName"] for user in client.list_users(ServerId=server_id)["Users"]]
    assert names == (["acme"] if created else [])


def test_a_retry_after_an_effect_meets_the_effect(start: Start) -> None:
    running = start()
    server_id = online(running.client())
    running.lab("PUT", "faults", [{"operation": "CreateUser", "kind": "reset_after"}])
    with pytest.raises(ClientError) as caught:
        running.client(attempts=2).create_user(ServerId=server_id, UserName="acme", Role=ROLE)
    assert caught.value.response["Error"]["Code"] == "ResourceExistsException"
    assert running.lab("GET", "calls")["CreateUser"] == 2


def test_one_call_in_five_fails_and_retries_get_all_through(start: Start) -> None:
    running = start()
    server_id = online(running.client())
    running.lab("PUT", "transfer/settings", {"page_size": 7})
    # The first rule that strikes wins: calls 10, 20, … meet the one, 5, 15, … the other.
    rules = [{"kind": "unavailable", "every": 10}, {"kind": "throttle", "every": 5}]
    running.lab("PUT", "faults", rules)
    names = [f"user-{number:02}" for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        client = running.client(attempts=10)
        list(pool.map(lambda name: client.create_user(ServerId=server_id, UserName=name, Role=ROLE), names))
    pages = client.get_paginator("list_users").paginate(ServerId=server_id)
    assert [user["UserName"] for page in pages for user in page["Users"]] == names
    # 40 that succeed and, one in five, 9 that do not.
    assert running.lab("GET", "calls")["CreateUser"] == 49


def test_a_slow_call_does_not_hold_up_the_others(start: Start) -> None:
    running = start()
    client = running.client()
    server_id = online(client)
    running.lab("PUT", "faults", [{"operation": "ListServers", "kind": "delay", "seconds": 3}])
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(client.list_servers)
        begun = time.monotonic()
        while not running.lab("GET", "calls").get("ListServers"):
            time.sleep(0.01)
        client.describe_server(ServerId=server_id)
        assert time.monotonic() - begun < 3
        assert not slow.done()
        assert len(slow.result()["Servers"]) == 1
