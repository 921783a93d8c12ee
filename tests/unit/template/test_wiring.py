# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to exist before what, and what has to fit what: mistakes here deploy well and fail later."""

from __future__ import annotations

from typing import Any

import pytest

from unit.template.parsed import BUCKET_NAME
from unit.template.parsed import as_list
from unit.template.parsed import properties
from unit.template.parsed import resources
from unit.template.parsed import template
from unit.template.resolved import EXISTING_VPC
from unit.template.resolved import MODES
from unit.template.resolved import Stack


def depends_on(name: str) -> set[str]:
    return set(as_list(resources()[name].get("DependsOn", [])))


def test_bucket_waits_for_the_topic_policy() -> None:
    assert {"TopicPolicy", "FailureTopicPolicy"} <= depends_on("Bucket")


def notifications(**parameters: str) -> dict[tuple[str, str], str]:
    """Topic by event and prefix."""
    stack = Stack(**parameters)
    topics = {stack.attribute(name, "Arn"): name for name in stack.of_type("AWS::SNS::Topic")}
    configuration = stack.resources["Bucket"]["NotificationConfiguration"]
    assert configuration.keys() == {"TopicConfigurations"}
    return {
        (entry["Event"], rule["Value"]): topics[entry["Topic"]]
        for entry in configuration["TopicConfigurations"]
        for rule in entry["Filter"]["S3Key"]["Rules"]
    }


def test_both_kinds_of_event_under_the_served_prefix_reach_the_topic() -> None:
    assert notifications() == {
        ("s3:ObjectCreated:*", "home/"): "Topic",
        ("s3:ObjectRemoved:*", "home/"): "Topic",
        ("s3:ObjectCreated:*", "failed/"): "FailureTopic",
    }


def test_tags_are_announced_where_they_release_files() -> None:
    assert notifications(RequiredTag="scan=clean")[("s3:ObjectTagging:*", "home/")] == "Topic"


def test_without_failure_records_nothing_is_announced_under_their_prefix() -> None:
    assert set(notifications(FailurePrefix="").values()) == {"Topic"}


def test_failure_records_reach_the_dead_letters_and_test_messages_do_not() -> None:
    """S3 user guide, "Event message structure": the test message alone has a field Event."""
    subscription = Stack().resources["FailureSubscription"]
    assert subscription["Endpoint"] == Stack().attribute("DeadLetterQueue", "Arn")
    assert subscription["FilterPolicyScope"] == "MessageBody"
    assert subscription["FilterPolicy"] == {"Event": [{"exists": False}]}
    # A new filter takes up to 15 minutes (SNS developer guide, Message filtering): after the first test message.
    assert {"Bucket", "DeadLetterQueuePolicy"} <= depends_on("FailureSubscription")


def test_bucket_name_is_what_the_policies_say() -> None:
    assert properties("Bucket")["BucketName"] == {"Fn::Sub": BUCKET_NAME}


