# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes one existing server what is wanted, and waits until it is started or stopped."""

from __future__ import annotations

import time
import typing
from dataclasses import dataclass
from dataclasses import replace
from typing import Any

from . import api
from .errors import AnsibleTransferError
from .errors import InvalidOptionsError
from .retries import backoff
from .rounds import act
from .rounds import look_again
from .server_lookup import find_one_server
from .server_options import security_group_problems
from .server_options import security_policy_problems
from .server_options import server_state_problems
from .servers import OFFLINE
from .servers import ONLINE
from .servers import Server
from .servers import plan_server
from .servers import plan_warnings
from .servers import planned_server
from .vpc_endpoints import change_security_groups
from .vpc_endpoints import describe_vpc_endpoints
from .vpc_endpoints import endpoint_id_of
from .vpc_endpoints import known_security_groups
from .vpc_endpoints import security_group_ids

if typing.TYPE_CHECKING:
    from .servers import ServerPlan
    from .servers import WantedServer

_FAILED = {ONLINE: "START_FAILED", OFFLINE: "STOP_FAILED"}
_OPPOSITE = {ONLINE: ("STOPPING", OFFLINE), OFFLINE: ("STARTING", ONLINE)}
_LONGEST_POLL = 15.0


@dataclass(frozen=True)
class Clients:
    """C(ec2) is only for security groups."""

    transfer: Any
    ec2: Any


@dataclass(frozen=True)
class Waiting:
    """Whether to wait for a start or stop to be over, and for how many seconds any one wait may last."""

    wanted: bool
    timeout: float


@dataclass(frozen=True)
class ServerOutcome:
    """C(planned) is what the first plan led to expect (all there is in check mode), C(after) what was found."""

    plan: ServerPlan
    before: Server
    planned: Server
    after: Server
    warnings: tuple[str, ...] = ()


def wait_for_state(client: Any, server_id: str, state: str, timeout: float) -> None:
    """Until a server is ONLINE or OFFLINE.

    Not botocore's ServerOnline and ServerOffline, which give up at the first DescribeServer that is throttled.
    """
    deadline, delays = time.monotonic() + timeout, backoff(longest=_LONGEST_POLL)
    while True:
        described = api.describe_server(client, server_id)
        now = described["State"] if described else "gone"
        if now == state:
            return
        if now in (_FAILED[state], "gone"):
            raise AnsibleTransferError(message=f"Server {server_id} was to become {state} and is {now}")
        left = deadline - time.monotonic()
        if left <= 0:
            raise AnsibleTransferError(
                message=f"Server {server_id} was to become {state} and is still {now} after {timeout:g} seconds"
                " (wait_timeout); it may yet become so"
            )
        time.sleep(min(next(delays), left))


def _with_security_groups(ec2: Any, server: Server) -> Server:
    endpoint_id = endpoint_id_of(server.described)
    if not endpoint_id:
        return server
    endpoint = describe_vpc_endpoints(ec2, [endpoint_id]).get(endpoint_id)
    if endpoint is None:
        raise AnsibleTransferError(
            message=f"EC2 does not know VPC endpoint {endpoint_id} of server {server.described['ServerId']}"
        )
    return replace(server, security_group_ids=security_group_ids(endpoint))


def _refuse_impossible(clients: Clients, wanted: WantedServer, server: Server, plan: ServerPlan) -> None:
    """Raises with everything that stands against the wanted server; the last look before the first change."""
    problems = server_state_problems(wanted, server)
    policy = plan.update.get("SecurityPolicyName")
    if policy is not None:
        problems += security_policy_problems(policy, api.list_security_policies(clients.transfer))
    if plan.add_security_groups and not problems:
        vpc_id = server.described["EndpointDetails"]["VpcId"]
        known = known_security_groups(clients.ec2, vpc_id, plan.add_security_groups)
        problems += security_group_problems(plan.add_security_groups, known, vpc_id)
    if problems:
        raise InvalidOptionsError(problems)


def _apply(clients: Clients, plan: ServerPlan, server: Server, waiting: Waiting) -> None:
    server_id, arn = server.described["ServerId"], server.described["Arn"]
    if plan.update:
        api.update_server(clients.transfer, server_id, **plan.update)
    # Removed first, since 50 tags are the most a server has.
    if plan.untag:
        api.untag_resource(clients.transfer, arn, list(plan.untag))
    if plan.tag:
        api.tag_resource(clients.transfer, arn, dict(plan.tag))
    # After UpdateServer, which answers ConflictException while the endpoint is not in the available state.
    if plan.add_security_groups or plan.remove_security_groups:
        endpoint_id = endpoint_id_of(server.described)
        change_security_groups(clients.ec2, endpoint_id, plan.add_security_groups, plan.remove_security_groups)
    if plan.state:
        under_way, settled = _OPPOSITE[plan.state]
        if server.state == under_way:
            # A server on its way in one direction is not yet to be sent in the other.
            wait_for_state(clients.transfer, server_id, settled, waiting.timeout)
        change = api.start_server if plan.state == ONLINE else api.stop_server
        change(clients.transfer, server_id)


def converge_server(
    clients: Clients, wanted: WantedServer, found: Server, waiting: Waiting, check_mode: bool = False
) -> ServerOutcome:
    """Makes a server, last seen as C(found), what is wanted; in check mode says what would come of it."""
    server_id = found.described["ServerId"]

    def complete(server: Server) -> Server:
        return server if wanted.security_group_ids is None else _with_security_groups(clients.ec2, server)

    def observe() -> Server:
        return complete(find_one_server(clients.transfer, server_id, None))

    def plan_for(server: Server) -> ServerPlan:
        return plan_server(wanted, server)

    before = complete(found)
    plan = plan_for(before)
    _refuse_impossible(clients, wanted, before, plan)
    planned, warnings = planned_server(plan, wanted, before), plan_warnings(plan, before)
    if check_mode:
        return ServerOutcome(plan=plan, before=before, planned=planned, after=planned, warnings=warnings)
    act(observe, plan_for, lambda plan, server: _apply(clients, plan, server, waiting), before)
    unsettled = wanted.state is not None and (plan.state or before.state != wanted.state)
    if waiting.wanted and wanted.state and unsettled:
        wait_for_state(clients.transfer, server_id, wanted.state, waiting.timeout)
    if not plan and not unsettled:
        return ServerOutcome(plan=plan, before=before, planned=planned, after=before, warnings=warnings)
    after, remaining = look_again(observe, plan_for)
    if remaining:
        warnings += (f"server {server_id} was changed, but Transfer still describes it differently: {remaining}",)
    return ServerOutcome(plan=plan, before=before, planned=planned, after=after, warnings=warnings)
