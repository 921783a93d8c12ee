# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The template as CloudFormation would deploy it: conditions decided, functions resolved, for parameters and a region.

A reference to a resource whose condition is false fails here, as it does there.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from unit.template.parsed import template

ACCOUNT = "111122223333"
NAME = "acme-gateway"
_UNIQUE = "0a1b2c3d-1111-4222-8333-444455556666"
_NO_VALUE = object()


@dataclass(frozen=True)
class Region:
    """Where a stack is deployed."""

    partition: str
    name: str
    suffix: str


FRANKFURT = Region("aws", "eu-central-1", "amazonaws.com")
BEIJING = Region("aws-cn", "cn-north-1", "amazonaws.com.cn")
GOVERNMENT = Region("aws-us-gov", "us-gov-west-1", "amazonaws.com")

REQUIRED = {"PackageBucket": "acme-artefacts", "PackageKey": "packages/replicator.zip"}
EXISTING_VPC = {
    "CreateVpc": "false",
    "VpcId": "vpc-0123456789abcdef0",
    "FirstSubnetId": "subnet-0123456789abcdef0",
    "SecondSubnetId": "subnet-0123456789abcdef1",
    "S3PrefixListId": "pl-0123456789abcdef0",
    "SftpClientCidr": "192.0.2.0/24",
    "ApplicationHostCidr": "10.20.0.0/16",
}
FIRST_USER = {
    "UserName": "acme",
    "SshPublicKey": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJqfm8yZ1hYxO0cJ2nV9xkq5j8bT3mQ4",
}
EVERYTHING = {
    **FIRST_USER,
    "RequiredTag": "scan=clean",
    "PreLoginBanner": "Authorised use only",
    "PostLoginBanner": "Welcome",
    "ResolverClientCidr": "10.20.0.0/16",
    "ServerSecurityGroupIds": "sg-0123456789abcdef0,sg-0123456789abcdef1",
    "SftpClientPrefixListId": "pl-0123456789abcdef1",
    "AlarmEmail": "operations@example.com",
    "AccessLogBucket": "acme-access-logs",
    "ReservedConcurrency": "20",
    "ShareLifecycle": "AFTER_30_DAYS",
    "ThroughputMode": "provisioned",
    "ProvisionedMibps": "64",
    "RequireTls": "true",
    "ShareBackup": "false",
    "RootAccess": "true",
    "PermissionsBoundaryArn": "arn:aws:iam::111122223333:policy/boundary",
}
# Every mode that a condition of the template knows, alone and together.
MODES: dict[str, dict[str, str]] = {
    "defaults": {},
    "topic": {"Delivery": "topic"},
    "existing VPC": EXISTING_VPC,
    "existing VPC, S3 endpoint": EXISTING_VPC | {"RouteTableIds": "rtb-0123456789abcdef0"},
    "existing VPC, prefix list": {
        **EXISTING_VPC,
        "SftpClientCidr": "",
        "SftpClientPrefixListId": "pl-0123456789abcdef1",
    },
    "existing zone": {"DnsZoneId": "Z0123456789ABCDEFGHIJ"},
    "no names": {"DnsZoneName": ""},
    "no failure records": {"FailurePrefix": ""},
    "no failure records, topic": {"FailurePrefix": "", "Delivery": "topic"},
    "everything": EVERYTHING,
    "everything, topic, existing VPC": {**EVERYTHING, **EXISTING_VPC, "Delivery": "topic"},
}


