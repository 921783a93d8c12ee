# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.mft.aws.plugins.module_utils._transfer.ssh_keys import parse_public_key
from ansible_collections.mft.aws.plugins.module_utils._transfer.ssh_keys import read_stored_key
from hypothesis import given
from hypothesis import strategies as st

from unit.module_utils.transfer import examples


@pytest.mark.parametrize("example", examples.ACCEPTED, ids=lambda example: f"{example.type}-{example.bits}")
def test_a_good_key_is_the_same_key_wanted_or_stored(example: examples.Example) -> None:
    assert read_stored_key(example.line) == parse_public_key(example.line)


def test_a_weak_key_that_is_already_there_can_be_seen() -> None:
    key = read_stored_key(examples.RSA_1024.line)
    assert (key.type, key.bits, key.fingerprint) == ("ssh-rsa", 1024, examples.RSA_1024.fingerprint)


def test_a_dsa_key_that_is_already_there_can_be_seen() -> None:
    key = read_stored_key(examples.DSA.line)
    assert (key.type, key.fingerprint, key.comment) == ("ssh-dss", examples.DSA.fingerprint, "ops@acme.example")


@given(st.text(max_size=200))
def test_nothing_that_is_stored_is_refused(body: str) -> None:
    assert read_stored_key(body).fingerprint.startswith("SHA256:")
