# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on demand: which call of which operation fails, and how; and a count of the calls.

A rule is {"operation": "ImportSshPublicKey" or "*", "nth": 2 or "every": 3, "times": 1, "kind": "throttle",
"retry_after_seconds": 1, "seconds": 0.2}. With "nth" (default 1) it strikes the nth matching call after it was set
and the following ones, "times" in all (default 1). With "every": N it strikes each Nth, "times" of them at most
(default: without end).
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import Any

from lab.transfer.errors import TransferError
from lab.transfer.errors import throttled
from lab.transfer.model import service_model

# Kinds that answer in the place of the operation, which then has no effect.
_ERRORS: dict[str, Callable[[Rule], TransferError]] = {
    "throttle": lambda rule: throttled(f"{rule.retry_after_seconds:g}"),
    "server_error": lambda _: TransferError("InternalServiceError", "An internal error occurred (lab fault)"),
    "unavailable": lambda _: TransferError("ServiceUnavailableException", "Service is unavailable (lab fault)"),
    "access_denied": lambda rule: TransferError(
        "AccessDeniedException", f"User is not authorized to perform: transfer:{rule.operation} (lab fault)"
    ),
}
# delay: the answer comes late. reset_before: the connection is cut and nothing was done. reset_after: it was done.
# server_error_after: the answer is an internal error, and yet it was done.
KINDS = (*_ERRORS, "delay", "reset_before", "reset_after", "server_error_after")

_MEMBERS = {"operation", "nth", "every", "times", "kind", "retry_after_seconds", "seconds"}


class FaultRuleError(ValueError):
    """A rule that says nothing the lab could do."""


@dataclass
class Rule:
    """One rule and how far it has come."""

    operation: str
    kind: str
    nth: int = 1
    every: int | None = None
    times: int | None = 1
    retry_after_seconds: float = 1
    seconds: float = 1
    seen: int = field(default=0, init=False)
    struck: int = field(default=0, init=False)

    def strikes(self, operation: str) -> bool:
        """Count a call, and say whether it is one that fails."""
        if self.operation not in {"*", operation}:
            return False
        self.seen += 1
        if self.times is not None and self.struck >= self.times:
            return False
        due = self.seen % self.every == 0 if self.every else self.seen >= self.nth
        self.struck += due
        return due

    def error(self) -> TransferError | None:
        """What answers in the place of the operation."""
        make = _ERRORS.get(self.kind)
        return make(self) if make else None

    def error_after(self) -> TransferError | None:
        """What answers in the place of its result."""
        return _ERRORS["server_error"](self) if self.kind == "server_error_after" else None


class Faults:
    """The rules in force and the calls counted; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Rule] = []
        self._calls: Counter[str] = Counter()

    def count(self, operation: str) -> Rule | None:
        """Count one call and return the first rule that strikes it."""
        with self._lock:
            self._calls[operation] += 1
            striking = [rule for rule in self._rules if rule.strikes(operation)]
            return striking[0] if striking else None

    def set(self, rules: Sequence[Mapping[str, Any]]) -> None:
        """Replace all rules, or raise FaultRuleError and change nothing."""
        if not isinstance(rules, Sequence) or isinstance(rules, str):
            raise FaultRuleError("faults must be a list of rules")
        parsed = [_parse(number, rule) for number, rule in enumerate(rules, start=1)]
        with self._lock:
            self._rules = parsed

    def clear(self) -> None:
        with self._lock:
            self._rules = []

    def calls(self) -> dict[str, int]:
        with self._lock:
            return dict(sorted(self._calls.items()))

    def reset_calls(self) -> None:
        with self._lock:
            self._calls.clear()


def _parse(number: int, rule: Mapping[str, Any]) -> Rule:
    where = f"fault {number}"
    if not isinstance(rule, Mapping):
        raise FaultRuleError(f"{where}: must be an object, got {rule!r}")
    unknown = sorted(set(rule) - _MEMBERS)
    if unknown:
        raise FaultRuleError(f"{where}: unknown member {', '.join(unknown)}; known are {', '.join(sorted(_MEMBERS))}")
    operation, kind = rule.get("operation", "*"), rule.get("kind")
    if operation != "*" and operation not in service_model().operation_names:
        raise FaultRuleError(f"{where}: operation {operation!r} is none of the Transfer API's; * means any")
    if kind not in KINDS:
        raise FaultRuleError(f"{where}: kind {kind!r} must be one of {', '.join(KINDS)}")
    if "nth" in rule and "every" in rule:
        raise FaultRuleError(f"{where}: nth and every exclude each other")
    for name in ("nth", "every", "times"):
        value = rule.get(name, 1)
        if value is None and name == "times":
            continue
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise FaultRuleError(f"{where}: {name} must be a whole number from 1 on, got {value!r}")
    for name in ("retry_after_seconds", "seconds"):
        value = rule.get(name, 1)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 600:
            raise FaultRuleError(f"{where}: {name} must be a number from 0 to 600, got {value!r}")
    return Rule(
        operation=operation,
        kind=kind,
        nth=rule.get("nth", 1),
        every=rule.get("every"),
        times=rule.get("times", None if "every" in rule else 1),
        retry_after_seconds=rule.get("retry_after_seconds", 1),
        seconds=rule.get("seconds", 1),
    )
