# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SHA256 fingerprints, by which keys are known to people."""

from __future__ import annotations

import re

# SHA-256 in base64, without its padding.
_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")


def read_fingerprint(text: str) -> tuple[str, list[str]]:
    """A fingerprint as C(ssh-keygen -l) writes it, and what is wrong with it; padding is not its part."""
    fingerprint = text.strip().rstrip("=")
    if _FINGERPRINT.fullmatch(fingerprint):
        return fingerprint, []
    return "", [
        f"fingerprint {text!r} is no SHA256 fingerprint: expected SHA256: and 43 characters, the second word of"
        " 'ssh-keygen -l -f FILE'"
    ]
