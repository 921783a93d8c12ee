# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what: no wildcard without a reason, no service that another customer could use against us."""

from __future__ import annotations

import re

import pytest

from unit.template.parsed import PATH
from unit.template.parsed import Statement
from unit.template.parsed import as_list
from unit.template.parsed import resources
from unit.template.parsed import statements
from unit.template.parsed import strings
from unit.template.parsed import template

ALL = list(statements())

# Resource "*" of an Allow: where, and why no name can stand there.
WIDE_RESOURCES = {
    "Key/KeyPolicy/AccountDecidesByIam": "in a key policy * is the key itself",
    "Key/KeyPolicy/BucketPublishesToEncryptedTopics": "in a key policy * is the key itself",
    "Key/KeyPolicy/TopicDeliversToEncryptedQueue": "in a key policy * is the key itself",
    "Key/KeyPolicy/AlarmsPublishToEncryptedTopic": "in a key policy * is the key itself",
    "Key/KeyPolicy/LogsOfThisStack": "in a key policy * is the key itself",
    "EndpointFunctionRole/follow-endpoint/ReadEndpoint": "EC2 has no narrower one for Describe calls",
    "FunctionRole/attach-to-vpc/LambdaManagesInterfaces": "Lambda accepts no narrower one; the code itself is denied",
}
# Principal "*" of an Allow: why, and what narrows it.
WIDE_PRINCIPALS = {
    "FileSystem/FileSystemPolicy/HostsMountAndWrite": "a host with plain NFS has no identity; its network is named",
    "S3Endpoint/PolicyDocument/ReplicatorReadsThisBucket": "an endpoint's policy is narrowed by aws:PrincipalArn",
    "S3Endpoint/PolicyDocument/ReplicatorRecordsFailures": "an endpoint's policy is narrowed by aws:PrincipalArn",
}
# A service principal without aws:SourceAccount or aws:SourceArn.
NO_SOURCE = {
    "EndpointFunctionRole/AssumeRolePolicyDocument/": "Lambda's guide names no source; a role stays in its account",
    "FunctionRole/AssumeRolePolicyDocument/": "Lambda's guide names no source; a role stays in its account",
    "Key/KeyPolicy/LogsOfThisStack": "CloudWatch Logs names the log group in the encryption context instead",
}
# Actions with a wildcard of an Allow.
WIDE_ACTIONS = {
    "Key/KeyPolicy/AccountDecidesByIam": "the default key policy: without it nobody could administer the key",
    "Key/KeyPolicy/LogsOfThisStack": "as the CloudWatch Logs user guide writes it",
}


def ids(statement: Statement) -> str:
    return statement.name


def test_there_are_statements_to_judge() -> None:
    assert {"Key", "BucketPolicy", "TopicPolicy", "QueuePolicy", "FunctionRole", "UserRole", "S3Endpoint"} <= {
        statement.resource for statement in ALL
    }
    assert len({statement.name for statement in ALL}) == len(ALL), "two statements of one policy need two Sids"


@pytest.mark.parametrize("table", [WIDE_RESOURCES, WIDE_PRINCIPALS, NO_SOURCE, WIDE_ACTIONS], ids=str)
def test_exceptions_are_still_there(table: dict[str, str]) -> None:
    assert table.keys() <= {statement.name for statement in ALL}


@pytest.mark.parametrize("statement", [s for s in ALL if s.allows], ids=ids)
def test_resources_are_named(statement: Statement) -> None:
    if "*" in as_list(statement.body.get("Resource", [])):
        assert statement.name in WIDE_RESOURCES


@pytest.mark.parametrize("statement", [s for s in ALL if s.allows], ids=ids)
def test_principals_are_named(statement: Statement) -> None:
    principal = statement.body.get("Principal")
    if principal == "*" or (isinstance(principal, dict) and "*" in as_list(principal.get("AWS", []))):
        assert statement.name in WIDE_PRINCIPALS
        assert statement.condition_keys & {"aws:PrincipalArn", "elasticfilesystem:AccessedViaMountTarget"}


