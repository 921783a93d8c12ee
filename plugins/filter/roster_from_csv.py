# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: roster_from_csv
version_added: 0.1.0
short_description: Read a roster of SFTP users from CSV
description:
  - Turns a table of users, as a spreadsheet writes it, into a list in the form of
    C(transfer_users_roster) of the role P(mft.aws.transfer_users#role).
  - The first line names the columns. V(name) has to be among them; V(home), V(state), V(tags), V(ssh_public_key),
    V(not_before) and V(not_after) may be. They are separated by commas, or by semicolons if there is one in that line.
  - A user with more than one key has a line for each. What the other lines of a user leave empty is as in its first.
  - A user without a key in any line keeps the keys that it has.
author:
  - The mft.aws project (!UNKNOWN)
options:
  _input:
    description:
      - The text of the file. Tags are written as V(partner=Acme Corp|unit=payments).
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Read the users of a spreadsheet
  ansible.builtin.set_fact:
    transfer_users_roster: "{{ lookup('ansible.builtin.file', 'partners.csv') | mft.aws.roster_from_csv }}"
  # name,tags,ssh_public_key,not_after
  # acme,partner=Acme Corp,ssh-ed25519 AAAA… acme-2025,2026-06-30
  # acme,,ssh-ed25519 AAAA… acme-2026,
  # orders,,ssh-ed25519 AAAA… orders,
"""

RETURN = r"""
_value:
  description:
    - The users, in the order in which they first appear.
  type: list
  elements: dict
"""

import csv
import io
from typing import Any
from typing import Callable

from ansible.errors import AnsibleFilterError

_KEY = ("not_before", "not_after")
_COLUMNS = ("name", "home", "state", "tags", "ssh_public_key", *_KEY)


def _refuse(problems: list[str]) -> None:
    if problems:
        raise AnsibleFilterError("The roster cannot be read:\n" + "\n".join(f"- {problem}" for problem in problems))


def _tags(text: str) -> tuple[dict[str, str], list[str]]:
    """The tags of a field, and what is wrong with them."""
    tags: dict[str, str] = {}
    problems = []
    for pair in filter(None, map(str.strip, text.split("|"))):
        key, equals, value = (part.strip() for part in pair.partition("="))
        if not equals:
            problems.append(f"tag {pair!r} is not written as key=value")
        elif tags.setdefault(key, value) != value:
            problems.append(f"tag {key!r} is there twice")
    return tags, problems


def _rows(text: str) -> list[tuple[int, dict[str, str]]]:
    """The lines with something in them, and their numbers."""
    text = text.lstrip("\ufeff")  # which spreadsheets put first
    delimiter = ";" if ";" in text.split("\n", 1)[0] else ","
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        columns = [column.strip() for column in reader.fieldnames or []]
        reader.fieldnames = columns
        problems = [
            f"column {column!r} is none of {', '.join(_COLUMNS)}" for column in columns if column not in _COLUMNS
        ]
        problems += [f"column {column!r} is there twice" for column in set(columns) if columns.count(column) > 1]
        _refuse(problems + ([] if "name" in columns else ["there is no column 'name'"]))
        rows = []
        for row in reader:
            if None in row:
                _refuse(
                    [f"line {reader.line_num} has more fields than the first line: quote those with a {delimiter!r}"]
                )
            rows.append((reader.line_num, {column: (value or "").strip() for column, value in row.items()}))
    except csv.Error as error:
        raise AnsibleFilterError(f"The roster cannot be read:\n- line {reader.reader.line_num}: {error}") from error
    return [(number, row) for number, row in rows if any(row.values())]


def roster_from_csv(text: str) -> list[dict[str, Any]]:
    users: dict[str, dict[str, Any]] = {}
    problems = []
    for number, row in _rows(text):
        name = row["name"]
        if not name:
            problems.append(f"line {number} has no name")
            continue
        user = users.setdefault(name, {"name": name})
        said: dict[str, Any] = {option: row[option] for option in ("home", "state") if row.get(option)}
        if row.get("tags"):
            said["tags"], wrong = _tags(row["tags"])
            problems += [f"line {number}: {problem}" for problem in wrong]
        for option, value in said.items():
            if user.setdefault(option, value) != value:
                problems.append(f"line {number} gives {name} another {option} than a line before")
        dates = {option: row[option] for option in _KEY if row.get(option)}
        body = row.get("ssh_public_key")
        if body:
            user.setdefault("ssh_public_keys", []).append({"body": body, **dates} if dates else body)
        elif dates:
            problems.append(f"line {number} has dates, but no ssh_public_key that they could be of")
    _refuse(problems)
    return list(users.values())


class FilterModule:
    """What Ansible asks a filter plugin for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"roster_from_csv": roster_from_csv}
