# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from datetime import timedelta
from datetime import timezone
from typing import Any

import pytest
from ansible_collections.mft.aws.plugins.module_utils._transfer.host_key_bodies import HostKeyBody
from ansible_collections.mft.aws.plugins.module_utils._transfer.host_keys import HostKey
from ansible_collections.mft.aws.plugins.module_utils._transfer.host_keys import HostKeyPlan
from ansible_collections.mft.aws.plugins.module_utils._transfer.host_keys import WantedHostKey
from ansible_collections.mft.aws.plugins.module_utils._transfer.host_keys import diff_side
from ansible_collections.mft.aws.plugins.module_utils._transfer.host_keys import host_key_from_boto
from ansible_collections.mft.aws.plugins.module_utils._transfer.host_keys import host_key_result
from ansible_collections.mft.aws.plugins.module_utils._transfer.host_keys import import_warnings
from ansible_collections.mft.aws.plugins.module_utils._transfer.host_keys import plan_host_key
from ansible_collections.mft.aws.plugins.module_utils._transfer.host_keys import planned_host_keys
from ansible_collections.mft.aws.plugins.module_utils._transfer.host_keys import served
from ansible_collections.mft.aws.plugins.module_utils._transfer.host_keys import served_fingerprints
from ansible_collections.mft.aws.plugins.module_utils._transfer.host_keys import state_problems

START = datetime(2025, 11, 22, 19, 45, 2, tzinfo=timezone.utc)


def host_key(name: str, type_: str, day: int, **more: Any) -> HostKey:
    imported = START + timedelta(days=day)
    return HostKey(f"SHA256:{name}", type_, key_id=f"hostkey-{name}", arn=f"arn:{name}", imported=imported, **more)


RSA = host_key("rsa", "ssh-rsa", 0, description="generated", tags={"unit": "payments"})
RSA_NEW = host_key("rsa-new", "ssh-rsa", 5)
NISTP256 = host_key("nistp256", "ecdsa-sha2-nistp256", 2)
NISTP521 = host_key("nistp521", "ecdsa-sha2-nistp521", 1)
ED25519 = host_key("ed25519", "ssh-ed25519", 3)
KEYS = (RSA_NEW, ED25519, NISTP256, RSA, NISTP521)

LEGACY = HostKeyBody("SHA256:legacy", "ssh-rsa", 3072, "not shown")
LEGACY_ED25519 = HostKeyBody("SHA256:legacy-ed25519", "ssh-ed25519", 256, "not shown")


def test_the_oldest_of_each_algorithm_is_served_and_ecdsa_is_one_whatever_its_curve() -> None:
    assert served(KEYS) == {"rsa": RSA, "ecdsa": NISTP521, "ed25519": ED25519}
    assert served_fingerprints(KEYS) == {
        "ecdsa": "SHA256:nistp521",
        "ed25519": "SHA256:ed25519",
        "rsa": "SHA256:rsa",
    }
    assert [host_key_result(key, KEYS)["served"] for key in KEYS] == [False, True, False, True, True]


def test_a_key_without_a_date_is_taken_for_the_newest() -> None:
    undated = host_key_from_boto({"Arn": "arn:x", "Type": "ssh-rsa", "Fingerprint": "SHA256:x"})
    assert served((undated, RSA))["rsa"] == RSA
    assert host_key_result(undated, (undated,))["date_imported"] == ""


def test_a_listed_key_and_a_described_key_are_the_same_key() -> None:
    listed = {"Arn": "arn:rsa", "HostKeyId": "hostkey-rsa", "Type": "ssh-rsa", "DateImported": START}
    described = {**listed, "HostKeyFingerprint": "SHA256:rsa=", "Tags": [{"Key": "unit", "Value": "payments"}]}
    key = host_key_from_boto({**listed, "Fingerprint": "SHA256:rsa="})
    assert key.fingerprint == "SHA256:rsa"
    assert replace(key, tags={"unit": "payments"}) == host_key_from_boto(described)


