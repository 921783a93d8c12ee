# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.mft.aws.plugins.module_utils._transfer.ssh_keys import parse_public_key
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import ImportedKey
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import WantedUser
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import key_changes

from unit.module_utils.transfer import examples

OLD, NEW, RSA = (parse_public_key(e.line) for e in (examples.ED25519, examples.ED25519_NEW, examples.RSA_2048))
HELD = (ImportedKey(OLD, "key-00000000000000001", "2025-01-01T00:00:00+00:00"),)


def test_keys_that_are_not_given_are_left_alone() -> None:
    wanted = WantedUser("acme", ssh_public_keys=None, purge_ssh_public_keys=True)
    assert key_changes(wanted, HELD) == ((), ())


def test_other_keys_stay_unless_purged() -> None:
    assert key_changes(WantedUser("acme", ssh_public_keys=(NEW,)), HELD) == ((NEW,), ())


def test_purging_removes_what_is_not_wanted() -> None:
    assert key_changes(WantedUser("acme", ssh_public_keys=(NEW,), purge_ssh_public_keys=True), HELD) == ((NEW,), HELD)


def test_purging_with_no_keys_removes_all() -> None:
    assert key_changes(WantedUser("acme", ssh_public_keys=(), purge_ssh_public_keys=True), HELD) == ((), HELD)


def test_a_key_with_another_comment_is_there_already() -> None:
    recommented = parse_public_key(f"{OLD.type} {examples.ED25519.blob} another comment")
    wanted = WantedUser("acme", ssh_public_keys=(recommented,), purge_ssh_public_keys=True)
    assert key_changes(wanted, HELD) == ((), ())


def test_a_key_given_twice_is_imported_once() -> None:
    assert key_changes(WantedUser("acme", ssh_public_keys=(RSA, RSA)), HELD) == ((RSA,), ())


def test_purging_keeps_the_first_of_a_key_that_is_there_twice() -> None:
    doubled = (*HELD, ImportedKey(OLD, "key-00000000000000002", "2025-02-01T00:00:00+00:00"))
    wanted = WantedUser("acme", ssh_public_keys=(OLD,), purge_ssh_public_keys=True)
    assert key_changes(wanted, doubled) == ((), doubled[1:])
