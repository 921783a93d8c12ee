# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys with dates: C(ssh_public_keys) as options give them, each a line or {body, not_before, not_after}.

Transfer knows no dates of keys; they are kept by whoever runs the module, at each run. A key outside its dates
must not be there: one that expired is removed, one that is not yet valid is not added.
"""

from __future__ import annotations

import re
import typing
from dataclasses import dataclass
from datetime import datetime
from datetime import timedelta
from datetime import timezone
from typing import Any

from .ssh_keys import SshKeyError
from .ssh_keys import parse_public_key

if typing.TYPE_CHECKING:
    from collections.abc import Iterable

    from .ssh_keys import PublicKey

EXPIRING_DAYS = 30
_MOST_EXPIRING_DAYS = 36500
_MEMBERS = ("body", "not_before", "not_after")
# No private key is as short as this.
_SHORT = 40
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
# datetime reads more than this, and each version of Python something else.
_MOMENT = re.compile(_DAY.pattern + r"([T ]\d{2}:\d{2}.*)?", re.ASCII)


@dataclass(frozen=True)
class DatedKey:
    """A key that has dates, and what they make of it now: pending, valid, expiring (valid, not for long) or expired."""

    key: PublicKey
    not_before: datetime | None
    not_after: datetime | None
    state: str

    @property
    def usable(self) -> bool:
        return self.state in ("valid", "expiring")


class _DateError(ValueError):
    pass


def read_moment(value: Any, *, last: bool) -> datetime:
    """A day or a moment, UTC unless it says otherwise; of a day the first moment, or the C(last)."""
    text = str(value).strip()
    try:
        if not _MOMENT.fullmatch(text):
            raise ValueError
        # Python before 3.11 does not read the Z.
        moment = datetime.fromisoformat(re.sub("[zZ]$", "+00:00", text))
        moment = moment.replace(tzinfo=moment.tzinfo or timezone.utc).astimezone(timezone.utc)
        if last and _DAY.fullmatch(text):
            moment += timedelta(days=1, seconds=-1)
    except (ValueError, OverflowError):
        # A long text may be a private key in the wrong place.
        shown = repr(text) if len(text) <= _SHORT else f"of {len(text)} characters"
        raise _DateError(
            f"{shown} is no date: write 2026-06-30, or 2026-06-30T18:00:00+02:00 (UTC without an offset)"
        ) from None
    return moment


def _state(not_before: datetime | None, not_after: datetime | None, now: datetime, soon: timedelta) -> str:
    if not_after is not None and not_after < now:
        return "expired"
    if not_before is not None and now < not_before:
        return "pending"
    return "expiring" if not_after is not None and not_after - now <= soon else "valid"


def _read_dates(entry: dict[str, Any]) -> tuple[datetime | None, datetime | None, list[str]]:
    dates: list[datetime | None] = []
    problems = []
    for member in ("not_before", "not_after"):
        # An empty one is what a spreadsheet gives for none.
        given = entry.get(member) not in (None, "")
        try:
            dates.append(read_moment(entry[member], last=member == "not_after") if given else None)
        except _DateError as error:
            dates.append(None)
            problems.append(f"{member} {error}")
    not_before, not_after = dates
    if not_before and not_after and not_after <= not_before:
        problems.append("not_after is not after not_before: a key is valid from the one to the other")
    return not_before, not_after, problems


def _read_entry(entry: Any) -> tuple[str, datetime | None, datetime | None, list[str]]:
    if isinstance(entry, str):
        return entry, None, None, []
    # No value is repeated: any of them may be a private key that was pasted in the wrong place.
    if not isinstance(entry, dict):
        return "", None, None, ["it is neither a text nor {body, not_before, not_after}"]
    unknown = sorted(str(member)[:_SHORT] for member in entry if member not in _MEMBERS)
    problems = [f"it has no option {member!r}, only {', '.join(_MEMBERS)}" for member in unknown]
    body = entry.get("body")
    if not isinstance(body, str):
        return "", None, None, [*problems, "it has no body: give the one line of the .pub file"]
    not_before, not_after, date_problems = _read_dates(entry)
    return body, not_before, not_after, problems + date_problems


def expiring_days_problems(days: int) -> list[str]:
    if 0 <= days <= _MOST_EXPIRING_DAYS:
        return []
    return [f"expiring_days {days} is out of range: 0 to {_MOST_EXPIRING_DAYS}"]


def read_keys(
    entries: Iterable[Any], now: datetime, expiring_days: int = EXPIRING_DAYS
) -> tuple[tuple[PublicKey, ...], tuple[DatedKey, ...], list[str]]:
    """The keys that are to be there now, all that have dates, and what is wrong with the entries."""
    found: dict[PublicKey, tuple[int, datetime | None, datetime | None]] = {}
    problems = []
    for index, entry in enumerate(entries):
        body, not_before, not_after, wrong = _read_entry(entry)
        try:
            if body or not wrong:
                key = parse_public_key(body)
                first, *dates = found.setdefault(key, (index, not_before, not_after))
                if dates != [not_before, not_after]:
                    wrong.append(f"it is the key of ssh_public_keys[{first}] with other dates: keep one of them")
        except SshKeyError as error:
            wrong.append(str(error))
        problems += [f"ssh_public_keys[{index}]: {problem}" for problem in wrong]
    # One that is out of range is a problem that is told elsewhere, once for all users.
    soon = timedelta(days=min(max(expiring_days, 0), _MOST_EXPIRING_DAYS))
    dated = {
        key: DatedKey(key, not_before, not_after, _state(not_before, not_after, now, soon))
        for key, (_index, not_before, not_after) in found.items()
        if not_before or not_after
    }
    usable = tuple(key for key in found if key not in dated or dated[key].usable)
    return usable, tuple(dated.values()), problems


def dated_keys_result(dated: Iterable[DatedKey]) -> list[dict[str, Any]]:
    """What modules return of keys with dates."""
    return [
        {
            "fingerprint": key.key.fingerprint,
            "comment": key.key.comment,
            "not_before": key.not_before.isoformat() if key.not_before else "",
            "not_after": key.not_after.isoformat() if key.not_after else "",
            "state": key.state,
        }
        for key in dated
    ]


def harmless_texts(entries: Iterable[Any]) -> set[str]:
    """What need not be masked of an option that is kept from logs: lines that are public keys, dates and numbers."""
    harmless: set[str] = set()
    for entry in entries:
        members = entry if isinstance(entry, dict) else {"body": entry}
        for member, value in members.items():
            try:
                if isinstance(value, str) and member == "body":
                    parse_public_key(value)
                elif len(str(value)) > _SHORT:
                    continue
                harmless.add(str(value))
            except SshKeyError:
                pass
    return harmless
