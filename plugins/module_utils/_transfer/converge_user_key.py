# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes one SSH key of a user what is wanted."""

from __future__ import annotations

import typing
from dataclasses import dataclass
from typing import Any

from . import api
from .converge import observe_user
from .errors import InvalidOptionsError
from .options import provider_problems
from .rounds import act
from .rounds import look_again
from .user_keys import plan_key
from .user_keys import planned_user
from .user_keys import removal_warnings
from .user_keys import state_problems

if typing.TYPE_CHECKING:
    from .user_keys import KeyPlan
    from .user_keys import WantedKey
    from .users import User


@dataclass(frozen=True)
class KeyOutcome:
    """C(planned) is what the first plan led to expect (all there is in check mode), C(after) what was found."""

    plan: KeyPlan
    before: User | None
    planned: User | None
    after: User | None
    warnings: tuple[str, ...] = ()


def refuse_unknown_server(client: Any, server_id: str) -> dict[str, Any]:
    """Transfer has one error for an unknown user and an unknown server: a mistyped id must not pass for "absent"."""
    server = api.describe_server(client, server_id)
    if server is None:
        raise InvalidOptionsError([f"server {server_id} does not exist in this account and region"])
    return server


def _apply(client: Any, server_id: str, wanted: WantedKey, plan: KeyPlan) -> None:
    if plan.import_key:
        api.import_ssh_public_key(client, server_id, wanted.user_name, plan.import_key.body)
    for imported in plan.delete:
        api.delete_ssh_public_key(client, server_id, wanted.user_name, imported.key_id)


def converge_user_key(client: Any, server_id: str, wanted: WantedKey, check_mode: bool = False) -> KeyOutcome:
    """Looks, and makes the key what is wanted; in check mode says what would come of it."""

    def look() -> User | None:
        return observe_user(client, server_id, wanted.user_name)

    def plan_for(user: User | None) -> KeyPlan:
        # At each look anew: the user may go meanwhile.
        problems = state_problems(wanted, server_id, user)
        if problems:
            raise InvalidOptionsError(problems)
        return plan_key(wanted, user)

    before = look()
    if before is None:
        server = refuse_unknown_server(client, server_id)
        problems = provider_problems(server) if wanted.present else []
        if problems:
            raise InvalidOptionsError(problems)
        # A user is not known everywhere as soon as it is created.
        before, _missing = look_again(look, lambda user: wanted.present and user is None)
    plan = plan_for(before)
    planned = planned_user(plan, before)
    warnings = removal_warnings(plan, before)
    if not plan or check_mode:
        return KeyOutcome(plan=plan, before=before, planned=planned, after=planned, warnings=warnings)
    act(look, plan_for, lambda plan, _user: _apply(client, server_id, wanted, plan), before)
    after, remaining = look_again(look, plan_for)
    if remaining:
        warnings += (f"user {wanted.user_name}: key {wanted} was {plan.operation}, but Transfer does not show it yet",)
    return KeyOutcome(plan=plan, before=before, planned=planned, after=after, warnings=warnings)
