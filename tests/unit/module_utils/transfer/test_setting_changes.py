# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.mft.aws.plugins.module_utils._transfer.users import HomeMapping
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import PosixProfile
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import User
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import WantedUser
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import setting_changes

from unit.module_utils.transfer import examples

PICS = HomeMapping("/pics", "/bank/home/acme/pics")
DOCS = HomeMapping("/docs", "/bank/home/acme/docs")
LOGICAL = User("acme", role=examples.ROLE, home_directory_type="LOGICAL", home_directory_mappings=(PICS, DOCS))
PATH = User("acme", role=examples.ROLE, home_directory="/bank/home/acme")


def test_what_is_not_asked_for_is_left_alone() -> None:
    assert setting_changes(WantedUser("acme"), LOGICAL) == {}
    assert setting_changes(WantedUser("acme"), PATH) == {}


def test_only_what_changes_is_sent() -> None:
    wanted = WantedUser("acme", role=examples.ROLE + "-2", home_directory="/bank/home/acme")
    assert setting_changes(wanted, PATH) == {"Role": examples.ROLE + "-2"}


def test_the_order_of_mappings_is_no_change() -> None:
    wanted = WantedUser("acme", home_directory_type="LOGICAL", home_directory_mappings=(DOCS, PICS))
    assert setting_changes(wanted, LOGICAL) == {}


def test_a_variable_in_a_stored_target_is_no_change() -> None:
    stored = User(
        "acme",
        home_directory_type="LOGICAL",
        home_directory_mappings=(HomeMapping("/", "/bank/home/${Transfer:UserName}"),),
    )
    wanted = WantedUser("acme", home_directory_mappings=(HomeMapping("/", "/bank/home/acme"),))
    assert setting_changes(wanted, stored) == {}


def test_changed_mappings_go_with_their_type() -> None:
    wanted = WantedUser("acme", home_directory_mappings=(PICS,))
    assert setting_changes(wanted, LOGICAL) == {
        "HomeDirectoryType": "LOGICAL",
        "HomeDirectoryMappings": [{"Entry": "/pics", "Target": "/bank/home/acme/pics", "Type": "DIRECTORY"}],
    }


def test_a_mapping_that_becomes_a_file_is_a_change() -> None:
    wanted = WantedUser("acme", home_directory_mappings=(PICS, HomeMapping("/docs", "/bank/home/acme/docs", "FILE")))
    assert setting_changes(wanted, LOGICAL)["HomeDirectoryMappings"][1]["Type"] == "FILE"


def test_from_path_to_logical_all_of_the_home_is_sent() -> None:
    wanted = WantedUser("acme", home_directory_type="LOGICAL", home_directory_mappings=(PICS,))
    assert set(setting_changes(wanted, PATH)) == {"HomeDirectoryType", "HomeDirectoryMappings"}


def test_from_path_to_logical_all_of_the_home_is_sent_though_it_looks_equal() -> None:
    leftover = User("acme", home_directory="/bank", home_directory_mappings=(PICS,))
    wanted = WantedUser("acme", home_directory_type="LOGICAL", home_directory_mappings=(PICS,))
    assert setting_changes(wanted, leftover)["HomeDirectoryMappings"] == [
        {"Entry": "/pics", "Target": "/bank/home/acme/pics", "Type": "DIRECTORY"}
    ]


def test_from_logical_to_path_all_of_the_home_is_sent_though_it_looks_equal() -> None:
    leftover = User("acme", home_directory_type="LOGICAL", home_directory="/bank", home_directory_mappings=(PICS,))
    wanted = WantedUser("acme", home_directory_type="PATH", home_directory="/bank")
    assert setting_changes(wanted, leftover) == {"HomeDirectoryType": "PATH", "HomeDirectory": "/bank"}


def test_an_empty_policy_removes_one_and_none_leaves_it() -> None:
    fenced = User("acme", policy='{"Statement":[]}')
    assert setting_changes(WantedUser("acme", policy=""), fenced) == {"Policy": ""}
    assert setting_changes(WantedUser("acme", policy=None), fenced) == {}
    assert setting_changes(WantedUser("acme", policy=""), User("acme")) == {}


def test_a_posix_profile_is_replaced_as_a_whole() -> None:
    held = User("acme", posix_profile=PosixProfile(5001, 5000, (5010,)))
    assert setting_changes(WantedUser("acme", posix_profile=PosixProfile(5001, 5000, (5010,))), held) == {}
    assert setting_changes(WantedUser("acme", posix_profile=PosixProfile(5001, 5000)), held) == {
        "PosixProfile": {"Uid": 5001, "Gid": 5000, "SecondaryGids": []}
    }
