# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the host keys of a server are, which of them clients meet, and the plan for the one that is asked for.

Pure functions: nothing here talks to AWS.
"""

from __future__ import annotations

import typing
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from datetime import datetime
from datetime import timezone
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.tagging import boto3_tag_list_to_ansible_dict
from ansible_collections.amazon.aws.plugins.module_utils.tagging import compare_aws_tags

from .options import merged_tag_problems

if typing.TYPE_CHECKING:
    from collections.abc import Mapping

    from .host_key_bodies import HostKeyBody

# A key that a plan would import is the newest there is.
_NOT_YET = datetime.max.replace(tzinfo=timezone.utc)


@dataclass(frozen=True)
class HostKey:
    """A host key as the service holds it; id and ARN are empty for one that a plan would import."""

    fingerprint: str
    type: str
    key_id: str = ""
    arn: str = ""
    description: str = ""
    imported: datetime = _NOT_YET
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def algorithm(self) -> str:
        """The three curves of ECDSA are one "key type (RSA, ECDSA, or ED25519)"."""
        for algorithm in ("rsa", "ecdsa", "ed25519"):
            if algorithm in self.type:
                return algorithm
        return self.type


@dataclass(frozen=True)
class WantedHostKey:
    """What is asked of one key, known by any one of body, fingerprint and id; None leaves a setting as it is."""

    present: bool = True
    body: HostKeyBody | None = None
    fingerprint: str | None = None
    key_id: str | None = None
    description: str | None = None
    tags: Mapping[str, str] | None = None
    purge_tags: bool = True
    force: bool = False

    def find(self, keys: tuple[HostKey, ...]) -> HostKey | None:
        """Fingerprints are compared, so a key that is already there is never imported twice."""
        fingerprint = self.body.fingerprint if self.body else self.fingerprint
        for key in keys:
            if key.key_id == self.key_id or key.fingerprint == fingerprint:
                return key
        return None

    def __str__(self) -> str:
        return self.key_id or self.fingerprint or (self.body.fingerprint if self.body else "")


@dataclass(frozen=True)
class HostKeyPlan:
    """The changes to make. An import carries description and tags along."""

    import_body: HostKeyBody | None = None
    description: str | None = None
    untag: tuple[str, ...] = ()
    tag: Mapping[str, str] = field(default_factory=dict)
    delete: HostKey | None = None

    def __bool__(self) -> bool:
        return self != HostKeyPlan()

    @property
    def operation(self) -> str:
        """The plan in a word, for reports."""
        if self.delete:
            return "deleted"
        if self.import_body:
            return "imported"
        return "updated" if self else "none"


def host_key_from_boto(listed: Mapping[str, Any]) -> HostKey:
    """A ListedHostKey or DescribedHostKey; only the latter has tags, and they name the fingerprint differently."""
    imported = listed.get("DateImported")
    fingerprint = listed.get("Fingerprint") or listed.get("HostKeyFingerprint") or ""
    return HostKey(
        # With the padding that ssh-keygen -l leaves out.
        fingerprint=fingerprint.rstrip("="),
        type=listed.get("Type", ""),
        key_id=listed.get("HostKeyId", ""),
        arn=listed["Arn"],
        description=listed.get("Description", ""),
        imported=imported.astimezone(timezone.utc) if imported else _NOT_YET,
        tags=boto3_tag_list_to_ansible_dict(listed.get("Tags", [])),
    )


def served(keys: tuple[HostKey, ...]) -> dict[str, HostKey]:
    """The keys that clients meet, by algorithm.

    "The oldest key for each key type (RSA, ECDSA, or ED25519) is the active key for the server for that type."
    https://docs.aws.amazon.com/transfer/latest/userguide/server-host-key-add.html
    """
    oldest: dict[str, HostKey] = {}
    for key in sorted(keys, key=lambda key: key.imported):
        oldest.setdefault(key.algorithm, key)
    return oldest


def plan_host_key(wanted: WantedHostKey, keys: tuple[HostKey, ...]) -> HostKeyPlan:
    """All that has to change; an empty plan (false) when nothing does."""
    current = wanted.find(keys)
    if not wanted.present:
        return HostKeyPlan(delete=current)
    if current is None:
        return HostKeyPlan(import_body=wanted.body, description=wanted.description, tag=dict(wanted.tags or {}))
    tag: dict[str, str] = {}
    untag: list[str] = []
    if wanted.tags is not None:
        tag, untag = compare_aws_tags(current.tags, wanted.tags, wanted.purge_tags)
    changed = wanted.description is not None and wanted.description != current.description
    return HostKeyPlan(description=wanted.description if changed else None, untag=tuple(untag), tag=tag)


def state_problems(wanted: WantedHostKey, keys: tuple[HostKey, ...]) -> list[str]:
    """What stands against the wanted key in the light of those that the server has."""
    current = wanted.find(keys)
    if wanted.present:
        if current is None and wanted.body is None:
            return [f"host key {wanted} is not there: give host_key_body or host_key_path to import it"]
        return [] if current is None else merged_tag_problems(current.tags, wanted.tags, wanted.purge_tags)
    if current is None:
        return []
    if len(keys) == 1:
        return [f"host key {wanted} is the server's only one, without it no client can connect: import another first"]
    if served(keys)[current.algorithm] == current and not wanted.force:
        after = served(planned_host_keys(HostKeyPlan(delete=current), keys)).get(current.algorithm)
        then = f"{after.fingerprint} would take its place" if after else "no other key has its algorithm"
        return [
            f"host key {wanted} is the {current.algorithm.upper()} key that clients meet, and {then};"
            " clients that trust it would refuse to connect: set force to remove it all the same"
        ]
    return []


def import_warnings(plan: HostKeyPlan, keys: tuple[HostKey, ...]) -> tuple[str, ...]:
    """What an import would mean to clients that is easily overlooked."""
    if plan.import_body is None:
        return ()
    new = HostKey(plan.import_body.fingerprint, plan.import_body.type)
    algorithm, present = new.algorithm.upper(), served(keys)
    older = present.get(new.algorithm)
    if older:
        return (
            f"Clients do not meet host key {new.fingerprint}: of the {algorithm} keys the oldest is served, which is"
            f" {older.fingerprint} ({older.key_id}). Remove that one for the other to take its place.",
        )
    if present:
        return (
            f"Host key {new.fingerprint} is the first {algorithm} key of a server that had"
            f" {', '.join(sorted(present)).upper()}: clients that prefer {algorithm} take it for a changed host key.",
        )
    return ()


def planned_host_keys(
    plan: HostKeyPlan, keys: tuple[HostKey, ...], current: HostKey | None = None
) -> tuple[HostKey, ...]:
    """The server's keys as a plan leaves them; C(current) is the one that the plan is about."""
    if plan.delete:
        return tuple(key for key in keys if key != plan.delete)
    if plan.import_body:
        body = plan.import_body
        return (*keys, HostKey(body.fingerprint, body.type, description=plan.description or "", tags=plan.tag))
    if current is None:
        return keys
    changed = replace(
        current,
        description=current.description if plan.description is None else plan.description,
        tags={**{k: v for k, v in current.tags.items() if k not in plan.untag}, **plan.tag},
    )
    return tuple(changed if key == current else key for key in keys)


def host_key_result(key: HostKey, keys: tuple[HostKey, ...]) -> dict[str, Any]:
    """What a module returns of one key among the server's."""
    return {
        "host_key_id": key.key_id,
        "arn": key.arn,
        "fingerprint": key.fingerprint,
        "type": key.type,
        "description": key.description,
        "date_imported": "" if key.imported == _NOT_YET else key.imported.isoformat(timespec="seconds"),
        "tags": dict(sorted(key.tags.items())),
        "served": served(keys)[key.algorithm] == key,
    }


def served_fingerprints(keys: tuple[HostKey, ...]) -> dict[str, str]:
    return {algorithm: key.fingerprint for algorithm, key in sorted(served(keys).items())}


def diff_side(wanted: WantedHostKey, keys: tuple[HostKey, ...]) -> dict[str, Any]:
    """One side of a diff: what can be known before the change, and what clients meet."""
    key = wanted.find(keys)
    shown = host_key_result(key, keys) if key else {}
    for unknowable in ("host_key_id", "arn", "date_imported"):
        shown.pop(unknowable, None)
    return {"host_key": shown, "served_fingerprints": served_fingerprints(keys)}
