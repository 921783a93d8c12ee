# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.mft.aws.plugins.module_utils._transfer.options import read_user
from ansible_collections.mft.aws.plugins.module_utils._transfer.options import server_id_problems
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import HomeMapping

from unit.module_utils.transfer import examples

POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}


def options(**given: Any) -> dict[str, Any]:
    return {"user_name": "acme", "state": "present", **given}


def test_good_options_have_no_problems_and_are_read() -> None:
    wanted, problems = read_user(
        options(
            role=examples.ROLE,
            home_directory_mappings=[{"entry": "/", "target": "/bank/home/${Transfer:UserName}", "type": "DIRECTORY"}],
            policy=json.dumps(POLICY, indent=2),
            posix_profile={"uid": 5001, "gid": 0, "secondary_gids": [7, 5, 7]},
            tags={"partner": "acme", "since": 2019, "pci": True},
            ssh_public_keys=[
                examples.ED25519.line,
                examples.ED25519.line.replace("ops", "dev"),
                examples.RSA_2048.line,
            ],
        )
    )
    assert problems == []
    assert wanted.home_directory_type == "LOGICAL"
    assert wanted.home_directory_mappings == (HomeMapping("/", "/bank/home/acme"),)
    assert wanted.policy == json.dumps(POLICY, separators=(",", ":"))
    assert wanted.posix_profile is not None
    assert wanted.posix_profile.secondary_gids == (5, 7)
    assert wanted.tags == {"partner": "acme", "since": "2019", "pci": "True"}
    assert [key.type for key in wanted.ssh_public_keys or ()] == ["ssh-ed25519", "ssh-rsa"]


def test_entries_that_only_begin_alike_do_not_overlap() -> None:
    mappings = [{"entry": entry, "target": "/a"} for entry in ("/in", "/in-2", "/inbox/x")]
    assert read_user(options(home_directory_mappings=mappings))[1] == []


def test_an_empty_home_directory_means_none() -> None:
    wanted, problems = read_user(options(home_directory=""))
    assert (wanted.home_directory, problems) == ("", [])


@pytest.mark.parametrize("empty", ["", "  ", "{}"])
def test_an_empty_policy_means_none(empty: str) -> None:
    wanted, problems = read_user(options(policy=empty))
    assert (wanted.policy, problems) == ("", [])


def test_the_spacing_of_a_policy_does_not_count() -> None:
    spaced = json.dumps(POLICY, indent=400)
    assert len(spaced) > 2048
    assert read_user(options(policy=spaced))[1] == []


@pytest.mark.parametrize("name", ["abc", "_acme", "ops@acme.example", "a-b", "A" * 100, "007"])
def test_names_that_transfer_takes(name: str) -> None:
    assert read_user({"user_name": name})[1] == []


@pytest.mark.parametrize("name", ["", "ab", "A" * 101, "-acme", ".acme", "@acme", "acme corp", "añb", "acme\n", "root"])
def test_names_that_transfer_refuses(name: str) -> None:
    (problem,) = read_user({"user_name": name})[1]
    assert repr(name) in problem


@pytest.mark.parametrize("server", ["", "s-1", "s-0123456789abcdefg", "S-0123456789abcdef0", "s-0123456789abcdef00"])
def test_server_ids_that_are_none(server: str) -> None:
    assert repr(server) in server_id_problems(server)[0]
    assert server_id_problems(examples.SERVER) == []


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"role": "sftp-users"}, "role 'sftp-users' is no role ARN"),
        ({"role": "arn:aws:iam::123456789012:user/acme"}, "is no role ARN"),
        ({"role": "arn:aws:iam::1234:role/sftp"}, "is no role ARN"),
        ({"home_directory": "bank/acme"}, "home_directory 'bank/acme' is not absolute"),
        ({"home_directory": "/" + "a" * 1024}, "home_directory is 1025 characters: 1024 is the most"),
        ({"home_directory_mappings": []}, "home_directory_mappings is empty"),
        (
            {"home_directory_type": "PATH", "home_directory_mappings": [{"entry": "/", "target": "/bank"}]},
            "need home_directory_type LOGICAL, not PATH",
        ),
        (
            {"home_directory_mappings": [{"entry": "/in", "target": "/a"}, {"entry": "/in", "target": "/b"}]},
            "home_directory_mappings maps '/in' twice",
        ),
        (
            {"home_directory_mappings": [{"entry": "/", "target": "/a"}, {"entry": "/in", "target": "/b"}]},
            "home_directory_mappings overlap: '/in' is within '/'",
        ),
        (
            {
                "home_directory_mappings": [
                    {"entry": entry, "target": "/a"} for entry in ("/in/x", "/in-2", "/in", "/other")
                ]
            },
            "home_directory_mappings overlap: '/in/x' is within '/in'",
        ),
        (
            {"home_directory_mappings": [{"entry": "/", "target": "/bank/acme/"}]},
            "home_directory_mappings[0].target '/bank/acme/' ends with a slash",
        ),
        (
            {"home_directory_mappings": [{"entry": "in", "target": "a"}]},
            "home_directory_mappings[0].target 'a' is not absolute",
        ),
        ({"policy": "{"}, "policy is not JSON"),
        ({"policy": "[]"}, "policy has no Statement"),
        ({"policy": '{"Version": "2012-10-17"}'}, "policy has no Statement"),
        ({"policy": json.dumps({"Statement": ["x" * 2048]})}, "characters without spacing: 2048 is the most"),
        ({"posix_profile": {"uid": -1, "gid": 0}}, "posix_profile.uid -1 is out of range"),
        ({"posix_profile": {"uid": 0, "gid": 2**32}}, "posix_profile.gid 4294967296 is out of range"),
        (
            {"posix_profile": {"uid": 0, "gid": 0, "secondary_gids": list(range(17))}},
            "posix_profile.secondary_gids are 17",
        ),
        ({"tags": {"aws:owner": "x"}}, "'aws:' is for AWS alone"),
        ({"tags": {"": "x"}}, "key '' is 0 characters"),
        ({"tags": {"partner": None}}, "'partner' has no value"),
        ({"tags": {"k": "v" * 257}}, "the value of 'k' is 257 characters"),
        ({"tags": {f"k{n}": "v" for n in range(51)}}, "tags are 51: 50 is the most"),
        ({"ssh_public_keys": [examples.ED25519.line, examples.RSA_1024.line]}, "ssh_public_keys[1]: RSA of 1024 bits"),
    ],
)
def test_every_problem_names_user_value_and_rule(given: dict[str, Any], problem: str) -> None:
    found = read_user(options(**given))[1]
    assert any(problem in text and text.startswith("user acme: ") for text in found), found


def test_all_problems_are_found_at_once() -> None:
    found = read_user(
        options(
            user_name="root",
            role="x",
            home_directory="bank",
            policy="{",
            posix_profile={"uid": -1, "gid": -1},
            tags={"aws:x": ""},
            ssh_public_keys=["", "ssh-dss AAAA"],
        )
    )[1]
    assert len(found) == 9


def test_of_an_absent_user_only_the_name_matters() -> None:
    wanted, problems = read_user(options(state="absent", role="x", ssh_public_keys=["junk"]))
    assert (wanted.present, problems) == (False, [])
