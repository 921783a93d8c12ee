# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mft.aws.plugins.module_utils._transfer.server_options import lookup_problems
from ansible_collections.mft.aws.plugins.module_utils._transfer.server_options import read_server
from ansible_collections.mft.aws.plugins.module_utils._transfer.server_options import security_group_problems
from ansible_collections.mft.aws.plugins.module_utils._transfer.server_options import security_policy_problems
from ansible_collections.mft.aws.plugins.module_utils._transfer.server_options import server_state_problems
from ansible_collections.mft.aws.plugins.module_utils._transfer.servers import Server
from ansible_collections.mft.aws.plugins.module_utils._transfer.servers import WantedServer

from unit.module_utils.transfer import examples

LOG_GROUP = "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/transfer/payments:*"
WORKFLOW = {"workflow_id": "w-0123456789abcdef0", "execution_role": examples.ROLE}


def options(**given: Any) -> dict[str, Any]:
    return {"server_id": examples.SERVER, "state": "present", "purge_tags": True, **given}


def test_options_become_members_of_the_api() -> None:
    wanted, problems = read_server(
        options(
            state="started",
            security_policy_name="TransferSecurityPolicy-2025-03",
            pre_authentication_login_banner="Authorised partners of ACME Bank only.\n",
            protocol_details={"set_stat_option": "ENABLE_NO_OP", "passive_ip": "192.0.2.7"},
            directory_listing_optimization="ENABLED",
            structured_log_destinations=[LOG_GROUP],
            logging_role=examples.ROLE,
            workflow_details={"on_upload": [], "on_partial_upload": [WORKFLOW]},
            security_group_ids=["sg-0123456789abcdef0", "sg-0123abcd"],
            tags={"year": 2026},
        )
    )
    assert problems == []
    assert wanted.state == "ONLINE"
    assert wanted.settings == {
        "SecurityPolicyName": "TransferSecurityPolicy-2025-03",
        "PreAuthenticationLoginBanner": "Authorised partners of ACME Bank only.\n",
        "ProtocolDetails": {"SetStatOption": "ENABLE_NO_OP", "PassiveIp": "192.0.2.7"},
        "S3StorageOptions": {"DirectoryListingOptimization": "ENABLED"},
        "StructuredLogDestinations": [LOG_GROUP],
        "LoggingRole": examples.ROLE,
        "WorkflowDetails": {
            "OnUpload": [],
            "OnPartialUpload": [{"WorkflowId": "w-0123456789abcdef0", "ExecutionRole": examples.ROLE}],
        },
    }
    assert wanted.security_group_ids == {"sg-0123456789abcdef0", "sg-0123abcd"}
    assert wanted.tags == {"year": "2026"}


def test_options_that_are_not_given_are_not_wanted() -> None:
    nothing = {"set_stat_option": None, "passive_ip": None, "tls_session_resumption_mode": None}
    for given in ({}, {"protocol_details": nothing, "workflow_details": {"on_upload": None}, "logging_role": None}):
        assert read_server(options(**given)) == (WantedServer(), [])


def test_empty_values_take_settings_away() -> None:
    wanted, problems = read_server(
        options(logging_role="", structured_log_destinations=[], pre_authentication_login_banner="")
    )
    assert problems == []
    assert list(wanted.settings.values()) == ["", "", []]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"server_id": "acme"}, "server_id 'acme' is no server id"),
        ({"server_id": None, "match_tags": {}}, "match_tags is empty"),
        ({"pre_authentication_login_banner": "Grüße 你"}, "pre_authentication_login_banner has 'ßü你', which"),
        ({"post_authentication_login_banner": "x" * 4097}, "post_authentication_login_banner is 4097 characters"),
        (
            {"protocol_details": {"passive_ip": "sftp.acme.example"}},
            "passive_ip 'sftp.acme.example' is no IPv4 address",
        ),
        ({"protocol_details": {"passive_ip": "2001:db8::1"}}, "is no IPv4 address"),
        ({"logging_role": "sftp-logs"}, "logging_role 'sftp-logs' is no role ARN"),
        ({"structured_log_destinations": [LOG_GROUP, LOG_GROUP]}, "structured_log_destinations are 2: 1 is the most"),
        ({"structured_log_destinations": [LOG_GROUP[:-2]]}, "with ':*' at its end"),
        ({"workflow_details": {"on_upload": [WORKFLOW, WORKFLOW]}}, "workflow_details.on_upload has 2 workflows"),
        ({"workflow_details": {"on_upload": [{**WORKFLOW, "workflow_id": "w-1"}]}}, "workflow_id 'w-1' is no workflow"),
        (
            {"workflow_details": {"on_partial_upload": [{**WORKFLOW, "execution_role": "x"}]}},
            "workflow_details.on_partial_upload: execution_role 'x' is no role ARN",
        ),
        ({"security_group_ids": []}, "security_group_ids is empty"),
        ({"security_group_ids": ["payments"]}, "security_group_ids: 'payments' is no security group id"),
        ({"tags": {"aws:x": "1"}}, "'aws:' is for AWS alone"),
    ],
)
def test_each_rule_is_checked(given: dict[str, Any], problem: str) -> None:
    problems = read_server(options(**given))[1]
    assert len(problems) == 1
    assert problem in problems[0]


def test_lookups_are_checked_alone() -> None:
    assert lookup_problems({}) == []
    assert lookup_problems({"server_id": examples.SERVER}) == []
    assert lookup_problems({"match_tags": {"unit": "payments"}}) == []


def test_security_policies_are_those_of_the_service_without_those_of_connectors() -> None:
    known = ["TransferSecurityPolicy-2025-03", "TransferSFTPConnectorSecurityPolicy-2024-03"]
    assert security_policy_problems(known[0], known) == []
    (problem,) = security_policy_problems("TransferSecurityPolicy-2025-04", known)
    assert problem.endswith("which has TransferSecurityPolicy-2025-03")


def test_what_the_server_rules_out_is_found() -> None:
    described = {"ServerId": examples.SERVER, "Domain": "EFS", "EndpointType": "PUBLIC"}
    wanted, _none = read_server(options(directory_listing_optimization="ENABLED", security_group_ids=["sg-0123abcd"]))
    problems = server_state_problems(wanted, Server(described))
    assert len(problems) == 2
    assert "directory_listing_optimization is for servers whose domain is S3, not EFS" in problems[0]
    assert "security_group_ids need a server whose endpoint is VPC, this one's is PUBLIC" in problems[1]
    assert server_state_problems(wanted, Server({**described, "Domain": "S3", "EndpointType": "VPC"})) == []
    tagged = Server({**described, "Tags": [{"Key": str(number), "Value": ""} for number in range(50)]})
    more, _none = read_server(options(tags={"unit": "payments"}, purge_tags=False))
    assert "tags would be 51: 50 is the most" in server_state_problems(more, tagged)[0]


def test_security_groups_are_those_of_the_servers_own_vpc() -> None:
    assert security_group_problems(("sg-1", "sg-2"), {"sg-1", "sg-2"}, "vpc-1") == []
    (problem,) = security_group_problems(("sg-1", "sg-2", "sg-3"), {"sg-1"}, "vpc-1")
    assert problem == "security_group_ids: VPC vpc-1 of the server has no sg-2, sg-3"
