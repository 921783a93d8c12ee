# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab's CloudFormation never gets into: answers as the API model has them, checked by botocore's Stubber."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from datetime import timezone
from typing import Any

import boto3
import pytest
from ansible_collections.mft.aws.plugins.module_utils._cloudformation import change_set
from ansible_collections.mft.aws.plugins.module_utils._cloudformation import drift
from ansible_collections.mft.aws.plugins.module_utils._cloudformation import stack as stacks
from ansible_collections.mft.aws.plugins.module_utils._cloudformation.errors import AnsibleCloudFormationError
from botocore.stub import ANY
from botocore.stub import Stubber

STACK_ID = "arn:aws:cloudformation:eu-central-1:123456789012:stack/acme/1"
NOW = datetime(2026, 3, 1, tzinfo=timezone.utc)
SETTINGS = {"role_arn": None, "retain_resources": [], "termination_protection": None}


@pytest.fixture
def client() -> Any:
    return boto3.client("cloudformation", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")


@pytest.fixture
def stubber(client: Any) -> Iterator[Stubber]:
    with Stubber(client) as active:
        yield active
        active.assert_no_pending_responses()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change_set.time, "sleep", lambda seconds: None)


def stands(stubber: Stubber, status: str, **more: Any) -> None:
    described = {"StackId": STACK_ID, "StackName": "acme", "StackStatus": status, "CreationTime": NOW, **more}
    stubber.add_response("describe_stacks", {"Stacks": [described]})


def no_change_set(stubber: Stubber) -> None:
    stubber.add_client_error("describe_change_set", "ChangeSetNotFound", "ChangeSet [mft-aws] does not exist", 404)


def described(status: str, execution: str = "UNAVAILABLE", **more: Any) -> dict[str, Any]:
    return {"Status": status, "ExecutionStatus": execution, "StackId": STACK_ID, "ChangeSetId": "arn:mft-aws", **more}


@pytest.mark.parametrize(
    ("state", "advice"),
    [
        ("UPDATE_ROLLBACK_FAILED", "Continue its rollback"),
        ("ROLLBACK_COMPLETE", "Delete it (it holds nothing)"),
        ("DELETE_FAILED", "Delete it again"),
        ("ROLLBACK_FAILED", "Delete it, then run this again"),
        ("UPDATE_IN_PROGRESS", "Wait until that is done"),
    ],
)
def test_a_state_that_takes_no_change_set_is_explained(client: Any, stubber: Stubber, state: str, advice: str) -> None:
    stands(stubber, state)
    with pytest.raises(AnsibleCloudFormationError, match="takes no change set") as caught:
        change_set.propose(client, change_set.Wanted("acme", "mft-aws", "{}"), leave=True)
    assert advice in str(caught.value)


def test_a_change_set_that_a_killed_run_was_still_making_is_waited_for_and_deleted(
    client: Any, stubber: Stubber
) -> None:
    stubber.add_response("describe_change_set", described("CREATE_IN_PROGRESS"))
    stubber.add_response("describe_change_set", described("CREATE_COMPLETE", "AVAILABLE"))
    stubber.add_response("delete_change_set", {}, {"StackName": "acme", "ChangeSetName": "mft-aws"})
    no_change_set(stubber)
    assert change_set.discard(client, "acme", "mft-aws", keep_stack=True)


