# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many calls at a time: order, failures, rate and progress."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from ansible_collections.mft.aws.plugins.module_utils._transfer import bulk
from ansible_collections.mft.aws.plugins.module_utils._transfer.errors import AnsibleTransferError
from botocore.exceptions import EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st


def nothing(done: int, total: int) -> None:
    pass


class Clock:
    """Time that passes only in sleep; each sleeper of a test sleeps in turn."""

    def __init__(self) -> None:
        self.now = 100.0

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


@given(st.floats(0.1, 500), st.lists(st.floats(0, 3), min_size=1, max_size=50))
def test_no_two_tokens_are_closer_than_the_rate_allows(per_second: float, pauses: list[float]) -> None:
    clock = Clock()
    limiter = bulk.RateLimiter(per_second, lambda: clock.now, clock.sleep)
    taken = []
    for pause in pauses:
        clock.now += pause
        wanted_at = clock.now
        limiter.take()
        taken.append(clock.now)
        # Nobody waits longer than the rate asks for, and a pause saves up no burst.
        assert clock.now == wanted_at or clock.now - taken[-2] == pytest.approx(1 / per_second)
    assert all(later - sooner >= 1 / per_second - 1e-9 for sooner, later in zip(taken, taken[1:]))


def test_threads_share_the_tokens() -> None:
    slept: list[float] = []
    limiter = bulk.RateLimiter(10, lambda: 100.0, slept.append)
    threads = [threading.Thread(target=limiter.take) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(slept) == pytest.approx([position / 10 for position in range(1, 20)])


def test_every_call_of_the_client_takes_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    client = boto3.client(
        "transfer",
        region_name="eu-central-1",
        endpoint_url="http://127.0.0.1:9",
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="Koe7LongOddSecret+%2B/0123456789",
    )
    taken: list[float] = []
    monkeypatch.setattr(bulk, "RateLimiter", lambda rate: SimpleNamespace(take=lambda: taken.append(rate)))
    bulk.limit_rate(client, 7)
    client.meta.events.register("before-send.transfer", _refuse)
    for call in (client.list_servers, client.list_security_policies):
        with pytest.raises(EndpointConnectionError):
            call()
    assert taken == [7, 7]


def _refuse(**_event: Any) -> None:
    raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9")


def test_results_come_in_the_order_of_the_items_and_failures_in_their_places() -> None:
    failure = AnsibleTransferError(message="refused")
    gate = threading.Event()

    def work(item: int) -> int:
        if item == 0:
            gate.wait(5)  # the first ends last
        if item == 2:
            raise failure
        if item == 3:
            gate.set()
        return item * 10

    assert bulk.in_parallel(work, range(4), 4, nothing) == [0, 10, failure, 30]
    assert bulk.in_parallel(work, [], 4, nothing) == []


def test_no_more_run_at_a_time_than_asked_for() -> None:
    running, most, lock = 0, 0, threading.Lock()

    def work(item: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        threading.Event().wait(0.005)
        with lock:
            running -= 1

    bulk.in_parallel(work, range(20), 3, nothing)
    assert most == 3


def test_a_defect_ends_the_run() -> None:
    with pytest.raises(ZeroDivisionError):
        bulk.in_parallel(lambda item: 1 // item, [1, 0, 1], 1, nothing)


def test_progress_is_reported_from_time_to_time() -> None:
    reports: list[tuple[int, int]] = []
    gate = threading.Event()

    def report(done: int, total: int) -> None:
        reports.append((done, total))
        gate.set()

    bulk.in_parallel(lambda _item: gate.wait(5), [0, 1], 2, report, every=0.01)
    assert reports[0] == (0, 2)


def test_progress_goes_to_the_log_and_to_the_file(tmp_path: Path) -> None:
    logged: list[str] = []
    path = tmp_path / "progress"
    progress = bulk.Progress(logged.append, str(path), "s-0123456789abcdef0")
    assert progress.problems() == []
    progress("changed 3 of 9 users")
    assert logged == ["begins", "changed 3 of 9 users"]
    assert [line.split(" ", 1)[1] for line in path.read_text().splitlines()] == [
        "s-0123456789abcdef0: begins",
        "s-0123456789abcdef0: changed 3 of 9 users",
    ]
    path.unlink()
    path.mkdir()
    progress("changed 6 of 9 users")
    progress("changed 9 of 9 users")
    assert logged[2:-1] == ["changed 6 of 9 users", f"progress_file {str(path)!r} cannot be written: Is a directory"]
    assert logged[-1] == "changed 9 of 9 users"
    logged.clear()
    assert "cannot be written: Is a directory" in bulk.Progress(logged.append, str(tmp_path), "s").problems()[0]
    assert bulk.Progress(logged.append, None, "s").problems() == []
