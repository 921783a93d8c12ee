# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.mft.aws.plugins.module_utils._transfer.servers import Server
from ansible_collections.mft.aws.plugins.module_utils._transfer.servers import ServerPlan
from ansible_collections.mft.aws.plugins.module_utils._transfer.servers import WantedServer
from ansible_collections.mft.aws.plugins.module_utils._transfer.servers import diff_side
from ansible_collections.mft.aws.plugins.module_utils._transfer.servers import plan_server
from ansible_collections.mft.aws.plugins.module_utils._transfer.servers import plan_warnings
from ansible_collections.mft.aws.plugins.module_utils._transfer.servers import planned_server
from ansible_collections.mft.aws.plugins.module_utils._transfer.servers import server_result
from ansible_collections.mft.aws.plugins.module_utils._transfer.servers import setting_changes

from unit.module_utils.transfer import examples

WORKFLOW = {"WorkflowId": "w-0123456789abcdef0", "ExecutionRole": examples.ROLE}
DESCRIBED: dict[str, Any] = {
    "Arn": f"arn:aws:transfer:eu-central-1:123456789012:server/{examples.SERVER}",
    "ServerId": examples.SERVER,
    "State": "ONLINE",
    "EndpointType": "PUBLIC",
    "Domain": "S3",
    "PreAuthenticationLoginBanner": "acme",
    "ProtocolDetails": {"SetStatOption": "DEFAULT", "SftpPorts": [{"SftpPort": 2222}], "As2Transports": []},
    "WorkflowDetails": {"OnUpload": [WORKFLOW], "OnPartialUpload": [WORKFLOW]},
    "Tags": [{"Key": "unit", "Value": "payments"}],
}
SERVER = Server(DESCRIBED)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"PreAuthenticationLoginBanner": "acme"},
        {"PostAuthenticationLoginBanner": ""},
        {"StructuredLogDestinations": []},
        {"LoggingRole": ""},
        {"ProtocolDetails": {"SetStatOption": "DEFAULT"}},
        {"ProtocolDetails": {"PassiveIp": "AUTO", "TlsSessionResumptionMode": "ENFORCED"}},
        {"S3StorageOptions": {"DirectoryListingOptimization": "DISABLED"}},
        {"WorkflowDetails": {"OnUpload": [WORKFLOW]}},
    ],
)
def test_what_is_so_already_is_not_sent(settings: dict[str, Any]) -> None:
    assert setting_changes(settings, DESCRIBED) == {}


@pytest.mark.parametrize(
    ("settings", "sent"),
    [
        ({"PreAuthenticationLoginBanner": ""}, {"PreAuthenticationLoginBanner": ""}),
        ({"LoggingRole": examples.ROLE}, {"LoggingRole": examples.ROLE}),
        (
            {"ProtocolDetails": {"SetStatOption": "ENABLE_NO_OP"}},
            {"ProtocolDetails": {"SetStatOption": "ENABLE_NO_OP", "SftpPorts": [{"SftpPort": 2222}]}},
        ),
        (
            {"WorkflowDetails": {"OnUpload": []}},
            {"WorkflowDetails": {"OnUpload": [], "OnPartialUpload": [WORKFLOW]}},
        ),
        (
            {"S3StorageOptions": {"DirectoryListingOptimization": "ENABLED"}},
            {"S3StorageOptions": {"DirectoryListingOptimization": "ENABLED"}},
        ),
    ],
)
def test_only_what_differs_is_sent_and_a_dictionary_whole(settings: dict[str, Any], sent: dict[str, Any]) -> None:
    assert setting_changes({**settings, "ProtocolDetails": settings.get("ProtocolDetails", {})}, DESCRIBED) == sent


