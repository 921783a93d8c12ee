# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A roster as a whole: defaults, problems, bounds, and that its plan leads where it should."""

from __future__ import annotations

import string
from datetime import datetime
from datetime import timezone
from typing import Any

import pytest
from ansible_collections.mft.aws.plugins.module_utils._transfer.roster import limit_problems
from ansible_collections.mft.aws.plugins.module_utils._transfer.roster import most_removals
from ansible_collections.mft.aws.plugins.module_utils._transfer.roster import plan_roster
from ansible_collections.mft.aws.plugins.module_utils._transfer.roster import read_roster
from ansible_collections.mft.aws.plugins.module_utils._transfer.roster import removal_problems
from ansible_collections.mft.aws.plugins.module_utils._transfer.roster import roster_diff
from ansible_collections.mft.aws.plugins.module_utils._transfer.roster import roster_result
from ansible_collections.mft.aws.plugins.module_utils._transfer.roster import with_defaults
from ansible_collections.mft.aws.plugins.module_utils._transfer.ssh_keys import parse_public_key
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import HomeMapping
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import ImportedKey
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import User
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import WantedUser
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import planned_user
from hypothesis import given
from hypothesis import strategies as st

from unit.module_utils.transfer import examples

NOW = datetime(2026, 6, 30, 12, tzinfo=timezone.utc)
MAPPINGS = [{"entry": "/", "target": "/bank/home/${Transfer:UserName}"}]
KEYS = tuple(parse_public_key(example.line) for example in examples.ACCEPTED)
DEFAULTS = {"role": examples.ROLE, "home_directory_mappings": MAPPINGS, "tags": {"managed-by": "ansible"}}


def params(users: list[dict[str, Any]], **given: Any) -> dict[str, Any]:
    limits = {"max_removals": "10%", "concurrency": 8, "rate": None}
    return {"users": users, "defaults": None, "duplicate_keys": "fail", "expiring_days": 30, **limits, **given}


def test_a_user_takes_from_the_defaults_what_it_does_not_say() -> None:
    assert with_defaults({"user_name": "acme", "role": None}, DEFAULTS) == {
        "user_name": "acme",
        "purge_ssh_public_keys": False,
        "purge_tags": True,
        **DEFAULTS,
    }


def test_tags_are_merged_and_a_home_is_taken_as_a_whole() -> None:
    own = {"user_name": "acme", "home_directory": "/bank/acme", "tags": {"managed-by": "hand", "partner": "acme"}}
    merged = with_defaults(own, DEFAULTS)
    assert merged["tags"] == {"managed-by": "hand", "partner": "acme"}
    assert "home_directory_mappings" not in merged


def test_the_default_home_is_each_users_own() -> None:
    wanted, problems, warnings = read_roster(
        params([{"user_name": "acme"}, {"user_name": "orders"}], defaults=DEFAULTS), NOW
    )
    assert (problems, warnings) == ([], [])
    assert [user.home_directory_mappings for user in wanted] == [
        (HomeMapping("/", "/bank/home/acme"),),
        (HomeMapping("/", "/bank/home/orders"),),
    ]


def test_every_problem_of_every_user_is_found() -> None:
    old, new = examples.ED25519.line, examples.ED25519_NEW.line
    users = [
        {"user_name": "acme", "role": "x", "ssh_public_keys": [old]},
        {"user_name": "acme", "ssh_public_keys": [old]},
        {"user_name": "orders", "ssh_public_keys": [{"body": old, "not_before": "2096-01-01"}, new]},
        {"user_name": "rates", "ssh_public_keys": [{"body": new, "not_after": "2025-01-01"}]},
        {"user_name": "gone", "state": "absent", "ssh_public_keys": [old]},
        {"user_name": "x"},
    ]
    _wanted, problems, warnings = read_roster(params(users), NOW)
    assert [problem.split(":")[0] for problem in problems] == [
        "user acme",
        "user x",
        "users names acme 2 times",
        "key SHA256",
    ]
    assert "is given to acme, orders" in problems[-1]
    assert warnings == []
    _wanted, problems, warnings = read_roster(params(users, duplicate_keys="warn"), NOW)
    assert (len(problems), len(warnings)) == (3, 1)


def test_names_that_differ_in_case_alone_are_warned_of() -> None:
    _wanted, problems, warnings = read_roster(params([{"user_name": name} for name in ("acme", "ACME", "orders")]), NOW)
    assert problems == []
    (warning,) = warnings
    assert "ACME and acme" in warning


@pytest.mark.parametrize(
    ("limit", "value"),
    [("max_removals", bad) for bad in ("-1", "", "101%", "a few", "5.5%", "%")]
    + [("concurrency", 0), ("concurrency", 65), ("rate", 0.0), ("rate", -1.0), ("rate", float("nan"))]
    + [("expiring_days", -1), ("expiring_days", 10**12)],
)
def test_limits_that_are_none_are_told(limit: str, value: Any) -> None:
    (problem,) = limit_problems(params([], **{limit: value}))
    assert problem.startswith(limit)
    assert limit_problems(params([], max_removals="100%", rate=0.1)) == []


