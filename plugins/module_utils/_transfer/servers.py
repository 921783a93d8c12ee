# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a Transfer server is, what is wanted of it, and the plan that leads from the one to the other.

Pure functions: nothing here talks to AWS. Settings keep the names that the API gives them.
"""

from __future__ import annotations

import typing
from dataclasses import dataclass
from dataclasses import field
from typing import Any

from ansible.module_utils.common.dict_transformations import camel_dict_to_snake_dict
from ansible_collections.amazon.aws.plugins.module_utils.tagging import ansible_dict_to_boto3_tag_list
from ansible_collections.amazon.aws.plugins.module_utils.tagging import boto3_tag_list_to_ansible_dict
from ansible_collections.amazon.aws.plugins.module_utils.tagging import compare_aws_tags

if typing.TYPE_CHECKING:
    from collections.abc import Mapping

ONLINE, OFFLINE = "ONLINE", "OFFLINE"
# The states in which nothing more is to be asked for.
_UNDER_WAY = {ONLINE: (ONLINE, "STARTING"), OFFLINE: (OFFLINE, "STOPPING")}

# What DescribeServer may leave out stands for (API reference, ProtocolDetails and S3StorageOptions).
_DEFAULTS: dict[str, dict[str, Any]] = {
    "ProtocolDetails": {"PassiveIp": "AUTO", "SetStatOption": "DEFAULT", "TlsSessionResumptionMode": "ENFORCED"},
    "S3StorageOptions": {"DirectoryListingOptimization": "DISABLED"},
}

_TEXTS = (
    "arn",
    "certificate",
    "domain",
    "endpoint_type",
    "host_key_fingerprint",
    "identity_provider_type",
    "ip_address_type",
    "logging_role",
    "post_authentication_login_banner",
    "pre_authentication_login_banner",
    "security_policy_name",
    "server_id",
    "state",
)
_LISTS = ("as2_service_managed_egress_ip_addresses", "protocols", "structured_log_destinations")
_DICTS = (
    "endpoint_details",
    "identity_provider_details",
    "protocol_details",
    "s3_storage_options",
    "workflow_details",
)
# The fields that transfer_server can change.
_MANAGED = (
    "state",
    "security_policy_name",
    "pre_authentication_login_banner",
    "post_authentication_login_banner",
    "protocol_details",
    "s3_storage_options",
    "structured_log_destinations",
    "logging_role",
    "workflow_details",
    "tags",
)


@dataclass(frozen=True)
class Server:
    """DescribeServer's Server, and the security groups that only EC2 knows: None if EC2 was not asked."""

    described: Mapping[str, Any]
    security_group_ids: frozenset[str] | None = None

    @property
    def state(self) -> str:
        return str(self.described["State"])

    @property
    def tags(self) -> dict[str, str]:
        tags: dict[str, str] = boto3_tag_list_to_ansible_dict(self.described.get("Tags", []))
        return tags


@dataclass(frozen=True)
class WantedServer:
    """What is asked of a server; what is None or not among the settings stays as it is.

    C(settings) are members of UpdateServer. Of one that is itself a dictionary, only the given members change.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    state: str | None = None
    tags: Mapping[str, str] | None = None
    purge_tags: bool = True
    security_group_ids: frozenset[str] | None = None


@dataclass(frozen=True)
class ServerPlan:
    """The changes to make, in the order of the fields: a server that is to be started is first made right."""

    update: Mapping[str, Any] = field(default_factory=dict)
    untag: tuple[str, ...] = ()
    tag: Mapping[str, str] = field(default_factory=dict)
    add_security_groups: tuple[str, ...] = ()
    remove_security_groups: tuple[str, ...] = ()
    state: str | None = None

    def __bool__(self) -> bool:
        return self != ServerPlan()


def _filled(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value not in ("", [], {}, None)}


def setting_changes(settings: Mapping[str, Any], described: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of UpdateServer that change something, and no others.

    A dictionary is sent whole, with what it already has: the reference does not say what becomes of members that are
    left out. An empty value takes a setting away.
    """
    changes: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, dict):
            present = _filled(described.get(name) or {})
            known = {**_DEFAULTS.get(name, {}), **present}
            if _filled({**known, **value}) != known:
                changes[name] = {**present, **value}
        elif (value or None) != (described.get(name) or None):
            changes[name] = value
    return changes


