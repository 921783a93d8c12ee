# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mft.aws.plugins.module_utils._cloudformation.changes import diff
from ansible_collections.mft.aws.plugins.module_utils._cloudformation.changes import has_no_change
from ansible_collections.mft.aws.plugins.module_utils._cloudformation.changes import lines
from ansible_collections.mft.aws.plugins.module_utils._cloudformation.changes import lost
from ansible_collections.mft.aws.plugins.module_utils._cloudformation.changes import read_changes

PROTECTED = ["Bucket", "FileSystem", "Key", "Server"]


def detail(
    name: str, recreation: str, evaluation: str = "Static", source: str = "DirectModification", cause: str = ""
) -> Any:
    found = {
        "Target": {"Attribute": "Properties", "Name": name, "RequiresRecreation": recreation},
        "Evaluation": evaluation,
        "ChangeSource": source,
    }
    return {**found, "CausingEntity": cause} if cause else found


def modified(name: str, replacement: str, *details: Any, kind: str = "AWS::EFS::FileSystem") -> dict[str, Any]:
    return {
        "Type": "Resource",
        "ResourceChange": {
            "Action": "Modify",
            "LogicalResourceId": name,
            "PhysicalResourceId": f"{name.lower()}-0123",
            "ResourceType": kind,
            "Replacement": replacement,
            "Details": list(details),
        },
    }


def read(*changes: Any) -> dict[str, str]:
    return {change["logical_id"]: change["action"] for change in read_changes({"Changes": list(changes)})}


@pytest.mark.parametrize(
    "reason",
    [
        "The submitted information didn't contain changes. Submit different information to create a change set.",
        "No updates are to be performed.",
        "The submitted information did not contain changes.",
        "There are no changes to be executed",
    ],
)
def test_no_change_in_all_its_wordings(reason: str) -> None:
    assert has_no_change({"Status": "FAILED", "StatusReason": reason})
    assert not has_no_change({"Status": "CREATE_COMPLETE", "StatusReason": reason})


@pytest.mark.parametrize("reason", ["Transform AWS::Serverless failed", "", None])
def test_other_failures_are_failures(reason: str | None) -> None:
    assert not has_no_change({"Status": "FAILED", "StatusReason": reason})


def test_a_reference_to_what_stays_is_no_threat() -> None:
    """The key's policy changes, and CloudFormation calls all that mention its ARN "Conditional"."""
    key = modified("Key", "False", detail("KeyPolicy", "Never"), kind="AWS::KMS::Key")
    share = modified(
        "FileSystem", "Conditional", detail("KmsKeyId", "Always", "Dynamic", "ResourceAttribute", "Key.Arn")
    )
    assert read(key, share) == {"Key": "modify", "FileSystem": "modify"}


def test_a_reference_to_what_is_replaced_is_one() -> None:
    key = modified("Key", "True", detail("MultiRegion", "Always"), kind="AWS::KMS::Key")
    share = modified(
        "FileSystem", "Conditional", detail("KmsKeyId", "Always", "Dynamic", "ResourceAttribute", "Key.Arn")
    )
    assert read(key, share) == {"Key": "replace", "FileSystem": "replace?"}


def test_one_that_follows_and_one_that_does_not() -> None:
    key = modified("Key", "False", detail("KeyPolicy", "Never"), kind="AWS::KMS::Key")
    follows = detail("KmsKeyId", "Always", "Dynamic", "ResourceAttribute", "Key.Arn")
    share = modified("FileSystem", "Conditional", follows, detail("PerformanceMode", "Conditionally"))
    assert read(key, share)["FileSystem"] == "replace?"
    # Its own text changed as well, in a way that is known at execution alone.
    share = modified("FileSystem", "Conditional", follows, detail("KmsKeyId", "Always", "Dynamic"))
    assert read(key, share)["FileSystem"] == "modify"
    assert (
        read(modified("FileSystem", "Conditional", detail("KmsKeyId", "Always", "Dynamic")))["FileSystem"] == "replace?"
    )
    assert read(modified("FileSystem", "Conditional"))["FileSystem"] == "replace?"


def test_lines_say_losses_first_with_values_where_they_are_known() -> None:
    delay = detail("DelaySeconds", "Never")
    delay["Target"] |= {"BeforeValue": "10", "AfterValue": "0"}
    described = {
        "Changes": [
            {"ResourceChange": {"Action": "Add", "LogicalResourceId": "New", "ResourceType": "AWS::SNS::Topic"}},
            modified("Queue", "False", delay, {"Target": {"Attribute": "Tags"}}, kind="AWS::SQS::Queue"),
            modified("FileSystem", "True", detail("PerformanceMode", "Always")),
            {
                "ResourceChange": {
                    "Action": "Remove",
                    "LogicalResourceId": "Bucket",
                    "PhysicalResourceId": "acme",
                    "ResourceType": "AWS::S3::Bucket",
                    "PolicyAction": "Retain",
                }
            },
        ]
    }
    changes = read_changes(described)
    assert lines(changes) == [
        "REMOVE   Bucket (AWS::S3::Bucket) acme (the old one is kept)",
        "REPLACE  FileSystem (AWS::EFS::FileSystem) filesystem-0123: PerformanceMode",
        "modify   Queue (AWS::SQS::Queue) queue-0123: DelaySeconds 10 → 0, Tags",
        "add      New (AWS::SNS::Topic)",
    ]
    assert lost(changes, PROTECTED, []) == ["Bucket", "FileSystem"]
    assert lost(changes, PROTECTED, ["FileSystem"]) == ["Bucket"]
    shown = diff(changes)
    assert '"DelaySeconds": "10"' in shown["before"]
    assert '"DelaySeconds": "0"' in shown["after"]
    assert "New (AWS::SNS::Topic)" not in shown["before"]
    assert "Bucket (AWS::S3::Bucket)" not in shown["after"]
    assert '"id": "(new)"' in shown["after"]


def test_what_may_be_replaced_is_guarded_too() -> None:
    changes = read_changes(
        {"Changes": [modified("FileSystem", "Conditional", detail("PerformanceMode", "Conditionally"))]}
    )
    assert lost(changes, PROTECTED, []) == ["FileSystem"]


def test_properties_come_once() -> None:
    twice = modified(
        "Queue",
        "False",
        detail("DelaySeconds", "Never", "Static", "ParameterReference", "DeliveryDelaySeconds"),
        detail("DelaySeconds", "Never", "Dynamic"),
        kind="AWS::SQS::Queue",
    )
    [change] = read_changes({"Changes": [twice]})
    assert change["properties"] == [{"name": "DelaySeconds", "replaces": False}]
