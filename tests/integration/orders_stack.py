# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stack of everything the lab adds to ministack's CloudFormation, with two functions that report what they see."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Template = dict[str, Any]

KEY_1 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJqfm8yZ1hYxO0cJ2nV9xkq5j8bT3mQ4rW6uE7sD1fGh acme-batch"
KEY_2 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB2wS4dF6gH8jK0lZ1xC3vB5nM7qW9eR2tY4uI6oP8aS acme-2027"

# Writes what it is told below the mount, and reports what it is: enough to see mount, identity and delivery.
FUNCTION = """
import json, os, time, urllib.parse
started = time.time()
def handle(event, context):
    share, failed, written = os.environ["SHARE"], [], []
    for record in event.get("Records", []):
        body = json.loads(record["body"])
        for s3 in body.get("Records", []):
            key = urllib.parse.unquote_plus(s3["s3"]["object"]["key"])
            if "poison" in key:
                failed.append({"itemIdentifier": record["messageId"]})
                continue
            with open(os.path.join(share, os.path.basename(key)), "w") as file:
                file.write(s3["eventName"])
    return {"batchItemFailures": failed, "uid": os.getuid(), "gid": os.getgid(), "groups": os.getgroups(),
            "started": started, "share": share, "plain": os.environ["PLAIN"],
            "names": sorted(os.environ)}
"""

CUSTOM = """
import json, urllib.request
def handle(event, context):
    name = (event["ResourceProperties"].get("DnsEntries") or ["a:b"])[0].split(":", 1)[1]
    answer = {"Status": "SUCCESS", "PhysicalResourceId": "first-name", "StackId": event["StackId"],
              "RequestId": event["RequestId"], "LogicalResourceId": event["LogicalResourceId"],
              "Data": {"Name": name}}
    urllib.request.urlopen(urllib.request.Request(event["ResponseURL"], json.dumps(answer).encode(), method="PUT"))
"""


def get(name: str, attribute: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [name, attribute]}


def ref(name: str) -> dict[str, str]:
    return {"Ref": name}


