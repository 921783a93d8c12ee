# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads a template, and checks parameters, capabilities and tags against it (no API)."""

from __future__ import annotations

import json
import re
import typing
from typing import Any

from .errors import InvalidOptionsError

try:
    import yaml
except ImportError:
    HAS_YAML = False
else:
    HAS_YAML = True

if typing.TYPE_CHECKING:
    from collections.abc import Collection
    from collections.abc import Mapping

# "Template body size in a request" (CloudFormation quotas); above it a template has to lie in S3.
LARGEST_BODY = 51200


def read_template(text: str) -> dict[str, Any]:
    """Parse a template in JSON or in YAML with CloudFormation's tags (!Ref X is {"Ref": "X"})."""
    try:
        loaded = json.loads(text) if text.lstrip().startswith("{") else yaml.load(text, Loader=_loader())  # noqa: S506
    except (ValueError, yaml.YAMLError) as error:
        raise InvalidOptionsError([f"the template cannot be read: {error}"]) from error
    if not isinstance(loaded, dict) or not isinstance(loaded.get("Resources"), dict):
        raise InvalidOptionsError(
            ["the template has no section Resources. Give the text of a CloudFormation template."]
        )
    return loaded


def _loader() -> Any:
    """A safe loader that knows the short forms and leaves dates as text, as CloudFormation does."""
    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loader = type("TemplateLoader", (base,), {})
    loader.yaml_implicit_resolvers = {  # type: ignore[attr-defined]
        first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
        for first, found in base.yaml_implicit_resolvers.items()
    }
    loader.add_multi_constructor("!", _short_form)  # type: ignore[attr-defined]
    return loader


def _short_form(loader: Any, suffix: str, node: Any) -> dict[str, Any]:
    if isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_scalar(node)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


def parameter_problems(template: Mapping[str, Any], given: Mapping[str, str]) -> list[str]:
    """What is wrong with the parameters, by the rules that the template states; each with value, rule and remedy."""
    declared: dict[str, Any] = template.get("Parameters") or {}
    problems = [
        f"{name} is no parameter of the template. Those it has: {', '.join(sorted(declared))}."
        for name in sorted(given)
        if name not in declared
    ]
    for name, rules in declared.items():
        if name in given:
            problems += _value_problems(name, str(given[name]), rules)
        elif "Default" not in rules:
            problems.append(f"{name} is not given, and the template has no default for it.")
    return problems


def _value_problems(name: str, value: str, rules: Mapping[str, Any]) -> list[str]:
    shown = "(not shown)" if rules.get("NoEcho") in (True, "true") else repr(value)
    said = str(rules.get("ConstraintDescription") or "").strip()
    kind = str(rules.get("Type", ""))
    if kind.startswith("List<") or kind == "CommaDelimitedList":
        # Rules are for each item; an empty list has none.
        items = [item.strip() for item in value.split(",")] if value else []
        rule = next((broken for item in items if (broken := _broken_rule(item, rules))), None)
    else:
        rule = _broken_rule(value, rules)
    if rule is None:
        return []
    sentence = said if said and "AllowedValues" not in rules else rule
    return [f"{name} is {shown}: it {sentence.rstrip('.')}."]


def _broken_rule(value: str, rules: Mapping[str, Any]) -> str | None:
    values = [_as_text(allowed) for allowed in rules.get("AllowedValues", [])]
    if values and value not in values:
        return f"must be one of {', '.join(values)}"
    if rules.get("Type") == "Number":
        try:
            number = float(value)
        except ValueError:
            return "must be a number"
        if "MinValue" in rules and number < float(rules["MinValue"]):
            return f"must be {rules['MinValue']} or more"
        if "MaxValue" in rules and number > float(rules["MaxValue"]):
            return f"must be {rules['MaxValue']} or less"
        return None
    if "MinLength" in rules and len(value) < int(rules["MinLength"]):
        return f"must have {rules['MinLength']} characters or more"
    if "MaxLength" in rules and len(value) > int(rules["MaxLength"]):
        return f"must have {rules['MaxLength']} characters or fewer, and has {len(value)}"
    # CloudFormation matches the whole value, as with ^ and $.
    if "AllowedPattern" in rules and not re.fullmatch(str(rules["AllowedPattern"]), value):
        return f"must match {rules['AllowedPattern']}"
    return _address_problem(value)


def _address_problem(value: str) -> str | None:
    """A pattern of digits and dots lets 300.1.1.0/24 through, which EC2 then refuses in the middle of a creation."""
    found = re.fullmatch(r"(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})/(\d{1,2})", value)
    if found is None:
        return None
    octets, bits = [int(number) for number in found.groups()[:4]], int(found[5])
    if max(octets) > 255 or bits > 32:
        return "must be an IPv4 range, with numbers of 0 to 255 and a length of 0 to 32, such as 192.0.2.0/24"
    address = int.from_bytes(bytes(octets), "big")
    network = address >> (32 - bits) << (32 - bits)
    if network != address:
        first = ".".join(str(octet) for octet in network.to_bytes(4, "big"))
        return f"must begin with the first address of the range. Write {first}/{bits}"
    return None


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


# "If you have IAM resources with custom names, you must specify CAPABILITY_NAMED_IAM" (API reference, CreateChangeSet).
_NAMES = ("GroupName", "InstanceProfileName", "ManagedPolicyName", "RoleName", "UserName")


def capability_problems(template: Mapping[str, Any], given: Collection[str]) -> list[str]:
    """What the template needs to be acknowledged and is not."""
    iam = [
        resource for resource in template["Resources"].values() if str(resource.get("Type")).startswith("AWS::IAM::")
    ]
    named = any(name in (resource.get("Properties") or {}) for resource in iam for name in _NAMES)
    needed = "CAPABILITY_NAMED_IAM" if named else "CAPABILITY_IAM" if iam else ""
    problems = []
    if needed and not {needed, "CAPABILITY_NAMED_IAM"} & set(given):
        problems.append(
            f"capabilities is [{', '.join(given)}]: the template makes IAM resources"
            f"{' with names of its own' if named else ''}, which has to be acknowledged. Add {needed}."
        )
    if template.get("Transform") and "CAPABILITY_AUTO_EXPAND" not in given:
        problems.append(
            "the template has a section Transform, which has to be acknowledged. Add CAPABILITY_AUTO_EXPAND."
        )
    return problems


def tag_problems(tags: Mapping[str, str]) -> list[str]:
    """By the rules of the API model (cloudformation/2010-05-15, Tag); at most 50 tags a stack."""
    problems = [f"{len(tags)} tags are given: a stack takes 50 at most."] if len(tags) > 50 else []
    for key, value in tags.items():
        if not 1 <= len(key) <= 128 or key.lower().startswith("aws:"):
            problems.append(f"tag {key!r}: a key has 1 to 128 characters and does not begin with aws:.")
        if not 1 <= len(value) <= 256:
            problems.append(f"tag {key!r} is {value!r}: a value has 1 to 256 characters.")
    return problems


def parameter_value(value: Any) -> str:
    """As CloudFormation takes it: everything is text, and a list one with commas."""
    return ",".join(_as_text(item) for item in value) if isinstance(value, (list, tuple)) else _as_text(value)
