# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.mft.aws.plugins.module_utils._transfer.fingerprints import read_fingerprint

from unit.module_utils.transfer import examples

FINGERPRINT = examples.ED25519.fingerprint


@pytest.mark.parametrize("text", [FINGERPRINT, FINGERPRINT + "=", f"  {FINGERPRINT}\n"])
def test_padding_and_spacing_are_no_part_of_it(text: str) -> None:
    assert read_fingerprint(text) == (FINGERPRINT, [])


@pytest.mark.parametrize(
    "text",
    [
        "",
        FINGERPRINT.removeprefix("SHA256:"),
        FINGERPRINT[:-1],
        FINGERPRINT + "A",
        FINGERPRINT.lower(),
        "MD5:6a:8f:2c:11:f0:93:55:c4:77:0e:9d:21:5b:aa:03:e8",
    ],
)
def test_what_is_none_is_refused_with_the_remedy(text: str) -> None:
    fingerprint, (problem,) = read_fingerprint(text)
    assert fingerprint == ""
    assert problem.startswith(f"fingerprint {text!r} is no SHA256 fingerprint")
    assert "ssh-keygen -l" in problem
