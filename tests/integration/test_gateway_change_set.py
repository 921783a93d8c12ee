# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules under the gateway role on the lab, with a small stack of their own: change sets, events, protection,
drift, buckets, and what is known of the region."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from collections.abc import Mapping
from typing import TYPE_CHECKING
from typing import Any

import boto3
import pytest
from ansible_collections.mft.aws.plugins.action.cloudformation_events_info import gathered
from ansible_collections.mft.aws.plugins.plugin_utils.following import rounds

from integration.support import run_module

if TYPE_CHECKING:
    from integration.conftest import Lab

Template = dict[str, Any]


def payments(name: str, delay: int = 0, **resources: Any) -> Template:
    return {
        "Parameters": {"Delay": {"Type": "Number", "Default": delay, "MinValue": 0, "MaxValue": 900}},
        "Conditions": {"Never": {"Fn::Equals": [{"Ref": "Delay"}, "901"]}},
        "Resources": {
            "Queue": {
                "Type": "AWS::SQS::Queue",
                "Properties": {"QueueName": f"{name}-orders", "DelaySeconds": {"Ref": "Delay"}},
            },
            "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": f"{name}-payments"}},
            **resources,
        },
        "Outputs": {"Name": {"Value": name}},
    }


class Stack:
    """One stack, brought forward by the modules."""

    def __init__(self, lab: Lab, aws: Callable[[str], Any]) -> None:
        self.name = f"payments-{uuid.uuid4().hex[:8]}"
        self.cloudformation = aws("cloudformation")
        self._lab = lab

    def change_set(self, template: Template | None = None, *, check: bool = False, **options: Any) -> dict[str, Any]:
        if template is not None:
            options["template_body"] = json.dumps(template)
        return run_module(self._lab, "cloudformation_change_set", check=check, stack_name=self.name, **options)

    def stack(self, *, check: bool = False, **options: Any) -> dict[str, Any]:
        return run_module(self._lab, "cloudformation_stack", check=check, stack_name=self.name, **options)

    def settle(self, began: dict[str, Any]) -> dict[str, Any]:
        """All events of an operation, as the action plugin gathers them."""
        options = {"stack_name": began["stack_id"], "token": began["token"], "wait": 20}

        def once(more: Mapping[str, Any]) -> dict[str, Any]:
            return run_module(self._lab, "cloudformation_events_info", **options, **more)

        done = gathered(rounds(once, 60))
        assert not done.get("failed"), done
        return done

    def deploy(self, template: Template, **options: Any) -> dict[str, Any]:
        proposal = self.change_set(template, **options)
        assert proposal["changed"], proposal
        return self.settle(self.change_set(state="executed"))

    def change_sets(self) -> list[str]:
        summaries = self.cloudformation.list_change_sets(StackName=self.name)["Summaries"]
        return [summary["ChangeSetName"] for summary in summaries]

    def status(self) -> str:
        found = [s for s in self.cloudformation.describe_stacks()["Stacks"] if s["StackName"] == self.name]
        return str(found[0]["StackStatus"]) if found else ""


@pytest.fixture
def stack(lab: Lab, aws: Callable[[str], Any]) -> Stack:
    return Stack(lab, aws)


@pytest.fixture
def standing(stack: Stack) -> Stack:
    assert stack.deploy(payments(stack.name))["succeeded"]
    return stack


def test_check_mode_tells_what_a_new_stack_would_have_and_leaves_nothing(stack: Stack) -> None:
    seen = stack.change_set(payments(stack.name), check=True)
    assert seen["changed"]
    assert seen["exact"]
    assert seen["lines"] == ["add      Queue (AWS::SQS::Queue)", "add      Topic (AWS::SNS::Topic)"]
    assert seen["diff"]["before"] == ""
    assert stack.status() == ""
    assert stack.change_sets() == []


