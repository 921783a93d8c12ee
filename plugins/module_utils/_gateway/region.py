# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The account and the region: who is calling, and whether what a gateway needs is to be had there."""

from __future__ import annotations

import typing
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry

from .errors import AnsibleGatewayError
from .errors import error_code
from .errors import is_denied
from .errors import is_missing
from .errors import named_failure

try:
    from botocore.exceptions import BotoCoreError
    from botocore.exceptions import ClientError
    from botocore.exceptions import EndpointConnectionError
except ImportError:
    pass  # AnsibleAWSModule says what is missing

if typing.TYPE_CHECKING:
    from collections.abc import Iterable

_retried = AWSRetry.jittered_backoff(retries=8)

# DNS suffixes of the partitions that are not the public one (botocore: endpoints.json, dnsSuffix).
_URL_SUFFIXES = {
    "aws-cn": "amazonaws.com.cn",
    "aws-eusc": "amazonaws.eu",
    "aws-iso": "c2s.ic.gov",
    "aws-iso-b": "sc2s.sgov.gov",
}

# What STS answers to credentials that are no longer, or never were, any good.
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_INVALID = frozenset({"InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch"})


def caller(sts: Any) -> dict[str, str]:
    """Account, ARN and partition. The first call of a run: what is wrong with the credentials shows here."""
    try:
        identity = _retried(sts.get_caller_identity)()
    except ClientError as error:
        code = error_code(error)
        if code in _EXPIRED:
            raise AnsibleGatewayError(
                message="The AWS credentials have expired. Sign in again (aws sso login, or assume the role anew)",
                exception=error,
            ) from error
        if code in _INVALID:
            raise AnsibleGatewayError(
                message="AWS does not know these credentials. Look at the access key, profile or role", exception=error
            ) from error
        raise AnsibleGatewayError(message="Failed to find out the account", exception=error) from error
    except BotoCoreError as error:
        raise AnsibleGatewayError(
            message="Failed to find out the account. Look at the credentials, profile and region", exception=error
        ) from error
    arn = str(identity["Arn"])
    return {"account": str(identity["Account"]), "arn": arn, "partition": arn.split(":")[1]}


def url_suffix(partition: str) -> str:
    return _URL_SUFFIXES.get(partition, "amazonaws.com")


@named_failure("list the availability zones")
def zones(ec2: Any) -> list[str]:
    """Those of the region itself that are open: neither Local Zones nor Wavelength."""
    filters = [{"Name": "zone-type", "Values": ["availability-zone"]}, {"Name": "state", "Values": ["available"]}]
    found = _retried(ec2.describe_availability_zones)(Filters=filters)["AvailabilityZones"]
    return sorted(str(zone["ZoneName"]) for zone in found)


def s3_prefix_list(ec2: Any, region: str) -> str:
    """The prefix list of S3; empty if the caller may not ask for it."""
    name = f"com.amazonaws.{region}.s3"
    try:
        found = _retried(ec2.describe_managed_prefix_lists)(Filters=[{"Name": "prefix-list-name", "Values": [name]}])
    except ClientError as error:
        if is_denied(error):
            return ""
        raise AnsibleGatewayError(message="Failed to look up the prefix list of S3", exception=error) from error
    lists = [str(item["PrefixListId"]) for item in found["PrefixLists"] if item["PrefixListName"] == name]
    return lists[0] if lists else ""


def security_policies(transfer: Any, region: str) -> list[str]:
    """The security policies of SFTP servers; empty if the caller may not ask. Fails where there is no such service."""
    found: list[str] = []
    request: dict[str, Any] = {}
    try:
        while True:
            page = _retried(transfer.list_security_policies)(**request)
            found += page["SecurityPolicyNames"]
            if not page.get("NextToken"):
                return sorted(found)
            request["NextToken"] = page["NextToken"]
    except EndpointConnectionError as error:
        raise AnsibleGatewayError(
            message=f"AWS Transfer Family does not answer in region {region}. Choose a region that has the service, "
            "or look at the network and proxy",
            exception=error,
        ) from error
    except ClientError as error:
        if is_denied(error):
            return []
        raise AnsibleGatewayError(
            message=f"AWS Transfer Family cannot be used in region {region}", exception=error
        ) from error


def bucket_owners(s3: Any, names: Iterable[str], account: str) -> dict[str, str]:
    """For each bucket C(free), C(own), or C(foreign): somebody else's, in another region, or not to be looked at."""
    return {name: _bucket_owner(s3, name, account) for name in names}


@named_failure("look at bucket {name}")
def _bucket_owner(s3: Any, name: str, account: str) -> str:
    try:
        _retried(s3.head_bucket)(Bucket=name, ExpectedBucketOwner=account)
    except ClientError as error:
        if is_missing(error):
            return "free"
        if is_denied(error) or error_code(error) in ("301", "PermanentRedirect", "400"):
            return "foreign"
        raise
    return "own"


@named_failure("look at bucket {name}")
def exists(s3: Any, name: str) -> bool:
    try:
        _retried(s3.head_bucket)(Bucket=name)
    except ClientError as error:
        if is_missing(error):
            return False
        raise
    return True
