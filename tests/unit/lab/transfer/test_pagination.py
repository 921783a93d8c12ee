# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages: whole, without doubles, and only with tokens that the service gave."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from lab.transfer import TransferService
from unit.lab.transfer.support import ROLE
from unit.lab.transfer.support import Refused


def add_users(service: TransferService, server_id: str, *names: str) -> None:
    for name in names:
        service.call("CreateUser", {"ServerId": server_id, "UserName": name, "Role": ROLE})


def pages(service: TransferService, operation: str, member: str, **parameters: Any) -> list[list[Any]]:
    found = []
    while True:
        answer = service.call(operation, parameters)
        found.append(answer[member])
        if "NextToken" not in answer:
            return found
        parameters["NextToken"] = answer["NextToken"]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 7, 1000])
def test_every_user_once_whatever_the_page(service: TransferService, server_id: str, size: int) -> None:
    names = [f"user-{number}" for number in range(6)]
    add_users(service, server_id, *reversed(names))
    found = pages(service, "ListUsers", "Users", ServerId=server_id, MaxResults=size)
    assert [user["UserName"] for page in found for user in page] == names
    # The last page is never empty: a token is given only if something follows.
    assert [len(page) for page in found] == [min(size, 6 - start) for start in range(0, 6, size)]


def test_a_list_without_items_is_one_empty_page(service: TransferService, server_id: str) -> None:
    assert service.call("ListUsers", {"ServerId": server_id}) == {"ServerId": server_id, "Users": []}


def test_the_page_size_when_none_is_asked_for(service: TransferService, server_id: str) -> None:
    service.settings.page_size = 2
    add_users(service, server_id, "acme", "orders", "payments")
    assert [len(page) for page in pages(service, "ListUsers", "Users", ServerId=server_id)] == [2, 1]


def test_changes_between_two_pages_neither_hide_nor_double(service: TransferService, server_id: str) -> None:
    add_users(service, server_id, "bbb", "ddd", "fff", "hhh")
    first = service.call("ListUsers", {"ServerId": server_id, "MaxResults": 2})
    service.call("DeleteUser", {"ServerId": server_id, "UserName": "ddd"})
    add_users(service, server_id, "aaa", "eee")
    second = service.call("ListUsers", {"ServerId": server_id, "NextToken": first["NextToken"]})
    assert [user["UserName"] for user in second["Users"]] == ["eee", "fff", "hhh"]


def test_every_list_pages(service: TransferService, host_key: str) -> None:
    server_ids = [service.call("CreateServer", {"HostKey": host_key})["ServerId"] for _ in range(3)]
    found = pages(service, "ListServers", "Servers", MaxResults=1)
    assert sorted(server_ids) == [page[0]["ServerId"] for page in found]
    workflow_ids = [
        service.call("CreateWorkflow", {"Steps": [{"Type": "DELETE", "DeleteStepDetails": {}}]})["WorkflowId"]
        for _ in range(3)
    ]
    found = pages(service, "ListWorkflows", "Workflows", MaxResults=2)
    assert [item["WorkflowId"] for page in found for item in page] == sorted(workflow_ids)
    generated = service.call("CreateServer", {})["ServerId"]
    found = pages(service, "ListHostKeys", "HostKeys", ServerId=generated, MaxResults=2)
    assert [len(page) for page in found] == [2, 1]
    arn = service.arns.server(generated)
    service.call("TagResource", {"Arn": arn, "Tags": [{"Key": key, "Value": ""} for key in "cab"]})
    found = pages(service, "ListTagsForResource", "Tags", Arn=arn, MaxResults=1)
    assert [page[0]["Key"] for page in found] == ["c", "a", "b"]
    found = pages(service, "ListSecurityPolicies", "SecurityPolicyNames", MaxResults=4)
    assert [name for page in found for name in page] == service.call("ListSecurityPolicies", {})["SecurityPolicyNames"]


def test_tokens_that_the_service_did_not_give(
    service: TransferService, server_id: str, host_key: str, refused: Refused
) -> None:
    add_users(service, server_id, "acme", "orders")
    token = service.call("ListUsers", {"ServerId": server_id, "MaxResults": 1})["NextToken"]
    assert "acme" not in token
    raw = bytearray(base64.urlsafe_b64decode(token))
    raw[-3] ^= 1
    altered = base64.urlsafe_b64encode(bytes(raw)).decode()
    for bad in ("x", "été", "AAAA", altered, token + "A", token[:-4]):
        refused("InvalidNextTokenException", "ListUsers", ServerId=server_id, NextToken=bad)
    other = service.call("CreateServer", {"HostKey": host_key})["ServerId"]
    refused("InvalidNextTokenException", "ListUsers", ServerId=other, NextToken=token)
    refused("InvalidNextTokenException", "ListServers", NextToken=token)
