# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a Transfer user is, what is wanted of it, and the plan that leads from the one to the other.

Pure functions: nothing here talks to AWS, and whoever changes one user or thousands decides with these.
"""

from __future__ import annotations

import json
import re
import typing
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from datetime import timezone
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.policy import compare_policies
from ansible_collections.amazon.aws.plugins.module_utils.tagging import boto3_tag_list_to_ansible_dict
from ansible_collections.amazon.aws.plugins.module_utils.tagging import compare_aws_tags

from .ssh_keys import read_stored_key

if typing.TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Mapping
    from datetime import datetime

    from .key_dates import DatedKey
    from .ssh_keys import PublicKey

_USER_NAME_VARIABLE = re.compile(r"\$\{transfer:UserName\}", re.IGNORECASE)


@dataclass(frozen=True, order=True)
class HomeMapping:
    entry: str
    target: str
    type: str = "DIRECTORY"


@dataclass(frozen=True)
class PosixProfile:
    uid: int
    gid: int
    secondary_gids: tuple[int, ...] = ()


@dataclass(frozen=True)
class ImportedKey:
    """A key as the service holds it; id and date are empty for one that a plan would import."""

    key: PublicKey
    key_id: str = ""
    date_imported: str = ""


@dataclass(frozen=True)
class User:
    """A user as the service describes it, or as a plan would leave it."""

    user_name: str
    arn: str = ""
    role: str = ""
    home_directory_type: str = "PATH"
    home_directory: str = ""
    home_directory_mappings: tuple[HomeMapping, ...] = ()
    policy: str = ""
    posix_profile: PosixProfile | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    ssh_public_keys: tuple[ImportedKey, ...] = ()


@dataclass(frozen=True)
class WantedUser:
    """What is asked of a user; None leaves a setting as it is, an empty text takes it away. Paths are expanded.

    C(ssh_public_keys) are those to be there now, C(dated_keys) all that have dates, in or out of them.
    """

    user_name: str
    present: bool = True
    role: str | None = None
    home_directory_type: str | None = None
    home_directory: str | None = None
    home_directory_mappings: tuple[HomeMapping, ...] | None = None
    policy: str | None = None
    posix_profile: PosixProfile | None = None
    tags: Mapping[str, str] | None = None
    purge_tags: bool = True
    ssh_public_keys: tuple[PublicKey, ...] | None = None
    purge_ssh_public_keys: bool = False
    dated_keys: tuple[DatedKey, ...] = ()


@dataclass(frozen=True)
class Plan:
    """The changes to make, in the order of the fields. C(create) and C(update) are settings by their API names.

    Settings come before keys, so that a new key never opens an old and wider home; keys are added before others
    are removed, so that a rotation that stops half-way locks nobody out (but see converge: the limit of keys).
    """

    delete: bool = False
    create: Mapping[str, Any] | None = None
    update: Mapping[str, Any] = field(default_factory=dict)
    untag: tuple[str, ...] = ()
    tag: Mapping[str, str] = field(default_factory=dict)
    import_keys: tuple[PublicKey, ...] = ()
    delete_keys: tuple[ImportedKey, ...] = ()

    def __bool__(self) -> bool:
        return self != Plan()

    @property
    def operation(self) -> str:
        """The plan in a word, for reports."""
        if self.delete:
            return "deleted"
        if self.create is not None:
            return "created"
        return "updated" if self else "none"


def expand(text: str, user_name: str) -> str:
    """As Transfer does with paths when it stores them: what it describes is not what it was sent."""
    return _USER_NAME_VARIABLE.sub(lambda _match: user_name, text)


def _mapping_set(mappings: Iterable[HomeMapping], user_name: str) -> set[HomeMapping]:
    return {replace(m, entry=expand(m.entry, user_name), target=expand(m.target, user_name)) for m in mappings}


def same_policy(one: str, other: str, user_name: str) -> bool:
    """Equal whatever their spacing, order of members and lists, single values in or out of a list, or expansion."""
    one, other = expand(one, user_name), expand(other, user_name)
    if not one or not other:
        return one == other
    try:
        return not compare_policies(json.loads(one), json.loads(other))
    except ValueError:
        return one == other


def _utc(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).isoformat(timespec="seconds")


def user_from_boto(described: Mapping[str, Any]) -> User:
    """DescribeUser's User."""
    posix = described.get("PosixProfile")
    return User(
        user_name=described["UserName"],
        arn=described["Arn"],
        role=described.get("Role", ""),
        home_directory_type=described.get("HomeDirectoryType", "PATH"),
        home_directory=described.get("HomeDirectory", ""),
        # "By default, home directory mappings have a Type of DIRECTORY" (API reference, HomeDirectoryMapEntry).
        home_directory_mappings=tuple(
            HomeMapping(m["Entry"], m["Target"], m.get("Type", "DIRECTORY"))
            for m in described.get("HomeDirectoryMappings", [])
        ),
        policy=described.get("Policy", ""),
        posix_profile=posix and PosixProfile(posix["Uid"], posix["Gid"], tuple(sorted(posix.get("SecondaryGids", [])))),
        tags=boto3_tag_list_to_ansible_dict(described.get("Tags", [])),
        ssh_public_keys=tuple(
            ImportedKey(read_stored_key(k["SshPublicKeyBody"]), k["SshPublicKeyId"], _utc(k["DateImported"]))
            for k in described.get("SshPublicKeys", [])
        ),
    )


