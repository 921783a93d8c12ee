# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what, as a table: each row is a request and what has to become of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from unit.template.access import OTHER_ACCOUNT
from unit.template.access import Request
from unit.template.access import allowed
from unit.template.resolved import ACCOUNT
from unit.template.resolved import BEIJING
from unit.template.resolved import FIRST_USER
from unit.template.resolved import FRANKFURT
from unit.template.resolved import GOVERNMENT
from unit.template.resolved import NAME
from unit.template.resolved import Region
from unit.template.resolved import Stack

YES, NO = True, False
PLAIN = {"aws:SecureTransport": "false"}
TLS13 = {"s3:TlsVersion": "1.3"}
VIA_MOUNT = {"elasticfilesystem:AccessedViaMountTarget": "true"}
VIA_ACCESS_POINT = VIA_MOUNT | {"elasticfilesystem:AccessPointArn": "{AccessPoint}"}
VIA_OTHER_ACCESS_POINT = VIA_MOUNT | {"elasticfilesystem:AccessPointArn": "{AccessPoint}x"}
FROM_BUCKET = {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": "{Bucket}"}
# Bucket names are free for anybody once they are deleted, and an S3 ARN names no account.
FROM_NAMESAKE = {"aws:SourceAccount": OTHER_ACCOUNT, "aws:SourceArn": "{Bucket}"}
FROM_OTHER_BUCKET = {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": "arn:aws:s3:::acme-other"}
FROM_TOPIC = {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": "{Topic}"}
FROM_FAILURES = {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": "{FailureTopic}"}
FROM_OTHER_TOPIC = {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": "{Topic}-other"}
FROM_ALARM = {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": "{DeadLettersAlarm}"}
FROM_OTHER_ALARM = {
    "aws:SourceAccount": OTHER_ACCOUNT,
    "aws:SourceArn": f"arn:aws:cloudwatch:eu-central-1:{OTHER_ACCOUNT}:alarm:{NAME}-x",
}
VIA_S3 = {"kms:ViaService": "s3.{region}.{suffix}"}
VIA_SQS = {"kms:ViaService": "sqs.{region}.{suffix}"}
KMS = {"s3:x-amz-server-side-encryption": "aws:kms"}
RIGHT_KEY = KMS | {"s3:x-amz-server-side-encryption-aws-kms-key-id": "{Key}"}
WRONG_KEY = KMS | {"s3:x-amz-server-side-encryption-aws-kms-key-id": "{Key}x"}
SSE_S3 = {"s3:x-amz-server-side-encryption": "AES256"}
CLIENT_KEY = {"s3:x-amz-server-side-encryption-customer-algorithm": "AES256"}
LOG = "arn:{partition}:logs:{region}:" + ACCOUNT + ":log-group:"
OUR_LOG = {"kms:EncryptionContext:aws:logs:arn": LOG + f"/aws/lambda/{NAME}-replicator-444455556666"}
OTHER_LOG = {"kms:EncryptionContext:aws:logs:arn": LOG + "/aws/lambda/payroll"}
USERS = "arn:{partition}:transfer:{region}:{account}:user"
FROM_USER = {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": USERS + "/{server}/acme"}
FROM_OTHER_SERVER = {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": USERS + "/s-other/acme"}
ROUTE_TABLE = "arn:{partition}:ec2:{region}:{account}:route-table/rtb-1"

Row = tuple[bool, str, str, str, dict[str, str]]
ROWS: list[Row] = [
    # Users of the server, by the role alone (each one's session policy narrows it further, see below)
    (YES, "UserRole", "s3:PutObject", "{Bucket}/home/acme/in/a.csv", {}),
    (YES, "UserRole", "s3:GetObject", "{Bucket}/home/acme/in/a.csv", {}),
    (YES, "UserRole", "s3:DeleteObject", "{Bucket}/home/acme/in/a.csv", {}),
    (YES, "UserRole", "s3:ListBucket", "{Bucket}", {"s3:prefix": "home/acme/"}),
    (NO, "UserRole", "s3:ListBucket", "{Bucket}", {"s3:prefix": ""}),
    (NO, "UserRole", "s3:ListBucket", "{Bucket}", {}),
    (NO, "UserRole", "s3:GetObject", "{Bucket}/quarantine/acme/a.csv", {}),
    (NO, "UserRole", "s3:GetObject", "{Bucket}/failed/2026-11-24/x.json", {}),
    (NO, "UserRole", "s3:PutObject", "{Bucket}/failed/2026-11-24/x.json", {}),
    (NO, "UserRole", "s3:DeleteObjectVersion", "{Bucket}/home/acme/in/a.csv", {}),
    (NO, "UserRole", "s3:PutObjectTagging", "{Bucket}/home/acme/in/a.csv", {}),
    (NO, "UserRole", "s3:PutObjectAcl", "{Bucket}/home/acme/in/a.csv", {}),
    (NO, "UserRole", "s3:PutBucketPolicy", "{Bucket}", {}),
    (NO, "UserRole", "s3:GetObject", "arn:{partition}:s3:::payroll/home/a.csv", {}),
    (YES, "UserRole", "kms:GenerateDataKey", "{Key}", VIA_S3),
    (NO, "UserRole", "kms:Decrypt", "{Key}", {}),
    (NO, "UserRole", "kms:Decrypt", "{Key}", VIA_SQS),
    (NO, "UserRole", "sns:Publish", "{Topic}", {}),
    (NO, "UserRole", "sqs:ReceiveMessage", "{DeadLetterQueue}", {}),
    # The replicator
    (YES, "FunctionRole", "s3:GetObject", "{Bucket}/home/acme/in/a.csv", {}),
    (YES, "FunctionRole", "s3:GetObjectVersion", "{Bucket}/home/acme/in/a.csv", {}),
    (YES, "FunctionRole", "s3:ListBucket", "{Bucket}", {}),
    (YES, "FunctionRole", "s3:PutObject", "{Bucket}/failed/2026-11-24/x.json", {}),
    (NO, "FunctionRole", "s3:PutObject", "{Bucket}/home/acme/in/a.csv", {}),
    (NO, "FunctionRole", "s3:DeleteObject", "{Bucket}/home/acme/in/a.csv", {}),
    (NO, "FunctionRole", "s3:GetObject", "{Bucket}/quarantine/acme/a.csv", {}),
    (NO, "FunctionRole", "s3:GetObject", "{Bucket}/failed/2026-11-24/x.json", {}),
    (NO, "FunctionRole", "s3:GetObjectTagging", "{Bucket}/home/acme/in/a.csv", {}),
    (NO, "FunctionRole", "s3:GetObject", "arn:{partition}:s3:::payroll/home/a.csv", {}),
    (YES, "FunctionRole", "kms:Decrypt", "{Key}", VIA_S3),
    (YES, "FunctionRole", "kms:Decrypt", "{Key}", VIA_SQS),
    (YES, "FunctionRole", "kms:GenerateDataKey", "{Key}", VIA_S3),
    (NO, "FunctionRole", "kms:GenerateDataKey", "{Key}", VIA_SQS),
    (NO, "FunctionRole", "kms:ScheduleKeyDeletion", "{Key}", VIA_S3),
    (YES, "FunctionRole", "sqs:ReceiveMessage", "{Queue}", {}),
    (NO, "FunctionRole", "sqs:ReceiveMessage", "{DeadLetterQueue}", {}),
    (NO, "FunctionRole", "sqs:SendMessage", "{Queue}", {}),
    (NO, "FunctionRole", "sns:Publish", "{Topic}", {}),
    (YES, "FunctionRole", "logs:PutLogEvents", "{FunctionLogGroup}", {}),
    (NO, "FunctionRole", "logs:PutLogEvents", "{ServerLogGroup}", {}),
    (YES, "FunctionRole", "ec2:CreateNetworkInterface", "*", {}),
    (NO, "FunctionRole", "ec2:CreateNetworkInterface", "*", {"lambda:SourceFunctionArn": "{Function}"}),
    # The share
    (YES, "FunctionRole", "elasticfilesystem:ClientWrite", "{FileSystem}", VIA_ACCESS_POINT),
    (NO, "FunctionRole", "elasticfilesystem:ClientWrite", "{FileSystem}", VIA_ACCESS_POINT | PLAIN),
    (NO, "FunctionRole", "elasticfilesystem:ClientRootAccess", "{FileSystem}", VIA_ACCESS_POINT),
    (YES, "anonymous", "elasticfilesystem:ClientMount", "{FileSystem}", VIA_MOUNT | PLAIN),
    (YES, "anonymous", "elasticfilesystem:ClientWrite", "{FileSystem}", VIA_MOUNT),
    (NO, "anonymous", "elasticfilesystem:ClientMount", "{FileSystem}", {}),
    (NO, "anonymous", "elasticfilesystem:ClientRootAccess", "{FileSystem}", VIA_MOUNT | PLAIN),
    (NO, "anonymous", "elasticfilesystem:DeleteFileSystem", "{FileSystem}", VIA_MOUNT),
    (NO, "account", "elasticfilesystem:ClientMount", "{FileSystem}", VIA_MOUNT | PLAIN),
    # The bucket, whoever asks
    (YES, "account", "s3:PutObject", "{Bucket}/home/acme/a.csv", TLS13),
    (NO, "account", "s3:GetObject", "{Bucket}/home/acme/a.csv", PLAIN),
    (NO, "account", "s3:GetObject", "{Bucket}/home/acme/a.csv", {"s3:TlsVersion": "1.1"}),
    (YES, "account", "s3:PutObject", "{Bucket}/home/acme/a.csv", RIGHT_KEY),
    (NO, "account", "s3:PutObject", "{Bucket}/home/acme/a.csv", WRONG_KEY),
    (NO, "account", "s3:PutObject", "{Bucket}/home/acme/a.csv", SSE_S3),
    (NO, "account", "s3:PutObject", "{Bucket}/home/acme/a.csv", CLIENT_KEY),
    (NO, "other account", "s3:GetObject", "{Bucket}/home/acme/a.csv", {}),
    (NO, "anonymous", "s3:GetObject", "{Bucket}/home/acme/a.csv", {}),
    # Topics and queues
    (YES, "s3.amazonaws.com", "sns:Publish", "{Topic}", FROM_BUCKET),
    (NO, "s3.amazonaws.com", "sns:Publish", "{Topic}", FROM_NAMESAKE),
    (NO, "s3.amazonaws.com", "sns:Publish", "{Topic}", FROM_OTHER_BUCKET),
    (NO, "s3.amazonaws.com", "sns:Publish", "{Topic}", {}),
    (NO, "s3.amazonaws.com", "sns:Publish", "{Topic}", FROM_BUCKET | PLAIN),
    (YES, "s3.amazonaws.com", "sns:Publish", "{FailureTopic}", FROM_BUCKET),
    (NO, "s3.amazonaws.com", "sns:Publish", "{FailureTopic}", FROM_NAMESAKE),
    (NO, "s3.amazonaws.com", "sns:Publish", "{FailureTopic}", FROM_OTHER_BUCKET),
    (NO, "s3.amazonaws.com", "sns:Publish", "{AlarmTopic}", FROM_BUCKET),
    (NO, "other account", "sns:Publish", "{Topic}", {}),
    (NO, "other account", "sns:Subscribe", "{Topic}", {}),
    (NO, "events.amazonaws.com", "sns:Publish", "{Topic}", {"aws:SourceAccount": ACCOUNT}),
    (YES, "cloudwatch.amazonaws.com", "sns:Publish", "{AlarmTopic}", FROM_ALARM),
    (NO, "cloudwatch.amazonaws.com", "sns:Publish", "{AlarmTopic}", FROM_OTHER_ALARM),
    (NO, "cloudwatch.amazonaws.com", "sns:Publish", "{Topic}", FROM_ALARM),
    (YES, "sns.amazonaws.com", "sqs:SendMessage", "{Queue}", FROM_TOPIC),
    (NO, "sns.amazonaws.com", "sqs:SendMessage", "{Queue}", FROM_FAILURES),
    (NO, "sns.amazonaws.com", "sqs:SendMessage", "{Queue}", FROM_OTHER_TOPIC),
    (NO, "sns.amazonaws.com", "sqs:SendMessage", "{Queue}", FROM_TOPIC | PLAIN),
    (YES, "sns.amazonaws.com", "sqs:SendMessage", "{DeadLetterQueue}", FROM_TOPIC),
    (YES, "sns.amazonaws.com", "sqs:SendMessage", "{DeadLetterQueue}", FROM_FAILURES),
    (NO, "sns.amazonaws.com", "sqs:ReceiveMessage", "{DeadLetterQueue}", FROM_FAILURES),
    (NO, "s3.amazonaws.com", "sqs:SendMessage", "{DeadLetterQueue}", FROM_BUCKET),
    (NO, "other account", "sqs:ReceiveMessage", "{DeadLetterQueue}", {}),
    (NO, "account", "sqs:ReceiveMessage", "{DeadLetterQueue}", PLAIN),
    (NO, "sns.amazonaws.com", "lambda:InvokeFunction", "{Function}", FROM_TOPIC),
    # The key
    (YES, "account", "kms:DescribeKey", "{Key}", {}),
    (NO, "other account", "kms:Decrypt", "{Key}", {}),
    (YES, "s3.amazonaws.com", "kms:GenerateDataKey", "{Key}", FROM_BUCKET),
    (NO, "s3.amazonaws.com", "kms:GenerateDataKey", "{Key}", FROM_NAMESAKE),
    (NO, "s3.amazonaws.com", "kms:GenerateDataKey", "{Key}", {}),
    (YES, "sns.amazonaws.com", "kms:GenerateDataKey", "{Key}", FROM_TOPIC),
    (YES, "sns.amazonaws.com", "kms:GenerateDataKey", "{Key}", FROM_FAILURES),
    (NO, "sns.amazonaws.com", "kms:GenerateDataKey", "{Key}", FROM_OTHER_TOPIC),
    (YES, "cloudwatch.amazonaws.com", "kms:GenerateDataKey", "{Key}", FROM_ALARM),
    (NO, "cloudwatch.amazonaws.com", "kms:GenerateDataKey", "{Key}", FROM_OTHER_ALARM),
    (YES, "logs.{region}.{suffix}", "kms:GenerateDataKey", "{Key}", OUR_LOG),
    (NO, "logs.{region}.{suffix}", "kms:GenerateDataKey", "{Key}", OTHER_LOG),
    (NO, "logs.{region}.{suffix}", "kms:GenerateDataKey", "{Key}", {}),
    # Roles are for who they are made for
    (YES, "transfer.amazonaws.com", "sts:AssumeRole", "{UserRole}", FROM_USER),
    (NO, "transfer.amazonaws.com", "sts:AssumeRole", "{UserRole}", FROM_OTHER_SERVER),
    (NO, "transfer.amazonaws.com", "sts:AssumeRole", "{UserRole}", FROM_USER | {"aws:SourceAccount": OTHER_ACCOUNT}),
    (NO, "transfer.amazonaws.com", "sts:AssumeRole", "{UserRole}", {}),
    (NO, "transfer.amazonaws.com", "sts:AssumeRole", "{WorkflowRole}", FROM_USER),
    (NO, "transfer.amazonaws.com", "sts:AssumeRole", "{FunctionRole}", FROM_USER),
    (NO, "lambda.amazonaws.com", "sts:AssumeRole", "{UserRole}", {}),
    (NO, "account", "sts:AssumeRole", "{UserRole}", {}),
    (NO, "other account", "sts:AssumeRole", "{FunctionRole}", {}),
    # The quarantine of truncated uploads
    (YES, "WorkflowRole", "s3:DeleteObject", "{Bucket}/home/acme/a.csv", {}),
    (YES, "WorkflowRole", "s3:PutObject", "{Bucket}/quarantine/acme/a.csv", {}),
    (NO, "WorkflowRole", "s3:PutObject", "{Bucket}/home/acme/a.csv", {}),
    (NO, "WorkflowRole", "s3:DeleteObject", "{Bucket}/quarantine/acme/a.csv", {}),
    # The function that follows the endpoint
    (YES, "EndpointFunctionRole", "transfer:DescribeServer", "{Server}", {}),
    (NO, "EndpointFunctionRole", "transfer:DescribeServer", "{Server}x", {}),
    (NO, "EndpointFunctionRole", "transfer:UpdateServer", "{Server}", {}),
    (
        NO,
        "EndpointFunctionRole",
        "ec2:ModifyVpcEndpoint",
        ROUTE_TABLE,
        {},
    ),
    (NO, "EndpointFunctionRole", "s3:GetObject", "{Bucket}/home/acme/a.csv", {}),
]


def title(row: Row) -> str:
    verdict, who, action, resource, context = row
    return f"{who} {'may' if verdict else 'may not'} {action} {resource} {context or ''}"


def filled(stack: Stack, text: str) -> str:
    """A row's text with the stack's own names in it."""
    for name in stack.types:
        if f"{{{name}}}" in text:
            text = text.replace(f"{{{name}}}", stack.attribute(name, "Arn").removesuffix(":*"))
    region = stack.region
    plain = {"partition": region.partition, "region": region.name, "suffix": region.suffix, "account": ACCOUNT}
    for name, value in (plain | {"server": stack.attribute("Server", "ServerId")}).items():
        text = text.replace(f"{{{name}}}", value)
    return text


def may(stack: Stack, who: str, action: str, resource: str, context: dict[str, str], **more: object) -> bool:
    # An action on a log group is one on its streams: the ARN ends in ":*".
    ending = ":log-stream:x" if action.startswith("logs:") else ""
    request = Request(
        filled(stack, who),
        action,
        filled(stack, resource) + ending,
        {key: filled(stack, value) for key, value in context.items()},
    )
    return allowed(stack, replace(request, **more))  # type: ignore[arg-type]


STACKS = {region.partition: Stack(region) for region in (FRANKFURT, BEIJING, GOVERNMENT)}


@pytest.mark.parametrize("row", ROWS, ids=title)
def test_request(row: Row) -> None:
    verdict, *request = row
    assert {partition: may(stack, *request) for partition, stack in STACKS.items()} == dict.fromkeys(STACKS, verdict)  # type: ignore[arg-type]


def test_no_row_stands_twice() -> None:
    assert len({title(row) for row in ROWS}) == len(ROWS)


DEFAULTS = STACKS["aws"]
TOPIC = Stack(Delivery="topic")
TAGGED = Stack(RequiredTag="scan=clean")
STRICT = Stack(RequireTls="true")
ROOT = Stack(RootAccess="true")
WITHOUT_RECORDS = Stack(FailurePrefix="")
NFS = "elasticfilesystem:Client"


@pytest.mark.parametrize(
    ("stack", "row"),
    [
        (TOPIC, (YES, "sns.amazonaws.com", "lambda:InvokeFunction", "{Function}", FROM_TOPIC)),
        (TOPIC, (NO, "sns.amazonaws.com", "lambda:InvokeFunction", "{Function}", FROM_OTHER_TOPIC)),
        (TOPIC, (YES, "FunctionRole", "sqs:SendMessage", "{DeadLetterQueue}", {})),
        (TOPIC, (YES, "FunctionRole", "kms:GenerateDataKey", "{Key}", VIA_SQS)),
        (TOPIC, (NO, "FunctionRole", "sqs:ReceiveMessage", "{DeadLetterQueue}", {})),
        (DEFAULTS, (NO, "FunctionRole", "sqs:SendMessage", "{DeadLetterQueue}", {})),
        (TAGGED, (YES, "FunctionRole", "s3:GetObjectTagging", "{Bucket}/home/acme/a.csv", {})),
        (TAGGED, (YES, "FunctionRole", "s3:GetObjectVersionTagging", "{Bucket}/home/acme/a.csv", {})),
        (TAGGED, (NO, "FunctionRole", "s3:PutObjectTagging", "{Bucket}/home/acme/a.csv", {})),
        (TAGGED, (NO, "UserRole", "s3:PutObjectTagging", "{Bucket}/home/acme/a.csv", {})),
        (STRICT, (NO, "anonymous", f"{NFS}Mount", "{FileSystem}", VIA_MOUNT | PLAIN)),
        (STRICT, (YES, "anonymous", f"{NFS}Mount", "{FileSystem}", VIA_MOUNT)),
        (ROOT, (YES, "anonymous", f"{NFS}RootAccess", "{FileSystem}", VIA_MOUNT | PLAIN)),
        (WITHOUT_RECORDS, (NO, "FunctionRole", "s3:PutObject", "{Bucket}/failed/2026-11-24/x.json", {})),
        (WITHOUT_RECORDS, (NO, "FunctionRole", "s3:PutObject", "{Bucket}/x.json", {})),
        (WITHOUT_RECORDS, (NO, "FunctionRole", "kms:GenerateDataKey", "{Key}", VIA_S3)),
    ],
)
def test_request_in_another_mode(stack: Stack, row: Row) -> None:
    verdict, who, action, resource, context = row
    assert may(stack, who, action, resource, context) is verdict


@pytest.mark.parametrize(
    ("verdict", "who", "action", "resource"),
    [
        (YES, "FunctionRole", "s3:GetObject", "{Bucket}/home/acme/a.csv"),
        (YES, "FunctionRole", "s3:ListBucket", "{Bucket}"),
        (YES, "FunctionRole", "s3:PutObject", "{Bucket}/failed/2026-11-24/x.json"),
        (NO, "account", "s3:GetObject", "{Bucket}/home/acme/a.csv"),
        (NO, "account", "s3:PutObject", "{Bucket}/failed/2026-11-24/x.json"),
        (NO, "account", "s3:PutObject", "arn:aws:s3:::exfiltrated/a.csv"),
        (NO, "UserRole", "s3:GetObject", "{Bucket}/home/acme/a.csv"),
    ],
)
def test_only_the_replicator_passes_the_s3_endpoint(verdict: bool, who: str, action: str, resource: str) -> None:
    assert may(DEFAULTS, who, action, resource, {}, through_endpoint=True) is verdict


def test_tags_pass_the_s3_endpoint_where_they_are_needed() -> None:
    assert may(TAGGED, "FunctionRole", "s3:GetObjectTagging", "{Bucket}/home/acme/a.csv", {}, through_endpoint=True)


@pytest.mark.parametrize(
    ("verdict", "action", "resource", "context"),
    [
        (YES, "s3:PutObject", "{Bucket}/home/acme/in/a.csv", {}),
        (YES, "s3:ListBucket", "{Bucket}", {"s3:prefix": "home/acme/in/"}),
        (YES, "kms:GenerateDataKey", "{Key}", VIA_S3),
        (NO, "s3:GetObject", "{Bucket}/home/globex/in/a.csv", {}),
        (NO, "s3:GetObject", "{Bucket}/home/acme-test/in/a.csv", {}),
        (NO, "s3:ListBucket", "{Bucket}", {"s3:prefix": "home/"}),
        (NO, "s3:ListBucket", "{Bucket}", {"s3:prefix": "home/globex/"}),
        (NO, "s3:DeleteObjectVersion", "{Bucket}/home/acme/in/a.csv", {}),
    ],
)
def test_first_user_stays_at_home(verdict: bool, action: str, resource: str, context: dict[str, str]) -> None:
    stack = Stack(**FIRST_USER)
    policy = stack.resources["User"]["Policy"]
    assert len(policy) <= 2048, "the most that Transfer takes"
    assert may(stack, "UserRole", action, resource, context, session_policy=policy) is verdict


@pytest.mark.parametrize("region", [FRANKFURT, BEIJING, GOVERNMENT], ids=lambda region: str(region.partition))
def test_every_service_can_assume_the_role_made_for_it(region: Region) -> None:
    stack = Stack(region)
    server = stack.attribute("Server", "Arn")
    sources = {
        "FunctionRole": ("lambda.amazonaws.com", {}),
        "EndpointFunctionRole": ("lambda.amazonaws.com", {}),
        "ServerLoggingRole": ("transfer.amazonaws.com", {"aws:SourceArn": server}),
        "WorkflowRole": ("transfer.amazonaws.com", {"aws:SourceArn": stack.attribute("PartialUploadWorkflow", "Arn")}),
        "UserRole": ("transfer.amazonaws.com", {"aws:SourceArn": f"{server.replace(':server/', ':user/')}/acme"}),
    }
    assert stack.of_type("AWS::IAM::Role").keys() == sources.keys()
    for role, (service, source) in sources.items():
        context = {"aws:SourceAccount": ACCOUNT} | source
        assert may(stack, service, "sts:AssumeRole", f"{{{role}}}", context), role
