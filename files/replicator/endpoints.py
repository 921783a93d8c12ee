# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the bucket answers, and with what the function signs: both from the variables that every AWS SDK reads.

(AWS SDKs and tools reference guide, "Service-specific endpoints", "Dual-stack and FIPS endpoints".)
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from functools import cache
from typing import Any
from typing import NamedTuple
from urllib.parse import urlsplit

from replicator.settings import SettingError
from replicator.sigv4 import Credentials

# DNS suffix by the beginning of the region's name (botocore's partitions.json; the unit tests compare with botocore).
_SUFFIXES = {
    "cn-": "amazonaws.com.cn",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "us-isof-": "csp.hci.ic.gov",
    "eu-isoe-": "cloud.adc-e.uk",
    "eusc-": "amazonaws.eu",
}


class Endpoint(NamedTuple):
    """A bucket's address; ``path`` stands before each quoted key."""

    secure: bool
    host: str
    port: int
    path: str
    region: str

    @property
    def authority(self) -> str:
        """The Host header: without the port where it is the scheme's own."""
        return self.host if self.port == (443 if self.secure else 80) else f"{self.host}:{self.port}"


def find_endpoint(environment: Mapping[str, str], bucket: str) -> Endpoint:
    """The bucket's endpoint, or ``SettingError``."""
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    if not region:
        raise SettingError("AWS_REGION", region, "it must be the bucket's region", "Lambda sets it; elsewhere set it")
    if not _is_true(environment, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"):
        for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"):
            if environment.get(name):
                return _configured(name, environment[name], bucket, region)
    fips = "-fips" if _is_true(environment, "AWS_USE_FIPS_ENDPOINT") else ""
    dual_stack = ".dualstack" if _is_true(environment, "AWS_USE_DUALSTACK_ENDPOINT") else ""
    suffix = next((known for start, known in _SUFFIXES.items() if region.startswith(start)), "amazonaws.com")
    host = f"s3{fips}{dual_stack}.{region}.{suffix}"
    # A dot in the name of the bucket would be one label more than the certificate's wildcard covers.
    if "." in bucket:
        return Endpoint(True, host, 443, f"/{bucket}/", region)
    return Endpoint(True, f"{bucket}.{host}", 443, "/", region)


def _configured(name: str, url: str, bucket: str, region: str) -> Endpoint:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise SettingError(name, url, "it must be an http or https URL", "Write it like 'https://s3.example.org'")
    secure = parts.scheme == "https"
    path = f"{parts.path.rstrip('/')}/{bucket}/"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return Endpoint(secure, host, port or (443 if secure else 80), path, region)


def _is_true(environment: Mapping[str, str], name: str) -> bool:
    return environment.get(name, "").lower() == "true"


def find_credentials(environment: Mapping[str, str]) -> Callable[[], Credentials]:
    """A function that gives the present credentials.

    Lambda puts its role's into the environment, and they outlive the process. Wherever else they come from (a
    profile, a container's or an instance's role) they are found and renewed by botocore, which Lambda's runtime holds.
    """
    access_key, secret_key = environment.get("AWS_ACCESS_KEY_ID"), environment.get("AWS_SECRET_ACCESS_KEY")
    if access_key and secret_key:
        fixed = Credentials(access_key, secret_key, environment.get("AWS_SESSION_TOKEN") or None)
        return lambda: fixed
    return _renewed


def _renewed() -> Credentials:
    frozen = _chain().get_frozen_credentials()
    return Credentials(frozen.access_key, frozen.secret_key, frozen.token)


@cache
def _chain() -> Any:
    import botocore.session  # noqa: PLC0415 (0.4 s, for a case that Lambda does not have)

    found = botocore.session.get_session().get_credentials()
    if found is None:
        remedy = "Give the function a role (Lambda sets the variable), or set it"
        raise SettingError("AWS_ACCESS_KEY_ID", None, "no credentials are found", remedy)
    return found
