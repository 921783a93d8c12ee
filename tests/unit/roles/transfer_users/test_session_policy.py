# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the session policy of the role lets a user do, by IAM's own rules for the few elements that it has."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jinja2
import pytest

ROLE = Path(__file__).resolve().parents[4] / "roles" / "transfer_users"
KEY = "arn:aws:kms:eu-central-1:111122223333:key/7c9e6679-7425-40de-944b-e07fc1f90ae7"
BUCKET = "arn:aws:s3:::bank"


def rendered(users: list[dict[str, Any]], **variables: Any) -> list[dict[str, Any]]:
    environment = jinja2.Environment(trim_blocks=True, undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701
    environment.filters |= {"to_json": json.dumps, "combine": lambda one, other: {**one, **other}}
    template = environment.from_string((ROLE / "templates" / "users.json.j2").read_text())
    given = {
        "transfer_users_prefix": "home/",
        "transfer_users_tags": {},
        "transfer_users_session_policy": True,
        "transfer_users_kms_key_arn": KEY,
        "transfer_users_bucket": "bank",
        "__transfer_users_bucket_arn": BUCKET,
        "__transfer_users_all": users,
    }
    found: list[dict[str, Any]] = json.loads(template.render(given | variables))
    return found


def matches(pattern: str, value: str) -> bool:
    """'*' is any text, '?' any character, and all else itself: case counts."""
    pieces = {"*": ".*", "?": "."}
    return re.fullmatch("".join(pieces.get(char, re.escape(char)) for char in pattern), value, re.DOTALL) is not None


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def allows(policy: dict[str, Any], action: str, resource: str, **context: str) -> bool:
    for statement in policy["Statement"]:
        assert set(statement) <= {"Sid", "Effect", "Action", "Resource", "Condition"}
        assert statement["Effect"] == "Allow"
        conditions = statement.get("Condition", {})
        assert set(conditions) <= {"StringLike"}
        if (
            any(matches(pattern, action) for pattern in listed(statement["Action"]))
            and any(matches(pattern, resource) for pattern in listed(statement["Resource"]))
            and all(
                name in context and any(matches(pattern, context[name]) for pattern in listed(patterns))
                for name, patterns in conditions.get("StringLike", {}).items()
            )
        ):
            return True
    return False


def lists(policy: dict[str, Any], prefix: str) -> bool:
    return allows(policy, "s3:ListBucket", BUCKET, **{"s3:prefix": prefix})


@pytest.fixture
def acme() -> dict[str, Any]:
    policy: dict[str, Any] = rendered([{"name": "acme"}])[0]["policy"]
    return policy


@pytest.mark.parametrize("prefix", ["home/acme/", "home/acme/in/", "home/acme/in/2026", "home/acme//"])
def test_the_own_home_can_be_listed(acme: dict[str, Any], prefix: str) -> None:
    assert lists(acme, prefix)


@pytest.mark.parametrize(
    "prefix",
    ["", "/", "home", "home/", "home/acme", "home/acme2", "home/acme2/", "home/acme-old/x", "Home/acme/"],
)
def test_nothing_beside_it_can(acme: dict[str, Any], prefix: str) -> None:
    assert not lists(acme, prefix)


def test_a_listing_without_a_prefix_is_one_of_the_whole_bucket(acme: dict[str, Any]) -> None:
    assert not allows(acme, "s3:ListBucket", BUCKET)
    assert not allows(acme, "s3:ListBucketVersions", BUCKET, **{"s3:prefix": "home/acme/"})


@pytest.mark.parametrize("action", ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"])
def test_files_can_be_used_in_the_home_alone(acme: dict[str, Any], action: str) -> None:
    for key in ("home/acme/", "home/acme/in/a+b.csv"):
        assert allows(acme, action, f"{BUCKET}/{key}")
    for key in ("home/acme", "home/acme2/in/a.csv", "home/orders/a.csv", "a.csv"):
        assert not allows(acme, action, f"{BUCKET}/{key}")
    assert not allows(acme, action, f"{BUCKET}-2/home/acme/in/a.csv")


@pytest.mark.parametrize("action", ["s3:DeleteObjectVersion", "s3:PutObjectAcl", "s3:PutBucketPolicy", "kms:Encrypt"])
def test_nothing_else_can_be_done(acme: dict[str, Any], action: str) -> None:
    for resource in (BUCKET, f"{BUCKET}/home/acme/a.csv", KEY):
        assert not allows(acme, action, resource, **{"s3:prefix": "home/acme/"})


def test_the_buckets_key_can_be_used_and_no_other() -> None:
    with_key, without = (rendered([{"name": "acme"}], transfer_users_kms_key_arn=key)[0]["policy"] for key in (KEY, ""))
    for action in ("kms:Decrypt", "kms:GenerateDataKey"):
        assert allows(with_key, action, KEY)
        assert not allows(with_key, action, KEY + "-2")
        assert not allows(without, action, KEY)


def test_a_home_of_its_own_is_fenced_in_as_well() -> None:
    acme, orders = rendered([{"name": "acme", "home": "archive/acme"}, {"name": "orders"}])
    assert lists(acme["policy"], "archive/acme/")
    assert not lists(acme["policy"], "home/acme/")
    assert lists(orders["policy"], "home/orders/")
    assert len(json.dumps(acme["policy"])) < 2048
