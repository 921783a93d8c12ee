# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person meets in the console: every parameter explained, bounded and in its group; every output described."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from unit.template.parsed import CHECKOUT
from unit.template.parsed import PATH
from unit.template.parsed import resources
from unit.template.parsed import strings
from unit.template.parsed import template

PARAMETERS: dict[str, dict[str, Any]] = template()["Parameters"]
ROLE = CHECKOUT / "roles" / "gateway"
OUTPUTS = {
    "ServerId",
    "ServerEndpointName",
    "BucketName",
    "KeyArn",
    "UserRoleArn",
    "ServedPrefix",
    "FileSystemId",
    "FileSystemDnsName",
    "AccessPointId",
    "AccessPointPath",
    "TopicArn",
    "QueueUrl",
    "DeadLetterQueueUrl",
    "FailurePrefix",
    "FunctionName",
    "AlarmTopicArn",
    "DashboardName",
    "ServerLogGroupName",
    "FunctionLogGroupName",
    "ServerVpcEndpointId",
    "ServerVpcEndpointName",
    "ServerDnsName",
    "ShareDnsName",
    "DnsZoneId",
    "FirstMountTargetAddress",
    "SecondMountTargetAddress",
    "ResolverEndpointId",
    "VpcId",
    "PosixUid",
    "PosixGid",
}


def role_file(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROLE / name / "main.yml").read_text(encoding="utf-8"))
    return loaded


def test_outputs_are_the_promised_ones_and_described() -> None:
    outputs = template()["Outputs"]
    assert outputs.keys() == OUTPUTS
    assert all(output["Description"].endswith(".") for output in outputs.values())


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameter_is_explained(name: str) -> None:
    interface = template()["Metadata"]["AWS::CloudFormation::Interface"]
    groups = [group for group in interface["ParameterGroups"] if name in group["Parameters"]]
    assert len(groups) == 1
    assert interface["ParameterLabels"][name]["default"]
    assert PARAMETERS[name]["Description"].endswith(".")


def test_groups_and_labels_name_parameters_that_exist() -> None:
    interface = template()["Metadata"]["AWS::CloudFormation::Interface"]
    assert {name for group in interface["ParameterGroups"] for name in group["Parameters"]} == PARAMETERS.keys()
    assert interface["ParameterLabels"].keys() == PARAMETERS.keys()


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameter_is_bounded(name: str) -> None:
    parameter = PARAMETERS[name]
    bounds = {"AllowedValues", "AllowedPattern", "MinValue", "MinLength"} & parameter.keys()
    assert bounds or parameter["Type"].startswith("AWS::")
    if "AllowedPattern" in parameter:
        assert parameter["ConstraintDescription"].startswith("must ")
        assert parameter["ConstraintDescription"].endswith(".")
        if "Default" in parameter:
            assert re.fullmatch(parameter["AllowedPattern"], parameter["Default"])


