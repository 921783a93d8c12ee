# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures against those that AWS publishes, and against botocore's for keys that nobody would think of."""

from __future__ import annotations

import hashlib

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from replicator.endpoints import Endpoint
from replicator.s3client import Client
from replicator.sigv4 import EMPTY_SHA256
from replicator.sigv4 import Credentials
from replicator.sigv4 import Signer

# S3 API reference, "Authenticating requests: using the authorization header", examples.
PUBLISHED = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
WELCOME = hashlib.sha256(b"Welcome to Amazon S3.").hexdigest()
EXAMPLES = {
    "GET object": (
        ("GET", "/test.txt", "", {"range": "bytes=0-9"}, EMPTY_SHA256),
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    ),
    "PUT object": (
        (
            "PUT",
            "/test%24file.text",
            "",
            {"date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"},
            WELCOME,
        ),
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    ),
    "GET lifecycle": (
        ("GET", "/", "lifecycle=", {}, EMPTY_SHA256),
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    ),
    "list": (
        ("GET", "/", "max-keys=2&prefix=J", {}, EMPTY_SHA256),
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    ),
}


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_published_examples(example: str) -> None:
    (method, path, query, more, digest), signature = EXAMPLES[example]
    headers = {
        "host": "examplebucket.s3.amazonaws.com",
        "x-amz-date": "20130524T000000Z",
        "x-amz-content-sha256": digest,
    } | more
    signer = Signer("us-east-1")
    for _ in range(2):  # the second time with the key that is kept
        header = signer.authorization(PUBLISHED, method, path, query=query, headers=headers, payload_sha256=digest)
        assert header.endswith(f"Signature={signature}")
    assert header.startswith(
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders="
    )


def test_another_days_and_anothers_key_are_not_mixed_up() -> None:
    signer, fresh = Signer("eu-central-1"), Signer("eu-central-1")
    headers = {"host": "acme.example.org", "x-amz-date": "20261123T235959Z"}
    arguments = {"query": "", "headers": headers, "payload_sha256": EMPTY_SHA256}
    signer.authorization(PUBLISHED, "GET", "/", **arguments)  # type: ignore[arg-type]
    for day, credentials in (("20261124", PUBLISHED), ("20261124", Credentials("AKIAOTHER", "other-secret"))):
        headers["x-amz-date"] = f"{day}T000000Z"
        assert signer.authorization(credentials, "GET", "/", **arguments) == fresh.authorization(  # type: ignore[arg-type]
            credentials,
            "GET",
            "/",
            **arguments,  # type: ignore[arg-type]
        )
        fresh = Signer("eu-central-1")


class Caught(Client):
    """A client that keeps what it would send."""

    def _send(self, method: str, head: bytes, body: bytes, timeout: float) -> None:  # type: ignore[override]
        self.head = head


@settings(max_examples=60, deadline=None)
@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40),
    st.dictionaries(st.sampled_from(["versionId", "prefix", "start-after"]), st.text(max_size=10), max_size=2),
    st.sampled_from([None, "FwoGZXIvYXdzEXAMPLETOKEN=="]),
)
def test_as_botocore_signs_it(key: str, query: dict[str, str], token: str | None) -> None:
    endpoint = Endpoint(False, "s3.example.org", 9000, "/acme-landing/", "eu-central-1")
    client = Caught(endpoint, lambda: Credentials("AKIDEXAMPLE", "odd/secret+0815", token))
    client.request("GET", key, 1.0, query=query, headers={"x-amz-checksum-mode": "ENABLED"})
    first, *lines = client.head.decode("ascii").rstrip("\r\n").split("\r\n")
    sent = dict(line.split(": ", 1) for line in lines)
    authorization = sent.pop("authorization")
    target = first.split(" ")[1]
    request = AWSRequest("GET", "http://s3.example.org:9000" + target.partition("?")[0], params=query, headers=sent)
    request.context["timestamp"] = sent["x-amz-date"]
    theirs = S3SigV4Auth(BotocoreCredentials("AKIDEXAMPLE", "odd/secret+0815", token), "s3", "eu-central-1")
    canonical = theirs.canonical_request(request)
    assert authorization.endswith(f"Signature={theirs.signature(theirs.string_to_sign(request, canonical), request)}")
    assert f"SignedHeaders={theirs.signed_headers(theirs.headers_to_sign(request))}," in authorization


def test_a_secret_is_not_shown() -> None:
    assert "K7MDENG" not in repr(PUBLISHED)
