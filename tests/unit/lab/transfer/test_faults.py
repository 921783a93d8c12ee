# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which call of which operation fails."""

from __future__ import annotations

from typing import Any

import pytest

from lab.transfer.faults import FaultRuleError
from lab.transfer.faults import Faults


def struck(faults: Faults, operation: str, count: int) -> list[int]:
    """Return the numbers, from 1, of the calls that a rule strikes."""
    return [number for number in range(1, count + 1) if faults.count(operation) is not None]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, [1]),
        ({"nth": 3}, [3]),
        ({"nth": 3, "times": 2}, [3, 4]),
        ({"times": 4}, [1, 2, 3, 4]),
        ({"every": 3}, [3, 6, 9]),
        ({"every": 3, "times": 2}, [3, 6]),
        ({"every": 1}, list(range(1, 11))),
        ({"nth": 8, "times": None}, [8, 9, 10]),
    ],
)
def test_nth_every_and_times(rule: dict[str, Any], expected: list[int]) -> None:
    faults = Faults()
    faults.set([{"operation": "CreateUser", "kind": "throttle", **rule}])
    assert struck(faults, "CreateUser", 10) == expected


def test_a_rule_counts_only_its_own_operation() -> None:
    faults = Faults()
    faults.set([{"operation": "CreateUser", "kind": "throttle", "nth": 2}])
    assert struck(faults, "DescribeUser", 5) == []
    assert struck(faults, "CreateUser", 3) == [2]


def test_a_star_counts_all_operations_together() -> None:
    faults = Faults()
    faults.set([{"operation": "*", "kind": "throttle", "nth": 2}])
    assert faults.count("CreateUser") is None
    assert faults.count("DescribeUser") is not None


def test_setting_rules_begins_anew_and_clearing_ends_them() -> None:
    faults = Faults()
    rules = [{"operation": "*", "kind": "delay", "every": 1}]
    faults.set(rules)
    assert struck(faults, "CreateUser", 2) == [1, 2]
    faults.set([{"operation": "*", "kind": "delay", "nth": 2}])
    assert struck(faults, "CreateUser", 3) == [2]
    faults.set(rules)
    faults.clear()
    assert struck(faults, "CreateUser", 3) == []


def test_errors_carry_what_a_client_reads() -> None:
    faults = Faults()
    faults.set([{"kind": "throttle", "retry_after_seconds": 2}, {"kind": "unavailable", "nth": 2}])
    rule = faults.count("CreateUser")
    assert rule is not None
    error = rule.error()
    assert error is not None
    assert error.body() == {
        "__type": "ThrottlingException",
        "Message": "Rate exceeded",
        "RetryAfterSeconds": "2",
    }
    rule = faults.count("CreateUser")
    assert rule is not None
    error = rule.error()
    assert error is not None
    assert (error.code, error.status) == ("ServiceUnavailableException", 500)


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        ("throttle", "list of rules"),
        (["throttle"], "fault 1: must be an object"),
        ([{"kind": "throttle"}, {"kind": "explode"}], "fault 2: kind 'explode' must be one of throttle, "),
        ([{"kind": "throttle", "operation": "CreateUsers"}], "CreateUsers"),
        ([{"kind": "throttle", "nth": 0}], "nth must be a whole number"),
        ([{"kind": "throttle", "nth": 1, "every": 2}], "exclude each other"),
        ([{"kind": "throttle", "times": True}], "times must be"),
        ([{"kind": "delay", "seconds": -1}], "seconds must be"),
        ([{"kind": "throttle", "retry_after": 3}], "unknown member retry_after"),
    ],
)
def test_a_rule_that_makes_no_sense_changes_nothing(rules: Any, text: str) -> None:
    faults = Faults()
    faults.set([{"operation": "*", "kind": "throttle", "every": 1}])
    with pytest.raises(FaultRuleError, match=text):
        faults.set(rules)
    assert faults.count("CreateUser") is not None


def test_calls_are_counted() -> None:
    faults = Faults()
    for operation in ("ListUsers", "CreateUser", "ListUsers"):
        faults.count(operation)
    assert faults.calls() == {"CreateUser": 1, "ListUsers": 2}
    faults.reset_calls()
    assert faults.calls() == {}