class Stack:
    """The template resolved: ``resources`` and ``outputs`` are those that would be made."""

    def __init__(self, region: Region = FRANKFURT, /, **parameters: str) -> None:
        self.region = region
        zones = {"FirstZone": f"{region.name}a", "SecondZone": f"{region.name}b"}
        unknown = parameters.keys() - template()["Parameters"].keys()
        assert not unknown, f"no such parameters: {unknown}"
        self._parameters: dict[str, Any] = {}
        for name, declared in template()["Parameters"].items():
            given = str(({**zones, **REQUIRED} | parameters).get(name, declared.get("Default")))
            self._parameters[name] = given.split(",") if declared["Type"] == "CommaDelimitedList" else given
        self.conditions: dict[str, bool] = {}
        for name in template()["Conditions"]:
            self._condition(name)
        self.types = {
            name: str(body["Type"])
            for name, body in template()["Resources"].items()
            if self.conditions.get(body.get("Condition"), True)
        }
        self.resources: dict[str, dict[str, Any]] = {
            name: self.value(template()["Resources"][name].get("Properties", {})) for name in self.types
        }
        self.outputs: dict[str, Any] = {
            name: self.value(output["Value"])
            for name, output in template()["Outputs"].items()
            if self.conditions.get(output.get("Condition"), True)
        }

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Properties by logical id."""
        return {name: self.resources[name] for name, found in self.types.items() if found == kind}

    def broken_rules(self) -> list[str]:
        """What the rules say against the parameters."""
        return [
            str(assertion["AssertDescription"]).strip()
            for rule in template()["Rules"].values()
            if self.value(rule.get("RuleCondition", True))
            for assertion in rule["Assertions"]
            if not self.value(assertion["Assert"])
        ]

    def value(self, node: Any) -> Any:
        """A piece of the template, resolved."""
        if isinstance(node, list):
            items = [self.value(item) for item in node]
            return [item for item in items if item is not _NO_VALUE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            [(function, argument)] = node.items()
            if function == "Condition" and isinstance(argument, str):
                return self._condition(argument)
            if function in self._functions():
                return self._functions()[function](argument)
        members = {key: self.value(inner) for key, inner in node.items()}
        return {key: inner for key, inner in members.items() if inner is not _NO_VALUE}

    def _functions(self) -> dict[str, Callable[[Any], Any]]:
        return {
            "Ref": self.reference,
            "Fn::GetAtt": lambda argument: self.attribute(*argument),
            "Fn::Sub": self._sub,
            "Fn::If": lambda argument: self.value(argument[1 if self._condition(argument[0]) else 2]),
            "Fn::Join": lambda argument: argument[0].join(self.value(argument[1])),
            "Fn::Split": lambda argument: self.value(argument[1]).split(argument[0]),
            "Fn::Select": lambda argument: self.value(argument[1])[int(argument[0])],
            "Fn::FindInMap": self._find_in_map,
            "Fn::Cidr": self._cidr,
            "Fn::Equals": lambda argument: str(self.value(argument[0])) == str(self.value(argument[1])),
            "Fn::Not": lambda argument: not self.value(argument[0]),
            "Fn::And": lambda argument: all(self.value(argument)),
            "Fn::Or": lambda argument: any(self.value(argument)),
            "Fn::Contains": lambda argument: str(self.value(argument[1])) in argument[0],
        }

    def _condition(self, name: str) -> bool:
        if name not in self.conditions:
            self.conditions[name] = bool(self.value(template()["Conditions"][name]))
        return self.conditions[name]

    def reference(self, name: str) -> Any:
        """What Ref gives."""
        region = self.region
        pseudo = {
            "AWS::AccountId": ACCOUNT,
            "AWS::NoValue": _NO_VALUE,
            "AWS::Partition": region.partition,
            "AWS::Region": region.name,
            "AWS::StackId": f"arn:{region.partition}:cloudformation:{region.name}:{ACCOUNT}:stack/{NAME}/{_UNIQUE}",
            "AWS::StackName": NAME,
            "AWS::URLSuffix": region.suffix,
        }
        if name in pseudo:
            return pseudo[name]
        if name in self._parameters:
            return self._parameters[name]
        kind, properties = self._made(name)
        named = {
            "AWS::S3::Bucket": "BucketName",
            "AWS::Lambda::Function": "FunctionName",
            "AWS::Logs::LogGroup": "LogGroupName",
            "AWS::CloudWatch::Dashboard": "DashboardName",
        }
        if kind in named:
            return self.value(properties[named[kind]])
        if kind in ("AWS::SNS::Topic", "AWS::Transfer::Server"):
            return self.attribute(name, "Arn")
        return f"{name}-id"

    def attribute(self, name: str, attribute: str) -> str:
        """What Fn::GetAtt gives."""
        kind, properties = self._made(name)
        if attribute != "Arn":
            return f"{NAME}-{name}" if attribute == "QueueName" else f"{name}-{attribute}"
        p, here = self.region.partition, f"{self.region.name}:{ACCOUNT}"
        own = {
            "AWS::S3::Bucket": lambda: f"arn:{p}:s3:::{self.reference(name)}",
            "AWS::SNS::Topic": lambda: f"arn:{p}:sns:{here}:{self.value(properties['TopicName'])}",
            "AWS::SQS::Queue": lambda: f"arn:{p}:sqs:{here}:{NAME}-{name}",
            "AWS::KMS::Key": lambda: f"arn:{p}:kms:{here}:key/{name}-id",
            "AWS::IAM::Role": lambda: f"arn:{p}:iam::{ACCOUNT}:role/{NAME}-{name}",
            "AWS::Lambda::Function": lambda: f"arn:{p}:lambda:{here}:function:{self.reference(name)}",
            "AWS::Logs::LogGroup": lambda: f"arn:{p}:logs:{here}:log-group:{self.reference(name)}:*",
            "AWS::EFS::FileSystem": lambda: f"arn:{p}:elasticfilesystem:{here}:file-system/{name}-id",
            "AWS::EFS::AccessPoint": lambda: f"arn:{p}:elasticfilesystem:{here}:access-point/{name}-id",
            "AWS::Transfer::Server": lambda: f"arn:{p}:transfer:{here}:server/{name}-ServerId",
            "AWS::Transfer::Workflow": lambda: f"arn:{p}:transfer:{here}:workflow/{name}-WorkflowId",
            "AWS::CloudWatch::Alarm": lambda: f"arn:{p}:cloudwatch:{here}:alarm:{self.value(properties['AlarmName'])}",
        }
        return str(own[kind]())

    def _made(self, name: str) -> tuple[str, dict[str, Any]]:
        body = template()["Resources"][name]
        made = self.conditions.get(body.get("Condition"), True)
        assert made, f"a reference to {name}, whose condition {body.get('Condition')} is false"
        return str(body["Type"]), body.get("Properties", {})

    def _sub(self, argument: Any) -> str:
        text, variables = argument if isinstance(argument, list) else (argument, {})

        def replacement(match: re.Match[str]) -> str:
            name = match[1]
            if name in variables:
                return str(self.value(variables[name]))
            return str(self.attribute(*name.split(".", 1)) if "." in name else self.reference(name))

        return re.sub(r"\$\{([A-Za-z0-9:.]+)\}", replacement, text)

    def _find_in_map(self, argument: list[Any]) -> Any:
        name, first, second = (self.value(part) for part in argument)
        return template()["Mappings"][name][str(first)][second]

    def _cidr(self, argument: list[Any]) -> list[str]:
        block, count, bits = (self.value(part) for part in argument)
        subnets = ipaddress.ip_network(block).subnets(new_prefix=32 - int(bits))
        return [str(next(subnets)) for _ in range(int(count))]
