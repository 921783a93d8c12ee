# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mft.aws.plugins.module_utils._transfer import converge_server
from ansible_collections.mft.aws.plugins.module_utils._transfer.converge_server import wait_for_state
from ansible_collections.mft.aws.plugins.module_utils._transfer.errors import AnsibleTransferError

from unit.module_utils.transfer import examples


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(converge_server.time, "monotonic", clock.monotonic)
    monkeypatch.setattr(converge_server.time, "sleep", clock.sleep)
    return clock


def shows(monkeypatch: pytest.MonkeyPatch, *states: str | None) -> None:
    """DescribeServer gives these states one after another, and the last for ever."""
    left = list(states)

    def describe(_client: Any, server_id: str) -> dict[str, str] | None:
        state = left.pop(0) if len(left) > 1 else left[0]
        return None if state is None else {"ServerId": server_id, "State": state}

    monkeypatch.setattr(converge_server.api, "describe_server", describe)


def test_a_server_that_is_there_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    shows(monkeypatch, "ONLINE")
    wait_for_state(None, examples.SERVER, "ONLINE", 0)
    assert clock.now == 1000


def test_waiting_goes_on_until_the_state_is_reached(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    shows(monkeypatch, "OFFLINE", *["STARTING"] * 20, "ONLINE")
    wait_for_state(None, examples.SERVER, "ONLINE", 900)
    assert 1100 < clock.now < 1300


@pytest.mark.parametrize(
    ("wanted", "state", "told"),
    [("ONLINE", "START_FAILED", "START_FAILED"), ("OFFLINE", "STOP_FAILED", "STOP_FAILED"), ("ONLINE", None, "gone")],
)
def test_a_failure_of_the_service_ends_it(
    monkeypatch: pytest.MonkeyPatch, clock: Clock, wanted: str, state: str | None, told: str
) -> None:
    shows(monkeypatch, "STARTING", state)
    with pytest.raises(AnsibleTransferError, match=f"{examples.SERVER} was to become {wanted} and is {told}"):
        wait_for_state(None, examples.SERVER, wanted, 900)
    assert clock.now < 1002


def test_a_start_after_a_failed_stop_is_not_ended_by_it(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    shows(monkeypatch, "STOP_FAILED", "STARTING", "ONLINE")
    wait_for_state(None, examples.SERVER, "ONLINE", 900)
    assert clock.now > 1000


def test_the_time_given_is_kept_to(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    shows(monkeypatch, "STARTING")
    with pytest.raises(AnsibleTransferError, match="still STARTING after 60 seconds"):
        wait_for_state(None, examples.SERVER, "ONLINE", 60)
    assert clock.now == 1060
