# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes one user what is wanted: look, plan, act, look again.

There is no other recovery than looking again. A request whose answer was lost, a key imported before the service
knows its new user, a user that somebody else created meanwhile: each time the state is read and planned for anew,
so nothing is made twice and a run that was cut off is finished by the next.
"""

from __future__ import annotations

import itertools
import time
import typing
from dataclasses import dataclass
from typing import Any

from . import api
from .errors import AnsibleTransferError
from .errors import InvalidOptionsError
from .options import server_problems
from .options import state_problems
from .retries import backoff
from .retries import error_code
from .retries import outcome_unknown
from .users import plan_user
from .users import planned_user
from .users import user_from_boto

if typing.TYPE_CHECKING:
    from .users import Plan
    from .users import User
    from .users import WantedUser

# Fruitless rounds in a row before the failure is the operator's: about ten seconds of eventual consistency.
_PATIENCE = 6
_FIRST_DELAY = 0.2
_LONGEST_DELAY = 5.0

# The service contradicts what was read just before: somebody else acted, or it is not yet consistent with itself.
_CONTRADICTIONS = frozenset({"ConflictException", "ResourceExistsException", "ResourceNotFoundException"})


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


def apply_plan(client: Any, server_id: str, user_name: str, plan: Plan, arn: str) -> None:
    """Makes the calls of a plan, in its order; stops at the first that fails."""
    if plan.delete:
        api.delete_user(client, server_id, user_name)
        return
    imports = list(plan.import_keys)
    if plan.create is not None:
        # The first key rides with the user: one call less, and no moment in which the user has none.
        first = {"SshPublicKeyBody": imports.pop(0).body} if imports else {}
        api.create_user(client, server_id, user_name, **plan.create, **first)
    if plan.update:
        api.update_user(client, server_id, user_name, **plan.update)
    # Removed first, since 50 tags are the most a user has.
    if plan.untag:
        api.untag_resource(client, arn, list(plan.untag))
    if plan.tag:
        api.tag_resource(client, arn, dict(plan.tag))
    for key in imports:
        api.import_ssh_public_key(client, server_id, user_name, key.body)
    for imported in plan.delete_keys:
        api.delete_ssh_public_key(client, server_id, user_name, imported.key_id)


def _worth_another_look(error: AnsibleTransferError) -> bool:
    return outcome_unknown(error.exception) or error_code(error.exception) in _CONTRADICTIONS


def _act(client: Any, server_id: str, wanted: WantedUser, current: User | None, plan: Plan) -> None:
    fruitless, delays = 0, backoff(_FIRST_DELAY, _LONGEST_DELAY)
    while plan:
        try:
            apply_plan(client, server_id, wanted.user_name, plan, current.arn if current else "")
            return
        except AnsibleTransferError as error:
            if fruitless == _PATIENCE or not _worth_another_look(error):
                raise
            time.sleep(next(delays))
            current = observe_user(client, server_id, wanted.user_name)
            tried, plan = plan, plan_user(wanted, current)
            fruitless = fruitless + 1 if plan == tried else 0
            if state_problems(wanted, current):
                raise  # gone meanwhile, and what is wanted cannot make it again


def _look_again(client: Any, server_id: str, wanted: WantedUser) -> tuple[User | None, Plan]:
    """The state once it shows the change, or after some patience whatever it then is with what it still lacks."""
    for delay in itertools.chain(itertools.islice(backoff(_FIRST_DELAY, _LONGEST_DELAY), _PATIENCE), [None]):
        after = observe_user(client, server_id, wanted.user_name)
        remaining = plan_user(wanted, after)
        if not remaining or delay is None:
            break
        time.sleep(delay)
    return after, remaining


def converge_user(
    client: Any, server_id: str, wanted: WantedUser, current: User | None, check_mode: bool = False
) -> Outcome:
    """Makes a user, last seen as C(current), what is wanted; in check mode says what would come of it."""
    plan = plan_user(wanted, current)
    planned = planned_user(plan, wanted, current)
    if not plan or check_mode:
        return Outcome(plan=plan, before=current, planned=planned, after=planned)
    _act(client, server_id, wanted, current, plan)
    after, remaining = _look_again(client, server_id, wanted)
    warnings: tuple[str, ...] = ()
    if remaining:
        warnings = (f"user {wanted.user_name} was changed, but Transfer still describes it differently: {remaining}",)
    return Outcome(plan=plan, before=current, planned=planned, after=after, warnings=warnings)
