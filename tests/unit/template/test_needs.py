# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each role and service needs for its work, and that it gets no more."""

from __future__ import annotations

import pytest

from unit.template.parsed import as_list
from unit.template.test_access import CLIENT_KEY
from unit.template.test_access import FROM_ALARM
from unit.template.test_access import FROM_BUCKET
from unit.template.test_access import FROM_TOPIC
from unit.template.test_access import LOG
from unit.template.test_access import OUR_LOG
from unit.template.test_access import ROWS
from unit.template.test_access import SSE_S3
from unit.template.test_access import STACKS
from unit.template.test_access import VIA_ACCESS_POINT
from unit.template.test_access import VIA_S3
from unit.template.test_access import WRONG_KEY
from unit.template.test_access import may

# What each needs for its work, all of it: one action less, and something fails at run time.
NEEDS: list[tuple[str, str, dict[str, str], str]] = [
    ("FunctionRole", "{FileSystem}", VIA_ACCESS_POINT, "elasticfilesystem: ClientMount ClientWrite"),
    ("FunctionRole", "{Queue}", {}, "sqs: DeleteMessage GetQueueAttributes ReceiveMessage"),
    ("FunctionRole", "{FunctionLogGroup}", {}, "logs: CreateLogStream PutLogEvents"),
    (
        *("FunctionRole", "*", {}),
        "ec2: AssignPrivateIpAddresses CreateNetworkInterface DeleteNetworkInterface DescribeNetworkInterfaces"
        " DescribeSubnets UnassignPrivateIpAddresses",
    ),
    (
        *("UserRole", "{Bucket}/home/acme/a.csv", {}),
        "s3: AbortMultipartUpload DeleteObject GetObject GetObjectVersion PutObject",
    ),
    ("UserRole", "{Bucket}", {}, "s3: GetBucketLocation"),
    ("UserRole", "{Key}", VIA_S3, "kms: Decrypt GenerateDataKey"),
    (
        *("WorkflowRole", "{Bucket}/home/acme/a.csv", {}),
        "s3: DeleteObject DeleteObjectVersion GetObject GetObjectTagging GetObjectVersion GetObjectVersionTagging",
    ),
    ("WorkflowRole", "{Bucket}/quarantine/acme/a.csv", {}, "s3: AbortMultipartUpload PutObject PutObjectTagging"),
    ("WorkflowRole", "{Bucket}", {}, "s3: GetBucketLocation ListBucket"),
    ("WorkflowRole", "{Key}", VIA_S3, "kms: Decrypt GenerateDataKey"),
    (
        *("ServerLoggingRole", LOG + "/aws/transfer/{server}", {}),
        "logs: CreateLogGroup CreateLogStream DescribeLogStreams PutLogEvents",
    ),
    ("EndpointFunctionRole", "*", {}, "ec2: DescribeVpcEndpoints"),
    (
        "EndpointFunctionRole",
        "arn:{partition}:ec2:{region}:{account}:vpc-endpoint/vpce-1",
        {},
        "ec2: ModifyVpcEndpoint",
    ),
    (
        "EndpointFunctionRole",
        "arn:{partition}:ec2:{region}:{account}:security-group/sg-1",
        {},
        "ec2: ModifyVpcEndpoint",
    ),
    ("EndpointFunctionRole", "{EndpointFunctionLogGroup}", {}, "logs: CreateLogStream PutLogEvents"),
    ("s3.amazonaws.com", "{Key}", FROM_BUCKET, "kms: Decrypt GenerateDataKey"),
    ("sns.amazonaws.com", "{Key}", FROM_TOPIC, "kms: Decrypt GenerateDataKey"),
    ("cloudwatch.amazonaws.com", "{Key}", FROM_ALARM, "kms: Decrypt GenerateDataKey"),
    (
        *("logs.{region}.{suffix}", "{Key}", OUR_LOG),
        "kms: Decrypt DescribeKey Encrypt GenerateDataKeyWithoutPlaintext ReEncryptTo",
    ),
    # Denials go no further than they have to: these hold for uploads alone.
    ("account", "{Bucket}/home/acme/a.csv", CLIENT_KEY, "s3: GetObject"),
    ("account", "{Bucket}/home/acme/a.csv", WRONG_KEY, "s3: GetObject"),
    ("account", "{Bucket}/home/acme/a.csv", SSE_S3, "s3: GetObject"),
]


@pytest.mark.parametrize(("who", "resource", "context", "words"), NEEDS)
def test_need(who: str, resource: str, context: dict[str, str], words: str) -> None:
    service, *actions = words.split()
    for partition, stack in STACKS.items():
        refused = [name for name in actions if not may(stack, who, f"{service}{name}", resource, context)]
        assert not refused, partition


def test_roles_may_nothing_but_what_they_need() -> None:
    """Every action that a role's own policy allows stands in a row above."""
    rows = {(who, action) for verdict, who, action, *_ in ROWS if verdict}
    for who, _, _, words in NEEDS:
        service, *names = words.split()
        rows |= {(who, f"{service}{name}") for name in names}
    granted = {
        (role, action)
        for role, properties in STACKS["aws"].of_type("AWS::IAM::Role").items()
        for policy in properties["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
        for action in as_list(statement["Action"])
    }
    assert granted - rows == set()