def plan_server(wanted: WantedServer, server: Server) -> ServerPlan:
    """All that has to change; an empty plan (false) when nothing does."""
    tag: dict[str, str] = {}
    untag: list[str] = []
    if wanted.tags is not None:
        tag, untag = compare_aws_tags(server.tags, wanted.tags, wanted.purge_tags)
    groups, present = wanted.security_group_ids, server.security_group_ids or frozenset()
    return ServerPlan(
        update=setting_changes(wanted.settings, server.described),
        untag=tuple(untag),
        tag=tag,
        add_security_groups=() if groups is None else tuple(sorted(groups - present)),
        remove_security_groups=() if groups is None else tuple(sorted(present - groups)),
        state=None if wanted.state is None or server.state in _UNDER_WAY[wanted.state] else wanted.state,
    )


def planned_server(plan: ServerPlan, wanted: WantedServer, server: Server) -> Server:
    """The server that a plan leads to."""
    after = dict(server.described)
    for name, value in plan.update.items():
        after[name] = _filled({**_DEFAULTS.get(name, {}), **value}) if isinstance(value, dict) else value
    if plan.state:
        after["State"] = plan.state
    tags = {**{k: v for k, v in server.tags.items() if k not in plan.untag}, **plan.tag}
    after["Tags"] = ansible_dict_to_boto3_tag_list(tags)
    groups = server.security_group_ids if wanted.security_group_ids is None else wanted.security_group_ids
    return Server(after, groups)


def plan_warnings(plan: ServerPlan, server: Server) -> tuple[str, ...]:
    """What a change needs to take effect, where that is not the change itself."""
    before = {**_DEFAULTS["ProtocolDetails"], **server.described.get("ProtocolDetails", {})}["PassiveIp"]
    after = plan.update.get("ProtocolDetails", {}).get("PassiveIp", before)
    if after != before and OFFLINE not in (server.state, plan.state):
        # "If you change the PassiveIp value, you must stop and then restart your Transfer Family server for the change
        # to take effect" (API reference, ProtocolDetails)
        return ("The new passive_ip takes effect when the server is next stopped and started.",)
    return ()


def _endpoint(described: Mapping[str, Any]) -> str:
    """The name of the server itself, for those that the internet reaches; a private one has only its VPC endpoint's."""
    public = described.get("EndpointType") == "PUBLIC"
    if not public and not described.get("EndpointDetails", {}).get("AddressAllocationIds"):
        return ""
    _arn, partition, _service, region, *_rest = described["Arn"].split(":")
    suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    return f"{described['ServerId']}.server.transfer.{region}.{suffix}"


def server_result(server: Server) -> dict[str, Any]:
    """What a module returns: every field that the service knows, and empty those that it left out."""
    described = {name: value for name, value in server.described.items() if name != "Tags"}
    for name, defaults in _DEFAULTS.items():
        if name in described:
            described[name] = {**defaults, **described[name]}
    result: dict[str, Any] = {
        **dict.fromkeys(_TEXTS, ""),
        **{name: [] for name in _LISTS},
        **{name: {} for name in _DICTS},
        "user_count": 0,
        **camel_dict_to_snake_dict(described),
        "endpoint": _endpoint(server.described),
        "tags": dict(sorted(server.tags.items())),
    }
    if server.security_group_ids is not None:
        result["security_group_ids"] = sorted(server.security_group_ids)
    return result


def diff_side(server: Server) -> dict[str, Any]:
    """One side of a diff: what the module manages."""
    shown = server_result(server)
    return {name: shown[name] for name in (*_MANAGED, "security_group_ids") if name in shown}
