# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every checksum that S3 keeps, and which of them is believed to be of the whole object."""

from __future__ import annotations

import base64

import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replicator import checksums
from replicator.checksums import ALGORITHMS
from replicator.checksums import Checksum

# Of "123456789": the check values of RevEng's catalogue (CRC), of the RFCs and NIST (hashes), of the xxHash sources.
KNOWN = {
    "CRC64NVME": "ae8b14860a799888",
    "CRC32C": "e3069283",
    "CRC32": "cbf43926",
    "SHA1": "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
    "SHA256": "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
    "SHA512": "d9e6762dd1c8eaf6d61b3c6192fc408d4d6d5f1176d0c29169bc24e71c3f274a"
    "d27fcd5811b313d681f7e55ec02d73d499c95455b6b5bb503acf574fba8ffe85",
    "MD5": "25f9e794323b453885f5181f1b624d0b",
    "XXHASH64": "8cb841db40e6ae83",
}


@pytest.mark.parametrize("algorithm", KNOWN)
def test_known_values(algorithm: str) -> None:
    hasher = Checksum(algorithm, b"").hasher()
    for part in (b"1234", b"", b"56789"):
        hasher.update(memoryview(part))
    assert hasher.digest().hex() == KNOWN[algorithm]


def test_all_that_s3_knows_are_computed() -> None:
    model = botocore.session.get_session().get_service_model("s3")
    assert set(ALGORITHMS) == set(model.shape_for("ChecksumAlgorithm").enum)
    members = model.shape_for("GetObjectOutput").members
    for algorithm in ALGORITHMS:
        header = members[f"Checksum{algorithm}"].serialization["name"]
        found = checksums.stated({header.lower(): base64.b64encode(b"12345678").decode()})
        assert found == Checksum(algorithm, b"12345678")
        assert len(found.hasher().digest()) >= 4


@given(st.binary(max_size=300), st.integers(0, 300), st.sampled_from(["CRC64NVME", "CRC32C", "CRC32"]))
def test_a_crc_goes_on_where_it_stopped(content: bytes, split: int, algorithm: str) -> None:
    checksum = Checksum(algorithm, b"")
    first, whole = checksum.hasher(), checksum.hasher()
    first.update(memoryview(content)[:split])
    rest = checksum.resumed(first.digest())
    rest.update(memoryview(content)[split:])
    whole.update(memoryview(content))
    assert rest.digest() == whole.digest()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-amz-checksum-crc32": "AAAAAA==", "x-amz-checksum-type": "COMPOSITE"},
        {"x-amz-checksum-sha256": "AAAAAA==-3"},
        {"x-amz-checksum-crc32": "no base64"},
        {"x-amz-checksum-whirlpool": "AAAAAA=="},
    ],
)
def test_what_is_no_checksum_of_the_whole_object(headers: dict[str, str]) -> None:
    assert checksums.stated(headers) is None


def test_the_cheapest_is_taken() -> None:
    found = checksums.stated({"x-amz-checksum-sha256": "AAAA", "x-amz-checksum-crc64nvme": "AAAA"})
    assert found
    assert found.algorithm == "CRC64NVME"


@pytest.mark.parametrize(
    ("headers", "is_md5"),
    [
        ({"etag": '"5d41402abc4b2a76b9719d911017c592"'}, True),
        ({"etag": '"5d41402abc4b2a76b9719d911017c592"', "x-amz-server-side-encryption": "AES256"}, True),
        ({"etag": '"5d41402abc4b2a76b9719d911017c592"', "x-amz-server-side-encryption": "aws:kms:dsse"}, False),
        (
            {
                "etag": '"5d41402abc4b2a76b9719d911017c592"',
                "x-amz-server-side-encryption-customer-algorithm": "AES256",
            },
            False,
        ),
        ({"etag": '"5d41402abc4b2a76b9719d911017c592-2"'}, False),
        ({}, False),
    ],
)
def test_when_an_etag_is_an_md5(headers: dict[str, str], is_md5: bool) -> None:
    found = checksums.from_etag(headers)
    assert (found is not None) is is_md5
    if found:
        hasher = found.hasher()
        hasher.update(memoryview(b"hello"))
        assert hasher.digest() == found.expected
