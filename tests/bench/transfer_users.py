# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many users with two keys each: created, run again unchanged, one key of each rotated; three ways, on a lab.

    PYTHONPATH=tests .venv/bin/python tests/bench/transfer_users.py

prints a table: wall time, API calls and peak memory (of the largest process) of the module transfer_users, of
transfer_user in a loop, both run by ansible-playbook, and of boto3 written by hand, one call after another. The ways
take turns, each round on new servers; figures are medians, ratios are of medians. The loop is slow and runs for fewer
users (--loop-users) and rounds (--loop-rounds); its time and calls are then scaled up, which is marked. With
--loop-users 1000 nothing is scaled, and a round of it takes half an hour. --latency adds a delay to each call, as a
network has. --unchanged N lastly runs the bulk module on N users with a key each, of which none changes. The table
ends with how busy the machine was, which says whether anything else ran.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from typing import NamedTuple

import boto3
from botocore.config import Config
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from integration.conftest import Lab
from integration.conftest import connect
from integration.conftest import lab_command
from integration.support import CHECKOUT
from integration.support import PYTHON
from integration.support import Faults

ROLE = "arn:aws:iam::123456789012:role/sftp-users"
SCENARIOS = ("created", "unchanged", "one key rotated")

# What somebody writes who has no module: list, then one user after another; adds what is missing, removes the rest.
BY_HAND = """
import json, sys, boto3
server, users = json.load(open(sys.argv[1]))
transfer = boto3.client("transfer")
pages = transfer.get_paginator("list_users").paginate(ServerId=server, PaginationConfig={"PageSize": 1000})
there = {user["UserName"] for page in pages for user in page["Users"]}
for user in users:
    name, role, keys = user["user_name"], user["role"], user["ssh_public_keys"]
    held = {}
    if name in there:
        described = transfer.describe_user(ServerId=server, UserName=name)["User"]
        held = {key["SshPublicKeyBody"].split()[1]: key["SshPublicKeyId"] for key in described["SshPublicKeys"]}
        if described["Role"] != role:
            transfer.update_user(ServerId=server, UserName=name, Role=role)
    else:
        transfer.create_user(ServerId=server, UserName=name, Role=role)
    for key in keys:
        if key.split()[1] not in held:
            transfer.import_ssh_public_key(ServerId=server, UserName=name, SshPublicKeyBody=key)
    for blob in held.keys() - {key.split()[1] for key in keys}:
        transfer.delete_ssh_public_key(ServerId=server, UserName=name, SshPublicKeyId=held[blob])
"""


class Figures(NamedTuple):
    seconds: float
    calls: float
    megabytes: float


def new_key(comment: str) -> str:
    public = Ed25519PrivateKey.generate().public_key()
    line = public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return f"{line.decode()} {comment}"


def new_users(count: int) -> list[dict[str, Any]]:
    names = [f"partner-{number:05}" for number in range(count)]
    return [{"user_name": name, "role": ROLE, "ssh_public_keys": [new_key(name), new_key(name)]} for name in names]


def rotated(users: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**user, "ssh_public_keys": [user["ssh_public_keys"][0], new_key(user["user_name"])]} for user in users]


def measured(lab: Lab, directory: Path, command: list[str]) -> Figures:
    faults = Faults(lab)
    faults.count_from_now()
    began = time.monotonic()
    with (directory / "output").open("w") as output:
        process = subprocess.Popen(command, env=lab.env, cwd=directory, stdout=output, stderr=output)
        _pid, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command} failed:\n{(directory / 'output').read_text()[-4000:]}")
    return Figures(seconds, sum(faults.calls().values()), usage.ru_maxrss / 1024)


def playbook(lab: Lab, directory: Path, task: dict[str, Any], users: list[dict[str, Any]]) -> Figures:
    (directory / "users.json").write_text(json.dumps({"users": users}))
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
        "vars_files": ["users.json"],
        "tasks": [task],
    }
    (directory / "playbook.yml").write_text(json.dumps([play]))
    return measured(lab, directory, [str(CHECKOUT / ".venv/bin/ansible-playbook"), "playbook.yml"])


def bulk(lab: Lab, directory: Path, server: str, users: list[dict[str, Any]]) -> Figures:
    options = {"server_id": server, "users": "{{ users }}", "defaults": {"purge_ssh_public_keys": True}}
    return playbook(lab, directory, {"mft.aws.transfer_users": options}, users)


def loop(lab: Lab, directory: Path, server: str, users: list[dict[str, Any]]) -> Figures:
    options = {name: f"{{{{ item.{name} }}}}" for name in ("user_name", "role", "ssh_public_keys")}
    options |= {"server_id": server, "purge_ssh_public_keys": "true"}
    task = {"mft.aws.transfer_user": options, "loop": "{{ users }}", "loop_control": {"label": "{{ item.user_name }}"}}
    return playbook(lab, directory, task, users)


def by_hand(lab: Lab, directory: Path, server: str, users: list[dict[str, Any]]) -> Figures:
    (directory / "by_hand.json").write_text(json.dumps([server, users]))
    return measured(lab, directory, [str(PYTHON), "-c", BY_HAND, "by_hand.json"])


