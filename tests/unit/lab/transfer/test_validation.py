# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests are held against the API model before anything else sees them."""

from __future__ import annotations

from typing import Any

import pytest

from lab.transfer import TransferError
from lab.transfer import TransferService
from lab.transfer.model import service_model
from lab.transfer.service import OPERATIONS
from lab.transfer.validation import check_request
from lab.transfer.validation import check_response
from lab.transfer.validation import violations_of
from unit.lab.transfer.support import ROLE

SERVER_ID = "s-0123456789abcdef0"


def problems(operation: str, **parameters: Any) -> list[str]:
    return list(violations_of(service_model().operation_model(operation).input_shape, parameters))


def test_a_request_that_fits_has_no_problem() -> None:
    assert problems("CreateUser", ServerId=SERVER_ID, UserName="acme", Role=ROLE) == []


def test_a_missing_required_member_is_named() -> None:
    assert problems("DescribeUser", ServerId=SERVER_ID) == [
        "Value at 'userName' failed to satisfy constraint: Member must not be null"
    ]


def test_null_counts_as_missing() -> None:
    assert problems("DescribeServer", ServerId=None) == [
        "Value at 'serverId' failed to satisfy constraint: Member must not be null"
    ]


@pytest.mark.parametrize("name", ["ac", "a" * 101, "-acme", ".acme", "@acme", "ac me", "acme\n", "ácme", "acme/x"])
def test_user_names_that_the_pattern_refuses(name: str) -> None:
    assert problems("DescribeUser", ServerId=SERVER_ID, UserName=name)


@pytest.mark.parametrize("name", ["abc", "a" * 100, "_acme", "0acme", "acme@payments.example", "a-b.c_d"])
def test_user_names_that_the_pattern_takes(name: str) -> None:
    assert problems("DescribeUser", ServerId=SERVER_ID, UserName=name) == []


def test_a_pattern_must_match_the_whole_value() -> None:
    assert problems("DescribeServer", ServerId="s-0123456789abcdefg")[0].endswith(
        "Member must satisfy regular expression pattern: s-([0-9a-f]{17})"
    )


def test_lengths_bounds_and_enums() -> None:
    assert (
        "length less than or equal to 2048"
        in problems("UpdateUser", ServerId=SERVER_ID, UserName="acme", Policy="x" * 2049)[0]
    )
    assert problems("UpdateUser", ServerId=SERVER_ID, UserName="acme", Policy="x" * 2048) == []
    assert problems("ListUsers", ServerId=SERVER_ID, MaxResults=0)[0].endswith("value greater than or equal to 1")
    assert problems("ListUsers", ServerId=SERVER_ID, MaxResults=1001)[0].endswith("value less than or equal to 1000")
    assert problems("CreateServer", Domain="NFS")[0].endswith("Member must satisfy enum value set: [S3, EFS]")


def test_the_path_of_a_nested_member_is_given() -> None:
    mappings = [{"Entry": "/", "Target": "/acme-bucket/in"}, {"Entry": "orders", "Target": "/acme-bucket/orders"}]
    text = problems("UpdateUser", ServerId=SERVER_ID, UserName="acme", HomeDirectoryMappings=mappings)
    assert text[0].startswith("Value at 'homeDirectoryMappings.2.member.entry' failed")


def test_several_problems_are_told_at_once() -> None:
    with pytest.raises(TransferError, match=r"^InvalidRequestException: 2 validation errors detected: .*; "):
        check_request(service_model().operation_model("DescribeUser").input_shape, {})


def test_a_value_is_never_quoted() -> None:
    secret = "-----BEGIN OPENSSH PRIVATE KEY----- zN7qPq0Wv-long-and-odd " * 80
    text = problems("ImportHostKey", ServerId=SERVER_ID, HostKeyBody=secret)[0]
    assert "zN7qPq0Wv" not in text


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("DescribeServer", {"ServerId": 5}),
        ("ListUsers", {"ServerId": SERVER_ID, "MaxResults": "10"}),
        ("ListUsers", {"ServerId": SERVER_ID, "MaxResults": True}),
        ("CreateServer", {"Protocols": "SFTP"}),
        ("CreateServer", {"EndpointDetails": []}),
        ("CreateServer", {"Tags": ["team"]}),
    ],
)
def test_a_wrong_json_type_is_a_serialization_error(operation: str, parameters: dict[str, Any]) -> None:
    with pytest.raises(TransferError) as caught:
        problems(operation, **parameters)
    assert caught.value.code == "SerializationException"


def test_an_unknown_member_is_refused_with_the_known_ones() -> None:
    with pytest.raises(TransferError, match=r"Unknown member 'serverID'.*ServerId"):
        problems("DescribeServer", ServerID=SERVER_ID)


@pytest.mark.parametrize(
    ("description", "taken"), [("second key, 2026", True), ("", True), ("clé", False), ("two\nlines", False)]
)
def test_javas_print_class_is_printable_ascii(description: str, taken: bool) -> None:
    found = problems(
        "UpdateHostKey", ServerId=SERVER_ID, HostKeyId="hostkey-0123456789abcdef0", Description=description
    )
    assert (found == []) is taken


@pytest.mark.parametrize(("value", "taken"), [("été 2026", True), ("a/b=c", True), ("a;b", False), ("a\tb", False)])
def test_unicode_categories_of_an_s3_tag(value: str, taken: bool) -> None:
    step = {"Type": "TAG", "TagStepDetails": {"Tags": [{"Key": "state", "Value": value}]}}
    assert (problems("CreateWorkflow", Steps=[step]) == []) is taken


@pytest.mark.parametrize(
    ("body", "taken"),
    [
        ("ssh-ed25519 AAAAC3Nz", True),
        ("  ssh-ed25519 AAAAC3Nz some words of comment\n", True),
        ("---- BEGIN SSH2 PUBLIC KEY ----\nAAAAC3Nz", False),
        ("-----BEGIN PGP PUBLIC KEY BLOCK-----", False),
        ("ssh-ed25519", False),
        ("", False),
    ],
)
def test_the_form_of_a_public_key(body: str, taken: bool) -> None:
    found = problems("ImportSshPublicKey", ServerId=SERVER_ID, UserName="acme", SshPublicKeyBody=body)
    assert (found == []) is taken


def test_our_own_answers_are_held_against_the_model_too() -> None:
    shape = service_model().operation_model("DescribeUser").output_shape
    with pytest.raises(RuntimeError, match=r"user\.arn"):
        check_response(shape, {"ServerId": SERVER_ID, "User": {"UserName": "acme"}})


def test_more_keys_than_the_model_says_are_no_defect() -> None:
    key = {"DateImported": 1.0, "SshPublicKeyBody": "ssh-ed25519 AAAA", "SshPublicKeyId": "key-0123456789abcdef0"}
    user = {"Arn": "arn:aws:transfer:eu-central-1:111122223333:user/s/acme", "SshPublicKeys": [key] * 6}
    check_response(service_model().operation_model("DescribeUser").output_shape, {"ServerId": SERVER_ID, "User": user})


def test_an_operation_that_the_api_does_not_have(service: TransferService) -> None:
    with pytest.raises(TransferError, match="UnknownOperationException"):
        service.call("DescribeUsers", {})


def test_an_operation_that_the_lab_does_not_have_says_so(service: TransferService) -> None:
    with pytest.raises(TransferError) as caught:
        service.call("ListConnectors", {})
    assert (caught.value.code, caught.value.status) == ("NotImplemented", 501)


def test_every_operation_is_one_of_the_api() -> None:
    assert set(OPERATIONS) <= set(service_model().operation_names)