def home_changes(wanted: WantedUser, current: User) -> dict[str, Any]:
    """Nothing, or the type with whatever else of the home changes: Transfer takes mappings only beside LOGICAL."""
    name = wanted.user_name
    type_ = wanted.home_directory_type or current.home_directory_type
    switched = type_ != current.home_directory_type
    home = wanted.home_directory
    mappings = wanted.home_directory_mappings

    changes: dict[str, Any] = {}
    # What is left over from the other type may look equal; a switch therefore says all of the new home.
    if home is not None and (switched or home != expand(current.home_directory, name)):
        changes["HomeDirectory"] = home
    if mappings is not None and (switched or set(mappings) != _mapping_set(current.home_directory_mappings, name)):
        changes["HomeDirectoryMappings"] = [{"Entry": m.entry, "Target": m.target, "Type": m.type} for m in mappings]
    if changes or switched:
        changes["HomeDirectoryType"] = type_
    return changes


def setting_changes(wanted: WantedUser, current: User) -> dict[str, Any]:
    """The parameters of UpdateUser that change something, and no others."""
    changes = home_changes(wanted, current)
    if wanted.role is not None and wanted.role != current.role:
        changes["Role"] = wanted.role
    if wanted.policy is not None and not same_policy(wanted.policy, current.policy, wanted.user_name):
        changes["Policy"] = wanted.policy
    posix = wanted.posix_profile
    if posix is not None and posix != current.posix_profile:
        changes["PosixProfile"] = {"Uid": posix.uid, "Gid": posix.gid, "SecondaryGids": list(posix.secondary_gids)}
    return changes


def key_changes(
    wanted: WantedUser, current: tuple[ImportedKey, ...]
) -> tuple[tuple[PublicKey, ...], tuple[ImportedKey, ...]]:
    """Keys to import and keys to delete. Of a key that is there twice, purging keeps the first."""
    if wanted.ssh_public_keys is None:
        return (), ()
    held = {imported.key for imported in current}
    missing = tuple(key for key in dict.fromkeys(wanted.ssh_public_keys) if key not in held)
    outside = {dated.key for dated in wanted.dated_keys if not dated.usable}
    if not wanted.purge_ssh_public_keys:
        return missing, tuple(imported for imported in current if imported.key in outside)
    keep: set[PublicKey] = set(wanted.ssh_public_keys)
    surplus = []
    for imported in current:
        if imported.key in keep:
            keep.remove(imported.key)
        else:
            surplus.append(imported)
    # One that makes room for a new one should be one that nobody may use any more.
    return missing, tuple(sorted(surplus, key=lambda imported: imported.key not in outside))


