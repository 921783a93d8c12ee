# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""For any user and any wish: the plan leads to the wish, and from there no plan leads on."""

from __future__ import annotations

import json
from dataclasses import replace

from ansible_collections.mft.aws.plugins.module_utils._transfer.key_dates import DatedKey
from ansible_collections.mft.aws.plugins.module_utils._transfer.options import state_problems
from ansible_collections.mft.aws.plugins.module_utils._transfer.ssh_keys import parse_public_key
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import HomeMapping
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import ImportedKey
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import Plan
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import PosixProfile
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import User
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import WantedUser
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import diff_side
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import plan_user
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import planned_user
from hypothesis import given
from hypothesis import strategies as st

from unit.module_utils.transfer import examples

KEYS = [parse_public_key(example.line) for example in examples.ACCEPTED]


def policy_of(action: str) -> str:
    return json.dumps({"Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]})


roles = st.sampled_from([examples.ROLE, examples.ROLE + "-narrow"])
paths = st.sampled_from(["/bank/home/acme", "/bank/archive/acme", "/in", ""])
mappings = st.lists(
    st.builds(
        HomeMapping,
        st.sampled_from(["/in", "/out", "/archive"]),
        st.sampled_from(["/bank/home/acme", "/bank/home/acme/out", "/bank/${Transfer:UserName}"]),
        st.sampled_from(["DIRECTORY", "FILE"]),
    ),
    unique_by=lambda mapping: mapping.entry,
    min_size=1,
).map(tuple)
policies = st.sampled_from(["", policy_of("s3:GetObject"), policy_of("s3:PutObject")])
profiles = st.none() | st.builds(PosixProfile, st.integers(0, 3), st.integers(0, 3), st.just(()) | st.just((7,)))
tags = st.dictionaries(st.sampled_from(["partner", "unit", "cost"]), st.sampled_from(["acme", "payments", ""]))
imported = st.lists(
    st.builds(
        ImportedKey, st.sampled_from(KEYS), st.integers(0, 99).map("key-{:017d}".format), st.just("2025-01-01T00:00Z")
    ),
    unique_by=lambda key: key.key_id,
    max_size=5,
).map(tuple)

users = st.none() | st.builds(
    User,
    user_name=st.just("acme"),
    arn=st.just("arn:aws:transfer:eu-central-1:123456789012:user/s-0123456789abcdef0/acme"),
    role=roles,
    home_directory_type=st.sampled_from(["PATH", "LOGICAL"]),
    home_directory=st.just("") | paths,
    home_directory_mappings=st.just(()) | mappings,
    policy=policies,
    posix_profile=profiles,
    tags=tags,
    ssh_public_keys=imported,
)
plain_mappings = mappings.map(lambda given: tuple(m for m in given if "$" not in m.target)).filter(bool)
wishes = st.builds(
    WantedUser,
    user_name=st.just("acme"),
    present=st.booleans(),
    role=st.none() | roles,
    home_directory_type=st.sampled_from([None, "PATH", "LOGICAL"]),
    home_directory=st.none() | paths,
    home_directory_mappings=st.none() | plain_mappings,
    policy=st.none() | policies,
    posix_profile=profiles,
    tags=st.none() | tags,
    purge_tags=st.booleans(),
    ssh_public_keys=st.none() | st.lists(st.sampled_from(KEYS), max_size=4, unique=True).map(tuple),
    purge_ssh_public_keys=st.booleans(),
)


def possible(wanted: WantedUser, current: User | None) -> bool:
    mappings_without_logical = wanted.home_directory_mappings is not None and wanted.home_directory_type != "LOGICAL"
    return not mappings_without_logical and not state_problems(wanted, current)


@given(wishes, users)
def test_the_plan_leads_to_the_wish(wanted: WantedUser, current: User | None) -> None:
    if not possible(wanted, current):
        return
    after = planned_user(plan_user(wanted, current), wanted, current)
    assert (after is not None) == wanted.present
    if after is None:
        return
    for setting in ("role", "home_directory_type", "home_directory", "policy", "posix_profile"):
        if getattr(wanted, setting) is not None:
            assert getattr(after, setting) == getattr(wanted, setting), setting
    if wanted.home_directory_mappings is not None:
        assert {(m.entry, m.target.replace("${Transfer:UserName}", "acme")) for m in after.home_directory_mappings} == {
            (m.entry, m.target) for m in wanted.home_directory_mappings
        }
    if wanted.tags is not None:
        assert wanted.tags.items() <= after.tags.items()
        assert not wanted.purge_tags or wanted.tags == after.tags
    if wanted.ssh_public_keys is not None:
        held = [key.key for key in after.ssh_public_keys]
        assert set(wanted.ssh_public_keys) <= set(held)
        if wanted.purge_ssh_public_keys:
            assert sorted(k.fingerprint for k in wanted.ssh_public_keys) == sorted(k.fingerprint for k in held)


@given(wishes, users)
def test_from_there_no_plan_leads_on(wanted: WantedUser, current: User | None) -> None:
    if not possible(wanted, current):
        return
    after = planned_user(plan_user(wanted, current), wanted, current)
    assert plan_user(wanted, after) == Plan()


@given(wishes, users)
def test_a_plan_without_changes_shows_no_difference(wanted: WantedUser, current: User | None) -> None:
    if not possible(wanted, current):
        return
    plan = plan_user(wanted, current)
    after = planned_user(plan, wanted, current)
    assert bool(plan) == (plan != Plan())
    if not plan:
        assert after == current
    else:
        assert diff_side(after) != diff_side(current)


@given(wishes, users)
def test_what_is_not_asked_for_stays(wanted: WantedUser, current: User | None) -> None:
    if current is None or not wanted.present or not possible(wanted, current):
        return
    after = planned_user(plan_user(wanted, current), wanted, current)
    assert after is not None
    for setting in ("role", "policy", "posix_profile", "tags", "ssh_public_keys"):
        if getattr(wanted, setting) is None:
            assert getattr(after, setting) == getattr(current, setting), setting
    assert not any(key.startswith("aws:") for key in plan_user(wanted, current).untag)


def test_the_first_change_of_a_deletion_is_the_deletion() -> None:
    assert plan_user(WantedUser("acme", present=False), User("acme")) == Plan(delete=True)
    assert not plan_user(WantedUser("acme", present=False), None)


def test_creating_sends_no_more_than_was_asked_for() -> None:
    assert plan_user(WantedUser("acme", role=examples.ROLE), None) == Plan(create={"Role": examples.ROLE})
    logical = WantedUser("acme", role=examples.ROLE, home_directory_mappings=(HomeMapping("/", "/bank"),))
    for wanted in (logical, replace(logical, home_directory="", policy="")):
        made = plan_user(replace(wanted, home_directory_type="LOGICAL"), None).create
        assert set(made or {}) == {"Role", "HomeDirectoryType", "HomeDirectoryMappings"}


def test_an_empty_home_directory_takes_away_the_one_that_is_there() -> None:
    here = User("acme", home_directory="/bank/home/acme")
    wanted = WantedUser("acme", home_directory="")
    assert plan_user(wanted, here).update == {"HomeDirectory": "", "HomeDirectoryType": "PATH"}
    assert not plan_user(wanted, replace(here, home_directory=""))


def test_of_the_keys_that_go_those_outside_their_dates_go_first() -> None:
    held = tuple(ImportedKey(key, f"key-{number}") for number, key in enumerate(KEYS[:3]))
    dated = (DatedKey(KEYS[2], None, None, "expired"),)
    wanted = WantedUser("acme", ssh_public_keys=(KEYS[0],), purge_ssh_public_keys=True, dated_keys=dated)
    assert plan_user(wanted, User("acme", ssh_public_keys=held)).delete_keys == (held[2], held[1])
