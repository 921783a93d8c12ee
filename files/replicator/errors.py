# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong with one key, and whether trying again can help.

Transient: left to the queue, which delivers again. Permanent: the same again every time; it is told as a dead letter,
with a reason and a remedy. What is not known here is transient: a needless retry is cheap, and the queue's
receive limit bounds it.
"""

from __future__ import annotations

import errno
import os


class ReplicationError(Exception):
    """A failure with a reason and a remedy an operator can read."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"{reason}. {remedy}.")
        self.reason = reason
        self.remedy = remedy


class TransientError(ReplicationError):
    """Trying again later can succeed."""


class PermanentError(ReplicationError):
    """Trying again cannot succeed until somebody changes something."""


class OutOfTimeError(TransientError):
    """The invocation's time is nearly over; the queue delivers the message again."""

    def __init__(self) -> None:
        super().__init__("the invocation's time is nearly over", "None: the queue delivers the message again")


class ShareUnusableError(ReplicationError):
    """Nothing can be placed on the share; no key of the batch was touched."""


_PASSES = "None: it is tried again"
_DENIED_REMEDY = "Allow the function's role s3:GetObject on the object and s3:ListBucket on the bucket"
_KMS_REMEDY = "Allow the function's role kms:Decrypt on the key that encrypts the object, and keep that key enabled"

# S3 API reference, "Error responses": what a retry cannot change.
_PERMANENT_CODES = {
    "AccessDenied": _DENIED_REMEDY,
    "AllAccessDisabled": "Enable access to the bucket again",
    "InvalidAccessKeyId": "Give the function its role's credentials",
    "SignatureDoesNotMatch": "Give the function its role's credentials",
    "InvalidObjectState": "Restore the object from its archive class, or copy it to a class that can be read at once",
    "NoSuchBucket": "Create the bucket, or set MFT_BUCKET to the one that is replicated",
    "PermanentRedirect": "Run the function in the bucket's region",
    "KeyTooLongError": "Give the object a key of at most 1,024 bytes",
    "InvalidURI": "Give the object a key that S3 can address",
}


# KMS API reference, Decrypt, "Errors": these wait for a person. Its throttling, timeouts and internal errors pass.
_PERMANENT_KMS_CODES = {
    "KMS.AccessDeniedException",
    "KMS.DisabledException",
    "KMS.InvalidKeyUsageException",
    "KMS.KMSInvalidStateException",
    "KMS.NotFoundException",
}


def from_s3(code: str, status: int, message: str) -> ReplicationError:
    """Classify S3's refusal. S3 names a KMS refusal in the message of an AccessDenied, or by a code "KMS.…"."""
    reason = f"S3 answered {code} ({status}): {message}"
    if status >= 500:
        return TransientError(reason, _PASSES)
    of_kms = "kms:" in message.lower() or "customer master key" in message
    if code in _PERMANENT_KMS_CODES or (status == 403 and of_kms):
        return PermanentError(f"the object's KMS key cannot be used: {reason}", _KMS_REMEDY)
    remedy = _PERMANENT_CODES.get(code)
    if remedy is not None:
        return PermanentError(reason, remedy)
    return TransientError(reason, _PASSES)


_PERMANENT_ERRNOS = {
    errno.ENAMETOOLONG: "Give the object a key whose every part is at most 255 bytes long",
    errno.EINVAL: "Give the object a key the file system accepts",
    errno.EILSEQ: "Give the object a key the file system accepts",
    errno.EACCES: "Let the function's POSIX user write in that directory of the share",
    errno.EPERM: "Let the function's POSIX user write in that directory of the share",
    errno.EFBIG: "Split the object: it is larger than the file system's largest file",
}

_TRANSIENT_ERRNOS = {
    errno.ENOSPC: "Free space on the share, or enlarge it",
    errno.EDQUOT: "Free space on the share, or raise its quota",
    errno.EROFS: "Mount the share so that the function can write to it",
}


def from_os(error: OSError) -> ReplicationError:
    """Classify what the file system answered; ESTALE, EIO, ENOSPC, EDQUOT and all unknown ones can pass."""
    number = error.errno or 0
    reason = f"the share answered {errno.errorcode.get(number, number)}: {os.strerror(number)}"
    remedy = _PERMANENT_ERRNOS.get(number)
    if remedy is not None:
        return PermanentError(reason, remedy)
    return TransientError(reason, _TRANSIENT_ERRNOS.get(number, _PASSES))
