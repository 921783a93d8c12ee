# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wanted of one SSH key of a user, and the plan that leads there.

Pure functions: nothing here talks to AWS.
"""

from __future__ import annotations

import re
import typing
from dataclasses import dataclass
from dataclasses import replace
from typing import Any

from .fingerprints import read_fingerprint
from .options import server_id_problems
from .options import user_name_problems
from .ssh_keys import SshKeyError
from .ssh_keys import parse_public_key
from .users import ImportedKey
from .users import diff_side
from .users import user_result

if typing.TYPE_CHECKING:
    from collections.abc import Mapping

    from .ssh_keys import PublicKey
    from .users import User

# SshPublicKeyId of the API model transfer/2018-11-05.
_KEY_ID = re.compile(r"key-[0-9a-f]{17}")


@dataclass(frozen=True)
class WantedKey:
    """What is asked of one key of a user, known by any one of body, fingerprint and id."""

    user_name: str
    present: bool = True
    key: PublicKey | None = None
    fingerprint: str = ""
    key_id: str = ""

    def find(self, user: User | None) -> tuple[ImportedKey, ...]:
        """More than one only if the service holds a key more than once."""
        held = user.ssh_public_keys if user else ()
        if self.key_id:
            return tuple(imported for imported in held if imported.key_id == self.key_id)
        fingerprint = self.key.fingerprint if self.key else self.fingerprint
        return tuple(imported for imported in held if imported.key.fingerprint == fingerprint)

    def __str__(self) -> str:
        return self.key_id or self.fingerprint or (self.key.fingerprint if self.key else "")


@dataclass(frozen=True)
class KeyPlan:
    """The change to make."""

    import_key: PublicKey | None = None
    delete: tuple[ImportedKey, ...] = ()

    def __bool__(self) -> bool:
        return self != KeyPlan()

    @property
    def operation(self) -> str:
        """The plan in a word, for reports."""
        if self.import_key:
            return "imported"
        return "deleted" if self.delete else "none"


def _read_body(text: str, present: bool) -> tuple[PublicKey | None, list[str]]:
    try:
        return parse_public_key(text), []
    except SshKeyError as error:
        other_way = "" if present else ". To remove a key that is there, give its fingerprint or ssh_public_key_id"
        return None, [f"ssh_public_key_body: {error}{other_way}"]


def read_wanted_key(options: Mapping[str, Any]) -> tuple[WantedKey, list[str]]:
    """The wanted key and every problem of the options; of use only when there are none."""
    name, present = options["user_name"], options["state"] == "present"
    problems = user_name_problems(name)
    body, fingerprint, key_id = (
        options.get(option) for option in ("ssh_public_key_body", "fingerprint", "ssh_public_key_id")
    )
    key = None
    if body is not None:
        key, body_problems = _read_body(body, present)
        problems += body_problems
    if fingerprint is not None:
        fingerprint, fingerprint_problems = read_fingerprint(fingerprint)
        problems += fingerprint_problems
    if key_id is not None and not _KEY_ID.fullmatch(key_id):
        problems.append(f"ssh_public_key_id {key_id!r} is no key id: expected key- and 17 hexadecimal digits")
    # An option may be there and have no value, for which Ansible's own check has no eye.
    if body is None and fingerprint is None and key_id is None:
        problems.append("no key is named: give ssh_public_key_body, fingerprint or ssh_public_key_id")
    wanted = WantedKey(name, present=present, key=key, fingerprint=fingerprint or "", key_id=key_id or "")
    return wanted, server_id_problems(options["server_id"]) + [f"user {name}: {problem}" for problem in problems]


def state_problems(wanted: WantedKey, server_id: str, user: User | None) -> list[str]:
    """What is wrong with the wanted key only in the light of the user that is there."""
    if not wanted.present:
        return []
    if user is None:
        return [f"user {wanted.user_name} does not exist on server {server_id}: create it with mft.aws.transfer_user"]
    if wanted.key is None and not wanted.find(user):
        return [f"user {wanted.user_name} has no key {wanted}: give ssh_public_key_body to import it"]
    return []


def plan_key(wanted: WantedKey, user: User | None) -> KeyPlan:
    held = wanted.find(user)
    if not wanted.present:
        return KeyPlan(delete=held)
    return KeyPlan() if held else KeyPlan(import_key=wanted.key)


def planned_user(plan: KeyPlan, user: User | None) -> User | None:
    """The user with the keys that a plan leads to; a new key has neither id nor date yet."""
    if user is None:
        return None
    kept = tuple(imported for imported in user.ssh_public_keys if imported not in plan.delete)
    new = (ImportedKey(plan.import_key),) if plan.import_key else ()
    return replace(user, ssh_public_keys=kept + new)


def removal_warnings(plan: KeyPlan, user: User | None) -> tuple[str, ...]:
    """Who removes a key by its id may be wrong in thinking that it opens nothing any more."""
    after = planned_user(plan, user)
    deleted = {imported.key: imported.key_id for imported in plan.delete}
    return tuple(
        f"user {after.user_name} still gets in with the key {deleted[imported.key]}: {imported.key_id} is the same key"
        for imported in (after.ssh_public_keys if after else ())
        if after and imported.key in deleted
    )


def key_results(user: User | None) -> list[dict[str, Any]]:
    """What modules return of a user's keys, ordered by fingerprint."""
    keys: list[dict[str, Any]] = user_result(user).get("ssh_public_keys", [])
    return keys


def key_result(wanted: WantedKey, user: User | None) -> dict[str, Any]:
    """What a module returns of the wanted key; empty if it is not there."""
    ids = {imported.key_id for imported in wanted.find(user)}
    return next((key for key in key_results(user) if key["id"] in ids), {})


def key_diff_side(user: User | None) -> dict[str, Any]:
    """One side of a diff: the keys of the user, each on a line as C(ssh-keygen -l) shows it."""
    return {name: value for name, value in diff_side(user).items() if name in {"user_name", "ssh_public_keys"}}