@pytest.mark.parametrize(
    ("bound", "held", "most"),
    [
        ("0", 10, 0),
        ("3", 2, 3),
        ("10%", 0, 0),
        ("10%", 1, 0),  # less than all is never all
        ("99%", 2, 1),
        ("100%", 1, 1),
        ("10%", 10, 1),
        ("10%", 11, 2),
        ("0%", 99, 0),
        ("100%", 7, 7),
    ],
)
def test_how_many_may_go(bound: str, held: int, most: int) -> None:
    assert most_removals(bound, held) == most
    names = [f"partner-{number:04}" for number in range(most + 1)]
    assert removal_problems(names[:most], held, bound) == []
    assert f"purge would remove {most + 1} of the {held} users" in removal_problems(names, held, bound)[0]


def test_a_long_list_of_names_is_cut() -> None:
    (problem,) = removal_problems([f"partner-{number:04}" for number in range(500)], 500, "0")
    assert "partner-0019 and 480 more" in problem


names = st.text(string.ascii_lowercase, min_size=3, max_size=4)
tags = st.dictionaries(st.sampled_from(["partner", "unit"]), st.sampled_from(["acme", "orders"]))
some_keys = st.lists(st.sampled_from(KEYS), unique=True, max_size=4).map(tuple)
wishes = st.builds(
    WantedUser,
    user_name=names,
    present=st.sampled_from([True, True, False]),
    role=st.sampled_from([examples.ROLE, examples.ROLE + "-2"]),
    tags=st.none() | tags,
    purge_tags=st.booleans(),
    ssh_public_keys=st.none() | some_keys,
    purge_ssh_public_keys=st.booleans(),
)
states = st.builds(
    User,
    user_name=names,
    role=st.just(examples.ROLE),
    tags=tags,
    ssh_public_keys=some_keys.map(lambda keys: tuple(ImportedKey(key, f"key-{n}") for n, key in enumerate(keys))),
)
rosters = st.lists(wishes, unique_by=lambda user: user.user_name, max_size=6)
servers = st.lists(states, unique_by=lambda user: user.user_name, max_size=6).map(
    lambda users: {user.user_name: user for user in users}
)


def surplus(wanted: list[WantedUser], held: dict[str, User]) -> dict[str, User]:
    return {name: user for name, user in held.items() if name not in {user.user_name for user in wanted}}


def applied(wanted: list[WantedUser], held: dict[str, User], purge: bool) -> dict[str, User]:
    after = dict(held)
    for step in plan_roster(wanted, held, surplus(wanted, held) if purge else {}):
        user = planned_user(step.plan, step.wanted, step.current)
        after.pop(step.user_name, None)
        if user is not None:
            after[step.user_name] = user
    return after


@given(rosters, servers, st.booleans())
def test_the_plan_leads_to_the_roster(wanted: list[WantedUser], held: dict[str, User], purge: bool) -> None:
    after = applied(wanted, held, purge)
    present = {user.user_name for user in wanted if user.present}
    absent = {user.user_name for user in wanted if not user.present}
    assert set(after) == present | (set() if purge else set(held) - absent)
    for user in wanted:
        if user.present:
            keys = {key.key for key in after[user.user_name].ssh_public_keys}
            assert after[user.user_name].role == user.role
            assert set(user.ssh_public_keys or ()) <= keys
            if user.ssh_public_keys is not None and user.purge_ssh_public_keys:
                assert keys == set(user.ssh_public_keys)
    if not purge:
        assert surplus(wanted, after) == surplus(wanted, held)


@given(rosters, servers, st.booleans())
def test_from_there_nothing_is_left_to_do(wanted: list[WantedUser], held: dict[str, User], purge: bool) -> None:
    after = applied(wanted, held, purge)
    steps = plan_roster(wanted, after, surplus(wanted, after) if purge else {})
    assert not any(step.plan for step in steps)
    assert roster_diff(steps) == {"before": {}, "after": {}}
    assert roster_result(steps, {})["unchanged"] == len(wanted)


@given(rosters, rosters, st.booleans())
def test_any_roster_follows_any_other(one: list[WantedUser], other: list[WantedUser], purge: bool) -> None:
    after = applied(other, applied(one, {}, purge), purge)
    assert applied(other, after, purge) == after


@given(rosters, servers, st.booleans())
def test_the_diff_and_the_result_name_exactly_what_changes(
    wanted: list[WantedUser], held: dict[str, User], purge: bool
) -> None:
    steps = plan_roster(wanted, held, surplus(wanted, held) if purge else {})
    diff, result = roster_diff(steps), roster_result(steps, {})
    before, after = set(diff["before"]), set(diff["after"])
    assert (sorted(after - before), sorted(before - after)) == (result["created"], result["deleted"])
    assert sorted(before & after) == result["updated"]
    assert list(diff["after"]) == sorted(diff["after"])
    assert all(diff["before"][name] != diff["after"][name] for name in before & after)
    assert sum(len(result[kind]) for kind in ("created", "updated", "deleted")) + result["unchanged"] == len(steps)
