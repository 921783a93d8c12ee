# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Turns the options of transfer_server into a wanted server, and finds everything that is wrong with them.

The limits are those of the API model transfer/2018-11-05 unless a comment says otherwise.
"""

from __future__ import annotations

import ipaddress
import re
import typing
from typing import Any

from .options import ROLE_ARN
from .options import merged_tag_problems
from .options import read_tags
from .options import server_id_problems
from .options import tag_problems
from .servers import OFFLINE
from .servers import ONLINE
from .servers import WantedServer

if typing.TYPE_CHECKING:
    from collections.abc import Mapping

    from .servers import Server

_BANNER = re.compile(r"[\x09-\x0D\x20-\x7E]*")
_MAX_BANNER = 4096
_SECURITY_GROUP_ID = re.compile(r"sg-[0-9a-f]{8,17}")
_WORKFLOW_ID = re.compile(r"w-[a-z0-9]{17}")
# "the format of the log group is as follows: arn:partition:logs:region-name:amazon-account-id:log-group:
# log-group-name:*" (API reference, DescribedServer)
_LOG_GROUP = re.compile(r"arn:aws[a-z-]*:logs:[a-z0-9-]+:[0-9]{12}:log-group:[\w./#-]+:\*", re.ASCII)
# Of a connector's policies ListSecurityPolicies has the names, too.
_SERVER_POLICY = "TransferSecurityPolicy-"

_STATES = {"present": None, "started": ONLINE, "stopped": OFFLINE}
_REPLACED = {
    "security_policy_name": "SecurityPolicyName",
    "pre_authentication_login_banner": "PreAuthenticationLoginBanner",
    "post_authentication_login_banner": "PostAuthenticationLoginBanner",
    "logging_role": "LoggingRole",
    "structured_log_destinations": "StructuredLogDestinations",
}
_PROTOCOL_DETAILS = {
    "passive_ip": "PassiveIp",
    "set_stat_option": "SetStatOption",
    "tls_session_resumption_mode": "TlsSessionResumptionMode",
}
_WORKFLOW_TRIGGERS = {"on_upload": "OnUpload", "on_partial_upload": "OnPartialUpload"}


def lookup_problems(options: Mapping[str, Any]) -> list[str]:
    """What is wrong with the options that say which server."""
    server_id, tags = options.get("server_id"), options.get("match_tags")
    problems = [] if server_id is None else server_id_problems(server_id)
    if tags is not None and not tags:
        problems.append("match_tags is empty: give at least one tag, or server_id")
    return problems


def _banner_problems(options: Mapping[str, Any]) -> list[str]:
    problems = []
    for option in ("pre_authentication_login_banner", "post_authentication_login_banner"):
        banner = options.get(option) or ""
        if len(banner) > _MAX_BANNER:
            problems.append(f"{option} is {len(banner)} characters: {_MAX_BANNER} is the most")
        refused = sorted(set(_BANNER.sub("", banner)))
        if refused:
            problems.append(f"{option} has {''.join(refused)!r}, which Transfer refuses: keep to ASCII")
    return problems


def _passive_ip_problems(passive_ip: str | None) -> list[str]:
    if passive_ip is None or passive_ip == "AUTO":
        return []
    try:
        ipaddress.IPv4Address(passive_ip)
    except ValueError:
        return [f"protocol_details.passive_ip {passive_ip!r} is no IPv4 address: give one, or AUTO"]
    return []


def _logging_problems(options: Mapping[str, Any]) -> list[str]:
    problems = []
    role = options.get("logging_role")
    if role and not ROLE_ARN.fullmatch(role):
        problems.append(
            f"logging_role {role!r} is no role ARN: expected arn:aws:iam::ACCOUNT:role/NAME, or '' for none"
        )
    destinations = options.get("structured_log_destinations") or []
    if len(destinations) > 1:
        problems.append(f"structured_log_destinations are {len(destinations)}: 1 is the most")
    problems += [
        f"structured_log_destinations: {arn!r} is no log group:"
        " expected arn:aws:logs:REGION:ACCOUNT:log-group:NAME:*, with ':*' at its end"
        for arn in destinations
        if not _LOG_GROUP.fullmatch(arn)
    ]
    return problems


def _workflow_problems(details: Mapping[str, Any] | None) -> list[str]:
    problems = []
    for trigger in _WORKFLOW_TRIGGERS:
        where = f"workflow_details.{trigger}"
        workflows = (details or {}).get(trigger) or []
        if len(workflows) > 1:
            problems.append(f"{where} has {len(workflows)} workflows: 1 is the most")
        for workflow in workflows:
            if not _WORKFLOW_ID.fullmatch(workflow["workflow_id"]):
                problems.append(
                    f"{where}: workflow_id {workflow['workflow_id']!r} is no workflow id:"
                    " expected w- and 17 letters and digits"
                )
            if not ROLE_ARN.fullmatch(workflow["execution_role"]):
                problems.append(
                    f"{where}: execution_role {workflow['execution_role']!r} is no role ARN:"
                    " expected arn:aws:iam::ACCOUNT:role/NAME"
                )
    return problems


def _security_group_problems(groups: list[str] | None) -> list[str]:
    if groups is None:
        return []
    if not groups:
        return ["security_group_ids is empty: a VPC endpoint has at least one security group"]
    return [
        f"security_group_ids: {group!r} is no security group id: expected sg- and 8 to 17 hexadecimal digits"
        for group in groups
        if not _SECURITY_GROUP_ID.fullmatch(group)
    ]


def _settings(options: Mapping[str, Any]) -> dict[str, Any]:
    settings = {name: options[option] for option, name in _REPLACED.items() if options.get(option) is not None}
    protocol = options.get("protocol_details") or {}
    details = {name: protocol[option] for option, name in _PROTOCOL_DETAILS.items() if protocol.get(option) is not None}
    if details:
        settings["ProtocolDetails"] = details
    if options.get("directory_listing_optimization") is not None:
        settings["S3StorageOptions"] = {"DirectoryListingOptimization": options["directory_listing_optimization"]}
    triggers = options.get("workflow_details") or {}
    workflows = {
        name: [{"WorkflowId": w["workflow_id"], "ExecutionRole": w["execution_role"]} for w in triggers[trigger]]
        for trigger, name in _WORKFLOW_TRIGGERS.items()
        if triggers.get(trigger) is not None
    }
    if workflows:
        settings["WorkflowDetails"] = workflows
    return settings


def read_server(options: Mapping[str, Any]) -> tuple[WantedServer, list[str]]:
    """The wanted server and every problem of its options; of use only when there are none."""
    tags, groups = read_tags(options), options.get("security_group_ids")
    problems = (
        lookup_problems(options)
        + _banner_problems(options)
        + _passive_ip_problems((options.get("protocol_details") or {}).get("passive_ip"))
        + _logging_problems(options)
        + _workflow_problems(options.get("workflow_details"))
        + _security_group_problems(groups)
        + tag_problems(tags)
    )
    wanted = WantedServer(
        settings=_settings(options),
        state=_STATES[options["state"]],
        tags=tags,
        purge_tags=options["purge_tags"],
        security_group_ids=None if groups is None else frozenset(groups),
    )
    return wanted, problems


def security_policy_problems(name: str, known: list[str]) -> list[str]:
    if name in known:
        return []
    names = ", ".join(sorted(policy for policy in known if policy.startswith(_SERVER_POLICY)))
    return [f"security_policy_name {name!r} is no security policy of this region, which has {names}"]


def security_group_problems(groups: tuple[str, ...], known: set[str], vpc_id: str) -> list[str]:
    missing = ", ".join(group for group in groups if group not in known)
    return [f"security_group_ids: VPC {vpc_id} of the server has no {missing}"] if missing else []


def server_state_problems(wanted: WantedServer, server: Server) -> list[str]:
    """What is wrong with the wanted server only in the light of the present one."""
    described, problems = server.described, []
    if "S3StorageOptions" in wanted.settings and described.get("Domain") != "S3":
        problems.append(f"directory_listing_optimization is for servers whose domain is S3, not {described['Domain']}")
    if wanted.security_group_ids is not None and described.get("EndpointType") != "VPC":
        type_ = described.get("EndpointType")
        problems.append(f"security_group_ids need a server whose endpoint is VPC, this one's is {type_}")
    problems += merged_tag_problems(server.tags, wanted.tags, wanted.purge_tags)
    return [f"server {described['ServerId']}: {problem}" for problem in problems]
