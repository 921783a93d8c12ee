# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what: no wildcard without a reason, no service that another customer could use against us."""

from __future__ import annotations

import pytest

from unit.template.parsed import BUCKET_NAME
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
    "Key/KeyPolicy/BucketPublishesToEncryptedTopic": "in a key policy * is the key itself",
    "Key/KeyPolicy/TopicDeliversToEncryptedQueue": "in a key policy * is the key itself",
    "Key/KeyPolicy/LogsOfThisStack": "in a key policy * is the key itself",
    "FunctionRole/attach-to-vpc/LambdaManagesInterfaces": "Lambda accepts no narrower one; the code itself is denied",
}
# Principal "*" of an Allow.
WIDE_PRINCIPALS = {
    "S3Endpoint/PolicyDocument/ReplicatorReadsThisBucket": "an endpoint's policy is narrowed by aws:PrincipalArn",
}
# A service principal without aws:SourceAccount or aws:SourceArn.
NO_SOURCE = {
    "FunctionRole/AssumeRolePolicyDocument/": "Lambda sends no source; a role is passed within its own account only",
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
        assert "aws:PrincipalArn" in statement.condition_keys


@pytest.mark.parametrize("statement", [s for s in ALL if s.allows], ids=ids)
def test_actions_are_named(statement: Statement) -> None:
    if any("*" in action for action in statement.actions):
        assert statement.name in WIDE_ACTIONS


@pytest.mark.parametrize("statement", [s for s in ALL if s.allows and s.services], ids=ids)
def test_services_act_for_this_account_only(statement: Statement) -> None:
    if statement.name in NO_SOURCE:
        return
    conditions = statement.body["Condition"]
    arn = next(tests["aws:SourceArn"] for tests in conditions.values() if "aws:SourceArn" in tests)
    account = {"Ref": "AWS::AccountId"} in [tests.get("aws:SourceAccount") for tests in conditions.values()]
    ours = account or "${AWS::AccountId}" in str(arn) or arn == {"Ref": "Topic"}
    assert ours
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


def test_topic_admits_this_bucket_alone() -> None:
    [allow] = [s for s in ALL if s.resource == "TopicPolicy" and s.allows]
    assert allow.services == ["s3.amazonaws.com"]
    assert allow.actions == ["sns:Publish"]
    assert allow.body["Condition"]["ArnEquals"]["aws:SourceArn"] == {
        "Fn::Sub": "arn:${AWS::Partition}:s3:::" + BUCKET_NAME
    }


@pytest.mark.parametrize("name", ["QueuePolicy", "DeadLetterQueuePolicy"])
def test_queues_admit_the_topic_alone(name: str) -> None:
    [allow] = [s for s in ALL if s.resource == name and s.allows]
    assert allow.services == ["sns.amazonaws.com"]
    assert allow.actions == ["sqs:SendMessage"]
    assert allow.body["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Ref": "Topic"}}}


def test_users_reach_the_served_prefix_alone() -> None:
    granted: dict[str, list[str]] = {}
    for statement in ALL:
        if statement.resource == "UserRole" and statement.allows and statement.policy == "served-prefix":
            for action in statement.actions:
                granted.setdefault(action, []).extend(str(r) for r in as_list(statement.body["Resource"]))
    objects = [action for action in granted if "Object" in action or "Multipart" in action]
    assert objects
    for action in objects:
        assert granted[action] == ["{'Fn::Sub': '${Bucket.Arn}/${ServedPrefix}*'}"], action
    # What a partner deletes or overwrites can be brought back, and no file becomes anybody else's.
    assert not {"s3:DeleteObjectVersion", "s3:PutObjectAcl", "s3:PutBucketVersioning"} & granted.keys()
    [listing] = [s for s in ALL if s.resource == "UserRole" and "s3:ListBucket" in s.actions]
    assert listing.body["Condition"] == {"StringLike": {"s3:prefix": {"Fn::Sub": "${ServedPrefix}*"}}}


def test_replicator_reads_and_never_writes_the_bucket() -> None:
    actions = {action for s in ALL if s.resource == "FunctionRole" and s.allows for action in s.actions}
    assert {a for a in actions if a.startswith("s3:")} == {"s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"}
    assert "elasticfilesystem:ClientRootAccess" not in actions
    # HeadObject of a missing key answers 404 only to who may list; it carries no prefix to test.
    [listing] = [s for s in ALL if s.resource == "FunctionRole" and "s3:ListBucket" in s.actions]
    assert "Condition" not in listing.body


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
