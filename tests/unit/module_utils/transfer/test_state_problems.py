# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.mft.aws.plugins.module_utils._transfer.options import server_problems
from ansible_collections.mft.aws.plugins.module_utils._transfer.options import state_problems
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import HomeMapping
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import PosixProfile
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import User
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import WantedUser

from unit.module_utils.transfer import examples

IN = HomeMapping("/in", "/bank/home/acme/in")
LOGICAL = User("acme", home_directory_type="LOGICAL", home_directory_mappings=(IN,))
# One of AWS's own, which does not count.
TAGGED = User("acme", tags={"aws:stack": "x", **{str(number): "" for number in range(49)}})
PATH = User("acme", home_directory="/bank/home/acme", home_directory_mappings=(IN,))


@pytest.mark.parametrize(
    ("wanted", "current", "problem"),
    [
        (WantedUser("acme"), None, "role is needed to create the user"),
        (WantedUser("acme", home_directory_type="LOGICAL"), PATH, "LOGICAL needs home_directory_mappings"),
        (WantedUser("acme", home_directory_type="PATH"), LOGICAL, "home_directory is needed"),
        (WantedUser("acme", home_directory="/out"), LOGICAL, "home_directory '/out' is under no entry"),
        (WantedUser("acme", home_directory="/inbox"), LOGICAL, "home_directory '/inbox' is under no entry"),
        (WantedUser("acme", tags={"a": "b", "c": "d"}, purge_tags=False), TAGGED, "tags would be 51: 50 is the most"),
    ],
)
def test_what_the_present_user_rules_out(wanted: WantedUser, current: User | None, problem: str) -> None:
    (found,) = state_problems(wanted, current)
    assert found.startswith("user acme: ")
    assert problem in found


@pytest.mark.parametrize(
    ("wanted", "current"),
    [
        (WantedUser("acme", role=examples.ROLE), None),
        (WantedUser("acme"), LOGICAL),
        (WantedUser("acme", home_directory_type="LOGICAL"), LOGICAL),
        (WantedUser("acme", home_directory="/in/new"), LOGICAL),
        (WantedUser("acme", home_directory="/out", home_directory_mappings=(HomeMapping("/", "/bank"),)), LOGICAL),
        (WantedUser("acme", home_directory_type="PATH", home_directory="/bank"), LOGICAL),
        (WantedUser("acme", present=False), None),
        (WantedUser("acme", home_directory=""), LOGICAL),
        (WantedUser("acme", home_directory_type="PATH", home_directory=""), LOGICAL),
        (WantedUser("acme", tags={"a": "b", "c": "d"}), TAGGED),
        (WantedUser("acme", tags={"0": "b", "a": "d"}, purge_tags=False), TAGGED),
    ],
)
def test_what_it_allows(wanted: WantedUser, current: User | None) -> None:
    assert state_problems(wanted, current) == []


def test_a_server_with_users_of_its_own_is_needed() -> None:
    directory = {"ServerId": examples.SERVER, "IdentityProviderType": "AWS_LAMBDA", "Domain": "S3"}
    (problem,) = server_problems(WantedUser("acme"), directory)
    assert problem.startswith(f"server {examples.SERVER} takes its users from AWS_LAMBDA")
    assert server_problems(WantedUser("acme"), {**directory, "IdentityProviderType": "SERVICE_MANAGED"}) == []


def test_efs_needs_ids() -> None:
    server = {"ServerId": examples.SERVER, "IdentityProviderType": "SERVICE_MANAGED", "Domain": "EFS"}
    assert "posix_profile is needed" in server_problems(WantedUser("acme"), server)[0]
    assert server_problems(WantedUser("acme", posix_profile=PosixProfile(1, 1)), server) == []
