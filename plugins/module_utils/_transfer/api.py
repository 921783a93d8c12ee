# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One function per Transfer operation: paginated, retried, with errors that say what was being done."""

from __future__ import annotations

import re
from typing import Any

from .errors import AnsibleTransferError
from .errors import KeyLimitError
from .errors import named_failure
from .errors import none_if_missing
from .retries import error_code
from .retries import retried
from .retries import retried_if_refused

# MaxResults of the API model transfer/2018-11-05; left out, pages are smaller.
_LARGEST_PAGE = 1000
# How many keys a user may have is the service's to say (its model has 5, users report 50), and it has no error code of
# its own for it.
_LIMIT_CODES = frozenset({"InvalidRequestException", "LimitExceededException", "ServiceQuotaExceededException"})
_LIMIT_TEXT = re.compile(r"limit|maximum|exceed|quota|too many", re.IGNORECASE)


@retried
def _page(operation: Any, **request: Any) -> dict[str, Any]:
    page: dict[str, Any] = operation(**request)
    return page


def _every_page(operation: Any, member: str, **request: Any) -> list[Any]:
    """Not botocore's paginators: a throttled page would send them back to the first, and ListHostKeys has none."""
    found: list[Any] = []
    while True:
        page = _page(operation, **request)
        found.extend(page[member])
        if not page.get("NextToken"):
            return found
        request["NextToken"] = page["NextToken"]


@none_if_missing("describe server {server_id}")
@retried
def describe_server(client: Any, server_id: str) -> dict[str, Any] | None:
    """None if there is no such server."""
    server: dict[str, Any] = client.describe_server(ServerId=server_id)["Server"]
    return server


@named_failure("list servers")
def list_servers(client: Any) -> list[dict[str, Any]]:
    """Every page; settings and tags are only in describe_server."""
    return _every_page(client.list_servers, "Servers")


@named_failure("update server {server_id}")
@retried_if_refused
def update_server(client: Any, server_id: str, **settings: Any) -> None:
    client.update_server(ServerId=server_id, **settings)


@named_failure("start server {server_id}")
@retried_if_refused
def start_server(client: Any, server_id: str) -> None:
    client.start_server(ServerId=server_id)


@named_failure("stop server {server_id}")
@retried_if_refused
def stop_server(client: Any, server_id: str) -> None:
    client.stop_server(ServerId=server_id)


@named_failure("list security policies")
def list_security_policies(client: Any) -> list[str]:
    return _every_page(client.list_security_policies, "SecurityPolicyNames")


@none_if_missing("list the host keys of server {server_id}")
def list_host_keys(client: Any, server_id: str) -> list[dict[str, Any]] | None:
    """Every page, without the keys' tags; None if there is no such server."""
    return _every_page(client.list_host_keys, "HostKeys", ServerId=server_id)


@none_if_missing("describe host key {key_id} of server {server_id}")
@retried
def describe_host_key(client: Any, server_id: str, key_id: str) -> dict[str, Any] | None:
    """None if there is no such key."""
    key: dict[str, Any] = client.describe_host_key(ServerId=server_id, HostKeyId=key_id)["HostKey"]
    return key


@named_failure("import host key {fingerprint} to server {server_id}")
@retried_if_refused
def import_host_key(client: Any, server_id: str, fingerprint: str, body: str, **settings: Any) -> None:
    """C(fingerprint) is for the message of a failure alone: the body is secret."""
    client.import_host_key(ServerId=server_id, HostKeyBody=body, **settings)


@named_failure("update host key {key_id} of server {server_id}")
@retried_if_refused
def update_host_key(client: Any, server_id: str, key_id: str, description: str) -> None:
    client.update_host_key(ServerId=server_id, HostKeyId=key_id, Description=description)


@named_failure("delete host key {key_id} of server {server_id}")
@retried_if_refused
def delete_host_key(client: Any, server_id: str, key_id: str) -> None:
    client.delete_host_key(ServerId=server_id, HostKeyId=key_id)


@none_if_missing("describe user {user_name}")
@retried
def describe_user(client: Any, server_id: str, user_name: str) -> dict[str, Any] | None:
    """None if there is no such user, or no such server: Transfer's error code is the same."""
    user: dict[str, Any] = client.describe_user(ServerId=server_id, UserName=user_name)["User"]
    return user


@named_failure("list the users of server {server_id}")
def list_users(client: Any, server_id: str) -> list[dict[str, Any]]:
    """Every page; the members are short: keys, policy, mappings and tags are only in describe_user."""
    return _every_page(client.list_users, "Users", ServerId=server_id, MaxResults=_LARGEST_PAGE)


@named_failure("create user {user_name}")
@retried_if_refused
def create_user(client: Any, server_id: str, user_name: str, **settings: Any) -> None:
    client.create_user(ServerId=server_id, UserName=user_name, **settings)


@named_failure("update user {user_name}")
@retried_if_refused
def update_user(client: Any, server_id: str, user_name: str, **settings: Any) -> None:
    client.update_user(ServerId=server_id, UserName=user_name, **settings)


@named_failure("delete user {user_name}")
@retried_if_refused
def delete_user(client: Any, server_id: str, user_name: str) -> None:
    client.delete_user(ServerId=server_id, UserName=user_name)


@named_failure("import an SSH public key of user {user_name}")
@retried_if_refused
def _import_ssh_public_key(client: Any, server_id: str, user_name: str, body: str) -> None:
    client.import_ssh_public_key(ServerId=server_id, UserName=user_name, SshPublicKeyBody=body)


def import_ssh_public_key(client: Any, server_id: str, user_name: str, body: str) -> None:
    """Raises KeyLimitError if the user has as many keys as it may have."""
    try:
        _import_ssh_public_key(client, server_id, user_name, body)
    except AnsibleTransferError as error:
        if not (error_code(error.exception) in _LIMIT_CODES and _LIMIT_TEXT.search(str(error.exception))):
            raise
        raise KeyLimitError(
            message=f"{error.message}, which has as many keys as Transfer lets it have: take one away first",
            exception=error.exception,
        ) from error


@named_failure("delete SSH public key {key_id} of user {user_name}")
@retried_if_refused
def delete_ssh_public_key(client: Any, server_id: str, user_name: str, key_id: str) -> None:
    client.delete_ssh_public_key(ServerId=server_id, UserName=user_name, SshPublicKeyId=key_id)


@named_failure("tag {arn}")
@retried_if_refused
def tag_resource(client: Any, arn: str, tags: dict[str, str]) -> None:
    client.tag_resource(Arn=arn, Tags=[{"Key": key, "Value": value} for key, value in tags.items()])


@named_failure("untag {arn}")
@retried_if_refused
def untag_resource(client: Any, arn: str, keys: list[str]) -> None:
    client.untag_resource(Arn=arn, TagKeys=keys)
