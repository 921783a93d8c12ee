# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes the users of a server those of a roster: look at all, plan, act on those that change."""

from __future__ import annotations

import typing
from dataclasses import dataclass
from typing import Any
from typing import Callable

from . import api
from .bulk import in_parallel
from .converge import converge_user
from .converge import observe_user
from .errors import AnsibleTransferError
from .errors import InvalidOptionsError
from .options import server_problems
from .options import state_problems
from .retries import error_code
from .roster import Step
from .roster import plan_roster
from .roster import removal_problems
from .users import User

if typing.TYPE_CHECKING:
    from collections.abc import Sequence

    from .converge import Outcome
    from .users import WantedUser

Report = Callable[[str], None]


@dataclass(frozen=True)
class RosterOutcome:
    """C(failures) has the error of each user that could not be brought to what is wanted, by name."""

    steps: Sequence[Step]
    failures: dict[str, str]
    warnings: list[str]


def _error_text(error: AnsibleTransferError) -> str:
    return f"{error.message}: {error.exception}" if error.exception else str(error.message)


def _list_users(client: Any, server_id: str) -> dict[str, User]:
    """By name; without what only a description has."""
    try:
        listed = api.list_users(client, server_id)
    except AnsibleTransferError as error:
        if error_code(error.exception) != "ResourceNotFoundException":
            raise
        raise InvalidOptionsError([f"server {server_id} does not exist in this account and region"]) from error
    return {
        user["UserName"]: User(
            user["UserName"],
            arn=user["Arn"],
            role=user.get("Role", ""),
            home_directory_type=user.get("HomeDirectoryType", "PATH"),
            home_directory=user.get("HomeDirectory", ""),
        )
        for user in listed
    }


def _problems_with_state(client: Any, server_id: str, steps: Sequence[Step]) -> list[str]:
    """Everything that stands against the wanted users; the last look before the first change."""
    problems = [problem for step in steps for problem in state_problems(step.wanted, step.current)]
    created = [step.wanted for step in steps if step.plan.create is not None]
    server = api.describe_server(client, server_id) if created else None
    if server is not None:
        # What is wrong with the server is so for all of them, and told once.
        problems += dict.fromkeys(problem for user in created for problem in server_problems(user, server))
    return problems


def _look(
    client: Any, server_id: str, names: Sequence[str], concurrency: int, report: Report
) -> tuple[dict[str, User], dict[str, AnsibleTransferError]]:
    """The users that are there, and the errors of those that could not be seen."""
    found = in_parallel(
        lambda name: observe_user(client, server_id, name),
        names,
        concurrency,
        lambda done, total: report(f"looked at {done} of {total} users"),
    )
    users = {name: user for name, user in zip(names, found) if isinstance(user, User)}
    return users, {name: error for name, error in zip(names, found) if isinstance(error, AnsibleTransferError)}


def _act(
    client: Any, server_id: str, steps: Sequence[Step], concurrency: int, report: Report
) -> tuple[dict[str, AnsibleTransferError], list[str]]:
    outcomes: list[Outcome | AnsibleTransferError] = in_parallel(
        lambda step: converge_user(client, server_id, step.wanted, step.current),
        steps,
        concurrency,
        lambda done, total: report(f"changed {done} of {total} users"),
    )
    errors: dict[str, AnsibleTransferError] = {}
    warnings: list[str] = []
    for step, outcome in zip(steps, outcomes):
        if isinstance(outcome, AnsibleTransferError):
            errors[step.user_name] = outcome
        else:
            warnings += outcome.warnings
    return errors, warnings


def converge_roster(
    client: Any,
    server_id: str,
    wanted: Sequence[WantedUser],
    *,
    purge: bool,
    max_removals: str,
    concurrency: int,
    report: Report,
    check_mode: bool,
) -> RosterOutcome:
    """Makes the users what is wanted; in check mode says what would come of it."""
    listed = _list_users(client, server_id)
    named = {user.user_name for user in wanted}
    surplus = {name: user for name, user in listed.items() if name not in named} if purge else {}
    known = [user.user_name for user in wanted if user.user_name in listed]
    held, errors = _look(client, server_id, known, concurrency, report)
    steps = plan_roster([user for user in wanted if user.user_name not in errors], held, surplus)
    problems = removal_problems(surplus, len(listed), max_removals) + _problems_with_state(client, server_id, steps)
    if problems:
        raise InvalidOptionsError(problems)

    warnings: list[str] = []
    changing = [] if check_mode else [step for step in steps if step.plan]
    # Who is to go goes last: by then whoever takes over is there.
    for deleting in (False, True):
        some = [step for step in changing if step.plan.delete is deleting]
        failed, warned = _act(client, server_id, some, concurrency, report)
        errors.update(failed)
        warnings += warned
    return RosterOutcome(steps, {name: _error_text(error) for name, error in errors.items()}, warnings)
