# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one endpoint URL: every service behind it, and connections that are cut as a failing network cuts them."""

from __future__ import annotations

import http.client
import json
import urllib.request
from collections.abc import Callable
from collections.abc import Iterator
from typing import TYPE_CHECKING
from typing import Any
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from integration.conftest import Lab

Aws = Callable[[str], Any]


@pytest.fixture
def fault(lab: Lab) -> Iterator[Callable[[dict[str, Any]], None]]:
    def request(method: str, body: bytes | None = None) -> None:
        url = f"{lab.endpoint_url}/_lab/faults"
        urllib.request.urlopen(urllib.request.Request(url, body, method=method), timeout=5).close()

    yield lambda rule: request("PUT", json.dumps([rule]).encode())
    request("DELETE")


def test_every_service_is_behind_one_url(aws: Aws, lab: Lab) -> None:
    assert aws("sts").get_caller_identity()["Account"] == lab.account_id
    assert "Servers" in aws("transfer").list_servers()
    assert "Buckets" in aws("s3").list_buckets()
    assert "FileSystems" in aws("efs").describe_file_systems()


@pytest.mark.parametrize("kind", ["reset_before", "reset_after"])
def test_a_connection_is_cut_without_an_answer(
    kind: str, fault: Callable[[dict[str, Any]], None], lab: Lab, aws: Aws
) -> None:
    fault({"operation": "ListServers", "kind": kind, "times": 1})
    url = urlsplit(lab.endpoint_url)
    connection = http.client.HTTPConnection(str(url.hostname), url.port, timeout=5)
    headers = {"X-Amz-Target": "TransferService.ListServers", "Authorization": "AWS4-HMAC-SHA256 Credential=acme"}
    with pytest.raises(ConnectionResetError):
        connection.request("POST", "/", body=b"{}", headers=headers)
        connection.getresponse()
    connection.close()
    assert "Servers" in aws("transfer").list_servers(), "the next connection is served"
