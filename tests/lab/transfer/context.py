# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every operation is given: its transaction, the settings, the names of things, and the outside world."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lab.transfer.endpoints import EndpointDirectory

Parameters = dict[str, Any]
Document = dict[str, Any]

# Invokes a Lambda function by ARN with an event, for servers whose identity provider is AWS_LAMBDA.
InvokeFunction = Callable[[str, Document], Document]


@dataclass
class Settings:
    """What a test may set before or while the service runs."""

    # How long a server is STARTING or STOPPING. The real service takes minutes.
    settle_seconds: float = 0.5
    # How long after CreateUser an ImportSshPublicKey still meets "Unknown user" (0: at once), as happens on AWS.
    user_visible_after_seconds: float = 0.0
    # "AWS Transfer Family endpoints and quotas" (General Reference): the model's 5 is not what accounts have.
    keys_per_user: int = 50
    # Items of a page when MaxResults is left out; undocumented, and low enough that a missing token loop is seen.
    page_size: int = 100


@dataclass(frozen=True)
class Arns:
    """Names of resources, as the Service Authorization Reference writes them."""

    partition: str
    region: str
    account_id: str

    def _arn(self, resource: str) -> str:
        return f"arn:{self.partition}:transfer:{self.region}:{self.account_id}:{resource}"

    def server(self, server_id: str) -> str:
        return self._arn(f"server/{server_id}")

    def user(self, server_id: str, user_name: str) -> str:
        return self._arn(f"user/{server_id}/{user_name}")

    def host_key(self, server_id: str, host_key_id: str) -> str:
        return self._arn(f"host-key/{server_id}/{host_key_id}")

    def workflow(self, workflow_id: str) -> str:
        return self._arn(f"workflow/{workflow_id}")


@dataclass(frozen=True)
class Context:
    """One call of the service."""

    db: sqlite3.Connection
    settings: Settings
    arns: Arns
    endpoints: EndpointDirectory
    invoke_function: InvokeFunction | None
    now: float


# What is done when the transaction is over: asking a function that may itself call this service.
Later = Callable[[], Document]
Operation = Callable[[Context, Parameters], Document | Later | None]


def new_id(prefix: str) -> str:
    """Return an identifier of the service's form: a prefix and 17 hexadecimal digits."""
    return f"{prefix}-{secrets.token_hex(9)[:17]}"