def role(service: str) -> Template:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    return {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": document}}


def template(name: str) -> Template:
    subnets = [ref("SubnetA"), ref("SubnetB")]
    in_vpc = {"SubnetIds": subnets, "SecurityGroupIds": [get("FunctionGroup", "GroupId")]}

    def subnet(index: int) -> Template:
        zone = {"Fn::Select": [index, {"Fn::GetAZs": ""}]}
        properties = {"VpcId": ref("Vpc"), "CidrBlock": f"10.42.{index}.0/24", "AvailabilityZone": zone}
        return {"Type": "AWS::EC2::Subnet", "Properties": properties}

    def group(description: str) -> Template:
        properties = {"GroupDescription": description, "VpcId": ref("Vpc")}
        return {"Type": "AWS::EC2::SecurityGroup", "Properties": properties}

    def mount_target(subnet_name: str) -> Template:
        properties = {
            "FileSystemId": ref("FileSystem"),
            "SubnetId": ref(subnet_name),
            "SecurityGroups": [get("FileSystemGroup", "GroupId")],
        }
        return {"Type": "AWS::EFS::MountTarget", "Properties": properties}

    def allow(service: str, action: str, resource: Any) -> Template:
        statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": action, "Resource": resource}
        return {"Version": "2012-10-17", "Statement": [statement]}

    resources = {
        "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.42.0.0/16"}},
        "SubnetA": subnet(0),
        "SubnetB": subnet(1),
        "FunctionGroup": group("replicator"),
        "FileSystemGroup": group("share"),
        "ServerGroup": group("sftp"),
        "ShareFromFunction": {
            "Type": "AWS::EC2::SecurityGroupIngress",
            "Properties": {
                "GroupId": get("FileSystemGroup", "GroupId"),
                "IpProtocol": "tcp",
                "FromPort": 2049,
                "ToPort": "2049",
                "SourceSecurityGroupId": get("FunctionGroup", "GroupId"),
                "Description": "replicator",
            },
        },
        "FunctionToShare": {
            "Type": "AWS::EC2::SecurityGroupEgress",
            "Properties": {
                "GroupId": get("FunctionGroup", "GroupId"),
                "IpProtocol": "tcp",
                "FromPort": 2049,
                "ToPort": 2049,
                "DestinationSecurityGroupId": get("FileSystemGroup", "GroupId"),
            },
        },
        "Endpoint": {
            "Type": "AWS::EC2::VPCEndpoint",
            "Properties": {
                "VpcEndpointType": "Interface",
                "ServiceName": {"Fn::Sub": "com.amazonaws.${AWS::Region}.logs"},
                "VpcId": ref("Vpc"),
                "SubnetIds": subnets,
                "SecurityGroupIds": [get("ServerGroup", "GroupId")],
            },
        },
        "Zone": {
            "Type": "AWS::Route53::HostedZone",
            "Properties": {
                "Name": f"{name}.acme.internal",
                "VPCs": [{"VPCId": ref("Vpc"), "VPCRegion": ref("AWS::Region")}],
            },
        },
        "FileSystem": {"Type": "AWS::EFS::FileSystem", "Properties": {"Encrypted": True}},
        "TargetA": mount_target("SubnetA"),
        "TargetB": mount_target("SubnetB"),
        "AccessPoint": {
            "Type": "AWS::EFS::AccessPoint",
            "Properties": {
                "FileSystemId": ref("FileSystem"),
                "PosixUser": {"Uid": "10042", "Gid": "10043", "SecondaryGids": ["10044"]},
                "RootDirectory": {
                    "Path": "/sftp/home",
                    "CreationInfo": {"OwnerUid": "10042", "OwnerGid": "10043", "Permissions": "0750"},
                },
            },
        },
        "Topic": {"Type": "AWS::SNS::Topic"},
        "TopicPolicy": {
            "Type": "AWS::SNS::TopicPolicy",
            "Properties": {
                "Topics": [ref("Topic")],
                "PolicyDocument": allow("s3.amazonaws.com", "sns:Publish", ref("Topic")),
            },
        },
        "Dead": {"Type": "AWS::SQS::Queue"},
        "Queue": {
            "Type": "AWS::SQS::Queue",
            "Properties": {
                "VisibilityTimeout": 4,
                "RedrivePolicy": {"deadLetterTargetArn": get("Dead", "Arn"), "maxReceiveCount": ref("Tries")},
            },
        },
        "QueuePolicy": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {
                "Queues": [ref("Queue")],
                "PolicyDocument": allow("sns.amazonaws.com", "sqs:SendMessage", get("Queue", "Arn")),
            },
        },
        "Subscription": {
            "Type": "AWS::SNS::Subscription",
            "Properties": {
                "TopicArn": ref("Topic"),
                "Protocol": "sqs",
                "Endpoint": get("Queue", "Arn"),
                "RawMessageDelivery": True,
            },
        },
        "Bucket": {
            "Type": "AWS::S3::Bucket",
            "DependsOn": "TopicPolicy",
            "Properties": {
                "BucketName": f"{name}-files",
                "NotificationConfiguration": {
                    "TopicConfigurations": [
                        {
                            "Event": "s3:ObjectCreated:*",
                            "Topic": ref("Topic"),
                            "Filter": {"S3Key": {"Rules": [{"Name": "prefix", "Value": "home/"}]}},
                        }
                    ]
                },
            },
        },
        "FunctionRole": role("lambda.amazonaws.com"),
        "Function": {
            "Type": "AWS::Lambda::Function",
            "DependsOn": ["TargetA", "TargetB"],
            "Properties": {
                "Runtime": "python3.13",
                "Handler": "index.handle",
                "Role": get("FunctionRole", "Arn"),
                "Code": {"ZipFile": FUNCTION},
                "Timeout": "4",
                "ReservedConcurrentExecutions": ref("Concurrency"),
                "VpcConfig": in_vpc,
                "FileSystemConfigs": [{"Arn": get("AccessPoint", "Arn"), "LocalMountPath": "/mnt/sftp"}],
                "Environment": {"Variables": {"SHARE": "/mnt/sftp", "PLAIN": "/mnt/sftp-other"}},
            },
        },
        "Mapping": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "EventSourceArn": get("Queue", "Arn"),
                "FunctionName": ref("Function"),
                "BatchSize": 10,
                "FunctionResponseTypes": ["ReportBatchItemFailures"],
                "ScalingConfig": {"MaximumConcurrency": ref("Concurrency")},
            },
        },
        "CustomFunction": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Runtime": "python3.13",
                "Handler": "index.handle",
                "Role": get("FunctionRole", "Arn"),
                "Code": {"ZipFile": CUSTOM},
            },
        },
        "FirstName": {
            "Type": "Custom::FirstName",
            "Properties": {
                "ServiceToken": get("CustomFunction", "Arn"),
                "DnsEntries": get("Endpoint", "DnsEntries"),
            },
        },
        "Workflow": {
            "Type": "AWS::Transfer::Workflow",
            "Properties": {
                "Description": "quarantine",
                "Steps": [{"Type": "DELETE", "DeleteStepDetails": {"Name": "drop"}}],
            },
        },
        "TransferRole": role("transfer.amazonaws.com"),
        "Server": {
            "Type": "AWS::Transfer::Server",
            "Properties": {
                "EndpointType": "VPC",
                "EndpointDetails": {
                    "VpcId": ref("Vpc"),
                    "SubnetIds": subnets,
                    "SecurityGroupIds": [get("ServerGroup", "GroupId")],
                },
                "PreAuthenticationLoginBanner": "acme only",
                "ProtocolDetails": {"SetStatOption": "ENABLE_NO_OP"},
                "WorkflowDetails": {
                    "OnPartialUpload": [
                        {"WorkflowId": get("Workflow", "WorkflowId"), "ExecutionRole": get("TransferRole", "Arn")}
                    ]
                },
                "Tags": [{"Key": "team", "Value": "payments"}],
            },
        },
        "User": {
            "Type": "AWS::Transfer::User",
            "Properties": {
                "ServerId": get("Server", "ServerId"),
                "UserName": "acme",
                "Role": get("TransferRole", "Arn"),
                "HomeDirectoryType": "LOGICAL",
                "HomeDirectoryMappings": [{"Entry": "/", "Target": {"Fn::Sub": "/${Bucket}/home/acme"}}],
                "SshPublicKeys": [KEY_1],
            },
        },
    }
    outputs: dict[str, Any] = {
        "ServerId": get("Server", "ServerId"),
        "ServerRef": ref("Server"),
        "ServerState": get("Server", "State"),
        "UserRef": ref("User"),
        "WorkflowRef": ref("Workflow"),
        "FirstName": get("FirstName", "Name"),
        "Bucket": ref("Bucket"),
        "Function": ref("Function"),
        "FileSystem": ref("FileSystem"),
        "FileSystemGroup": get("FileSystemGroup", "GroupId"),
        "FunctionGroup": get("FunctionGroup", "GroupId"),
        "Zone": ref("Zone"),
        "Vpc": ref("Vpc"),
        "Dead": ref("Dead"),
        "Mapping": ref("Mapping"),
        "RuleId": get("ShareFromFunction", "Id"),
    }
    return {
        "Parameters": {
            "Tries": {"Type": "Number", "Default": 2},
            "Concurrency": {"Type": "Number", "Default": 3},
        },
        "Resources": resources,
        "Outputs": {key: {"Value": value} for key, value in outputs.items()},
    }