Way = Callable[[Lab, Path, str, list[dict[str, Any]]], Figures]
WAYS: dict[str, Way] = {"transfer_users": bulk, "transfer_user in a loop": loop, "boto3 by hand": by_hand}


def client_of(lab: Lab) -> Any:
    return boto3.client(
        "transfer",
        endpoint_url=lab.endpoint_url,
        region_name=lab.region,
        aws_access_key_id=lab.env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=lab.env["AWS_SECRET_ACCESS_KEY"],
        config=Config(read_timeout=600),
    )


def compare(lab: Lab, directory: Path, options: argparse.Namespace) -> dict[tuple[str, str], list[Figures]]:
    """The figures of each way and scenario, one a round, scaled to all users."""
    found: dict[tuple[str, str], list[Figures]] = {(way, scenario): [] for way in WAYS for scenario in SCENARIOS}
    transfer = client_of(lab)
    for number in range(options.rounds):
        for way, run in WAYS.items():
            if run is loop and number >= options.loop_rounds:
                continue
            count = options.loop_users if run is loop else options.users
            users = new_users(count)
            server = transfer.create_server(IdentityProviderType="SERVICE_MANAGED")["ServerId"]
            # What ansible-playbook takes for no user at all is not scaled up.
            idle = run(lab, directory, server, []).seconds if run is loop else 0.0
            for scenario in SCENARIOS:
                users = rotated(users) if scenario == "one key rotated" else users
                figures = run(lab, directory, server, users)
                scale = options.users / count
                seconds = idle + (figures.seconds - idle) * scale
                found[way, scenario].append(Figures(seconds, figures.calls * scale, figures.megabytes))
                print(f"round {number + 1}: {way}, {count} {scenario}: {figures.seconds:.1f} s", file=sys.stderr)
            transfer.delete_server(ServerId=server)
    return found


def unchanged(lab: Lab, directory: Path, count: int) -> Figures:
    transfer = client_of(lab)
    server = transfer.create_server(IdentityProviderType="SERVICE_MANAGED")["ServerId"]
    users = [{**user, "ssh_public_keys": user["ssh_public_keys"][:1]} for user in new_users(count)]

    def create(user: dict[str, Any]) -> None:
        transfer.create_user(
            ServerId=server, UserName=user["user_name"], Role=ROLE, SshPublicKeyBody=user["ssh_public_keys"][0]
        )

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(create, users))
    figures = bulk(lab, directory, server, users)
    transfer.delete_server(ServerId=server)
    return figures


def table(found: dict[tuple[str, str], list[Figures]], options: argparse.Namespace) -> str:
    scaled = options.loop_rounds > 0 and options.loop_users != options.users
    lines = [
        f"{options.users} users with 2 keys, {options.latency * 1000:g} ms added to each call,"
        f" median of {options.rounds} ({min(options.loop_rounds, options.rounds)} of the loop)"
        + (f"; (*) measured on {options.loop_users} users and scaled." if scaled else "."),
        "",
        "| | way | seconds | API calls | peak MB | time ÷ transfer_users |",
        "|---|---|--:|--:|--:|--:|",
    ]
    for scenario in SCENARIOS:
        medians = {
            way: Figures(*(statistics.median(values) for values in zip(*found[way, scenario], strict=True)))
            for way in WAYS
            if found[way, scenario]
        }
        for way, figures in medians.items():
            mark = " (*)" if WAYS[way] is loop and scaled else ""
            ratio = figures.seconds / medians["transfer_users"].seconds
            lines.append(
                f"| {scenario} | {way}{mark} | {figures.seconds:.1f} | {figures.calls:.0f} | {figures.megabytes:.0f}"
                f" | {ratio:.1f} |"
            )
    load = ", ".join(f"{average:.1f}" for average in os.getloadavg())
    return "\n".join([*lines, "", f"{os.cpu_count()} CPUs, load averages of 1, 5 and 15 minutes at the end: {load}."])


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the ways to make many Transfer users")
    parser.add_argument("--users", type=int, default=1000)
    parser.add_argument("--loop-users", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--loop-rounds", type=int, default=3, help="0 to leave the loop out")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds added to each call")
    parser.add_argument("--unchanged", type=int, default=10000, help="0 to leave it out")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mft-bench-") as name:
        directory = Path(name)
        lab_command(directory / "lab", "up")
        try:
            lab = connect(directory / "lab")
            if options.latency:
                Faults(lab).set({"operation": "*", "kind": "delay", "every": 1, "seconds": options.latency})
            if options.rounds:
                print(table(compare(lab, directory, options), options), flush=True)
            if options.unchanged:
                Faults(lab).clear()
                figures = unchanged(lab, directory, options.unchanged)
                print(
                    f"\ntransfer_users, {options.unchanged} users with a key, unchanged: {figures.seconds:.1f} s,"
                    f" {figures.calls:.0f} API calls, {figures.megabytes:.0f} MB"
                )
        finally:
            lab_command(directory / "lab", "down")


if __name__ == "__main__":
    main()