def test_a_change_set_that_fails_is_told_and_deleted(client: Any, stubber: Stubber) -> None:
    stands(stubber, "UPDATE_COMPLETE")
    no_change_set(stubber)
    stubber.add_response("create_change_set", {"Id": "arn:mft-aws", "StackId": STACK_ID})
    stubber.add_response("describe_change_set", described("CREATE_PENDING"))
    stubber.add_response("describe_change_set", described("FAILED", StatusReason="Circular dependency between Bucket"))
    stubber.add_response("describe_change_set", described("FAILED"))
    stubber.add_response("delete_change_set", {})
    no_change_set(stubber)
    stands(stubber, "UPDATE_COMPLETE")
    with pytest.raises(AnsibleCloudFormationError, match="cannot change stack acme like this: Circular dependency"):
        change_set.propose(client, change_set.Wanted("acme", "mft-aws", "{}"), leave=True)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "AccessDenied",
            "User: deployer is not authorized to perform: cloudformation:CreateChangeSet on resource: acme",
        ),
        ("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_NAMED_IAM]"),
        ("ExpiredToken", "The security token included in the request is expired"),
    ],
)
def test_a_refused_creation_leaves_nothing_and_says_what_aws_said(
    client: Any, stubber: Stubber, code: str, message: str
) -> None:
    stubber.add_client_error("describe_stacks", "ValidationError", "Stack with id acme does not exist", 400)
    stubber.add_client_error("create_change_set", code, message, 403)
    no_change_set(stubber)
    stands(stubber, "REVIEW_IN_PROGRESS")
    stubber.add_response("list_change_sets", {"Summaries": []})
    stubber.add_response("delete_stack", {}, {"StackName": "acme", "ClientRequestToken": ANY})
    stands(stubber, "DELETE_COMPLETE")
    with pytest.raises(AnsibleCloudFormationError, match="Failed to create a change set of stack acme") as caught:
        change_set.propose(client, change_set.Wanted("acme", "mft-aws", "{}"), leave=False)
    assert message in str(caught.value.exception)


def test_every_page_of_changes_is_read(client: Any, stubber: Stubber) -> None:
    def page(name: str) -> list[Any]:
        return [{"ResourceChange": {"Action": "Add", "LogicalResourceId": name, "ResourceType": "AWS::SNS::Topic"}}]

    stands(stubber, "UPDATE_COMPLETE")
    no_change_set(stubber)
    stubber.add_response("create_change_set", {"Id": "arn:mft-aws", "StackId": STACK_ID})
    first = described("CREATE_COMPLETE", "AVAILABLE", Changes=page("A"), NextToken="more")
    stubber.add_response("describe_change_set", first)
    stubber.add_response("describe_change_set", described("CREATE_COMPLETE", "AVAILABLE", Changes=page("B")))
    result = change_set.propose(client, change_set.Wanted("acme", "mft-aws", "{}"), leave=True)
    assert [change["logical_id"] for change in result["changes"]] == ["A", "B"]


def test_outputs_alone_can_change(client: Any, stubber: Stubber) -> None:
    stands(stubber, "UPDATE_COMPLETE")
    no_change_set(stubber)
    stubber.add_response("create_change_set", {"Id": "arn:mft-aws", "StackId": STACK_ID})
    stubber.add_response("describe_change_set", described("CREATE_COMPLETE", "AVAILABLE", Changes=[]))
    result = change_set.propose(client, change_set.Wanted("acme", "mft-aws", "{}"), leave=True)
    assert (result["pending"], result["lines"]) == (True, [])


def test_an_execution_that_a_killed_run_began_is_not_begun_again(client: Any, stubber: Stubber) -> None:
    stubber.add_response("describe_change_set", described("CREATE_COMPLETE", "EXECUTE_IN_PROGRESS"))
    assert change_set.execute(client, "acme", "mft-aws") == {"changed": False, "stack_id": STACK_ID, "token": ""}


def test_a_rollback_that_failed_is_continued(client: Any, stubber: Stubber) -> None:
    stands(stubber, "UPDATE_ROLLBACK_FAILED")
    stubber.add_response(
        "continue_update_rollback",
        {},
        {
            "StackName": STACK_ID,
            "ClientRequestToken": ANY,
            "ResourcesToSkip": ["Server"],
            "RoleARN": "arn:aws:iam::1:role/x",
        },
    )
    settings = {**SETTINGS, "retain_resources": ["Server"], "role_arn": "arn:aws:iam::1:role/x"}
    began = stacks.begin_recovery(client, "acme", settings, check_mode=False)
    assert began["changed"]
    assert began["token"].startswith("mft-")


def test_no_other_state_is_recovered(client: Any, stubber: Stubber) -> None:
    stands(stubber, "UPDATE_ROLLBACK_COMPLETE")
    assert not stacks.begin_recovery(client, "acme", SETTINGS, check_mode=False)["changed"]


