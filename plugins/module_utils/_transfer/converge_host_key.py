# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes one host key of a server what is wanted."""

from __future__ import annotations

import typing
from dataclasses import dataclass
from typing import Any

from . import api
from .errors import InvalidOptionsError
from .host_keys import host_key_from_boto
from .host_keys import import_warnings
from .host_keys import plan_host_key
from .host_keys import planned_host_keys
from .host_keys import state_problems
from .rounds import act
from .rounds import look_again

if typing.TYPE_CHECKING:
    from .host_keys import HostKey
    from .host_keys import HostKeyPlan
    from .host_keys import WantedHostKey


@dataclass(frozen=True)
class HostKeyOutcome:
    """C(planned) is what the first plan led to expect (all there is in check mode), C(after) what was found."""

    plan: HostKeyPlan
    before: tuple[HostKey, ...]
    planned: tuple[HostKey, ...]
    after: tuple[HostKey, ...]
    warnings: tuple[str, ...] = ()


def observe_host_keys(client: Any, server_id: str) -> tuple[HostKey, ...]:
    """All host keys of a server, without their tags."""
    listed = api.list_host_keys(client, server_id)
    if listed is None:
        raise InvalidOptionsError([f"server {server_id} does not exist in this account and region"])
    return tuple(host_key_from_boto(key) for key in listed)


def with_tags(client: Any, server_id: str, key: HostKey) -> HostKey:
    described = api.describe_host_key(client, server_id, key.key_id)
    # Deleted since it was listed: whatever is done with it next will say so.
    return key if described is None else host_key_from_boto(described)


def _apply(client: Any, server_id: str, wanted: WantedHostKey, plan: HostKeyPlan, keys: tuple[HostKey, ...]) -> None:
    if plan.delete:
        api.delete_host_key(client, server_id, plan.delete.key_id)
        return
    if plan.import_body:
        settings: dict[str, Any] = {"Description": plan.description} if plan.description else {}
        if plan.tag:
            settings["Tags"] = [{"Key": key, "Value": value} for key, value in plan.tag.items()]
        body = plan.import_body
        api.import_host_key(client, server_id, body.fingerprint, body.body, **settings)
        return
    current = wanted.find(keys)
    if current is None:
        return  # plan_host_key imports, deletes, or changes a key that is there
    if plan.description is not None:
        api.update_host_key(client, server_id, current.key_id, plan.description)
    # Removed first, since 50 tags are the most a key has.
    if plan.untag:
        api.untag_resource(client, current.arn, list(plan.untag))
    if plan.tag:
        api.tag_resource(client, current.arn, dict(plan.tag))


def converge_host_key(client: Any, server_id: str, wanted: WantedHostKey, check_mode: bool = False) -> HostKeyOutcome:
    """Looks, and makes the key what is wanted; in check mode says what would come of it."""

    def observe() -> tuple[HostKey, ...]:
        keys = observe_host_keys(client, server_id)
        current = wanted.find(keys)
        if current is None:
            return keys
        return tuple(with_tags(client, server_id, key) if key is current else key for key in keys)

    def plan_for(keys: tuple[HostKey, ...]) -> HostKeyPlan:
        # At each look anew: what the removal of a key means depends on the others that are then there.
        problems = state_problems(wanted, keys)
        if problems:
            raise InvalidOptionsError(problems)
        return plan_host_key(wanted, keys)

    before = observe()
    plan = plan_for(before)
    planned = planned_host_keys(plan, before, wanted.find(before))
    warnings = import_warnings(plan, before)
    if not plan or check_mode:
        return HostKeyOutcome(plan=plan, before=before, planned=planned, after=planned, warnings=warnings)
    act(observe, plan_for, lambda plan, keys: _apply(client, server_id, wanted, plan, keys), before)
    after, remaining = look_again(observe, plan_for)
    if remaining:
        warnings += (f"host key {wanted} was changed, but Transfer still describes it differently: {remaining}",)
    return HostKeyOutcome(plan=plan, before=before, planned=planned, after=after, warnings=warnings)