@dataclass
class Stack:
    """A deployed stack: what a test needs to look at it and to change it."""

    name: str
    template: Template
    cloudformation: Any

    def deploy(self, change_set_type: str) -> str:
        """Deploy by a change set, as the gateway role does; returns the status that the stack ends in."""
        change_set = f"c-{uuid.uuid4().hex[:8]}"
        self.cloudformation.create_change_set(
            StackName=self.name,
            ChangeSetName=change_set,
            ChangeSetType=change_set_type,
            TemplateBody=json.dumps(self.template),
            Capabilities=["CAPABILITY_IAM"],
            Tags=[{"Key": "application", "Value": "orders"}],
        )
        wait = self.cloudformation.get_waiter("change_set_create_complete")
        wait.wait(StackName=self.name, ChangeSetName=change_set, WaiterConfig={"Delay": 1})
        self.cloudformation.execute_change_set(StackName=self.name, ChangeSetName=change_set)
        return self.wait()

    def wait(self) -> str:
        deadline = time.monotonic() + 60
        while (status := self.describe()["StackStatus"]).endswith("IN_PROGRESS"):
            assert time.monotonic() < deadline, status
            time.sleep(0.1)
        return str(status)

    def describe(self) -> dict[str, Any]:
        [described] = self.cloudformation.describe_stacks(StackName=self.name)["Stacks"]
        return dict(described)

    def outputs(self) -> dict[str, str]:
        return {output["OutputKey"]: output["OutputValue"] for output in self.describe()["Outputs"]}

    def failures(self) -> dict[str, str]:
        events = self.cloudformation.describe_stack_events(StackName=self.name)["StackEvents"]
        return {
            event["LogicalResourceId"]: event.get("ResourceStatusReason", "")
            for event in events
            if event["ResourceStatus"].endswith("FAILED")
        }


def new_stack(aws: Callable[[str], Any]) -> Stack:
    name = f"orders-{uuid.uuid4().hex[:8]}"
    return Stack(name, template(name), aws("cloudformation"))
