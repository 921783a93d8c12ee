# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a retry can change, and what it cannot."""

from __future__ import annotations

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replicator.errors import PermanentError
from replicator.errors import TransientError
from replicator.errors import from_os
from replicator.errors import from_s3


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("SlowDown", 503),
        ("InternalError", 500),
        ("ServiceUnavailable", 503),
        ("RequestTimeout", 400),
        ("Odd", 418),
        ("KMS.ThrottlingException", 400),
        ("KMS.KMSInternalException", 500),
        ("KMS.DependencyTimeoutException", 400),
        ("AccessDenied", 503),
    ],
)
def test_transient_answers_of_s3(code: str, status: int) -> None:
    assert isinstance(from_s3(code, status, "Please reduce your request rate."), TransientError)


@pytest.mark.parametrize(
    ("code", "status", "message", "remedy"),
    [
        ("AccessDenied", 403, "Access Denied", "s3:GetObject"),
        ("AccessDenied", 403, "User: x is not authorized to perform: kms:Decrypt on the resource", "kms:Decrypt"),
        ("KMS.DisabledException", 400, "arn:aws:kms:… is disabled.", "kms:Decrypt"),
        ("KMS.KMSInvalidStateException", 400, "arn:aws:kms:… is pending deletion.", "kms:Decrypt"),
        ("AccessDenied", 403, "No access to acme-kms-files", "s3:GetObject"),
        ("InvalidObjectState", 403, "The operation is not valid for the object's storage class", "Restore"),
        ("NoSuchBucket", 404, "The specified bucket does not exist", "MFT_BUCKET"),
    ],
)
def test_permanent_answers_of_s3_name_their_remedy(code: str, status: int, message: str, remedy: str) -> None:
    failure = from_s3(code, status, message)
    assert isinstance(failure, PermanentError)
    assert remedy in failure.remedy
    assert message in failure.reason


@pytest.mark.parametrize(
    "name", ["ENOSPC", "EDQUOT", "EIO", "ESTALE", "EROFS", "ETIMEDOUT", "EMFILE", "ENOMEM", "EBUSY", "ENXIO"]
)
def test_transient_answers_of_the_share(name: str) -> None:
    failure = from_os(OSError(getattr(errno, name), "x"))
    assert isinstance(failure, TransientError)
    assert name in failure.reason


@pytest.mark.parametrize("name", ["ENAMETOOLONG", "EINVAL", "EACCES", "EPERM", "EFBIG"])
def test_permanent_answers_of_the_share(name: str) -> None:
    assert isinstance(from_os(OSError(getattr(errno, name), "x")), PermanentError)


def test_an_error_without_a_number() -> None:
    assert isinstance(from_os(OSError("x")), TransientError)


@given(st.text(), st.integers(300, 599), st.text())
def test_every_answer_of_s3_is_one_or_the_other_and_trouble_of_its_own_passes(
    code: str, status: int, message: str
) -> None:
    failure = from_s3(code, status, message)
    assert isinstance(failure, (TransientError, PermanentError))
    assert failure.reason
    assert failure.remedy
    assert status < 500 or isinstance(failure, TransientError)


@pytest.mark.parametrize("number", sorted(errno.errorcode))
def test_every_error_of_a_file_system_is_one_or_the_other(number: int) -> None:
    failure = from_os(OSError(number, "x"))
    assert isinstance(failure, (TransientError, PermanentError))
    assert errno.errorcode[number] in failure.reason
    assert failure.remedy
