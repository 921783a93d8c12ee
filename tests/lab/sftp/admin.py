# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Transfer service knows inside: servers with their private host keys, users, and addresses.

Read from the lab's admin API and not through AWS calls, so that a login neither counts as a call of the Transfer API
nor meets a fault that a test has set for a client's calls: on AWS the two have nothing to do with each other either.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

TIMEOUT_SECONDS = 5.0


class AdminError(Exception):
    """The lab did not answer, or not as expected."""


class UnknownError(AdminError):
    """The lab has no such server or user."""


class LabAdmin:
    """The lab's admin API, under /_lab on its endpoint URL."""

    def __init__(self, endpoint_url: str) -> None:
        self._url = endpoint_url.rstrip("/") + "/_lab"
        # Never through a proxy of the user's environment: the lab is on this machine.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def servers(self) -> list[dict[str, Any]]:
        """Every Transfer server, in whatever state."""
        answer = self._call("GET", "/transfer/servers")
        if not isinstance(answer, list):
            raise AdminError(f"{self._url}/transfer/servers answered {answer!r}, not a list of servers")
        return answer

    def user(self, server_id: str, name: str) -> dict[str, Any]:
        """A user as DescribeUser shows it, without counting as a call of the API."""
        return self._document(f"/transfer/servers/{server_id}/users/{urllib.parse.quote(name, safe='')}")

    def port(self, server_id: str) -> int | None:
        """The port last reported for a server, if any."""
        try:
            return int(self._document(f"/sftp/{server_id}")["port"])
        except (AdminError, KeyError):
            return None

    def report(self, server_id: str, host: str, port: int) -> None:
        """Tell the lab where a server listens."""
        self._call("PUT", f"/sftp/{server_id}", {"host": host, "port": port})

    def step_state(self, token: str) -> str | None:
        """What a workflow's custom step reported by SendWorkflowStepState: SUCCESS, FAILURE, or nothing yet."""
        try:
            return str(self._document(f"/transfer/steps/{token}")["Status"])
        except (AdminError, KeyError):
            return None

    def _document(self, path: str) -> dict[str, Any]:
        answer = self._call("GET", path)
        if not isinstance(answer, dict):
            raise AdminError(f"{self._url}{path} answered {answer!r}, not a document")
        return answer

    def _call(self, method: str, path: str, content: object = None) -> Any:
        body = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(self._url + path, body, {"Content-Type": "application/json"}, method=method)
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as response:
                text = response.read()
                return json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            kind = UnknownError if error.code == 404 else AdminError
            raise kind(f"{method} {path}: {error.code} {error.read().decode(errors='replace')}") from error
        except (OSError, ValueError) as error:
            raise AdminError(f"{method} {self._url}{path}: {error}") from error