@pytest.mark.parametrize(
    ("wanted", "plan"),
    [
        (WantedServer(), ServerPlan()),
        (WantedServer(tags={"unit": "payments"}), ServerPlan()),
        (WantedServer(tags={"a": "b"}), ServerPlan(untag=("unit",), tag={"a": "b"})),
        (WantedServer(tags={"a": "b"}, purge_tags=False), ServerPlan(tag={"a": "b"})),
        (WantedServer(state="ONLINE"), ServerPlan()),
        (WantedServer(state="OFFLINE"), ServerPlan(state="OFFLINE")),
        (
            WantedServer(security_group_ids=frozenset({"sg-2", "sg-3"})),
            ServerPlan(add_security_groups=("sg-3",), remove_security_groups=("sg-1",)),
        ),
        (WantedServer(security_group_ids=frozenset({"sg-2", "sg-1"})), ServerPlan()),
        (
            WantedServer(settings={"WorkflowDetails": {"OnUpload": [], "OnPartialUpload": []}}),
            ServerPlan(update={"WorkflowDetails": {"OnUpload": [], "OnPartialUpload": []}}),
        ),
    ],
)
def test_a_plan_holds_what_has_to_change_and_nothing_is_left_after_it(wanted: WantedServer, plan: ServerPlan) -> None:
    server = replace(SERVER, security_group_ids=frozenset({"sg-1", "sg-2"}))
    assert plan_server(wanted, server) == plan
    after = planned_server(plan, wanted, server)
    assert not plan_server(wanted, after)
    assert (diff_side(after) == diff_side(server)) is not bool(plan)


@pytest.mark.parametrize(
    ("state", "wanted", "planned"),
    [
        ("STARTING", "ONLINE", None),
        ("STOPPING", "OFFLINE", None),
        ("STOPPING", "ONLINE", "ONLINE"),
        ("STARTING", "OFFLINE", "OFFLINE"),
        ("START_FAILED", "ONLINE", "ONLINE"),
        ("STOP_FAILED", "ONLINE", "ONLINE"),
        ("STOP_FAILED", "OFFLINE", "OFFLINE"),
    ],
)
def test_a_server_is_sent_only_where_it_is_not_going(state: str, wanted: str, planned: str | None) -> None:
    assert plan_server(WantedServer(state=wanted), Server({**DESCRIBED, "State": state})).state == planned


@pytest.mark.parametrize(
    ("state", "wanted", "warned"), [("ONLINE", None, 1), ("OFFLINE", "ONLINE", 0), ("ONLINE", "OFFLINE", 0)]
)
def test_a_passive_ip_on_a_running_server_is_warned_of(state: str, wanted: str | None, warned: int) -> None:
    server = Server({**DESCRIBED, "State": state})
    plan = plan_server(WantedServer({"ProtocolDetails": {"PassiveIp": "192.0.2.7"}}, state=wanted), server)
    assert len(plan_warnings(plan, server)) == warned
    assert plan_warnings(ServerPlan(update={"ProtocolDetails": {"SetStatOption": "ENABLE_NO_OP"}}), server) == ()


def test_a_result_has_every_field_also_those_that_the_service_left_out() -> None:
    result = server_result(SERVER)
    assert result["logging_role"] == ""
    assert result["structured_log_destinations"] == []
    assert result["identity_provider_details"] == {}
    assert result["user_count"] == 0
    assert result["protocol_details"] == {
        "as2_transports": [],
        "passive_ip": "AUTO",
        "set_stat_option": "DEFAULT",
        "sftp_ports": [{"sftp_port": 2222}],
        "tls_session_resumption_mode": "ENFORCED",
    }
    assert result["tags"] == {"unit": "payments"}
    assert "security_group_ids" not in result


@pytest.mark.parametrize(
    ("changed", "endpoint"),
    [
        ({}, f"{examples.SERVER}.server.transfer.eu-central-1.amazonaws.com"),
        ({"EndpointType": "VPC", "EndpointDetails": {"AddressAllocationIds": []}}, ""),
        (
            {
                "EndpointType": "VPC",
                "EndpointDetails": {"AddressAllocationIds": ["eipalloc-1"]},
                "Arn": f"arn:aws-cn:transfer:cn-north-1:123456789012:server/{examples.SERVER}",
            },
            f"{examples.SERVER}.server.transfer.cn-north-1.amazonaws.com.cn",
        ),
    ],
)
def test_a_server_that_the_internet_reaches_has_a_name(changed: dict[str, Any], endpoint: str) -> None:
    assert server_result(Server({**DESCRIBED, **changed}))["endpoint"] == endpoint
