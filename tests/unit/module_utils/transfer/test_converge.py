# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever answers get lost: the user becomes what is wanted, and nothing is made twice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.mft.aws.plugins.module_utils._transfer import api
from ansible_collections.mft.aws.plugins.module_utils._transfer import converge
from ansible_collections.mft.aws.plugins.module_utils._transfer import retries
from ansible_collections.mft.aws.plugins.module_utils._transfer.errors import AnsibleTransferError
from ansible_collections.mft.aws.plugins.module_utils._transfer.ssh_keys import parse_public_key
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import WantedUser
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import plan_user
from hypothesis import HealthCheck
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from unit.module_utils.transfer import examples
from unit.module_utils.transfer.fake_transfer import Transfer
from unit.module_utils.transfer.fake_transfer import refusal

OLD, NEW, RSA = (parse_public_key(e.line) for e in (examples.ED25519, examples.ED25519_NEW, examples.RSA_2048))
ORDERS = parse_public_key(examples.ED25519_ORDERS.line)
FIRST = WantedUser("acme", role=examples.ROLE, tags={"partner": "acme", "unit": "old"}, ssh_public_keys=(OLD, RSA))
THEN = WantedUser(
    "acme",
    role=examples.ROLE + "-2",
    tags={"partner": "acme", "since": "2019"},
    ssh_public_keys=(NEW, RSA),
    purge_ssh_public_keys=True,
)
GONE = WantedUser("acme", present=False)


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    delays: list[float] = []
    monkeypatch.setattr(retries.time, "sleep", delays.append)
    return delays


def run(client: Any, wanted: WantedUser, check_mode: bool = False) -> converge.Outcome:
    current = converge.observe_user(client, examples.SERVER, "acme")
    converge.refuse_impossible(client, examples.SERVER, wanted, current)
    return converge.converge_user(client, examples.SERVER, wanted, current, check_mode)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.lists(st.lists(st.sampled_from(["before", "after", "internal", "throttle"]), max_size=3), max_size=10))
def test_lost_answers_are_made_good(bursts: list[list[str]]) -> None:
    # Up to three in a row: a service that never answers is given up on, after five attempts.
    client = Transfer(*(fault for burst in bursts for fault in (*burst, "")))
    for wanted in (FIRST, THEN, GONE):
        outcome = run(client, wanted)
        assert outcome.plan
        assert outcome.warnings == ()
        assert not plan_user(wanted, outcome.after)
        bodies = [key["SshPublicKeyBody"] for key in (client.user or {"SshPublicKeys": []})["SshPublicKeys"]]
        assert len(bodies) == len(set(bodies))


def test_the_first_key_rides_with_the_new_user() -> None:
    client = Transfer()
    run(client, FIRST)
    assert client.calls == ["DescribeUser", "CreateUser", "ImportSshPublicKey", "DescribeUser"]


def test_settings_come_before_keys_and_new_keys_before_old_ones_go() -> None:
    client = Transfer()
    run(client, FIRST)
    client.calls.clear()
    run(client, THEN)
    assert client.calls[1:-1] == [
        "UpdateUser",
        "UntagResource",
        "TagResource",
        "ImportSshPublicKey",
        "DeleteSshPublicKey",
    ]


def bodies(client: Transfer) -> set[str]:
    assert client.user is not None
    return {key["SshPublicKeyBody"] for key in client.user["SshPublicKeys"]}


def test_at_the_limit_of_keys_all_are_rotated_in_one_run_and_one_is_always_there() -> None:
    client = Transfer()
    client.keys_per_user = 2
    run(client, FIRST)
    both_new = replace(THEN, ssh_public_keys=(NEW, ORDERS))
    held: list[int] = []
    deleted = client.delete_ssh_public_key

    def delete_ssh_public_key(**request: Any) -> None:
        deleted(**request)
        held.append(len(bodies(client)))

    client.delete_ssh_public_key = delete_ssh_public_key  # type: ignore[method-assign]
    assert run(client, both_new).warnings == ()
    assert bodies(client) == {NEW.body, ORDERS.body}
    assert held == [1, 1]


def test_below_the_limit_nothing_goes_before_all_new_keys_are_there() -> None:
    client = Transfer()
    client.keys_per_user = 4
    run(client, FIRST)
    client.calls.clear()
    run(client, replace(THEN, ssh_public_keys=(NEW, ORDERS)))
    assert client.calls[-5:-1] == ["ImportSshPublicKey"] * 2 + ["DeleteSshPublicKey"] * 2


