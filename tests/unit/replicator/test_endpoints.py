# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where requests go and what they are signed with, from the variables that all AWS SDKs read."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import EndpointProviderError
from botocore.exceptions import EndpointVariantError

from replicator import endpoints
from replicator.endpoints import find_credentials
from replicator.endpoints import find_endpoint
from replicator.settings import SettingError

REGIONS = [
    "eu-central-1",
    "us-gov-west-1",
    "cn-north-1",
    "us-iso-east-1",
    "us-isob-east-1",
    "us-isof-south-1",
    "eu-isoe-west-1",
    "eusc-de-east-1",
]


class StoppedError(Exception):
    """Tells where a request would have gone."""


def stop(request: Any, **_: object) -> None:
    raise StoppedError(request.url)


def test_every_partitions_endpoints_are_botocores() -> None:
    session = botocore.session.Session()
    compared = 0
    for region, fips, dual_stack in itertools.product(REGIONS, (False, True), (False, True)):
        if fips and region.startswith("cn-"):
            continue  # there is none
        config = Config(
            use_fips_endpoint=fips,
            use_dualstack_endpoint=dual_stack,
            retries={"mode": "standard", "total_max_attempts": 1},
        )
        try:
            client = session.create_client(
                "s3", region_name=region, config=config, aws_access_key_id="AKID", aws_secret_access_key="x" * 20
            )
            client.meta.events.register("before-send.s3", stop)
            client.get_object(Bucket="acme-landing", Key="k")
        except StoppedError as stopped:
            theirs = str(stopped)
        except (EndpointVariantError, EndpointProviderError):
            continue  # that partition has none
        environment = {
            "AWS_REGION": region,
            "AWS_USE_FIPS_ENDPOINT": str(fips).lower(),
            "AWS_USE_DUALSTACK_ENDPOINT": str(dual_stack).lower(),
        }
        ours = find_endpoint(environment, "acme-landing")
        assert f"https://{ours.authority}{ours.path}k" == theirs
        compared += 1
    assert compared >= 24


def test_a_bucket_with_dots_stands_in_the_path() -> None:
    endpoint = find_endpoint({"AWS_REGION": "eu-central-1"}, "files.acme.example")
    assert (endpoint.host, endpoint.path) == ("s3.eu-central-1.amazonaws.com", "/files.acme.example/")


@pytest.mark.parametrize(
    ("environment", "authority", "path"),
    [
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}, "127.0.0.1:4566", "/acme/"),
        ({"AWS_ENDPOINT_URL": "http://one", "AWS_ENDPOINT_URL_S3": "https://two/s3/"}, "two", "/s3/acme/"),
        ({"AWS_ENDPOINT_URL": "http://[::1]:80"}, "[::1]", "/acme/"),
        (
            {"AWS_ENDPOINT_URL": "http://one", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
            "acme.s3.eu-central-1.amazonaws.com",
            "/",
        ),
    ],
)
def test_a_configured_endpoint(environment: dict[str, str], authority: str, path: str) -> None:
    endpoint = find_endpoint({"AWS_DEFAULT_REGION": "eu-central-1"} | environment, "acme")
    assert (endpoint.authority, endpoint.path) == (authority, path)


@pytest.mark.parametrize("url", ["s3.example.org", "ftp://x", "http://", "http://x:port", "http://[::1", "http://x/?a"])
def test_a_bad_endpoint_is_named(url: str) -> None:
    with pytest.raises(SettingError, match=r"AWS_ENDPOINT_URL is '.*': it must be an http or https URL"):
        find_endpoint({"AWS_REGION": "eu-central-1", "AWS_ENDPOINT_URL": url}, "acme")


def test_without_a_region_it_says_so() -> None:
    with pytest.raises(SettingError, match="AWS_REGION is not set"):
        find_endpoint({}, "acme")


def test_the_credentials_are_lambdas() -> None:
    environment = {"AWS_ACCESS_KEY_ID": "ASIA", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t"}
    found = find_credentials(environment)()
    assert (found.access_key, found.secret_key, found.token) == ("ASIA", "s", "t")


def test_elsewhere_they_are_what_botocore_finds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    file.write_text("[acme]\naws_access_key_id = AKIDPROFILE\naws_secret_access_key = odd-secret\n")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.setenv("AWS_PROFILE", "acme")
    endpoints._chain.cache_clear()
    assert find_credentials({})().access_key == "AKIDPROFILE"
    endpoints._chain.cache_clear()
