# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Turns module options into a wanted user, and finds everything that is wrong with them before anything changes.

The limits are those of the API model transfer/2018-11-05 unless a comment says otherwise.
"""

from __future__ import annotations

import json
import re
import typing
from datetime import datetime
from datetime import timezone
from typing import Any

from ansible.module_utils.common.text.converters import to_native

from .key_dates import EXPIRING_DAYS
from .key_dates import read_keys
from .users import HomeMapping
from .users import PosixProfile
from .users import WantedUser
from .users import expand

if typing.TYPE_CHECKING:
    from collections.abc import Mapping

    from .users import User

_SERVER_ID = re.compile(r"s-[0-9a-f]{17}")
_USER_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_@.-]{2,99}")
# The model asks only for 'arn:.*role/'; the service then fails at the partner's first login.
ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]+", re.ASCII)
_MAX_ROLE = 2048
_MAX_PATH = 1024
_MAX_POLICY = 2048
_MAX_TAGS = 50
_MAX_TAG_KEY = 128
_MAX_TAG_VALUE = 256
_MAX_ID = 4294967295
_MAX_SECONDARY_GIDS = 16


def server_id_problems(server_id: str) -> list[str]:
    if _SERVER_ID.fullmatch(server_id):
        return []
    return [f"server_id {server_id!r} is no server id: expected s- and 17 hexadecimal digits"]


def user_name_problems(name: str) -> list[str]:
    if name == "root":
        return ["user_name 'root' is refused by Transfer: choose another name"]
    if _USER_NAME.fullmatch(name):
        return []
    return [
        f"user_name {name!r} is refused by Transfer: 3 to 100 of a-z A-Z 0-9 _ - . @,"
        " beginning with a letter, a digit or an underscore"
    ]


def _role_problems(role: str | None) -> list[str]:
    if role is None or (ROLE_ARN.fullmatch(role) and len(role) <= _MAX_ROLE):
        return []
    return [f"role {role!r} is no role ARN: expected arn:aws:iam::ACCOUNT:role/NAME"]


def _path_problems(option: str, path: str | None) -> list[str]:
    if path is None:
        return []
    if not path.startswith("/"):
        return [f"{option} {path!r} is not absolute: begin it with '/'"]
    if len(path) > _MAX_PATH:
        return [f"{option} is {len(path)} characters: {_MAX_PATH} is the most"]
    return []


def _components(path: str) -> tuple[str, ...]:
    return tuple(component for component in path.split("/") if component)


def _mapping_problems(mappings: list[dict[str, Any]], name: str) -> list[str]:
    option = "home_directory_mappings"
    problems = [] if mappings else [f"{option} is empty: give at least one entry and target"]
    for index, mapping in enumerate(mappings):
        problems += _path_problems(f"{option}[{index}].entry", expand(mapping["entry"], name))
        target = expand(mapping["target"], name)
        problems += _path_problems(f"{option}[{index}].target", target)
        if target.endswith("/"):
            problems.append(f"{option}[{index}].target {target!r} ends with a slash: leave it out")
    # "When Entry is "/", you can have only one mapping because overlapping paths are not allowed."
    # https://docs.aws.amazon.com/transfer/latest/userguide/logical-dir-mappings.html
    entries = sorted((_components(entry), entry) for entry in (expand(m["entry"], name) for m in mappings))
    for (outer_parts, outer), (inner_parts, inner) in zip(entries, entries[1:]):
        if inner_parts == outer_parts:
            problems.append(f"{option} maps {inner!r} twice: keep one of them")
        elif inner_parts[: len(outer_parts)] == outer_parts:
            problems.append(f"{option} overlap: {inner!r} is within {outer!r}, map one of them only")
    return problems


def _home_problems(options: Mapping[str, Any], name: str) -> list[str]:
    # An empty one takes away the one that is there: HomeDirectory is "(|/.*)".
    problems = _path_problems("home_directory", options.get("home_directory") or None)
    mappings = options.get("home_directory_mappings")
    if mappings is not None:
        problems += _mapping_problems(mappings, name)
        if options.get("home_directory_type") == "PATH":
            problems.append("home_directory_mappings need home_directory_type LOGICAL, not PATH")
    return problems


def _compact_policy(policy: str | None) -> tuple[str | None, list[str]]:
    """The policy as it is sent: without the spacing that would count against its limit."""
    if policy is None:
        return None, []
    if not policy.strip():
        return "", []
    try:
        document = json.loads(policy)
    except ValueError as error:
        return None, [f"policy is not JSON: {error}"]
    if document == {}:
        return "", []
    if not isinstance(document, dict) or "Statement" not in document:
        return None, ["policy has no Statement: give an IAM policy document, or {} to have none"]
    compact = json.dumps(document, separators=(",", ":"))
    if len(compact) > _MAX_POLICY:
        return None, [f"policy is {len(compact)} characters without spacing: {_MAX_POLICY} is the most"]
    return compact, []


def _posix_problems(posix: Mapping[str, Any] | None) -> list[str]:
    if posix is None:
        return []
    secondary = posix.get("secondary_gids") or []
    ids = [("uid", posix["uid"]), ("gid", posix["gid"])]
    ids += [(f"secondary_gids[{index}]", gid) for index, gid in enumerate(secondary)]
    problems = [
        f"posix_profile.{option} {value} is out of range: 0 to {_MAX_ID}"
        for option, value in ids
        if not 0 <= value <= _MAX_ID
    ]
    if len(secondary) > _MAX_SECONDARY_GIDS:
        problems.append(f"posix_profile.secondary_gids are {len(secondary)}: {_MAX_SECONDARY_GIDS} is the most")
    return problems


def tag_problems(tags: Mapping[str, Any] | None) -> list[str]:
    problems = []
    for key, value in (tags or {}).items():
        if not 1 <= len(key) <= _MAX_TAG_KEY:
            problems.append(f"tags: key {key!r} is {len(key)} characters: 1 to {_MAX_TAG_KEY} are allowed")
        if key.lower().startswith("aws:"):
            problems.append(f"tags: key {key!r} is reserved: 'aws:' is for AWS alone")
        if value is None:
            problems.append(f"tags: {key!r} has no value: give a text, or '' for an empty one")
        elif len(value) > _MAX_TAG_VALUE:
            problems.append(f"tags: the value of {key!r} is {len(value)} characters: {_MAX_TAG_VALUE} is the most")
    if len(tags or {}) > _MAX_TAGS:
        problems.append(f"tags are {len(tags or {})}: {_MAX_TAGS} is the most")
    return problems


def merged_tag_problems(current: Mapping[str, str], wanted: Mapping[str, Any] | None, purge: bool) -> list[str]:
    """What is wrong with tags only together with those that stay; AWS's own do not count."""
    if wanted is None or purge:
        return []
    count = len({key for key in {**current, **wanted} if not key.startswith("aws:")})
    if count <= _MAX_TAGS:
        return []
    return [f"tags would be {count}: {_MAX_TAGS} is the most, remove some or set purge_tags"]