def test_a_deletion_that_failed_is_tried_again_without_what_is_in_the_way(client: Any, stubber: Stubber) -> None:
    stands(stubber, "DELETE_FAILED")
    request = {"StackName": STACK_ID, "ClientRequestToken": ANY, "RetainResources": ["HostedZone"]}
    stubber.add_response("delete_stack", {}, request)
    settings = {**SETTINGS, "retain_resources": ["HostedZone"]}
    assert stacks.begin_deletion(client, "acme", settings, check_mode=False)["changed"]


def test_a_deletion_under_way_is_left_to_go_on(client: Any, stubber: Stubber) -> None:
    stands(stubber, "DELETE_IN_PROGRESS")
    began = stacks.begin_deletion(client, "acme", SETTINGS, check_mode=False)
    assert began == {"changed": False, "stack_id": STACK_ID, "token": ""}
    stands(stubber, "UPDATE_IN_PROGRESS")
    with pytest.raises(AnsibleCloudFormationError, match="wait until that is done"):
        stacks.begin_deletion(client, "acme", SETTINGS, check_mode=False)


def test_policies_differ_by_what_they_say() -> None:
    assert stacks.same_policy('{"a": 1, "b": 2}', '{"b":2,\n"a":1}')
    assert stacks.same_policy("", "{}")
    assert not stacks.same_policy('{"a": 1}', "")


def test_drift_is_searched_waited_for_and_told_by_property(client: Any, stubber: Stubber) -> None:
    def status(detection: str, **more: Any) -> dict[str, Any]:
        common = {"StackId": STACK_ID, "StackDriftDetectionId": "d", "Timestamp": NOW}
        return {**common, "DetectionStatus": detection, **more}

    def resource(name: str, state: str, *differences: Any) -> dict[str, Any]:
        return {
            "StackId": STACK_ID,
            "LogicalResourceId": name,
            "PhysicalResourceId": f"{name}-1",
            "ResourceType": "AWS::EC2::SecurityGroup",
            "StackResourceDriftStatus": state,
            "Timestamp": NOW,
            "PropertyDifferences": list(differences),
        }

    def difference(path: str, kind: str, expected: str, actual: str) -> dict[str, str]:
        return {"PropertyPath": path, "DifferenceType": kind, "ExpectedValue": expected, "ActualValue": actual}

    stubber.add_response("detect_stack_drift", {"StackDriftDetectionId": "d"}, {"StackName": "acme"})
    stubber.add_response("describe_stack_drift_detection_status", status("DETECTION_IN_PROGRESS"))
    failed = status("DETECTION_FAILED", DetectionStatusReason="Failed to detect drift on resources [Key]")
    stubber.add_response("describe_stack_drift_detection_status", failed)
    opened = resource(
        "Group",
        "MODIFIED",
        difference("/SecurityGroupIngress/1", "ADD", "null", '{"CidrIp":"0.0.0.0/0"}'),
        difference("/GroupDescription", "NOT_EQUAL", "SFTP", "changed by hand"),
        difference("/Tags/0", "REMOVE", '{"Key":"team"}', "null"),
    )
    stubber.add_response("describe_stack_resource_drifts", {"StackResourceDrifts": [opened], "NextToken": "more"})
    rest = [resource("Zone", "DELETED"), resource("Fine", "IN_SYNC"), resource("Key", "NOT_CHECKED")]
    stubber.add_response(
        "describe_stack_resource_drifts", {"StackResourceDrifts": rest}, {"StackName": "acme", "NextToken": "more"}
    )
    found = drift.detect(client, "acme", 60)
    assert found["lines"] == [
        "Group (AWS::EC2::SecurityGroup) Group-1 was changed:",
        '    SecurityGroupIngress.1 was added: {"CidrIp":"0.0.0.0/0"}',
        "    GroupDescription is changed by hand, should be SFTP",
        '    Tags.0 was removed, was {"Key":"team"}',
        "Zone (AWS::EC2::SecurityGroup) Zone-1 was deleted",
    ]
    assert (found["in_sync"], found["not_checked"]) == (1, ["Key"])
    assert found["problem"] == "Failed to detect drift on resources [Key]"
