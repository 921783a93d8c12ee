# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway's template as plain data: !Ref and its like become {"Ref": …} and {"Fn::Sub": …}."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

CHECKOUT = Path(__file__).resolve().parents[3]
PATH = CHECKOUT / "files" / "cloudformation" / "gateway.yaml"
BUCKET_NAME = "${BucketNamePrefix}-${AWS::AccountId}-${AWS::Region}"


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms of functions."""


def _function(loader: Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


Loader.add_multi_constructor("!", _function)


@cache
def template() -> dict[str, Any]:
    """The parsed template."""
    parsed: dict[str, Any] = yaml.load(PATH.read_text(encoding="utf-8"), Loader)  # noqa: S506 (a SafeLoader)
    return parsed


def resources(kind: str | None = None) -> dict[str, dict[str, Any]]:
    """Resources by logical id, all or those of one type."""
    return {name: body for name, body in template()["Resources"].items() if kind in (None, body["Type"])}


def properties(name: str) -> dict[str, Any]:
    """The properties of one resource."""
    found: dict[str, Any] = template()["Resources"][name]["Properties"]
    return found


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def strings(value: Any) -> Iterator[str]:
    """Every string in a piece of the template, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


@dataclass(frozen=True)
class Statement:
    """One statement of one policy, and where it stands."""

    resource: str
    policy: str
    body: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.resource}/{self.policy}/{self.body.get('Sid', '')}"

    @property
    def actions(self) -> list[str]:
        return as_list(self.body["Action"])

    @property
    def allows(self) -> bool:
        return bool(self.body["Effect"] == "Allow")

    @property
    def services(self) -> list[Any]:
        """Service principals, a region-dependent one as {"Fn::Sub": …}."""
        principal = self.body.get("Principal", {})
        return as_list(principal["Service"]) if isinstance(principal, dict) and "Service" in principal else []

    @property
    def condition_keys(self) -> set[str]:
        return {key for tests in self.body.get("Condition", {}).values() for key in tests}


def statements() -> Iterator[Statement]:
    """Every statement of every policy in the template, whatever property holds it."""
    for name, body in resources().items():
        yield from _statements(name, "", body.get("Properties", {}))


def _statements(resource: str, path: str, value: Any) -> Iterator[Statement]:
    if isinstance(value, dict):
        if "Statement" in value:
            for statement in as_list(value["Statement"]):
                branches = statement["Fn::If"][1:] if "Fn::If" in statement else [statement]
                yield from (Statement(resource, path, branch) for branch in branches if "Effect" in branch)
            return
        for key, inner in value.items():
            below = value.get("PolicyName", path) if key == "PolicyDocument" and "PolicyName" in value else key
            yield from _statements(resource, below, inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _statements(resource, path, inner)