def test_bucket_is_closed_and_keeps_versions() -> None:
    bucket = properties("Bucket")
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    rules = {rule["Id"]: rule for rule in Stack().resources["Bucket"]["LifecycleConfiguration"]["Rules"]}
    assert rules["OldVersions"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": "90"}
    assert rules["UnfinishedUploads"]["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] <= 7
    expiring = {rule["Id"]: rule.get("Prefix") for rule in rules.values() if "ExpirationInDays" in rule}
    assert expiring == {"FailureRecords": "failed/"}, "a lifecycle rule removes current files"


def test_topic_name_is_what_the_key_policy_says() -> None:
    assert properties("Topic")["TopicName"] == {"Fn::Sub": "${AWS::StackName}-files"}
    assert ":${AWS::StackName}-files'" in str(properties("Key")["KeyPolicy"])


def test_function_name_is_what_its_role_says() -> None:
    assert properties("Function")["FunctionName"] == {"Fn::Sub": "${AWS::StackName}-replicator"}
    assert ":function:${AWS::StackName}-replicator'" in str(properties("FunctionRole")["Policies"])


@pytest.mark.parametrize("timeout", template()["Parameters"]["FunctionTimeoutSeconds"]["AllowedValues"])
def test_queue_hides_a_batch_six_times_as_long_as_the_function_may_take(timeout: int) -> None:
    assert properties("Function")["Timeout"] == {"Ref": "FunctionTimeoutSeconds"}
    assert properties("Queue")["VisibilityTimeout"] == {
        "Fn::FindInMap": ["VisibilityTimeout", {"Ref": "FunctionTimeoutSeconds"}, "Seconds"]
    }
    seconds = template()["Mappings"]["VisibilityTimeout"][str(timeout)]["Seconds"]
    assert 6 * timeout <= seconds <= 43200


def test_queue_waits_long_delays_and_gives_up_into_the_dead_letters() -> None:
    queue = properties("Queue")
    assert queue["ReceiveMessageWaitTimeSeconds"] == 20
    assert queue["DelaySeconds"] == {"Ref": "DeliveryDelaySeconds"}
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}
    # "at least 5" lets throttled batches come back (Lambda developer guide, Using Lambda with Amazon SQS).
    assert queue["RedrivePolicy"]["maxReceiveCount"] >= 5
    assert properties("DeadLetterQueue")["MessageRetentionPeriod"] == 14 * 24 * 3600
    assert properties("DeadLetterQueue")["MessageRetentionPeriod"] >= queue["MessageRetentionPeriod"]


def test_what_the_queue_refuses_is_not_lost() -> None:
    subscription = properties("Subscription")
    assert subscription["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}
    assert {"QueuePolicy", "DeadLetterQueuePolicy"} <= depends_on("Subscription")


def test_one_bad_event_does_not_hold_the_others() -> None:
    source = properties("EventSource")
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["EventSourceArn"] == {"Fn::GetAtt": ["Queue", "Arn"]}
    assert source["ScalingConfig"] == {"MaximumConcurrency": {"Ref": "MaximumConcurrency"}}
    assert template()["Parameters"]["MaximumConcurrency"]["MinValue"] == 2, "the least that Lambda takes"


def test_function_waits_for_a_mount_target_in_each_of_its_zones() -> None:
    targets = resources("AWS::EFS::MountTarget")
    assert targets.keys() <= depends_on("Function")
    subnets = [body["Properties"]["SubnetId"] for body in targets.values()]
    assert properties("Function")["VpcConfig"]["SubnetIds"] == subnets
    assert properties("Server")["EndpointDetails"]["SubnetIds"] == subnets


def test_function_mounts_where_it_is_told_to_write() -> None:
    function = properties("Function")
    [mount] = function["FileSystemConfigs"]
    variables = function["Environment"]["Variables"]
    assert mount == {"Arn": {"Fn::GetAtt": ["AccessPoint", "Arn"]}, "LocalMountPath": "/mnt/sftp"}
    assert variables["MFT_SHARE"] == mount["LocalMountPath"]
    assert variables["MFT_BUCKET"] == {"Ref": "Bucket"}
    assert variables["MFT_PREFIX"] == {"Ref": "ServedPrefix"}


def test_subnets_lie_in_two_zones_and_have_no_way_out() -> None:
    zones = [body["Properties"]["AvailabilityZone"] for body in resources("AWS::EC2::Subnet").values()]
    assert zones == [{"Ref": "FirstZone"}, {"Ref": "SecondZone"}]
    assert "ZonesDiffer" in template()["Rules"]
    for kind in ("AWS::EC2::InternetGateway", "AWS::EC2::NatGateway", "AWS::EC2::Route", "AWS::EC2::EIP"):
        assert not resources(kind)
    associated = [b["Properties"]["SubnetId"] for b in resources("AWS::EC2::SubnetRouteTableAssociation").values()]
    assert associated == [{"Ref": name} for name in resources("AWS::EC2::Subnet")]


# Port by group: what each may be reached on.
@pytest.mark.parametrize(
    ("group", "port"),
    [
        ("ServerSecurityGroup", 22),
        ("FileSystemSecurityGroup", 2049),
        ("FunctionSecurityGroup", None),
        ("ResolverSecurityGroup", 53),
    ],
)
def test_groups_open_one_port_to_somebody_named(group: str, port: int | None) -> None:
    for mode in MODES.values():
        stack = Stack(**mode)
        if group not in stack.resources:
            continue
        rules: list[dict[str, Any]] = list(stack.resources[group].get("SecurityGroupIngress", []))
        rules += [
            rule
            for rule in stack.of_type("AWS::EC2::SecurityGroupIngress").values()
            if rule["GroupId"] == stack.attribute(group, "GroupId")
        ]
        assert {(rule["FromPort"], rule["ToPort"]) for rule in rules} == ({(port, port)} if port else set())
        assert "0.0.0.0/0" not in str(rules)


@pytest.mark.parametrize("group", resources("AWS::EC2::SecurityGroup"))
def test_groups_have_egress_rules(group: str) -> None:
    """A group without any is given one that opens everything."""
    assert properties(group)["SecurityGroupEgress"]


def test_only_the_function_reaches_out_and_only_to_the_share_and_s3() -> None:
    for group in set(resources("AWS::EC2::SecurityGroup")) - {"FunctionSecurityGroup"}:
        assert [rule["CidrIp"] for rule in properties(group)["SecurityGroupEgress"]] == ["127.0.0.1/32"], group
    for mode, s3_alone in (({"S3PrefixListId": "pl-01234567"}, "pl-01234567"), (EXISTING_VPC, "pl-0123456789abcdef0")):
        stack = Stack(**mode)
        share, s3 = stack.resources["FunctionSecurityGroup"]["SecurityGroupEgress"]
        assert share["DestinationSecurityGroupId"] == stack.attribute("FileSystemSecurityGroup", "GroupId")
        assert (s3["FromPort"], s3["ToPort"], s3["DestinationPrefixListId"]) == (443, 443, s3_alone)
        assert "CidrIp" not in s3


def test_truncated_uploads_are_copied_before_they_are_deleted() -> None:
    copy, delete = properties("PartialUploadWorkflow")["Steps"]
    assert (copy["Type"], delete["Type"]) == ("COPY", "DELETE")
    key = copy["CopyStepDetails"]["DestinationFileLocation"]["S3FileLocation"]["Key"]
    assert key.startswith("quarantine/")
    assert key.endswith("/")
    assert copy["CopyStepDetails"]["OverwriteExisting"] == "TRUE"
    [partial] = properties("Server")["WorkflowDetails"]["OnPartialUpload"]
    assert partial["WorkflowId"] == {"Fn::GetAtt": ["PartialUploadWorkflow", "WorkflowId"]}


def test_server_is_private_and_keeps_old_clients_working() -> None:
    server = properties("Server")
    assert server["EndpointType"] == "VPC"
    assert "AddressAllocationIds" not in server["EndpointDetails"]
    assert server["Protocols"] == ["SFTP"]
    assert server["SecurityPolicyName"] == {"Ref": "SecurityPolicyName"}
    assert server["ProtocolDetails"] == {"SetStatOption": "ENABLE_NO_OP"}
    assert server["S3StorageOptions"] == {"DirectoryListingOptimization": "ENABLED"}
    assert server["StructuredLogDestinations"] == [{"Fn::GetAtt": ["ServerLogGroup", "Arn"]}]


@pytest.mark.parametrize("name", ["Key", "Bucket", "BucketPolicy", "FileSystem", "FunctionLogGroup", "ServerLogGroup"])
def test_data_outlives_the_stack(name: str) -> None:
    assert resources()[name]["DeletionPolicy"] == "RetainExceptOnCreate"
    assert resources()[name]["UpdateReplacePolicy"] == "Retain"