def read_tags(options: Mapping[str, Any]) -> dict[str, Any] | None:
    """The option C(tags), whose numbers and booleans Ansible leaves as they are. A null is kept: it is a problem."""
    tags = options.get("tags")
    if tags is None:
        return None
    return {to_native(key): value if value is None else to_native(value) for key, value in tags.items()}


def _expanded_mappings(mappings: list[dict[str, Any]] | None, name: str) -> tuple[HomeMapping, ...] | None:
    if mappings is None:
        return None
    return tuple(
        HomeMapping(expand(m["entry"], name), expand(m["target"], name), m.get("type") or "DIRECTORY") for m in mappings
    )


def read_user(options: Mapping[str, Any], now: datetime | None = None) -> tuple[WantedUser, list[str]]:
    """The wanted user, as of C(now), and every problem of its options; of use only when there are none."""
    name = options["user_name"]
    problems = user_name_problems(name)
    if options.get("state") == "absent":
        return WantedUser(name, present=False), [f"user {name}: {problem}" for problem in problems]

    policy, policy_problems = _compact_policy(options.get("policy"))
    entries = options.get("ssh_public_keys")
    keys, dated_keys, key_problems = read_keys(
        entries or [], now or datetime.now(timezone.utc), options.get("expiring_days", EXPIRING_DAYS)
    )
    tags = read_tags(options)
    posix = options.get("posix_profile")
    home, mappings = options.get("home_directory"), options.get("home_directory_mappings")
    problems += (
        _role_problems(options.get("role"))
        + _home_problems(options, name)
        + policy_problems
        + _posix_problems(posix)
        + tag_problems(tags)
        + key_problems
    )
    wanted = WantedUser(
        user_name=name,
        role=options.get("role"),
        home_directory_type=options.get("home_directory_type") or (None if mappings is None else "LOGICAL"),
        home_directory=None if home is None else expand(home, name),
        home_directory_mappings=_expanded_mappings(mappings, name),
        policy=policy,
        posix_profile=posix
        and PosixProfile(posix["uid"], posix["gid"], tuple(sorted(set(posix.get("secondary_gids") or [])))),
        tags=tags,
        purge_tags=options.get("purge_tags", True),
        ssh_public_keys=None if entries is None else keys,
        purge_ssh_public_keys=options.get("purge_ssh_public_keys", False),
        dated_keys=dated_keys,
    )
    return wanted, [f"user {name}: {problem}" for problem in problems]


