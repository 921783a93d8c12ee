# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which failures of AWS Transfer Family are worth another attempt, and after how long.

amazon.aws' AWSRetry knows neither Transfer's error codes nor RetryAfterSeconds, and botocore's own retries
repeat a request whose answer was lost, which for CreateUser or ImportSshPublicKey is not the same as making it once.
So botocore's are switched off (SINGLE_ATTEMPT) and this is the only layer.
"""

from __future__ import annotations

import functools
import random
import time
import typing
from typing import Any
from typing import Callable
from typing import TypeVar

try:
    from botocore.exceptions import BotoCoreError
    from botocore.exceptions import ClientError
    from botocore.exceptions import ConnectTimeoutError
    from botocore.exceptions import EndpointConnectionError
    from botocore.exceptions import HTTPClientError
except ImportError:
    pass  # AnsibleAWSModule says what is missing

if typing.TYPE_CHECKING:
    from collections.abc import Iterator

F = TypeVar("F", bound=Callable[..., Any])

# The client takes user-given aws_config over these.
SINGLE_ATTEMPT = {"retries": {"total_max_attempts": 1}, "connect_timeout": 10}

ATTEMPTS = 10
# Fewer where there is no answer at all: most likely the endpoint or the network is wrong, and will stay so.
ATTEMPTS_WITHOUT_ANSWER = 5
FIRST_DELAY = 0.5
LONGEST_DELAY = 20.0
# A wait the service asks for is honoured up to here; beyond it the operator should know.
LONGEST_REQUESTED_DELAY = 120.0

# The service says it did not act.
_REFUSED_FOR_NOW = frozenset(
    {
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


def error_code(error: BaseException | None) -> str:
    return str(error.response["Error"]["Code"]) if isinstance(error, ClientError) else ""


def _had_no_effect(error: BaseException) -> bool:
    """True if another attempt cannot double anything: refused, or never sent."""
    return error_code(error) in _REFUSED_FOR_NOW or isinstance(error, (EndpointConnectionError, ConnectTimeoutError))


def outcome_unknown(error: BaseException | None) -> bool:
    """True if the request may or may not have had its effect: cut off before the answer, or failed inside."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return error_code(error) not in _REFUSED_FOR_NOW and bool(status >= 500)
    return isinstance(error, HTTPClientError) and not _had_no_effect(error)


def backoff(first: float = FIRST_DELAY, longest: float = LONGEST_DELAY) -> Iterator[float]:
    """Doubling delays, each drawn from its upper half so that many runs do not come back together."""
    delay = first
    while True:
        yield random.uniform(delay / 2, delay)  # noqa: S311  # spreads load, guards nothing
        delay = min(delay * 2, longest)


def requested_delay(error: BaseException) -> float:
    """RetryAfterSeconds of Transfer's ThrottlingException: a string in the API model, and optional."""
    if not isinstance(error, ClientError):
        return 0.0
    try:
        seconds = float(str(error.response.get("RetryAfterSeconds", 0)))
    except ValueError:
        return 0.0
    return min(max(seconds, 0.0), LONGEST_REQUESTED_DELAY)


def _retried(function: F, worth_another: Callable[[BaseException], bool]) -> F:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        delays = backoff()
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return function(*args, **kwargs)
            except (ClientError, BotoCoreError) as error:
                most = ATTEMPTS if isinstance(error, ClientError) else ATTEMPTS_WITHOUT_ANSWER
                if attempt >= most or not worth_another(error):
                    raise
                time.sleep(requested_delay(error) + next(delays))
        raise AssertionError("unreachable")

    return typing.cast("F", call)


def retried(function: F) -> F:
    """For reads, which can be repeated freely."""
    return _retried(function, lambda error: _had_no_effect(error) or outcome_unknown(error))


def retried_if_refused(function: F) -> F:
    """For writes, which are not repeated blindly: an unknown outcome is left to the caller, who looks first."""
    return _retried(function, _had_no_effect)
