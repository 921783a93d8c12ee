# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a change set would do: as data, as lines for a person, as a diff, and what would be lost by it (no API)."""

from __future__ import annotations

import json
import typing
from typing import Any

if typing.TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Mapping
    from collections.abc import Sequence

Change = dict[str, Any]

# AWS says it in these words, whichever way it found out (CreateChangeSet, UpdateStack, a nested stack).
_NO_CHANGE = ("didn't contain changes", "did not contain changes", "no updates are to be performed", "no changes")

# In upper case what an operator must not read over.
_VERBS = {
    "add": "add",
    "add?": "add?",
    "modify": "modify",
    "replace": "REPLACE",
    "replace?": "REPLACE?",
    "remove": "REMOVE",
}


def has_no_change(described: Mapping[str, Any]) -> bool:
    """True for a change set that failed only because there is nothing to do."""
    reason = str(described.get("StatusReason") or "").lower()
    return described.get("Status") == "FAILED" and any(words in reason for words in _NO_CHANGE)


def read_changes(described: Mapping[str, Any]) -> list[Change]:
    """The changes of DescribeChangeSet, in the order in which an operator wants to read them: losses first."""
    raw = [change["ResourceChange"] for change in described.get("Changes", []) if change.get("ResourceChange")]
    lasting = {
        change["LogicalResourceId"]
        for change in raw
        if change.get("Action") == "Modify" and change.get("Replacement", "False") == "False"
    }
    changed = {change["LogicalResourceId"] for change in raw}
    order = list(_VERBS)[::-1]
    changes = [_read(change, lasting, changed) for change in raw]
    return sorted(
        changes,
        key=lambda change: (order.index(change["action"]) if change["action"] in order else 0, change["logical_id"]),
    )


def _read(raw: Mapping[str, Any], lasting: set[str], changed: set[str]) -> Change:
    action = str(raw.get("Action", "")).lower()
    if action == "modify":
        replacement = raw.get("Replacement", "False")
        if replacement == "True":
            action = "replace"
        elif replacement == "Conditional" and not _only_follows(raw, lasting, changed):
            action = "replace?"
    change = {
        "action": action,
        "logical_id": str(raw.get("LogicalResourceId", "")),
        "physical_id": str(raw.get("PhysicalResourceId") or ""),
        "type": str(raw.get("ResourceType", "")),
        "properties": _properties(raw.get("Details", [])),
    }
    if raw.get("PolicyAction"):
        # Retain, ReplaceAndRetain…: what becomes of the old one.
        change["policy_action"] = str(raw["PolicyAction"])
    return change


def _only_follows(raw: Mapping[str, Any], lasting: set[str], changed: set[str]) -> bool:
    """True if the only reason to think of a replacement is a reference to something that stays.

    A key whose policy changes makes CloudFormation call everything that mentions its ARN "Conditional": it does not
    know before that the ARN stays (API reference, ResourceChangeDetail: Dynamic). An identity stays with its resource.
    """
    causes: dict[str, list[Mapping[str, Any]]] = {}
    for detail in raw.get("Details", []):
        if detail["Target"].get("RequiresRecreation", "Never") != "Never":
            causes.setdefault(str(detail["Target"].get("Name")), []).append(detail)
    return bool(causes) and all(_stays(details, lasting, changed) for details in causes.values())


def _stays(details: Sequence[Mapping[str, Any]], lasting: set[str], changed: set[str]) -> bool:
    """True if a property has no other cause than references to resources that stay."""
    entities = []
    for detail in details:
        if detail.get("Evaluation") != "Dynamic":
            return False
        if detail.get("CausingEntity"):
            entities.append((str(detail["CausingEntity"]).split(".", maxsplit=1)[0], detail.get("ChangeSource")))
        elif detail.get("ChangeSource") != "DirectModification":
            return False
    # One that the change set does not list stays as well.
    return bool(entities) and all(
        source in ("ResourceReference", "ResourceAttribute") and (entity in lasting or entity not in changed)
        for entity, source in entities
    )


def _properties(details: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each property (or Tags, Metadata…) once, with what it is and will be where AWS says so."""
    found: dict[str, dict[str, Any]] = {}
    for detail in details:
        target = detail["Target"]
        attribute = target.get("Attribute", "Properties")
        name = str(target.get("Name") or attribute) if attribute == "Properties" else str(attribute)
        entry = found.setdefault(name, {"name": name, "replaces": False})
        entry["replaces"] = entry["replaces"] or target.get("RequiresRecreation", "Never") == "Always"
        for key, value in (("before", "BeforeValue"), ("after", "AfterValue")):
            if target.get(value) is not None:
                entry[key] = target[value]
    return [found[name] for name in sorted(found)]


def lines(changes: Iterable[Change]) -> list[str]:
    """One line a change: what happens, to which resource, through which properties."""
    return [_line(change) for change in changes]


def _line(change: Change) -> str:
    physical = f" {change['physical_id']}" if change.get("physical_id") else ""
    properties = ", ".join(_with_values(entry) for entry in change.get("properties", []))
    kept = " (the old one is kept)" if str(change.get("policy_action", "")).endswith("Retain") else ""
    return (
        f"{_VERBS.get(change['action'], change['action']):<8} {change['logical_id']} ({change['type']}){physical}"
        f"{': ' + properties if properties else ''}{kept}"
    )


def _with_values(entry: Mapping[str, Any]) -> str:
    short = [str(entry[key]) for key in ("before", "after") if key in entry]
    readable = len(short) == 2 and all(len(value) <= 60 and "\n" not in value for value in short)
    return f"{entry['name']} {short[0]} → {short[1]}" if readable else str(entry["name"])


def lost(changes: Iterable[Change], protected: Sequence[str], replaceable: Sequence[str]) -> list[str]:
    """Protected resources that would be replaced or removed, or might be, and that nobody gave free."""
    guarded = set(protected) - set(replaceable)
    return [
        change["logical_id"]
        for change in changes
        if change["action"] in ("replace", "replace?", "remove") and change["logical_id"] in guarded
    ]


def diff(changes: Iterable[Change]) -> dict[str, str]:
    """For C(--diff): each resource that changes, as far as CloudFormation says what it is and will be."""
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for change in changes:
        name = f"{change['logical_id']} ({change['type']})"
        if change["action"] not in ("add", "add?"):
            before[name] = {"id": change["physical_id"], **_values(change, "before", "(as it is)")}
        if change["action"] != "remove":
            replaced = change["action"] == "replace"
            after[name] = {
                **({"id": "(new)" if replaced else change["physical_id"]} if change.get("physical_id") else {}),
                **_values(change, "after", "(changed)"),
            }
    return {"before": _text(before), "after": _text(after)}


def _values(change: Change, side: str, unknown: str) -> dict[str, Any]:
    return {entry["name"]: entry.get(side, unknown) for entry in change.get("properties", [])}


def _text(side: Mapping[str, Any]) -> str:
    return json.dumps(side, indent=2, sort_keys=True, ensure_ascii=False) + "\n" if side else ""