@pytest.mark.parametrize("statement", [s for s in ALL if s.allows], ids=ids)
def test_actions_are_named(statement: Statement) -> None:
    if any("*" in action for action in statement.actions):
        assert statement.name in WIDE_ACTIONS


@pytest.mark.parametrize("statement", [s for s in ALL if s.allows and s.services], ids=ids)
def test_services_act_for_this_account_only(statement: Statement) -> None:
    if statement.name in NO_SOURCE:
        return
    conditions = statement.body["Condition"]
    sources = next(as_list(tests["aws:SourceArn"]) for tests in conditions.values() if "aws:SourceArn" in tests)
    account = {"Ref": "AWS::AccountId"} in [tests.get("aws:SourceAccount") for tests in conditions.values()]
    topics = [{"Ref": name} for name in resources("AWS::SNS::Topic")]
    assert account or all("${AWS::AccountId}" in str(arn) or arn in topics for arn in sources)
    # An S3 ARN names no account: a bucket of this name could pass to somebody else.
    if "s3.amazonaws.com" in statement.services:
        assert account


@pytest.mark.parametrize("service", ["transfer.amazonaws.com"])
def test_transfer_roles_name_what_they_are_for(service: str) -> None:
    sources = {
        s.resource: str(next(t["aws:SourceArn"] for t in s.body["Condition"].values() if "aws:SourceArn" in t))
        for s in ALL
        if service in s.services
    }
    assert sources.keys() == {"ServerLoggingRole", "WorkflowRole", "UserRole"}
    assert ":user/${Server.ServerId}/*" in sources["UserRole"]
    assert sources["WorkflowRole"] == "{'Fn::GetAtt': ['PartialUploadWorkflow', 'Arn']}"
    assert ":server/*" in sources["ServerLoggingRole"]


def test_function_code_may_not_touch_the_network_interfaces_of_lambda() -> None:
    allow, deny = (s for s in ALL if s.policy == "attach-to-vpc")
    assert not deny.allows
    assert set(deny.actions) == set(allow.actions)
    assert "lambda:SourceFunctionArn" in deny.condition_keys


def test_every_role_takes_the_permissions_boundary() -> None:
    expected = {"Fn::If": ["HasPermissionsBoundary", {"Ref": "PermissionsBoundaryArn"}, {"Ref": "AWS::NoValue"}]}
    roles = resources("AWS::IAM::Role")
    assert roles
    for name, body in roles.items():
        assert body["Properties"]["PermissionsBoundary"] == expected, name


def test_no_partition_is_written_down() -> None:
    everything = [text for section in ("Resources", "Outputs") for text in strings(template()[section])]
    assert not [text for text in everything if "arn:aws" in text]
    # The suffix differs in China. Service principals and kms:ViaService patterns (which end in *) do not depend on it.
    suspicious = [t for t in everything if "amazonaws.com" in t and not t.endswith(("amazonaws.com", "amazonaws.com*"))]
    assert not suspicious
    assert "us-east-1" not in PATH.read_text(encoding="utf-8")


def test_every_suppression_gives_its_reason() -> None:
    suppressed = [
        (name, skip)
        for name, body in resources().items()
        for skip in body.get("Metadata", {}).get("checkov", {}).get("skip", [])
    ]
    assert {(name, skip["id"]) for name, skip in suppressed} == {
        ("Function", "CKV_AWS_116"),
        ("EndpointFunction", "CKV_AWS_115"),
        ("EndpointFunction", "CKV_AWS_116"),
        ("EndpointFunction", "CKV_AWS_117"),
    }
    for name, skip in suppressed:
        assert re.fullmatch(r"[A-Z].{40,}\.", skip["comment"]), name
    assert "checkov" not in template().get("Metadata", {}), "nothing is suppressed for the whole template"
