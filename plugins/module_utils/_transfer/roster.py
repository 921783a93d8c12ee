# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A roster, the users of a server as a list: everything wrong with it, and what it would change. No API."""

from __future__ import annotations

import re
import typing
from collections import Counter
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from .key_dates import dated_keys_result
from .key_dates import expiring_days_problems
from .options import read_user
from .users import Plan
from .users import User
from .users import WantedUser
from .users import diff_side
from .users import plan_user
from .users import planned_user

if typing.TYPE_CHECKING:
    from collections.abc import Collection
    from collections.abc import Iterable
    from collections.abc import Mapping
    from collections.abc import Sequence
    from datetime import datetime

    from .ssh_keys import PublicKey

_HOME = ("home_directory_type", "home_directory", "home_directory_mappings")
_MAX_REMOVALS = re.compile(r"([0-9]{1,9})(%?)")
_ALL = 100
_MOST_THREADS = 64
_SHOWN_NAMES = 20
_LISTED = ("user_name", "role", "home_directory_type", "home_directory")


@dataclass(frozen=True)
class Step:
    """One user of the roster, as it was found and with what is to change; or one that purging removes.

    The latter is known as ListUsers gives it, without keys, policy, mappings and tags.
    """

    wanted: WantedUser
    current: User | None
    plan: Plan
    purged: bool = False

    @property
    def user_name(self) -> str:
        return self.wanted.user_name