def test_what_was_shown_is_what_is_executed(stack: Stack) -> None:
    proposal = stack.change_set(payments(stack.name), tags={"owner": "payments"})
    assert stack.change_sets() == ["mft-aws"]
    began = stack.change_set(state="executed")
    done = stack.settle(began)
    assert done["succeeded"]
    assert done["first_failure"] == ""
    assert began["stack_id"] == proposal["stack_id"]
    events = done["events"]
    assert {event["token"] for event in events} == {began["token"]}
    assert [(events[i]["logical_id"], events[i]["status"]) for i in (0, -1)] == [
        (stack.name, "CREATE_IN_PROGRESS"),
        (stack.name, "CREATE_COMPLETE"),
    ]
    assert len({event["id"] for event in events}) == len(events)
    [described] = stack.cloudformation.describe_stacks(StackName=stack.name)["Stacks"]
    assert described["Tags"] == [{"Key": "owner", "Value": "payments"}]


def test_nothing_to_change_leaves_no_change_set(standing: Stack) -> None:
    for check in (True, False):
        result = standing.change_set(payments(standing.name), check=check)
        assert not result["changed"]
        assert not result["pending"]
        assert result["lines"] == []
        assert standing.change_sets() == []


def test_a_modification_names_property_and_physical_id(standing: Stack) -> None:
    result = standing.change_set(payments(standing.name), check=True, template_parameters={"Delay": 7})
    [change] = result["changes"]
    assert (change["action"], change["logical_id"]) == ("modify", "Queue")
    assert change["physical_id"].endswith(f"{standing.name}-orders")
    assert [entry["name"] for entry in change["properties"]] == ["DelaySeconds"]
    assert "DelaySeconds" in result["diff"]["after"]
    assert standing.change_sets() == []


def test_replacement_and_removal_of_what_is_protected_is_refused(standing: Stack) -> None:
    renamed = payments(standing.name)
    renamed["Resources"]["Queue"]["Properties"]["QueueName"] += "-new"
    del renamed["Resources"]["Topic"]
    for check in (True, False):
        refused = standing.change_set(renamed, check=check, protected=["Queue", "Topic"], replaceable=["Topic"])
        assert refused["failed"]
        assert "would replace or remove Queue of stack" in refused["msg"]
        assert "REPLACE  Queue (AWS::SQS::Queue)" in refused["msg"]
        assert standing.change_sets() == []
    shown = standing.change_set(renamed, check=True, protected=["Queue", "Topic"], replaceable=["Queue", "Topic"])
    assert [change["action"] for change in shown["changes"]] == ["remove", "replace"]
    assert standing.status() == "CREATE_COMPLETE"


def test_what_a_killed_run_left_is_taken_away(stack: Stack) -> None:
    stack.change_set(payments(stack.name))
    assert stack.status() == "REVIEW_IN_PROGRESS"
    # The next run makes its own in the place of the old one; a check takes both away.
    again = stack.change_set(payments(stack.name, Other={"Type": "AWS::SNS::Topic"}))
    assert [change["logical_id"] for change in again["changes"]] == ["Other", "Queue", "Topic"]
    assert stack.change_sets() == ["mft-aws"]
    stack.change_set(payments(stack.name), check=True)
    assert stack.status() == ""


def test_somebody_elses_change_set_keeps_its_place(stack: Stack) -> None:
    stack.change_set(payments(stack.name), change_set_name="colleague")
    assert stack.change_set(payments(stack.name), check=True)["changed"]
    assert stack.change_sets() == ["colleague"]
    assert stack.change_set(state="absent", change_set_name="colleague")["changed"]
    assert stack.status() == ""
    assert not stack.change_set(state="absent", change_set_name="colleague")["changed"]


def test_a_failed_update_names_the_first_resource_and_is_taken_back(standing: Stack) -> None:
    broken = payments(
        standing.name,
        Server={
            "Type": "AWS::Transfer::Server",
            "Properties": {"SecurityPolicyName": "TransferSecurityPolicy-1999-12"},
        },
        After={"Type": "AWS::SNS::Topic", "DependsOn": "Server"},
    )
    done = standing.deploy(broken)
    assert not done["succeeded"]
    assert done["stack_status"] == "UPDATE_ROLLBACK_COMPLETE"
    assert done["first_failure"].startswith("Server (AWS::Transfer::Server) could not be ")
    assert "TransferSecurityPolicy-1999-12" in done["first_failure"]