def provider_problems(server: Mapping[str, Any]) -> list[str]:
    """ "You can only create and associate users with servers that have the IdentityProviderType set to
    SERVICE_MANAGED" (API reference, CreateUser)."""
    provider = server.get("IdentityProviderType", "SERVICE_MANAGED")
    if provider == "SERVICE_MANAGED":
        return []
    return [f"server {server.get('ServerId')} takes its users from {provider}: only a SERVICE_MANAGED one has its own"]


def server_problems(wanted: WantedUser, server: Mapping[str, Any]) -> list[str]:
    """What a server's own settings rule out for a user that is to be created on it."""
    problems = provider_problems(server)
    if server.get("Domain") == "EFS" and wanted.posix_profile is None:
        problems.append(f"user {wanted.user_name}: posix_profile is needed on a server whose domain is EFS")
    return problems


def state_problems(wanted: WantedUser, current: User | None) -> list[str]:
    """What is wrong with the wanted user only in the light of the present one."""
    if not wanted.present:
        return []
    problems = []
    if current is None and wanted.role is None:
        problems.append("role is needed to create the user")

    before = current.home_directory_type if current else "PATH"
    type_ = wanted.home_directory_type or before
    mappings = wanted.home_directory_mappings
    if mappings is None and current and type_ == before:
        mappings = current.home_directory_mappings
    if type_ == "LOGICAL" and not mappings:
        problems.append("home_directory_type LOGICAL needs home_directory_mappings")
    if type_ == "PATH" and before == "LOGICAL" and wanted.home_directory is None:
        problems.append("home_directory is needed to change the user from LOGICAL to PATH")
    if type_ == "LOGICAL" and wanted.home_directory and not _mapped(wanted.home_directory, mappings or ()):
        # "the value must map to one of your logical directory mappings"
        # https://docs.aws.amazon.com/transfer/latest/userguide/implement-log-dirs.html
        problems.append(f"home_directory {wanted.home_directory!r} is under no entry of home_directory_mappings")
    if current is not None:
        problems += merged_tag_problems(current.tags, wanted.tags, wanted.purge_tags)
    return [f"user {wanted.user_name}: {problem}" for problem in problems]


def _mapped(path: str, mappings: tuple[HomeMapping, ...]) -> bool:
    return any((path.rstrip("/") + "/").startswith(mapping.entry.rstrip("/") + "/") for mapping in mappings)
