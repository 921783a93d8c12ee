# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest
from ansible_collections.mft.aws.plugins.module_utils._transfer.users import same_policy

POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::bank/home/acme/*"},
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::bank"},
    ],
}
REORDERED = {
    "Statement": [
        {"Resource": ["arn:aws:s3:::bank"], "Action": ["s3:ListBucket"], "Effect": "Allow"},
        {"Action": ["s3:PutObject", "s3:GetObject"], "Resource": "arn:aws:s3:::bank/home/acme/*", "Effect": "Allow"},
    ],
    "Version": "2012-10-17",
}


@pytest.mark.parametrize(
    "other",
    [json.dumps(POLICY), json.dumps(POLICY, indent=4), json.dumps(REORDERED)],
    ids=["same", "spaced", "reordered"],
)
def test_the_same_rules_are_the_same_policy(other: str) -> None:
    assert same_policy(json.dumps(POLICY), other, "acme")


def test_a_variable_is_what_it_stands_for() -> None:
    with_variable = json.dumps(POLICY).replace("home/acme/", "home/${transfer:UserName}/")
    assert same_policy(with_variable, json.dumps(POLICY), "acme")
    assert not same_policy(with_variable, json.dumps(POLICY), "payments")


def test_one_more_action_is_another_policy() -> None:
    wider = json.dumps(POLICY).replace('"s3:ListBucket"', '["s3:ListBucket", "s3:DeleteObject"]')
    assert not same_policy(json.dumps(POLICY), wider, "acme")


def test_no_policy_is_not_an_empty_one() -> None:
    assert same_policy("", "", "acme")
    assert not same_policy("", json.dumps(POLICY), "acme")


def test_what_is_stored_and_no_json_is_compared_as_it_is() -> None:
    assert same_policy("not json", "not json", "acme")
    assert not same_policy("not json", json.dumps(POLICY), "acme")
