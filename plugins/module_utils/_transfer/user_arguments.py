# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a user in argument specs, the same for one user and for a roster."""

from __future__ import annotations

from typing import Any


def setting_arguments() -> dict[str, Any]:
    """What may be the same for many users."""
    mapping = {
        "entry": {"required": True},
        "target": {"required": True},
        "type": {"choices": ["DIRECTORY", "FILE"], "default": "DIRECTORY"},
    }
    posix = {
        "uid": {"type": "int", "required": True},
        "gid": {"type": "int", "required": True},
        "secondary_gids": {"type": "list", "elements": "int"},
    }
    return {
        "role": {},
        "home_directory_type": {"choices": ["PATH", "LOGICAL"]},
        "home_directory": {},
        "home_directory_mappings": {"type": "list", "elements": "dict", "options": mapping},
        "policy": {"type": "json"},
        "posix_profile": {"type": "dict", "options": posix},
        "purge_ssh_public_keys": {"type": "bool", "no_log": False},
        "tags": {"type": "dict", "aliases": ["resource_tags"]},
        "purge_tags": {"type": "bool"},
    }


def user_arguments() -> dict[str, Any]:
    """The options of one user, the defaults of purging apart."""
    return {
        "user_name": {"required": True, "aliases": ["name"]},
        "state": {"choices": ["present", "absent"], "default": "present"},
        # Public, and yet kept out of logs: a private key pasted by mistake would reach syslog before it is seen here.
        "ssh_public_keys": {"type": "list", "elements": "raw", "no_log": True},
        **setting_arguments(),
    }


def roster_arguments() -> dict[str, Any]:
    """The options of transfer_users."""
    return {
        "server_id": {"required": True},
        "users": {"type": "list", "elements": "dict", "required": True, "options": user_arguments()},
        "defaults": {"type": "dict", "options": setting_arguments()},
        "purge": {"type": "bool", "default": False},
        "max_removals": {"default": "10%"},
        "duplicate_keys": {"choices": ["fail", "warn"], "default": "fail", "no_log": False},
        "expiring_days": {"type": "int", "default": 30},
        "concurrency": {"type": "int", "default": 8},
        "rate": {"type": "float"},
        "progress_file": {"type": "path"},
    }