@pytest.mark.parametrize(("limit", "purge"), [(1, True), (2, False)])
def test_where_no_room_can_be_made_for_a_key_the_remedy_is_told_and_no_key_is_gone(limit: int, purge: bool) -> None:
    client = Transfer()
    client.keys_per_user = limit
    before = replace(FIRST, ssh_public_keys=(OLD, RSA)[:limit])
    run(client, before)
    with pytest.raises(AnsibleTransferError, match="as many keys as Transfer lets it have: take one away first"):
        run(client, replace(FIRST, ssh_public_keys=(NEW,), purge_ssh_public_keys=purge))
    assert bodies(client) == {key.body for key in (OLD, RSA)[:limit]}


def test_a_user_that_goes_half_way_is_not_told_as_if_nothing_had_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Transfer()
    run(client, FIRST)

    def tag_resource(**_request: Any) -> None:
        client.user = None
        raise refusal("ResourceNotFoundException", "TagResource")

    monkeypatch.setattr(client, "tag_resource", tag_resource)
    with pytest.raises(AnsibleTransferError) as raised:
        run(client, replace(THEN, role=None, tags={"since": "2019"}))
    assert "Nothing was changed" not in raised.value.message
    assert "role is needed to create the user" in raised.value.message


def test_a_check_only_looks() -> None:
    client = Transfer()
    outcome = run(client, FIRST, check_mode=True)
    assert outcome.plan
    assert outcome.after == outcome.planned
    assert client.calls == ["DescribeUser"]


def test_an_unchanged_user_is_described_once() -> None:
    client = Transfer()
    run(client, FIRST)
    client.calls.clear()
    assert not run(client, FIRST).plan
    assert client.calls == ["DescribeUser"]


def test_a_key_may_meet_an_unknown_user_right_after_its_creation(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Transfer()
    refusals = [refusal("ResourceNotFoundException", "ImportSshPublicKey")] * 3
    imported = client.import_ssh_public_key

    def import_ssh_public_key(**request: Any) -> None:
        if refusals:
            raise refusals.pop()
        imported(**request)

    monkeypatch.setattr(client, "import_ssh_public_key", import_ssh_public_key)
    assert len((run(client, FIRST).after or pytest.fail("no user")).ssh_public_keys) == 2


def test_a_user_that_is_not_seen_for_a_moment_is_not_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Transfer()
    run(client, FIRST)
    described, updated = client.describe_user, client.update_user
    in_vain: list[int] = []

    def update_user(**request: Any) -> None:
        updated(**request)
        in_vain.extend([1, 1])

    def describe_user(**request: Any) -> Any:
        if in_vain:
            in_vain.pop()
            raise refusal("ResourceNotFoundException", "DescribeUser")
        return described(**request)

    monkeypatch.setattr(client, "update_user", update_user)
    monkeypatch.setattr(client, "describe_user", describe_user)
    outcome = run(client, WantedUser("acme", home_directory="/bank/acme"))
    assert outcome.warnings == ()
    assert outcome.after is not None
    assert outcome.after.home_directory == "/bank/acme"


def test_what_fails_again_and_again_fails_in_the_end(slept: list[float]) -> None:
    client = Transfer(*["internal"] * 100)
    with pytest.raises(AnsibleTransferError, match="Failed to create user acme"):
        run(client, FIRST)
    assert client.user is None
    assert sum(slept) < 60


def test_a_service_that_describes_it_differently_is_warned_about(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Transfer()
    monkeypatch.setattr(client, "tag_resource", lambda **_: None)
    run(client, FIRST)
    (warning,) = run(client, THEN).warnings
    assert "still describes it differently" in warning
    assert "since" in warning


def test_every_page_of_users_is_read_and_a_throttled_one_again(slept: list[float]) -> None:
    pages: list[Any] = [
        {"Users": [{"UserName": "acme"}], "NextToken": "a"},
        refusal("ThrottlingException", "ListUsers"),
        {"Users": [], "NextToken": "b"},
        {"Users": [{"UserName": "payments"}]},
    ]
    asked = []

    class Client:
        def list_users(self, **request: str) -> Any:
            asked.append(request.get("NextToken"))
            answer = pages.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

    assert [user["UserName"] for user in api.list_users(Client(), examples.SERVER)] == ["acme", "payments"]
    assert asked == [None, "a", "a", "b"]
    assert len(slept) == 1