@pytest.mark.parametrize(
    ("wanted", "plan"),
    [
        (WantedHostKey(body=LEGACY), HostKeyPlan(import_body=LEGACY)),
        (
            WantedHostKey(body=LEGACY, description="acme", tags={"a": "b"}),
            HostKeyPlan(import_body=LEGACY, description="acme", tag={"a": "b"}),
        ),
        (WantedHostKey(body=HostKeyBody("SHA256:rsa", "ssh-rsa", 3072, "not shown")), HostKeyPlan()),
        (WantedHostKey(fingerprint="SHA256:rsa", description="generated"), HostKeyPlan()),
        (WantedHostKey(key_id="hostkey-rsa", description=""), HostKeyPlan(description="")),
        (WantedHostKey(key_id="hostkey-rsa", tags={"unit": "payments"}), HostKeyPlan()),
        (WantedHostKey(key_id="hostkey-rsa", tags={}), HostKeyPlan(untag=("unit",))),
        (WantedHostKey(key_id="hostkey-rsa", tags={}, purge_tags=False), HostKeyPlan()),
        (WantedHostKey(key_id="hostkey-rsa", tags={"unit": "orders"}), HostKeyPlan(tag={"unit": "orders"})),
        (WantedHostKey(present=False, fingerprint="SHA256:rsa"), HostKeyPlan(delete=RSA)),
        (WantedHostKey(present=False, key_id="hostkey-gone"), HostKeyPlan()),
        (WantedHostKey(present=False, body=LEGACY), HostKeyPlan()),
    ],
)
def test_a_plan_holds_what_has_to_change_and_nothing_is_left_after_it(wanted: WantedHostKey, plan: HostKeyPlan) -> None:
    assert plan_host_key(wanted, KEYS) == plan
    after = planned_host_keys(plan, KEYS, wanted.find(KEYS))
    assert not plan_host_key(wanted, after)
    assert (diff_side(wanted, after) == diff_side(wanted, KEYS)) is not bool(plan)


def test_a_plan_has_a_word_for_reports() -> None:
    plans = (HostKeyPlan(), HostKeyPlan(import_body=LEGACY), HostKeyPlan(delete=RSA), HostKeyPlan(description=""))
    assert [plan.operation for plan in plans] == ["none", "imported", "deleted", "updated"]


def test_an_import_that_clients_will_not_meet_is_warned_of() -> None:
    (warning,) = import_warnings(HostKeyPlan(import_body=LEGACY), KEYS)
    assert "Clients do not meet host key SHA256:legacy" in warning
    assert "of the RSA keys the oldest is served, which is SHA256:rsa (hostkey-rsa)" in warning


def test_the_first_key_of_an_algorithm_is_warned_of() -> None:
    (warning,) = import_warnings(HostKeyPlan(import_body=LEGACY_ED25519), (RSA, NISTP256))
    assert "is the first ED25519 key of a server that had ECDSA, RSA" in warning


def test_nothing_is_warned_of_without_need() -> None:
    assert import_warnings(HostKeyPlan(import_body=LEGACY), ()) == ()
    assert import_warnings(HostKeyPlan(description="acme"), KEYS) == ()


@pytest.mark.parametrize(
    ("wanted", "keys", "problem"),
    [
        (WantedHostKey(fingerprint="SHA256:x"), KEYS, "host key SHA256:x is not there: give host_key_body or"),
        (WantedHostKey(key_id="hostkey-x"), KEYS, "host key hostkey-x is not there"),
        (
            WantedHostKey(key_id="hostkey-rsa", tags={str(number): "" for number in range(50)}, purge_tags=False),
            KEYS,
            "tags would be 51: 50 is the most",
        ),
        (WantedHostKey(present=False, key_id="hostkey-rsa"), (RSA,), "is the server's only one"),
        (WantedHostKey(present=False, key_id="hostkey-rsa", force=True), (RSA,), "is the server's only one"),
        (
            WantedHostKey(present=False, key_id="hostkey-rsa"),
            KEYS,
            "is the RSA key that clients meet, and SHA256:rsa-new would take its place",
        ),
        (
            WantedHostKey(present=False, fingerprint="SHA256:ed25519"),
            KEYS,
            "is the ED25519 key that clients meet, and no other key has its algorithm",
        ),
    ],
)
def test_what_would_shut_clients_out_is_refused(wanted: WantedHostKey, keys: tuple[HostKey, ...], problem: str) -> None:
    (found,) = state_problems(wanted, keys)
    assert problem in found


@pytest.mark.parametrize(
    "wanted",
    [
        WantedHostKey(body=LEGACY),
        WantedHostKey(present=False, key_id="hostkey-rsa", force=True),
        WantedHostKey(present=False, key_id="hostkey-rsa-new"),
        WantedHostKey(present=False, key_id="hostkey-gone"),
    ],
)
def test_the_rest_is_not(wanted: WantedHostKey) -> None:
    assert state_problems(wanted, KEYS) == []
