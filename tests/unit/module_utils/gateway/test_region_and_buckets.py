# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials, rights and regions that are not good enough, and answers of S3 that the lab does not give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from ansible_collections.mft.aws.plugins.module_utils._gateway import buckets
from ansible_collections.mft.aws.plugins.module_utils._gateway import health
from ansible_collections.mft.aws.plugins.module_utils._gateway import region
from ansible_collections.mft.aws.plugins.module_utils._gateway.errors import AnsibleGatewayError
from botocore.exceptions import EndpointConnectionError
from botocore.exceptions import NoCredentialsError
from botocore.stub import Stubber


@pytest.fixture
def client() -> Callable[[str], Any]:
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
    return lambda service: boto3.client(service, region_name="eu-central-1", **keys)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets.time, "sleep", lambda seconds: None)


class Broken:
    """A client whose every operation fails in one way."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def fail(**_request: Any) -> Any:
            raise self._error

        return fail


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("ExpiredToken", "The AWS credentials have expired. Sign in again"),
        ("InvalidClientTokenId", "AWS does not know these credentials"),
        ("SignatureDoesNotMatch", "AWS does not know these credentials"),
        ("AccessDenied", "Failed to find out the account"),
    ],
)
def test_credentials_that_are_no_good(client: Callable[[str], Any], code: str, said: str) -> None:
    sts = client("sts")
    with Stubber(sts) as stubber:
        stubber.add_client_error("get_caller_identity", code, "no", 403)
        with pytest.raises(AnsibleGatewayError, match=said):
            region.caller(sts)


def test_no_credentials_at_all() -> None:
    with pytest.raises(AnsibleGatewayError, match="Look at the credentials, profile and region"):
        region.caller(Broken(NoCredentialsError()))


def test_the_partition_is_that_of_the_caller(client: Callable[[str], Any]) -> None:
    sts = client("sts")
    with Stubber(sts) as stubber:
        arn = "arn:aws-cn:sts::123456789012:assumed-role/deployer/acme"
        stubber.add_response("get_caller_identity", {"Account": "123456789012", "Arn": arn, "UserId": "x"})
        assert region.caller(sts)["partition"] == "aws-cn"
    assert region.url_suffix("aws-cn") == "amazonaws.com.cn"
    assert region.url_suffix("aws-us-gov") == "amazonaws.com"


def test_a_region_without_the_service() -> None:
    nowhere = Broken(EndpointConnectionError(endpoint_url="https://transfer.mars-north-1.amazonaws.com"))
    with pytest.raises(AnsibleGatewayError, match="Transfer Family does not answer in region mars-north-1"):
        region.security_policies(nowhere, "mars-north-1")


def test_what_may_not_be_asked_is_unknown(client: Callable[[str], Any]) -> None:
    transfer, ec2 = client("transfer"), client("ec2")
    with Stubber(transfer) as stubber:
        stubber.add_client_error("list_security_policies", "AccessDeniedException", "no", 403)
        assert region.security_policies(transfer, "eu-central-1") == []
    with Stubber(ec2) as stubber:
        stubber.add_client_error("describe_managed_prefix_lists", "UnauthorizedOperation", "no", 403)
        assert region.s3_prefix_list(ec2, "eu-central-1") == ""


def test_whose_a_bucket_is(client: Callable[[str], Any]) -> None:
    s3 = client("s3")
    with Stubber(s3) as stubber:
        expected = {"Bucket": "acme", "ExpectedBucketOwner": "123456789012"}
        for code in ("404", "403", "301"):
            stubber.add_client_error("head_bucket", code, "", int(code), expected_params=expected)
        stubber.add_response("head_bucket", {}, expected)
        found = [region.bucket_owners(s3, ["acme"], "123456789012")["acme"] for _ in range(4)]
    assert found == ["free", "foreign", "foreign", "own"]


def page(*keys: str) -> dict[str, Any]:
    return {"Versions": [{"Key": key, "VersionId": "1"} for key in keys], "IsTruncated": False}


def test_single_keys_that_fail_in_passing_are_tried_again(client: Callable[[str], Any]) -> None:
    s3 = client("s3")
    with Stubber(s3) as stubber:
        stubber.add_response("list_object_versions", page("a", "b"))
        slow = {"Key": "b", "VersionId": "1", "Code": "SlowDown", "Message": "reduce your rate"}
        stubber.add_response("delete_objects", {"Errors": [slow]})
        again = {"Bucket": "acme", "Delete": {"Objects": [{"Key": "b", "VersionId": "1"}], "Quiet": True}}
        stubber.add_response("delete_objects", {}, again)
        stubber.add_response("list_multipart_uploads", {})
        counts, finished = buckets.empty(s3, "acme", "", 10, check_mode=False)
        stubber.assert_no_pending_responses()
    assert (counts["versions"], finished) == (2, True)


def test_a_version_under_retention_is_named(client: Callable[[str], Any]) -> None:
    s3 = client("s3")
    with Stubber(s3) as stubber:
        stubber.add_response("list_object_versions", page("kept.csv"))
        held = {"Key": "kept.csv", "VersionId": "1", "Code": "AccessDenied", "Message": "because object protected"}
        stubber.add_response("delete_objects", {"Errors": [held]})
        with pytest.raises(
            AnsibleGatewayError, match=r"1 of 1 versions of bucket acme .* first kept\.csv: AccessDenied"
        ):
            buckets.empty(s3, "acme", "", 10, check_mode=False)


def test_a_key_that_xml_cannot_carry_goes_by_itself(client: Callable[[str], Any]) -> None:
    s3 = client("s3")
    with Stubber(s3) as stubber:
        stubber.add_response("list_object_versions", page("bell\x07", "plain"))
        stubber.add_response("delete_object", {}, {"Bucket": "acme", "Key": "bell\x07", "VersionId": "1"})
        plain = {"Bucket": "acme", "Delete": {"Objects": [{"Key": "plain", "VersionId": "1"}], "Quiet": True}}
        stubber.add_response("delete_objects", {}, plain)
        stubber.add_response("list_multipart_uploads", {})
        assert buckets.empty(s3, "acme", "", 10, check_mode=False)[1]
        stubber.assert_no_pending_responses()


def test_a_report_comes_before_the_end(client: Callable[[str], Any]) -> None:
    s3 = client("s3")
    with Stubber(s3) as stubber:
        more = {**page("a"), "IsTruncated": True, "NextKeyMarker": "a", "NextVersionIdMarker": "1"}
        stubber.add_response("list_object_versions", more)
        stubber.add_response("delete_objects", {})
        counts, finished = buckets.empty(s3, "acme", "", -1, check_mode=False)
    assert (counts["versions"], finished) == (1, False)


def test_health_tells_what_is_wrong_with_each_part(client: Callable[[str], Any]) -> None:
    function, share, server = client("lambda"), client("efs"), client("transfer")
    with Stubber(function) as stubber:
        reason = {"State": "Failed", "StateReason": "EFS mount failed", "Runtime": "python3.13"}
        stubber.add_response("get_function_configuration", reason)
        stubber.add_response("get_function_configuration", {"State": "Inactive"})
        broken = {"State": "Active", "LastUpdateStatus": "Failed", "LastUpdateStatusReason": "no such key"}
        stubber.add_response("get_function_configuration", broken)
        problems = [health.function(function, "acme")["problem"] for _ in range(3)]
    assert problems == ["is Failed: EFS mount failed", "", "could not be updated: no such key"]
    with Stubber(share) as stubber:
        system = {
            "OwnerId": "1",
            "CreationToken": "x",
            "FileSystemId": "fs-01234567",
            "CreationTime": 0,
            "LifeCycleState": "available",
            "NumberOfMountTargets": 1,
            "SizeInBytes": {"Value": 0},
            "PerformanceMode": "generalPurpose",
            "Tags": [],
        }
        target = {
            "MountTargetId": "fsmt-01234567",
            "FileSystemId": "fs-01234567",
            "SubnetId": "subnet-01234567",
            "LifeCycleState": "creating",
            "IpAddress": "10.42.0.4",
        }
        stubber.add_response("describe_file_systems", {"FileSystems": [system]})
        stubber.add_response("describe_mount_targets", {"MountTargets": [target]})
        stubber.add_response("describe_file_systems", {"FileSystems": [system]})
        stubber.add_response("describe_mount_targets", {"MountTargets": []})
        problems = [health.share(share, "fs-01234567")["problem"] for _ in range(2)]
    assert problems == ["mount target 10.42.0.4 is creating", "has no mount target"]
    with Stubber(server) as stubber:
        stubber.add_response(
            "describe_server", {"Server": {"Arn": "arn:aws:transfer:x:1:server/s-1", "State": "OFFLINE"}}
        )
        assert health.server(server, "s-0123456789abcdef0")["problem"] == "is OFFLINE"