def with_defaults(user: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The options of one user: tags are merged, a home is the user's own or the default one as a whole."""
    given = {option: value for option, value in user.items() if value is not None}
    common = {option: value for option, value in defaults.items() if value is not None}
    if any(option in given for option in _HOME):
        common = {option: value for option, value in common.items() if option not in _HOME}
    merged = {"purge_ssh_public_keys": False, "purge_tags": True, **common, **given}
    if "tags" in common and "tags" in given:
        merged["tags"] = {**common["tags"], **given["tags"]}
    return merged


def _repeated_names(wanted: Sequence[WantedUser]) -> list[str]:
    counted = Counter(user.user_name for user in wanted)
    return [
        f"users names {name} {count} times: keep one of each" for name, count in sorted(counted.items()) if count > 1
    ]


def _alike_names(wanted: Sequence[WantedUser]) -> list[str]:
    alike: dict[str, set[str]] = defaultdict(set)
    for user in wanted:
        alike[user.user_name.lower()].add(user.user_name)
    return [
        f"users {' and '.join(sorted(names))} differ in upper and lower case alone: to Transfer they are not the same"
        for names in alike.values()
        if len(names) > 1
    ]


def _shared_keys(wanted: Sequence[WantedUser]) -> list[str]:
    holders: dict[PublicKey, set[str]] = defaultdict(set)
    for user in wanted:
        later = [dated.key for dated in user.dated_keys if dated.state == "pending"]
        for key in (*(user.ssh_public_keys or ()), *later):
            holders[key].add(user.user_name)
    return [
        f"key {key.fingerprint} is given to {_some(names)}: who logs in with it may be any of them"
        for key, names in holders.items()
        if len(names) > 1
    ]


def _some(names: Iterable[str]) -> str:
    ordered = sorted(names)
    more = len(ordered) - _SHOWN_NAMES
    return ", ".join(ordered[:_SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")


def read_roster(params: Mapping[str, Any], now: datetime) -> tuple[list[WantedUser], list[str], list[str]]:
    """The wanted users, every problem of them and the warnings; of use only when there are no problems."""
    wanted, problems = [], []
    for options in params["users"]:
        merged = with_defaults(options, params["defaults"] or {})
        user, wrong = read_user({**merged, "expiring_days": params["expiring_days"]}, now)
        wanted.append(user)
        problems += wrong
    problems += _repeated_names(wanted)
    warnings, shared = _alike_names(wanted), _shared_keys(wanted)
    if params["duplicate_keys"] == "warn":
        return wanted, problems, warnings + shared
    remedy = ", ask for a key of its own for each, or set duplicate_keys to warn"
    return wanted, problems + [text + remedy for text in shared], warnings


def limit_problems(params: Mapping[str, Any]) -> list[str]:
    """What is wrong with the limits of a run."""
    problems = []
    matched = _MAX_REMOVALS.fullmatch(params["max_removals"])
    if not matched or (matched[2] and int(matched[1]) > _ALL):
        problems.append(f"max_removals {params['max_removals']!r} is no number and no percentage: write 5, or 10%")
    if not 1 <= params["concurrency"] <= _MOST_THREADS:
        problems.append(f"concurrency {params['concurrency']} is out of range: 1 to {_MOST_THREADS}")
    if params["rate"] is not None and not params["rate"] > 0:
        problems.append(f"rate {params['rate']} is no rate: give calls a second, more than 0, or leave it out")
    return problems + expiring_days_problems(params["expiring_days"])


def most_removals(max_removals: str, held: int) -> int:
    """How many of C(held) users may go; a percentage is rounded up, so that a small server can lose one, too.

    But less than all is never all: an empty roster is a mistake more often than a wish.
    """
    matched = _MAX_REMOVALS.fullmatch(max_removals)
    number, percent = (int(matched[1]), matched[2]) if matched else (0, "")
    if not percent:
        return number
    return held if number == _ALL else min(-(-held * number // _ALL), max(held - 1, 0))


def removal_problems(surplus: Collection[str], held: int, max_removals: str) -> list[str]:
    most = most_removals(max_removals, held)
    if len(surplus) <= most:
        return []
    return [
        f"purge would remove {len(surplus)} of the {held} users of the server ({_some(surplus)}), max_removals"
        f" {max_removals} allows {most}: name them in users, or raise max_removals if they are to go"
    ]


def plan_roster(wanted: Iterable[WantedUser], held: Mapping[str, User], surplus: Mapping[str, User]) -> list[Step]:
    """A step for each wanted user, in their order, then one for each of the surplus ones, which go."""
    steps = [Step(user, held.get(user.user_name), plan_user(user, held.get(user.user_name))) for user in wanted]
    for name in sorted(surplus):
        gone = WantedUser(name, present=False)
        steps.append(Step(gone, surplus[name], plan_user(gone, surplus[name]), purged=True))
    return steps


def roster_diff(steps: Iterable[Step]) -> dict[str, dict[str, Any]]:
    """The users that change, by name, before and after."""
    before, after = {}, {}
    for step in sorted(steps, key=lambda step: step.user_name):
        if not step.plan:
            continue
        if step.current is not None:
            shown = diff_side(step.current)
            before[step.user_name] = {key: shown[key] for key in _LISTED} if step.purged else shown
        planned = planned_user(step.plan, step.wanted, step.current)
        if planned is not None:
            after[step.user_name] = diff_side(planned)
    return {"before": before, "after": after}


def failure_text(steps: Sequence[Step], failures: Mapping[str, str]) -> str:
    count = len({step.user_name for step in steps} | set(failures))
    listed = "\n".join(f"- user {name}: {failures[name]}" for name in sorted(failures))
    return f"{len(failures)} of {count} users failed:\n{listed}"


def roster_result(steps: Sequence[Step], failures: Mapping[str, str]) -> dict[str, Any]:
    """What the module returns, whether or not some users failed."""
    done = [step for step in steps if step.user_name not in failures]
    return {
        "created": sorted(step.user_name for step in done if step.plan.operation == "created"),
        "updated": sorted(step.user_name for step in done if step.plan.operation == "updated"),
        "deleted": sorted(step.user_name for step in done if step.plan.operation == "deleted"),
        "unchanged": sum(not step.plan for step in done),
        "failed_users": [{"user_name": name, "error": failures[name]} for name in sorted(failures)],
        "dated_keys": [
            {"user_name": step.user_name, **dated}
            for step in steps
            for dated in dated_keys_result(step.wanted.dated_keys)
        ],
    }
