# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes one user what is wanted."""

from __future__ import annotations

import typing
from dataclasses import dataclass
from typing import Any

from . import api
from .errors import InvalidOptionsError
from .errors import KeyLimitError
from .options import server_problems
from .options import state_problems
from .rounds import act
from .rounds import look_again
from .users import Plan
from .users import plan_user
from .users import planned_user
from .users import user_from_boto

if typing.TYPE_CHECKING:
    from .users import User
    from .users import WantedUser


@dataclass(frozen=True)
class Outcome:
    """C(planned) is what the first plan led to expect (all there is in check mode), C(after) what was found."""

    plan: Plan
    before: User | None
    planned: User | None
    after: User | None
    warnings: tuple[str, ...] = ()


def observe_user(client: Any, server_id: str, user_name: str) -> User | None:
    described = api.describe_user(client, server_id, user_name)
    return None if described is None else user_from_boto(described)


def refuse_impossible(client: Any, server_id: str, wanted: WantedUser, current: User | None) -> None:
    """Raises with everything that stands against the wanted user; the last look before the first change."""
    problems = state_problems(wanted, current)
    if current is None:
        # A user that is not found may be on a server that is not there: a mistyped id must not pass for "absent".
        server = api.describe_server(client, server_id)
        if server is None:
            problems.append(f"server {server_id} does not exist in this account and region")
        elif wanted.present:
            problems += server_problems(wanted, server)
    if problems:
        raise InvalidOptionsError(problems)


def _exchange_keys(client: Any, server_id: str, user_name: str, plan: Plan, held: int) -> None:
    """Imports the keys of a plan, then deletes those that are to go, for a user that has C(held) of them.

    Where the service takes no more keys, one that is to go makes room for one that is to come, but never the last one.
    """
    surplus = list(plan.delete_keys)

    def delete_one() -> None:
        api.delete_ssh_public_key(client, server_id, user_name, surplus.pop(0).key_id)

    for key in plan.import_keys:
        try:
            api.import_ssh_public_key(client, server_id, user_name, key.body)
        except KeyLimitError:
            if not surplus or held < 2:
                raise
            delete_one()
            held -= 1
            api.import_ssh_public_key(client, server_id, user_name, key.body)
        held += 1
    while surplus:
        delete_one()


def _create(client: Any, server_id: str, user_name: str, plan: Plan) -> None:
    # The first key rides with the user: one call less, and no moment in which the user has none.
    first = {"SshPublicKeyBody": plan.import_keys[0].body} if plan.import_keys else {}
    api.create_user(client, server_id, user_name, **(plan.create or {}), **first)
    _exchange_keys(client, server_id, user_name, Plan(import_keys=plan.import_keys[1:]), len(first))


def apply_plan(client: Any, server_id: str, user_name: str, plan: Plan, current: User | None) -> None:
    """Makes the calls of a plan, in its order; stops at the first that fails."""
    if plan.delete:
        api.delete_user(client, server_id, user_name)
        return
    if current is None:
        _create(client, server_id, user_name, plan)
        return
    if plan.update:
        api.update_user(client, server_id, user_name, **plan.update)
    # Removed first, since 50 tags are the most a user has.
    if plan.untag:
        api.untag_resource(client, current.arn, list(plan.untag))
    if plan.tag:
        api.tag_resource(client, current.arn, dict(plan.tag))
    _exchange_keys(client, server_id, user_name, plan, len(current.ssh_public_keys))


def converge_user(
    client: Any, server_id: str, wanted: WantedUser, current: User | None, check_mode: bool = False
) -> Outcome:
    """Makes a user, last seen as C(current), what is wanted; in check mode says what would come of it."""

    def observe() -> User | None:
        return observe_user(client, server_id, wanted.user_name)

    def plan_for(user: User | None) -> Plan:
        # At each look anew: the user may go meanwhile, and what is wanted be too little to make it again.
        problems = state_problems(wanted, user)
        if problems:
            raise InvalidOptionsError(problems)
        return plan_user(wanted, user)

    plan = plan_for(current)
    planned = planned_user(plan, wanted, current)
    if not plan or check_mode:
        return Outcome(plan=plan, before=current, planned=planned, after=planned)
    act(observe, plan_for, lambda plan, user: apply_plan(client, server_id, wanted.user_name, plan, user), current)
    after, remaining = look_again(observe, plan_for)
    warnings: tuple[str, ...] = ()
    if remaining:
        warnings = (f"user {wanted.user_name} was changed, but Transfer still describes it differently: {remaining}",)
    return Outcome(plan=plan, before=current, planned=planned, after=after, warnings=warnings)
