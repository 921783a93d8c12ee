# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import itertools
from typing import Any

import pytest
from ansible_collections.mft.aws.plugins.module_utils._transfer import retries
from botocore.exceptions import ClientError
from botocore.exceptions import ConnectionClosedError
from botocore.exceptions import EndpointConnectionError
from botocore.exceptions import ReadTimeoutError


def failure(code: str, status: int = 400, **members: Any) -> ClientError:
    response = {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}, **members}
    return ClientError(response, "ImportSshPublicKey")  # type: ignore[arg-type]


REFUSED = failure("ThrottlingException")
UNAVAILABLE = failure("ServiceUnavailableException", 503)
INTERNAL = failure("InternalServiceError", 500)
CUT = ConnectionClosedError(endpoint_url="https://transfer.example")
LATE = ReadTimeoutError(endpoint_url="https://transfer.example")
UNREACHED = EndpointConnectionError(endpoint_url="https://transfer.example")
WRONG = failure("InvalidRequestException")


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    delays: list[float] = []
    monkeypatch.setattr(retries.time, "sleep", delays.append)
    return delays


def fails_with(*errors: Exception) -> Any:
    left = list(errors)

    def call() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return call


@pytest.mark.parametrize("error", [REFUSED, UNAVAILABLE, UNREACHED])
def test_a_write_that_had_no_effect_is_made_again(error: Exception, slept: list[float]) -> None:
    assert retries.retried_if_refused(fails_with(error, error))() == "done"
    assert len(slept) == 2


@pytest.mark.parametrize("error", [INTERNAL, CUT, LATE, WRONG])
def test_a_write_that_may_have_had_its_effect_is_not(error: Exception, slept: list[float]) -> None:
    with pytest.raises(type(error)):
        retries.retried_if_refused(fails_with(error))()
    assert slept == []


@pytest.mark.parametrize("error", [REFUSED, UNAVAILABLE, UNREACHED, INTERNAL, CUT, LATE])
def test_a_read_is_made_again(error: Exception, slept: list[float]) -> None:
    assert retries.retried(fails_with(error))() == "done"
    assert len(slept) == 1


def test_a_wrong_read_is_not(slept: list[float]) -> None:
    with pytest.raises(ClientError):
        retries.retried(fails_with(WRONG))()
    assert slept == []


@pytest.mark.parametrize(
    ("error", "attempts"), [(REFUSED, retries.ATTEMPTS), (UNREACHED, retries.ATTEMPTS_WITHOUT_ANSWER)]
)
def test_it_gives_up_in_the_end(error: Exception, attempts: int, slept: list[float]) -> None:
    with pytest.raises(type(error)):
        retries.retried(fails_with(*[error] * 100))()
    assert len(slept) == attempts - 1


@pytest.mark.parametrize(
    ("given", "seconds"), [("3", 3.0), ("0.5", 0.5), (7, 7.0), ("-1", 0.0), ("soon", 0.0), ("86400", 120.0)]
)
def test_the_wait_that_the_service_asks_for_is_kept(given: Any, seconds: float, slept: list[float]) -> None:
    error = failure("ThrottlingException", RetryAfterSeconds=given)
    assert retries.requested_delay(error) == seconds
    retries.retried_if_refused(fails_with(error))()
    assert seconds <= slept[0] <= seconds + retries.FIRST_DELAY


def test_delays_grow_to_their_limit_and_differ() -> None:
    delays = list(itertools.islice(retries.backoff(1, 8), 6))
    for delay, most in zip(delays, (1, 2, 4, 8, 8, 8), strict=True):
        assert most / 2 <= delay <= most
    assert delays != list(itertools.islice(retries.backoff(1, 8), 6))


@pytest.mark.parametrize(
    ("error", "unknown"),
    [
        (INTERNAL, True),
        (CUT, True),
        (LATE, True),
        (UNREACHED, False),
        (REFUSED, False),
        (UNAVAILABLE, False),
        (WRONG, False),
        (None, False),
    ],
)
def test_which_outcomes_are_unknown(error: Exception | None, unknown: bool) -> None:
    assert retries.outcome_unknown(error) is unknown
