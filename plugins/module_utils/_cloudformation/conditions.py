# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Conditions and rules of a template for given parameters, where CloudFormation cannot be asked or not yet (no API).

What depends on more than parameters and mappings is unknown: None. It is never guessed.
"""

from __future__ import annotations

import typing
from typing import Any

if typing.TYPE_CHECKING:
    from collections.abc import Mapping


class Evaluation:
    def __init__(self, template: Mapping[str, Any], parameters: Mapping[str, str]) -> None:
        self._conditions: dict[str, Any] = template.get("Conditions") or {}
        self._mappings: dict[str, Any] = template.get("Mappings") or {}
        declared: dict[str, Any] = template.get("Parameters") or {}
        defaults = {name: _text(rules["Default"]) for name, rules in declared.items() if "Default" in rules}
        self._values = {**defaults, **parameters}

    def condition(self, name: str) -> bool | None:
        held = self.value(self._conditions.get(name))
        return held if isinstance(held, bool) else None

    def value(self, node: Any) -> Any:
        """A text, a boolean, a list, or None for what cannot be known here."""
        if not isinstance(node, dict):
            return (
                [self.value(item) for item in node] if isinstance(node, list) else None if node is None else _text(node)
            )
        if len(node) != 1:
            return None
        [(function, operand)] = node.items()
        if function == "Ref":
            return self._values.get(operand)
        if function == "Condition":
            return self.condition(operand)
        operands = [self.value(item) for item in operand] if isinstance(operand, list) else []
        if function == "Fn::Not":
            return None if operands[0] is None else not operands[0]
        if function == "Fn::And":
            return False if False in operands else None if None in operands else True
        if function == "Fn::Or":
            return True if True in operands else None if None in operands else False
        if function == "Fn::Equals":
            return None if None in operands else operands[0] == operands[1]
        if function == "Fn::Contains":
            return None if not isinstance(operands[0], list) or None in operands else operands[1] in operands[0]
        if function == "Fn::If":
            chosen = self.condition(operand[0])
            return None if chosen is None else operands[1 if chosen else 2]
        if function == "Fn::FindInMap":
            found = self._mappings.get(operands[0], {}).get(operands[1], {}).get(operands[2])
            return None if found is None else _text(found)
        if function == "Fn::Join":
            items = operands[1]
            # A list parameter is one text with commas, however many items it has.
            if isinstance(items, str):
                items = [item.strip() for item in items.split(",")]
            return None if items is None or None in items else str(operands[0]).join(items)
        return None


def rule_problems(template: Mapping[str, Any], parameters: Mapping[str, str]) -> list[str]:
    """Assertions of the template's rules that do not hold, in the template's own words."""
    evaluation = Evaluation(template, parameters)
    problems = []
    for name, rule in (template.get("Rules") or {}).items():
        if "RuleCondition" in rule and evaluation.value(rule["RuleCondition"]) is not True:
            continue
        problems += [
            str(assertion.get("AssertDescription") or f"rule {name} of the template does not hold").strip()
            for assertion in rule.get("Assertions", [])
            if evaluation.value(assertion["Assert"]) is False
        ]
    return problems


def additions(template: Mapping[str, Any], parameters: Mapping[str, str]) -> list[dict[str, Any]]:
    """The resources that a new stack would have; C(add?) for one whose condition is not known here."""
    evaluation = Evaluation(template, parameters)
    found = []
    for name, resource in sorted(template["Resources"].items()):
        held = evaluation.condition(resource["Condition"]) if "Condition" in resource else True
        if held is not False:
            found.append({"action": "add" if held else "add?", "logical_id": name, "type": str(resource.get("Type"))})
    return found


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