def test_zones_and_package_are_all_that_has_to_be_chosen() -> None:
    required = {name for name, parameter in PARAMETERS.items() if "Default" not in parameter}
    assert required == {"FirstZone", "SecondZone", "PackageBucket", "PackageKey"}


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        ("VpcCidr", "10.42.0.0/16", True),
        ("VpcCidr", "10.42.0.0/25", True),
        ("VpcCidr", "10.42.0.0/26", False),
        ("VpcCidr", "10.42.0.0", False),
        ("SftpClientCidr", "", True),
        ("SftpClientCidr", "192.0.2.0/24", True),
        ("SftpClientCidr", "192.0.2.0/33", False),
        ("SftpClientCidr", "192.0.2.0/24,198.51.100.0/24", False),
        ("SftpClientPrefixListId", "pl-0123456789abcdef0", True),
        ("SftpClientPrefixListId", "sg-0123456789abcdef0", False),
        ("SecurityPolicyName", "TransferSecurityPolicy-FIPS-2025-03", True),
        ("SecurityPolicyName", "2025-03", False),
        ("BucketNamePrefix", "acme-payments", True),
        ("BucketNamePrefix", "Acme", False),
        ("BucketNamePrefix", "acme-", False),
        ("ServedPrefix", "home/", True),
        ("ServedPrefix", "sftp/home.v2/", True),
        ("ServedPrefix", "home", False),
        ("ServedPrefix", "/home/", False),
        ("ServedPrefix", "home//", False),
        ("ServedPrefix", "../", False),
        ("ServedPrefix", "quarantine/", False),
        ("ServedPrefix", "quarantined/", True),
        ("ServedPrefix", "failed/", False),
        ("ServedPrefix", "failed-orders/", False),
        ("ServedPrefix", "failedover/", True),
        ("FailurePrefix", "failed/", True),
        ("FailurePrefix", "failed-orders/", True),
        ("FailurePrefix", "", True),
        ("FailurePrefix", "home/", False),
        ("RequiredTag", "scan=clean", True),
        ("RequiredTag", "scan", False),
        ("RequiredTag", "", True),
        ("ExcludePatterns", "*.tmp,acme/in/*", True),
        ("ExcludePatterns", "*.tmp\n", False),
        ("ExcludePatterns", "*.tmp,,*.part", False),
        ("ExcludePatterns", "/in/*", False),
        ("IncludePatterns", "*.csv", True),
        ("IncludePatterns", "*.csv,", False),
        ("VpcId", "vpc-0123456789abcdef0", True),
        ("VpcId", "subnet-0123456789abcdef0", False),
        ("DnsZoneName", "mft.internal", True),
        ("DnsZoneName", "", True),
        ("DnsZoneName", "internal", False),
        ("DnsZoneName", "mft.internal.", False),
        ("DnsZoneName", "MFT.internal", False),
        ("ServerHostName", "sftp", True),
        ("ServerHostName", "sftp.eu", False),
        ("PreLoginBanner", "Authorised use only.\nAll sessions are logged.", True),
        ("PreLoginBanner", "\u00e9", False),
        ("UserName", "acme-batch@eu", True),
        ("UserName", "root", False),
        ("UserName", "-acme", False),
        ("UserName", "ac", False),
        ("UserName", "rooted", True),
        ("SshPublicKey", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI acme batch", True),
        ("SshPublicKey", "ssh-dss AAAAB3NzaC1kc3M=", False),
        ("SshPublicKey", "---- BEGIN SSH2 PUBLIC KEY ----", False),
        ("AlarmEmail", "operations@example.com", True),
        ("AlarmEmail", "operations", False),
        ("SharePath", "/sftp", True),
        ("SharePath", "/", False),
        ("SharePath", "/sftp/../etc", False),
        ("SharePath", "/a/b/c/d/e", False),
        ("FileMode", "0640", True),
        ("FileMode", "0440", False),
        ("DirectoryMode", "0750", True),
        ("DirectoryMode", "0640", False),
        ("PermissionsBoundaryArn", "arn:aws-us-gov:iam::111122223333:policy/boundary", True),
        ("PermissionsBoundaryArn", "arn:aws-cn:iam::aws:policy/PowerUserAccess", True),
        ("PermissionsBoundaryArn", "boundary", False),
    ],
)
def test_pattern(name: str, value: str, accepted: bool) -> None:
    assert bool(re.fullmatch(PARAMETERS[name]["AllowedPattern"], value)) is accepted


def test_longest_bucket_name_fits() -> None:
    """63 characters at most; the longest region names take 14, as in ap-southeast-1."""
    assert PARAMETERS["BucketNamePrefix"]["MaxLength"] + len("-123456789012-ap-southeast-1") <= 63


def test_role_and_template_have_the_same_defaults() -> None:
    defaults = role_file("defaults")
    pairs = {
        "gateway_served_prefix": "ServedPrefix",
        "gateway_sftp_client_cidr": "SftpClientCidr",
        "gateway_application_host_cidr": "ApplicationHostCidr",
        "gateway_posix_uid": "PosixUid",
        "gateway_posix_gid": "PosixGid",
        "gateway_delete_mode": "DeleteMode",
    }
    assert {role: defaults[role] for role in pairs} == {
        role: PARAMETERS[name]["Default"] for role, name in pairs.items()
    }


def test_role_passes_parameters_that_exist() -> None:
    passed = set(re.findall(r"'([A-Z]\w+)':", role_file("vars")["__gateway_parameters"]))
    assert passed
    assert passed <= PARAMETERS.keys()


def test_role_knows_what_it_protects_and_what_is_kept() -> None:
    private = role_file("vars")
    assert set(private["__gateway_protected"]) <= resources().keys()
    retained = {name for name, body in resources().items() if body.get("DeletionPolicy") == "RetainExceptOnCreate"}
    assert set(private["__gateway_kept"]) == retained - {"BucketPolicy"}


def test_template_is_within_the_limits_of_cloudformation() -> None:
    """CloudFormation user guide, "Understand CloudFormation quotas"."""
    sections = template()
    assert len(PATH.read_bytes()) <= 1_000_000
    assert len(sections["Parameters"]) <= 200
    assert len(sections["Resources"]) <= 500
    assert len(sections["Outputs"]) <= 200
    assert max(len(parameter["Description"].encode()) for parameter in PARAMETERS.values()) <= 4_000


def test_every_parameter_is_used() -> None:
    body = {section: template()[section] for section in ("Conditions", "Resources", "Outputs")}
    named = set(strings(body)) | {name for text in strings(body) for name in re.findall(r"\$\{(\w+)\}", text)}
    assert PARAMETERS.keys() <= named


def test_every_condition_is_used() -> None:
    everything = {section: template()[section] for section in ("Conditions", "Resources", "Outputs")}
    for name in template()["Conditions"]:
        assert list(strings(everything)).count(name) > 1, name
