# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable

import pytest
from ansible_collections.mft.aws.plugins.module_utils._transfer import rounds
from ansible_collections.mft.aws.plugins.module_utils._transfer.errors import AnsibleTransferError
from ansible_collections.mft.aws.plugins.module_utils._transfer.errors import InvalidOptionsError

from unit.module_utils.transfer.test_retries import CUT
from unit.module_utils.transfer.test_retries import WRONG
from unit.module_utils.transfer.test_retries import failure

CONTRADICTION = failure("ResourceExistsException")


class Service:
    """Counts by at most three at a call; each call may fail before or after it had its effect."""

    def __init__(self, *failures: tuple[Exception, bool]) -> None:
        self.value = 0
        self.calls = 0
        self._failures = list(failures)

    def apply(self, plan: int, _state: int) -> None:
        self.calls += 1
        error, effective = self._failures.pop(0) if self._failures else (None, True)
        if effective:
            self.value += min(plan, 3)
        if error:
            raise AnsibleTransferError(message="Failed to count", exception=error)

    def observe(self) -> int:
        return self.value


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    delays: list[float] = []
    monkeypatch.setattr(rounds.time, "sleep", delays.append)
    return delays


def plan_to(wanted: int) -> Callable[[int], int]:
    return lambda state: wanted - state


def test_nothing_to_do_is_no_call() -> None:
    service = Service()
    rounds.act(service.observe, plan_to(0), service.apply, 0)
    assert service.calls == 0


@pytest.mark.parametrize("error", [CUT, CONTRADICTION])
def test_what_failed_before_its_effect_is_done_again(error: Exception) -> None:
    service = Service((error, False))
    rounds.act(service.observe, plan_to(3), service.apply, 0)
    assert (service.value, service.calls) == (3, 2)


def test_what_failed_after_its_effect_is_not() -> None:
    service = Service((CUT, True))
    rounds.act(service.observe, plan_to(3), service.apply, 0)
    assert (service.value, service.calls) == (3, 1)


def test_a_refusal_is_the_operators_at_once(slept: list[float]) -> None:
    service = Service((WRONG, False))
    with pytest.raises(AnsibleTransferError):
        rounds.act(service.observe, plan_to(3), service.apply, 0)
    assert (service.calls, slept) == (1, [])


def test_patience_has_an_end_unless_there_is_progress() -> None:
    service = Service(*[(CUT, False)] * 100)
    with pytest.raises(AnsibleTransferError):
        rounds.act(service.observe, plan_to(3), service.apply, 0)
    assert service.calls == 7

    halfway = Service(*[(CUT, False)] * 5, (CUT, True), *[(CUT, False)] * 6)
    rounds.act(halfway.observe, plan_to(6), halfway.apply, 0)
    assert halfway.value == 6


def test_what_rules_out_the_rest_half_way_is_not_told_as_if_nothing_had_changed() -> None:
    service = Service((CONTRADICTION, True))

    def plan_for(state: int) -> int:
        if state:
            raise InvalidOptionsError(["the server is gone"])
        return 3

    with pytest.raises(AnsibleTransferError, match="some of it may have been made") as raised:
        rounds.act(service.observe, plan_for, service.apply, 0)
    assert "Nothing was changed" not in str(raised.value.message)
    assert "the server is gone" in str(raised.value.message)
    with pytest.raises(AnsibleTransferError, match="some of it may have been made"):
        rounds.look_again(lambda: 1, plan_for)
    with pytest.raises(InvalidOptionsError, match="Nothing was changed"):
        rounds.act(service.observe, plan_for, service.apply, 1)


def test_a_change_that_shows_late_is_waited_for(slept: list[float]) -> None:
    states = iter([0, 0, 3])
    assert rounds.look_again(lambda: next(states), plan_to(3)) == (3, 0)
    assert len(slept) == 2


def test_a_change_that_never_shows_is_told_of() -> None:
    assert rounds.look_again(lambda: 1, plan_to(3)) == (1, 2)