def test_what_a_failed_creation_left_is_in_nobodys_way(stack: Stack) -> None:
    server = {"Type": "AWS::Transfer::Server", "Properties": {"SecurityPolicyName": "TransferSecurityPolicy-1999-12"}}
    done = stack.deploy(payments(stack.name, Server=server))
    assert (done["stack_status"], done["succeeded"]) == ("ROLLBACK_COMPLETE", False)
    seen = stack.change_set(payments(stack.name), check=True)
    assert (seen["exact"], len(seen["lines"])) == (False, 2)
    assert stack.status() == "ROLLBACK_COMPLETE"
    assert "takes no change set" in stack.change_set(payments(stack.name))["msg"]
    assert stack.settle(stack.stack(state="absent"))["succeeded"]
    assert stack.deploy(payments(stack.name))["succeeded"]


def test_bad_options_are_told_at_once_before_any_call(lab: Lab, stack: Stack) -> None:
    template = payments(stack.name, Role={"Type": "AWS::IAM::Role", "Properties": {"RoleName": "acme"}})
    template["Parameters"]["Range"] = {"Type": "String", "AllowedPattern": r"[\d./]+", "Default": "10.0.0.0/24"}
    refused = stack.change_set(
        template,
        template_parameters={"Delay": 9999, "Nope": 1, "Range": "10.0.0.300/24"},
        tags={"aws:owner": "acme", "team": ""},
        capabilities=["CAPABILITY_IAM"],
        replaceable=["Bucket"],
        # Nothing listens there: a call would fail with another message.
        endpoint_url="http://127.0.0.1:9",
    )
    assert refused["failed"]
    for said in (
        "7 problems",
        "Delay is '9999': it must be 900 or less",
        "Nope is no parameter of the template. Those it has: Delay, Range.",
        "Range is '10.0.0.300/24': it must be an IPv4 range",
        "tag 'aws:owner'",
        "tag 'team' is ''",
        "Add CAPABILITY_NAMED_IAM",
        "replaceable names Bucket, which protected does not name",
    ):
        assert said in refused["msg"], refused["msg"]


def test_a_template_too_long_for_a_request(lab: Lab, stack: Stack, aws: Callable[[str], Any]) -> None:
    template = payments(stack.name, Never={"Type": "AWS::SNS::Topic", "Condition": "Never"})
    template["Description"] = "payments"
    template["Metadata"] = {"Filler": "x" * 52000}
    seen = stack.change_set(template, check=True)
    assert not seen["exact"]
    assert [change["logical_id"] for change in seen["changes"]] == ["Queue", "Topic"]
    refused = stack.change_set(template)
    assert "Put it into a bucket and give template_url" in refused["msg"]
    assert stack.status() == ""

    bucket = f"{stack.name}-artefacts"
    aws("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": lab.region})
    aws("s3").put_object(Bucket=bucket, Key="template.json", Body=json.dumps(template).encode())
    url = f"https://s3.{lab.region}.amazonaws.com/{bucket}/template.json"
    assert stack.change_set(template, check=True, template_url=url)["exact"]
    assert stack.status() == ""


