# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever answers get lost: the user has the key, or has it no more, and nothing is made twice."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mft.aws.plugins.module_utils._transfer import retries
from ansible_collections.mft.aws.plugins.module_utils._transfer.converge_user_key import KeyOutcome
from ansible_collections.mft.aws.plugins.module_utils._transfer.converge_user_key import converge_user_key
from ansible_collections.mft.aws.plugins.module_utils._transfer.errors import AnsibleTransferError
from ansible_collections.mft.aws.plugins.module_utils._transfer.errors import InvalidOptionsError
from ansible_collections.mft.aws.plugins.module_utils._transfer.ssh_keys import parse_public_key
from ansible_collections.mft.aws.plugins.module_utils._transfer.user_keys import WantedKey
from hypothesis import HealthCheck
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from unit.module_utils.transfer import examples
from unit.module_utils.transfer.fake_transfer import Transfer
from unit.module_utils.transfer.fake_transfer import refusal

OLD, NEW = parse_public_key(examples.ED25519.line), parse_public_key(examples.ED25519_NEW.line)
PRESENT = WantedKey("acme", key=NEW)
ABSENT = WantedKey("acme", present=False, key=NEW)


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    delays: list[float] = []
    monkeypatch.setattr(retries.time, "sleep", delays.append)
    return delays


def service(*faults: str) -> Transfer:
    """A service with the user acme, who has the old key."""
    client = Transfer()
    client.create_user(examples.SERVER, "acme", Role=examples.ROLE, SshPublicKeyBody=OLD.body)
    client.calls.clear()
    client.faults = list(faults)
    return client


def run(client: Any, wanted: WantedKey, check_mode: bool = False) -> KeyOutcome:
    return converge_user_key(client, examples.SERVER, wanted, check_mode)


def bodies(client: Transfer) -> list[str]:
    assert client.user is not None
    return [key["SshPublicKeyBody"] for key in client.user["SshPublicKeys"]]


# Fewer faults than there is patience: a service that never answers is given up on, and the failure is the operator's.
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(st.lists(st.sampled_from(["", "before", "after", "internal", "throttle"]), max_size=4))
def test_lost_answers_are_made_good(faults: list[str]) -> None:
    client = service(*faults)
    for wanted, held in ((PRESENT, [OLD.body, NEW.body]), (ABSENT, [OLD.body])):
        outcome = run(client, wanted)
        assert outcome.plan
        assert outcome.warnings == ()
        assert bodies(client) == held
        assert not run(client, wanted).plan


def test_the_calls_are_as_few_as_can_be() -> None:
    client = service()
    run(client, PRESENT)
    assert client.calls == ["DescribeUser", "ImportSshPublicKey", "DescribeUser"]
    client.calls.clear()
    run(client, PRESENT)
    assert client.calls == ["DescribeUser"]


def test_a_check_only_looks() -> None:
    client = service()
    outcome = run(client, PRESENT, check_mode=True)
    assert outcome.plan
    assert outcome.after == outcome.planned
    assert client.calls == ["DescribeUser"]


class Newborn(Transfer):
    """Knows its user only after some looks."""

    looks_in_vain = 3

    def describe_user(self, ServerId: str, UserName: str) -> dict[str, Any]:  # noqa: N803
        if self.looks_in_vain:
            self.looks_in_vain -= 1
            raise refusal("ResourceNotFoundException", "DescribeUser")
        return super().describe_user(ServerId, UserName)


def test_a_user_that_was_just_created_is_waited_for(slept: list[float]) -> None:
    client = Newborn()
    client.create_user(examples.SERVER, "acme", Role=examples.ROLE)
    run(client, PRESENT)
    assert bodies(client) == [NEW.body]
    assert len(slept) == 2


def test_a_user_that_is_forgotten_between_two_looks_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Newborn()
    client.create_user(examples.SERVER, "acme", Role=examples.ROLE)
    client.looks_in_vain = 0
    imported = client.import_ssh_public_key
    refusals = [2, 2]  # each followed by that many looks in vain

    def import_ssh_public_key(**request: Any) -> None:
        if refusals:
            client.looks_in_vain = refusals.pop()
            raise refusal("ResourceNotFoundException", "ImportSshPublicKey")
        imported(**request)

    monkeypatch.setattr(client, "import_ssh_public_key", import_ssh_public_key)
    run(client, PRESENT)
    assert bodies(client) == [NEW.body]


def test_a_user_that_does_not_come_is_an_error_and_no_removal(slept: list[float]) -> None:
    client = Transfer()
    with pytest.raises(InvalidOptionsError, match="user acme does not exist on server"):
        run(client, PRESENT)
    assert 2 < sum(slept) < 20
    slept.clear()
    assert not run(client, ABSENT).plan
    assert slept == []


def test_an_unknown_server_is_told_from_an_unknown_user(monkeypatch: pytest.MonkeyPatch, slept: list[float]) -> None:
    client = Transfer()

    def describe_server(**_request: str) -> None:
        raise refusal("ResourceNotFoundException", "DescribeServer")

    monkeypatch.setattr(client, "describe_server", describe_server)
    for wanted in (PRESENT, ABSENT):
        with pytest.raises(InvalidOptionsError, match=f"server {examples.SERVER} does not exist"):
            run(client, wanted)
    assert slept == []


def test_what_fails_again_and_again_fails_in_the_end(slept: list[float]) -> None:
    client = service(*["internal"] * 100)
    with pytest.raises(AnsibleTransferError, match="Failed to import an SSH public key of user acme"):
        run(client, PRESENT)
    assert bodies(client) == [OLD.body]
    assert sum(slept) < 60


# The API model has InvalidRequestException for what breaks a constraint; hashicorp/terraform-provider-aws issue 44110
# shows ValidationException on the wire.
@pytest.mark.parametrize("code", ["InvalidRequestException", "ValidationException"])
def test_what_the_service_finds_invalid_is_not_tried_again(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    client = service()
    asked = []

    def import_ssh_public_key(**_request: str) -> None:
        asked.append(code)
        raise refusal(code, "ImportSshPublicKey")

    monkeypatch.setattr(client, "import_ssh_public_key", import_ssh_public_key)
    with pytest.raises(AnsibleTransferError, match=f"Failed to import an SSH public key of user acme: .*{code}"):
        run(client, PRESENT)
    assert asked == [code]


def test_a_server_whose_users_are_elsewhere_is_told_at_once(
    monkeypatch: pytest.MonkeyPatch, slept: list[float]
) -> None:
    client = Transfer()
    elsewhere = {"ServerId": examples.SERVER, "IdentityProviderType": "AWS_LAMBDA", "Domain": "S3"}
    monkeypatch.setattr(client, "describe_server", lambda **_: {"Server": elsewhere})
    with pytest.raises(InvalidOptionsError, match="takes its users from AWS_LAMBDA"):
        run(client, PRESENT)
    assert slept == []


def test_a_key_over_the_limit_is_refused_with_the_remedy() -> None:
    client = service()
    client.keys_per_user = 1
    with pytest.raises(AnsibleTransferError, match="as many keys as Transfer lets it have: take one away first"):
        run(client, PRESENT)
    assert bodies(client) == [OLD.body]


def test_a_service_that_does_not_show_the_change_is_warned_about(monkeypatch: pytest.MonkeyPatch) -> None:
    client = service()
    monkeypatch.setattr(client, "import_ssh_public_key", lambda **_: None)
    (warning,) = run(client, PRESENT).warnings
    assert f"key {NEW.fingerprint} was imported, but Transfer does not show it yet" in warning
