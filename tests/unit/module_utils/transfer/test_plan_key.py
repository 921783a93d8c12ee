# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.mft.aws.plugins.module_utils._transfer.ssh_keys import parse_public_key
from ansible_collections.mft.aws.plugins.module_utils._transfer.user_keys import KeyPlan
from ansible_collections.mft.aws.plugins.module_utils._transfer.user_keys import WantedKey
from ansible_collections.mft.aws.plugins.module_utils._transfer.user_keys import key_diff_side
from ansible_collections.mft.aws.plugins.module_utils._transfer.user_keys import key_result
from ansible_collections.mft.aws.plugins.module_utils._transfer.user_keys import plan_key
from ansible_collections.mft.aws.plugins.module_utils._transfer.user_keys import planned_user
from ansible_collections.mft.aws.plugins.module_utils._transfer.user_keys import removal_warnings
from ansible_collections.mft.aws.plugins.module_utils._transfer.user_keys import state_problems
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import ImportedKey
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import User

from unit.module_utils.transfer import examples

OLD, NEW, RSA = (parse_public_key(e.line) for e in (examples.ED25519, examples.ED25519_NEW, examples.RSA_2048))
HELD_OLD, HELD_RSA = ImportedKey(OLD, "key-1"), ImportedKey(RSA, "key-2")
ACME = User("acme", role=examples.ROLE, ssh_public_keys=(HELD_OLD, HELD_RSA))
OTHER_COMMENT = parse_public_key(f"{examples.ED25519.type}   {examples.ED25519.blob} payments")
EVERY_NAME = (
    {"key": OTHER_COMMENT},
    {"fingerprint": OLD.fingerprint},
    {"key_id": "key-1"},
)


@pytest.mark.parametrize("name", EVERY_NAME, ids=lambda name: next(iter(name)))
def test_a_key_is_known_by_each_of_its_names(name: dict[str, object]) -> None:
    assert not plan_key(WantedKey("acme", **name), ACME)  # type: ignore[arg-type]
    plan = plan_key(WantedKey("acme", present=False, **name), ACME)  # type: ignore[arg-type]
    assert plan == KeyPlan(delete=(HELD_OLD,))
    assert plan.operation == "deleted"


def test_a_key_that_is_not_there_is_imported_and_the_others_stay() -> None:
    plan = plan_key(WantedKey("acme", key=NEW), ACME)
    assert plan == KeyPlan(import_key=NEW)
    assert plan.operation == "imported"
    after = planned_user(plan, ACME)
    assert after is not None
    assert {imported.key for imported in after.ssh_public_keys} == {OLD, RSA, NEW}
    assert not plan_key(WantedKey("acme", key=NEW), after)


def test_a_key_that_is_not_there_or_has_no_user_is_no_removal() -> None:
    for user in (ACME, None):
        plan = plan_key(WantedKey("acme", present=False, fingerprint=NEW.fingerprint), user)
        assert not plan
        assert plan.operation == "none"
        assert planned_user(plan, user) == user


def test_a_key_that_is_there_twice_goes_altogether_but_by_its_id() -> None:
    twin = ImportedKey(OTHER_COMMENT, "key-3")
    twice = User("acme", ssh_public_keys=(HELD_OLD, HELD_RSA, twin))
    by_body = plan_key(WantedKey("acme", present=False, key=OLD), twice)
    assert by_body.delete == (HELD_OLD, twin)
    assert removal_warnings(by_body, twice) == ()
    by_id = plan_key(WantedKey("acme", present=False, key_id="key-3"), twice)
    assert by_id.delete == (twin,)
    assert removal_warnings(by_id, twice) == ("user acme still gets in with the key key-3: key-1 is the same key",)


def test_a_key_needs_its_user() -> None:
    wanted = WantedKey("acme", key=NEW)
    assert state_problems(wanted, examples.SERVER, None) == [
        f"user acme does not exist on server {examples.SERVER}: create it with mft.aws.transfer_user"
    ]
    assert state_problems(wanted, examples.SERVER, ACME) == []
    assert state_problems(WantedKey("acme", present=False, key=NEW), examples.SERVER, None) == []


def test_a_key_is_not_made_of_its_name() -> None:
    for wanted in (WantedKey("acme", fingerprint=NEW.fingerprint), WantedKey("acme", key_id="key-9")):
        (problem,) = state_problems(wanted, examples.SERVER, ACME)
        assert problem == f"user acme has no key {wanted}: give ssh_public_key_body to import it"
    assert state_problems(WantedKey("acme", fingerprint=OLD.fingerprint), examples.SERVER, ACME) == []


def test_a_diff_shows_keys_alone() -> None:
    side = key_diff_side(ACME)
    assert set(side) == {"user_name", "ssh_public_keys"}
    assert f"256 {OLD.fingerprint} ops@acme.example (ssh-ed25519)" in side["ssh_public_keys"]
    assert key_diff_side(None) == {}


def test_what_is_returned_of_a_key_that_a_check_would_import() -> None:
    wanted = WantedKey("acme", key=NEW)
    foreseen = key_result(wanted, planned_user(plan_key(wanted, ACME), ACME))
    assert (foreseen["fingerprint"], foreseen["id"], foreseen["date_imported"]) == (NEW.fingerprint, "", "")
    assert key_result(wanted, ACME) == {}