def test_protection_deletion_and_what_is_left(standing: Stack) -> None:
    policy = {"Statement": [{"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}]}
    wanted = {"termination_protection": True, "stack_policy": policy}
    for check, changed in ((True, True), (False, True), (True, False), (False, False)):
        assert standing.stack(check=check, **wanted)["changed"] is changed
    assert "is protected against deletion" in standing.stack(state="absent")["msg"]
    assert standing.stack(state="absent", check=True, termination_protection=False)["changed"]
    assert standing.status() == "CREATE_COMPLETE"
    began = standing.stack(state="absent", termination_protection=False)
    done = standing.settle(began)
    assert (done["stack_status"], done["succeeded"]) == ("", True)
    again = standing.stack(state="absent")
    assert not again["changed"]
    assert again["stack_id"] == began["stack_id"]
    assert "There is no stack" in standing.stack(termination_protection=True)["msg"]


def test_drift_is_told_by_property(lab: Lab, standing: Stack, aws: Callable[[str], Any]) -> None:
    unchanged = run_module(lab, "cloudformation_drift_info", stack_name=standing.name)
    assert not unchanged["drifted"], unchanged
    url = aws("sqs").get_queue_url(QueueName=f"{standing.name}-orders")["QueueUrl"]
    aws("sqs").set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "33"})
    aws("sns").delete_topic(TopicArn=f"arn:aws:sns:{lab.region}:{lab.account_id}:{standing.name}-payments")
    drift = run_module(lab, "cloudformation_drift_info", stack_name=standing.name)
    assert [(found["logical_id"], found["status"]) for found in drift["resources"]] == [
        ("Queue", "MODIFIED"),
        ("Topic", "DELETED"),
    ]
    assert "    DelaySeconds is 33, should be 0" in drift["lines"]
    assert drift["lines"][-1].endswith(" was deleted")


def test_a_bucket_is_emptied_of_everything(lab: Lab, aws: Callable[[str], Any]) -> None:
    s3, bucket = aws("s3"), f"orders-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": lab.region})
    s3.put_object(Bucket=bucket, Key="before", Body=b"written while versioning was off: its version is null")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for key in ("a//b", "été (1).csv", "a+b %41", "<&>"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"1")
        s3.put_object(Bucket=bucket, Key=key, Body=b"2")
    s3.delete_object(Bucket=bucket, Key="a//b")
    s3.create_multipart_upload(Bucket=bucket, Key="unfinished")
    everything = {"versions": 9, "delete_markers": 1, "uploads": 1}

    def empty(**options: Any) -> dict[str, int]:
        result = run_module(lab, "s3_bucket_contents", bucket=bucket, state="absent", **options)
        assert not result.get("failed"), result
        assert result["finished"]
        assert result["changed"] == any(result[kind] for kind in everything)
        return {kind: result[kind] for kind in everything}

    assert empty(check=True) == everything
    assert empty(prefix="a//") == {"versions": 2, "delete_markers": 1, "uploads": 0}
    assert empty() == {"versions": 7, "delete_markers": 0, "uploads": 1}
    assert empty() == dict.fromkeys(everything, 0)
    s3.delete_bucket(Bucket=bucket)
    assert empty() == dict.fromkeys(everything, 0)


def test_the_region_is_surveyed(lab: Lab, aws: Callable[[str], Any]) -> None:
    own, foreign = f"own-{uuid.uuid4().hex[:8]}", f"foreign-{uuid.uuid4().hex[:8]}"
    location = {"LocationConstraint": lab.region}
    aws("s3").create_bucket(Bucket=own, CreateBucketConfiguration=location)
    stranger = boto3.client(
        "s3",
        endpoint_url=lab.endpoint_url,
        region_name=lab.region,
        aws_access_key_id="999988887777",
        aws_secret_access_key="not-of-this-account-0123456789",
    )
    stranger.create_bucket(Bucket=foreign, CreateBucketConfiguration=location)
    found = run_module(lab, "deployment_region_info", buckets=[own, foreign, "free-ACCOUNT-REGION"])
    assert [bucket["owner"] for bucket in found["buckets"]] == ["own", "foreign", "free"]
    assert found["buckets"][2]["name"] == f"free-{lab.account_id}-{lab.region}"
    assert (found["account"], found["partition"], found["region"]) == (lab.account_id, "aws", lab.region)
    assert found["zones"][:2] == [f"{lab.region}a", f"{lab.region}b"]
    assert found["s3_prefix_list_id"].startswith("pl-")
    assert "TransferSecurityPolicy-2025-03" in found["security_policies"]


def test_health_hides_nothing(lab: Lab, aws: Callable[[str], Any]) -> None:
    name = f"dead-{uuid.uuid4().hex[:8]}"
    url = aws("sqs").create_queue(QueueName=name)["QueueUrl"]
    aws("sqs").send_message(QueueUrl=url, MessageBody="acme/in/orders.csv")
    time.sleep(0.1)
    health = run_module(
        lab, "gateway_health_info", dead_letter_queue_url=url, function_name="no-such", server_id="s-0123456789abcdef0"
    )
    assert not health["healthy"]
    assert health["parts"]["dead_letter_queue"]["problem"] == "1 change could not be replicated"
    assert health["parts"]["function"] == {"healthy": False, "problem": "is not there", "state": "missing"}
    assert [problem.split(":")[0] for problem in health["problems"]] == ["function", "dead_letter_queue", "server"]
