# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that can be encrypted is, with the stack's own key."""

from __future__ import annotations

from typing import Any

import pytest

from unit.template.parsed import properties
from unit.template.parsed import resources
from unit.template.parsed import statements
from unit.template.parsed import template

KEY = ({"Ref": "Key"}, {"Fn::GetAtt": ["Key", "Arn"]})

# Where each type that holds data names its key.
HOLDS_DATA: dict[str, tuple[Any, ...]] = {
    "AWS::S3::Bucket": (
        "BucketEncryption",
        "ServerSideEncryptionConfiguration",
        0,
        "ServerSideEncryptionByDefault",
        "KMSMasterKeyID",
    ),
    "AWS::SNS::Topic": ("KmsMasterKeyId",),
    "AWS::SQS::Queue": ("KmsMasterKeyId",),
    "AWS::EFS::FileSystem": ("KmsKeyId",),
    "AWS::Lambda::Function": ("KmsKeyArn",),
    "AWS::Logs::LogGroup": ("KmsKeyId",),
}
HOLDS_NONE = {
    "AWS::EC2::VPC",
    "AWS::EC2::Subnet",
    "AWS::EC2::RouteTable",
    "AWS::EC2::SubnetRouteTableAssociation",
    "AWS::EC2::VPCEndpoint",
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::SecurityGroupIngress",
    "AWS::KMS::Key",
    "AWS::KMS::Alias",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::TopicPolicy",
    "AWS::SNS::Subscription",
    "AWS::SQS::QueuePolicy",
    "AWS::EFS::MountTarget",
    "AWS::EFS::AccessPoint",
    "AWS::IAM::Role",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Permission",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::Logs::MetricFilter",
    "AWS::Route53::HostedZone",
    "AWS::Route53::RecordSet",
    "AWS::Route53Resolver::ResolverEndpoint",
    "AWS::Transfer::User",
    "AWS::Transfer::Workflow",
    "Custom::ServerEndpoint",
    "AWS::Transfer::Server",
}


def test_every_type_is_judged() -> None:
    """A new type has to be put into one of the tables above."""
    types = {body["Type"] for body in resources().values()}
    assert types == types & (HOLDS_DATA.keys() | HOLDS_NONE)


@pytest.mark.parametrize("name", [n for n, body in resources().items() if body["Type"] in HOLDS_DATA])
def test_data_is_encrypted_with_the_key(name: str) -> None:
    value: Any = properties(name)
    for step in HOLDS_DATA[resources()[name]["Type"]]:
        value = value[step]
    assert value in KEY


def test_key_rotates() -> None:
    assert properties("Key")["EnableKeyRotation"] is True


def test_bucket_key_keeps_the_bill_small() -> None:
    rule = properties("Bucket")["BucketEncryption"]["ServerSideEncryptionConfiguration"][0]
    assert rule["BucketKeyEnabled"] is True
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"


def test_file_system_is_encrypted() -> None:
    assert properties("FileSystem")["Encrypted"] is True


def test_the_key_admits_who_has_to_use_it() -> None:
    """Without these the bucket's notification is refused, or events vanish between topic and queue."""
    admitted = {
        str(service): set(statement.actions)
        for statement in statements()
        if statement.resource == "Key"
        for service in statement.services
    }
    needs = {"kms:Decrypt", "kms:GenerateDataKey"}
    assert needs <= admitted["s3.amazonaws.com"]
    assert needs <= admitted["sns.amazonaws.com"]
    # CloudWatch Logs has a principal of its own in each region and partition.
    assert "{'Fn::Sub': 'logs.${AWS::Region}.${AWS::URLSuffix}'}" in admitted


def test_log_groups_are_those_the_key_admits() -> None:
    [context] = [
        statement.body["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
        for statement in statements()
        if "kms:EncryptionContext:aws:logs:arn" in statement.condition_keys
    ]
    admitted = {arn["Fn::Sub"].partition(":log-group:")[2].removesuffix("-*") for arn in context}
    for name in resources("AWS::Logs::LogGroup"):
        separator, [stem, _unique] = properties(name)["LogGroupName"]["Fn::Join"]
        assert any((stem["Fn::Sub"] + separator).startswith(prefix + "-") for prefix in admitted), name


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("s3:x-amz-server-side-encryption", "aws:kms"),
        ("s3:x-amz-server-side-encryption-aws-kms-key-id", {"Fn::GetAtt": ["Key", "Arn"]}),
    ],
)
def test_upload_with_another_encryption_is_refused(header: str, value: Any) -> None:
    """And one that names none is not: StringNotEquals alone matches a request without the header as well."""
    [denial] = [s for s in statements() if s.resource == "BucketPolicy" and header in s.condition_keys]
    assert not denial.allows
    assert denial.actions == ["s3:PutObject"]
    assert denial.body["Condition"] == {"Null": {header: "false"}, "StringNotEquals": {header: value}}


@pytest.mark.parametrize(
    "name", ["BucketPolicy", *resources("AWS::SNS::TopicPolicy"), *resources("AWS::SQS::QueuePolicy")]
)
def test_only_tls(name: str) -> None:
    [denial] = [s for s in statements() if s.resource == name and "aws:SecureTransport" in s.condition_keys]
    assert not denial.allows
    assert denial.body["Principal"] == "*"
    assert denial.body["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_log_retention_is_set() -> None:
    assert {str(properties(name)["RetentionInDays"]) for name in resources("AWS::Logs::LogGroup")} == {
        "{'Ref': 'LogRetentionDays'}"
    }
    assert template()["Parameters"]["LogRetentionDays"]["Default"] >= 365
