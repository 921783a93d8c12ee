# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Would AWS let this request through? The policies of a resolved stack, evaluated.

After the IAM user guide, "Policy evaluation logic": a Deny anywhere wins; otherwise somebody has to allow, and a
session policy or an endpoint's policy has to allow as well. Organisation policies and boundaries are not here.
"""

from __future__ import annotations

import fnmatch
import json
import operator
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from typing import Any

from unit.template.parsed import as_list
from unit.template.resolved import ACCOUNT
from unit.template.resolved import Stack

Policy = dict[str, Any]
OTHER_ACCOUNT = "999988887777"


@dataclass(frozen=True)
class Request:
    """Who asks for what.

    ``who``: a role of the stack by its logical id, a service's principal, "anonymous", or an administrator
    (whose identity policy allows everything) of this "account" or of an "other account".
    """

    who: str
    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)
    session_policy: str | None = None
    through_endpoint: bool = False


def allowed(stack: Stack, request: Request) -> bool:
    judge = _Judge(stack, request)
    return judge.allowed()


class _Judge:
    def __init__(self, stack: Stack, request: Request) -> None:
        self._stack = stack
        self._request = request
        self._is_role = stack.types.get(request.who) == "AWS::IAM::Role"
        self._arn = self._caller()
        self._context = {"aws:SecureTransport": "true"} | dict(request.context)
        if self._arn:
            self._context |= {"aws:PrincipalArn": self._arn}

    def allowed(self) -> bool:
        request, stack = self._request, self._stack
        identity = self._identity_policies()
        of_resource = list(resource_policies(stack, request.resource))
        narrowing = []
        if request.session_policy is not None:
            narrowing.append(json.loads(request.session_policy))
        if request.through_endpoint:
            narrowing.append(stack.resources["S3Endpoint"]["PolicyDocument"])
        if any(self._says("Deny", policy) for policy in (*identity, *of_resource, *narrowing)):
            return False
        if not all(self._says("Allow", policy) for policy in narrowing):
            return False
        by_resource = any(self._says("Allow", policy) for policy in of_resource)
        if not self._is_role and request.who != "account":
            return by_resource
        by_identity = request.who == "account" or any(self._says("Allow", policy) for policy in identity)
        # KMS developer guide, Default key policy: IAM policies count only where the key's policy names the account.
        if request.action.startswith("kms:") or request.action == "sts:AssumeRole":
            return by_resource or (by_identity and any(self._delegates(policy) for policy in of_resource))
        return by_identity or by_resource

    def _caller(self) -> str:
        partition = self._stack.region.partition
        if self._is_role:
            return self._stack.attribute(self._request.who, "Arn")
        accounts = {"account": ACCOUNT, "other account": OTHER_ACCOUNT}
        if self._request.who in accounts:
            return f"arn:{partition}:iam::{accounts[self._request.who]}:role/administrator"
        return ""

    def _identity_policies(self) -> list[Policy]:
        if not self._is_role:
            return []
        return [entry["PolicyDocument"] for entry in self._stack.resources[self._request.who]["Policies"]]

    def _says(self, effect: str, policy: Policy) -> bool:
        return any(s["Effect"] == effect and self._applies(s) for s in as_list(policy["Statement"]))

    def _applies(self, statement: Policy) -> bool:
        request = self._request
        return (
            self._is_principal(statement.get("Principal", "*"))
            and any(_like(request.action, pattern) for pattern in as_list(statement["Action"]))
            and any(_like(request.resource, pattern) for pattern in as_list(statement.get("Resource", "*")))
            and conditions_hold(statement.get("Condition", {}), self._context)
        )

    def _is_principal(self, principal: Any) -> bool:
        if principal == "*" or "*" in as_list(principal.get("AWS", [])):
            return True
        services, callers = (as_list(principal.get(kind, [])) for kind in ("Service", "AWS"))
        return self._request.who in services or self._arn in callers

    def _delegates(self, policy: Policy) -> bool:
        root = f"arn:{self._stack.region.partition}:iam::{ACCOUNT}:root"
        return any(
            s["Effect"] == "Allow" and root in as_list(s.get("Principal", {}).get("AWS", []))
            for s in as_list(policy["Statement"])
            if s.get("Principal") != "*"
        )


def resource_policies(stack: Stack, arn: str) -> Iterator[Policy]:
    """The policies that stand on the resource itself."""
    documents: dict[str, Callable[[str, Policy], tuple[bool, str]]] = {
        "AWS::S3::BucketPolicy": lambda _, own: (arn.startswith(stack.attribute("Bucket", "Arn")), "PolicyDocument"),
        "AWS::SNS::TopicPolicy": lambda _, own: (arn in own["Topics"], "PolicyDocument"),
        "AWS::SQS::QueuePolicy": lambda _, own: (arn in _queues(stack, own["Queues"]), "PolicyDocument"),
        "AWS::KMS::Key": lambda name, _: (arn == stack.attribute(name, "Arn"), "KeyPolicy"),
        "AWS::EFS::FileSystem": lambda name, _: (arn == stack.attribute(name, "Arn"), "FileSystemPolicy"),
        "AWS::IAM::Role": lambda name, _: (arn == stack.attribute(name, "Arn"), "AssumeRolePolicyDocument"),
    }
    for name, kind in stack.types.items():
        own = stack.resources[name]
        if kind in documents:
            stands_there, document = documents[kind](name, own)
            if stands_there:
                yield own[document]
        elif kind == "AWS::Lambda::Permission" and arn.endswith(f":function:{own['FunctionName']}"):
            yield _permission(own, arn)


def _queues(stack: Stack, references: list[str]) -> list[str]:
    made = stack.of_type("AWS::SQS::Queue")
    return [stack.attribute(name, "Arn") for name in made if stack.reference(name) in references]


def _permission(properties: Policy, arn: str) -> Policy:
    statement = {"Effect": "Allow", "Principal": {"Service": properties["Principal"]}, "Action": properties["Action"]}
    condition = {"ArnLike": {"aws:SourceArn": properties["SourceArn"]}}
    return {"Statement": [{**statement, "Resource": arn, "Condition": condition}]}


def conditions_hold(conditions: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    return all(
        _holds(name, context.get(key), [str(value) for value in as_list(values)])
        for name, tests in conditions.items()
        for key, values in tests.items()
    )


def _like(text: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(text, pattern.replace("[", "[[]"))


_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": operator.eq,
    "StringLike": _like,
    "ArnEquals": _like,
    "ArnLike": _like,
    "Bool": operator.eq,
    "NumericLessThan": lambda value, bound: float(value) < float(bound),
}


def _holds(name: str, value: str | None, wanted: list[str]) -> bool:
    if name == "Null":
        return [str(value is None).lower()] == wanted
    # IAM user guide, Condition operators: a negated one holds for a key that is not there, every other does not.
    if name == "StringNotEquals":
        return value is None or value not in wanted
    return value is not None and any(_OPERATORS[name](value, one) for one in wanted)
