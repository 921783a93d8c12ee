# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Look, plan, act, look again: how users, their keys, servers and host keys are brought to what is wanted of them.

There is no other recovery than looking again. A request whose answer was lost, a key imported before the service
knows its new user, a user that somebody else created meanwhile: each time the state is read and planned for anew,
so nothing is made twice and a run that was cut off is finished by the next.

C(plan_for) is a pure function of what was observed; a plan is false when there is nothing to do. Either may raise
InvalidOptionsError when what is wanted cannot be, in the light of what is there.
"""

from __future__ import annotations

import itertools
import time
import typing
from typing import Callable
from typing import TypeVar

from .errors import AnsibleTransferError
from .errors import ChangedMeanwhileError
from .errors import InvalidOptionsError
from .retries import backoff
from .retries import error_code
from .retries import outcome_unknown

if typing.TYPE_CHECKING:
    from collections.abc import Iterator

State = TypeVar("State")
Plan = TypeVar("Plan")

# Fruitless rounds in a row before the failure is the operator's: about ten seconds of eventual consistency.
_PATIENCE = 6
_FIRST_DELAY = 0.2
_LONGEST_DELAY = 5.0

# The service contradicts what was read just before: somebody else acted, or it is not yet consistent with itself.
_CONTRADICTIONS = frozenset({"ConflictException", "ResourceExistsException", "ResourceNotFoundException"})


def _patience() -> Iterator[float]:
    return itertools.islice(backoff(_FIRST_DELAY, _LONGEST_DELAY), _PATIENCE)


def _worth_another_look(error: AnsibleTransferError) -> bool:
    return outcome_unknown(error.exception) or error_code(error.exception) in _CONTRADICTIONS


def _look_half_way(observe: Callable[[], State], plan_for: Callable[[State], Plan]) -> tuple[State, Plan]:
    """Patient, too: what is not seen for a moment is not gone."""
    patience = _patience()
    while True:
        try:
            state = observe()
            return state, plan_for(state)
        except InvalidOptionsError as refusal:
            delay = next(patience, None)
            if delay is None:
                raise ChangedMeanwhileError(refusal.problems) from refusal
            time.sleep(delay)


def act(
    observe: Callable[[], State], plan_for: Callable[[State], Plan], apply: Callable[[Plan, State], None], state: State
) -> None:
    """Applies the plan for a state last seen; whenever an answer was lost or contradicts it, looks and plans anew."""
    plan, fruitless, delays = plan_for(state), 0, backoff(_FIRST_DELAY, _LONGEST_DELAY)
    while plan:
        try:
            apply(plan, state)
            return
        except AnsibleTransferError as error:
            if fruitless == _PATIENCE or not _worth_another_look(error):
                raise
            time.sleep(next(delays))
            tried = plan
            state, plan = _look_half_way(observe, plan_for)
            fruitless = fruitless + 1 if plan == tried else 0


def look_again(observe: Callable[[], State], plan_for: Callable[[State], Plan]) -> tuple[State, Plan]:
    """The state once it shows the change, or after some patience whatever it then is with what it still lacks."""
    patience = _patience()
    while True:
        state, remaining = _look_half_way(observe, plan_for)
        delay = next(patience, None)
        if not remaining or delay is None:
            return state, remaining
        time.sleep(delay)