def plan_user(wanted: WantedUser, current: User | None) -> Plan:
    """All that has to change; an empty plan (false) when nothing does."""
    if not wanted.present:
        return Plan(delete=current is not None)
    if current is None:
        settings = {
            name: value for name, value in setting_changes(wanted, User(wanted.user_name)).items() if value != ""
        }
        if wanted.tags:
            settings["Tags"] = [{"Key": key, "Value": value} for key, value in wanted.tags.items()]
        imports, _none = key_changes(wanted, ())
        return Plan(create=settings, import_keys=imports)
    imports, surplus = key_changes(wanted, current.ssh_public_keys)
    tag: dict[str, str] = {}
    untag: list[str] = []
    if wanted.tags is not None:
        tag, untag = compare_aws_tags(current.tags, wanted.tags, wanted.purge_tags)
    return Plan(
        update=setting_changes(wanted, current),
        untag=tuple(untag),
        tag=tag,
        import_keys=imports,
        delete_keys=surplus,
    )


def planned_user(plan: Plan, wanted: WantedUser, current: User | None) -> User | None:
    """The user that a plan leads to, as far as it can be known before: new keys have neither id nor date yet."""
    if plan.delete or (current is None and plan.create is None):
        return None
    before = current or User(wanted.user_name)
    settings = plan.update if plan.create is None else plan.create
    after = replace(
        before,
        role=settings.get("Role", before.role),
        policy=settings.get("Policy", before.policy),
        posix_profile=wanted.posix_profile if "PosixProfile" in settings else before.posix_profile,
        tags={**{k: v for k, v in before.tags.items() if k not in plan.untag}, **plan.tag},
        ssh_public_keys=(
            *(imported for imported in before.ssh_public_keys if imported not in plan.delete_keys),
            *(ImportedKey(key) for key in plan.import_keys),
        ),
    )
    if "Tags" in settings:
        after = replace(after, tags=wanted.tags or {})
    return _planned_home(settings, wanted, after)


def _planned_home(settings: Mapping[str, Any], wanted: WantedUser, user: User) -> User:
    type_ = settings.get("HomeDirectoryType", user.home_directory_type)
    # A change of type leaves nothing of the former home (UpdateUser's documentation switches a user to LOGICAL
    # with a type and mappings alone).
    switched = type_ != user.home_directory_type
    home = settings.get("HomeDirectory", "" if switched else user.home_directory)
    mappings = () if switched else user.home_directory_mappings
    if "HomeDirectoryMappings" in settings:
        mappings = wanted.home_directory_mappings or ()
    return replace(user, home_directory_type=type_, home_directory=home, home_directory_mappings=mappings)


def _policy_document(policy: str) -> Any:
    try:
        return json.loads(policy) if policy else {}
    except ValueError:
        return policy


def user_result(user: User | None) -> dict[str, Any]:
    """What a module returns; empty for no user."""
    if user is None:
        return {}
    posix = user.posix_profile
    return {
        "user_name": user.user_name,
        "arn": user.arn,
        "role": user.role,
        "home_directory_type": user.home_directory_type,
        "home_directory": user.home_directory,
        "home_directory_mappings": [
            {"entry": m.entry, "target": m.target, "type": m.type} for m in sorted(user.home_directory_mappings)
        ],
        "policy": _policy_document(user.policy),
        "posix_profile": (
            {"uid": posix.uid, "gid": posix.gid, "secondary_gids": list(posix.secondary_gids)} if posix else {}
        ),
        "tags": dict(sorted(user.tags.items())),
        "ssh_public_keys": [
            {
                "id": imported.key_id,
                "type": imported.key.type,
                "bits": imported.key.bits,
                "fingerprint": imported.key.fingerprint,
                "comment": imported.key.comment,
                "date_imported": imported.date_imported,
            }
            for imported in sorted(user.ssh_public_keys, key=lambda i: (i.key.fingerprint, i.key_id))
        ],
    }


def diff_side(user: User | None) -> dict[str, Any]:
    """One side of a diff: what can be known before the change, a key on a line as C(ssh-keygen -l) shows it."""
    shown = user_result(user)
    shown.pop("arn", None)
    if user is not None:
        shown["ssh_public_keys"] = [
            f"{key['bits']} {key['fingerprint']} {key['comment']} ({key['type']})" for key in shown["ssh_public_keys"]
        ]
    return shown
