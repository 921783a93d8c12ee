# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of transfer_server as an argument spec."""

from __future__ import annotations

from typing import Any


def server_arguments() -> dict[str, Any]:
    """Settings that live outside the stack, and whether the server runs."""
    workflow = {
        "type": "list",
        "elements": "dict",
        "options": {"workflow_id": {"required": True}, "execution_role": {"required": True}},
    }
    protocol_details = {
        "set_stat_option": {"choices": ["DEFAULT", "ENABLE_NO_OP"]},
        "passive_ip": {"no_log": False},
        "tls_session_resumption_mode": {"choices": ["DISABLED", "ENABLED", "ENFORCED"]},
    }
    return {
        "server_id": {},
        "match_tags": {"type": "dict"},
        "state": {"choices": ["present", "started", "stopped"], "default": "present"},
        "wait": {"type": "bool", "default": True},
        "wait_timeout": {"type": "int", "default": 900},
        "security_policy_name": {},
        "pre_authentication_login_banner": {},
        "post_authentication_login_banner": {},
        "protocol_details": {"type": "dict", "options": protocol_details},
        "directory_listing_optimization": {"choices": ["ENABLED", "DISABLED"]},
        "structured_log_destinations": {"type": "list", "elements": "str"},
        "logging_role": {},
        "workflow_details": {"type": "dict", "options": {"on_upload": workflow, "on_partial_upload": workflow}},
        "security_group_ids": {"type": "list", "elements": "str"},
        "tags": {"type": "dict", "aliases": ["resource_tags"]},
        "purge_tags": {"type": "bool", "default": True},
    }
