# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules transfer_server and transfer_server_info on the lab, and its EC2 where security groups live."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from integration.conftest import Lab
from integration.documented import assert_returned
from integration.documented import documentation
from integration.support import Faults
from integration.support import _admin
from integration.support import run_module
from integration.support import run_playbook
from integration.transfer_server.support import Described
from integration.transfer_server.support import Server
from integration.transfer_support import four_runs
from unit.module_utils.transfer import examples

pytestmark = pytest.mark.usefixtures("faults")

LOG_GROUP = "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/transfer/payments:*"
_names = itertools.count()


def test_settings_change_and_only_what_differs_is_sent(server: Server, faults: Faults) -> None:
    settings: dict[str, Any] = {
        "security_policy_name": "TransferSecurityPolicy-2025-03",
        "pre_authentication_login_banner": "Authorised partners of ACME Bank only.\n",
        "post_authentication_login_banner": "Welcome",
        "protocol_details": {"set_stat_option": "ENABLE_NO_OP", "tls_session_resumption_mode": "ENABLED"},
        "structured_log_destinations": [LOG_GROUP],
        "logging_role": examples.ROLE,
    }
    done = four_runs(server, **settings, directory_listing_optimization="ENABLED")["server"]
    assert done["protocol_details"] == {"passive_ip": "AUTO", **settings["protocol_details"]}
    assert done["s3_storage_options"] == {"directory_listing_optimization": "ENABLED"}
    simple = [option for option in settings if option != "protocol_details"]
    assert [done[option] for option in simple] == [settings[option] for option in simple]
    cleared = {"pre_authentication_login_banner": "", "structured_log_destinations": [], "logging_role": ""}
    left = four_runs(server, **cleared)["server"]
    assert {option: left[option] for option in cleared} == cleared
    assert left["post_authentication_login_banner"] == "Welcome"
    faults.count_from_now()
    assert not server(**settings | cleared)["changed"]
    assert faults.calls() == {"DescribeServer": 1}
    assert server(**settings | cleared | {"logging_role": examples.ROLE})["changed"]
    assert faults.calls() == {"DescribeServer": 3, "UpdateServer": 1}


def test_what_is_not_asked_for_stays(server: Server, described: Described, workflow: dict[str, str]) -> None:
    triggers = {"on_upload": [workflow], "on_partial_upload": [workflow]}
    four_runs(server, workflow_details=triggers, protocol_details={"set_stat_option": "ENABLE_NO_OP"})
    before = described()
    four_runs(server, workflow_details={"on_upload": []}, protocol_details={"passive_ip": "AUTO"}, tags={"a": "b"})
    after = described()
    assert "OnUpload" not in after["WorkflowDetails"]
    assert after["WorkflowDetails"]["OnPartialUpload"] == before["WorkflowDetails"]["OnPartialUpload"]
    assert after["ProtocolDetails"] == before["ProtocolDetails"]
    four_runs(server, workflow_details={"on_partial_upload": []})
    assert "WorkflowDetails" not in described()


def test_a_server_is_stopped_and_started(server: Server, described: Described) -> None:
    assert four_runs(server, state="stopped")["server"]["state"] == "OFFLINE"
    assert described()["State"] == "OFFLINE"
    assert not server(logging_role="")["changed"]
    assert four_runs(server, state="started")["server"]["state"] == "ONLINE"
    assert described()["State"] == "ONLINE"


def test_waiting_is_as_asked(lab: Lab, server: Server, described: Described) -> None:
    _admin(lab, "PUT", "transfer/settings", {"settle_seconds": 3})
    try:
        begun = time.monotonic()
        assert server(state="stopped", wait=False)["server"]["state"] == "STOPPING"
        assert time.monotonic() - begun < 3
        late = server(state="stopped", wait_timeout=1)
        assert "to become OFFLINE and is still STOPPING after 1 seconds (wait_timeout)" in late["msg"]
        waited = server(state="stopped")
        assert (waited["changed"], waited["server"]["state"]) == (False, "OFFLINE")
        # One that is on its way in the other direction is let come to rest first.
        server(state="started", wait=False)
        assert described()["State"] == "STARTING"
        assert server(state="stopped")["server"]["state"] == "OFFLINE"
    finally:
        _admin(lab, "PUT", "transfer/settings", {"settle_seconds": 0.5})


def test_settings_are_made_before_the_server_is_started(server: Server, faults: Faults) -> None:
    server(state="stopped")
    faults.set({"operation": "UpdateServer", "kind": "access_denied"})
    assert server(state="started", logging_role=examples.ROLE)["failed"]
    faults.clear()
    assert server()["server"]["state"] == "OFFLINE"


def test_a_passive_ip_on_a_running_server_is_warned_of_also_in_check_mode(server: Server) -> None:
    for check in (True, False):
        (warning,) = server(check=check, protocol_details={"passive_ip": "192.0.2.7"})["warnings"]
        assert "takes effect when the server is next stopped and started" in warning["event"]["msg"]
    assert "warnings" not in server(protocol_details={"passive_ip": "192.0.2.7"})


def test_tags_are_purged_as_asked(server: Server) -> None:
    assert four_runs(server, tags={"unit": "payments", "since": "2019"})["server"]["tags"]["since"] == "2019"
    merged = four_runs(server, tags={"unit": "orders"}, purge_tags=False)["server"]["tags"]
    assert merged == {"since": "2019", "unit": "orders"}
    assert four_runs(server, tags={})["server"]["tags"] == {}
    assert not server()["changed"]


def test_a_check_changes_nothing(server: Server, described: Described) -> None:
    before = described()
    change = {"security_policy_name": "TransferSecurityPolicy-2025-03", "tags": {"a": "b"}, "state": "stopped"}
    assert server(check=True, **change)["changed"]
    assert described() == before


def test_security_groups_are_those_of_the_endpoint_in_ec2(
    lab: Lab, aws: Callable[[str], Any], vpc: dict[str, Any]
) -> None:
    def server(*, check: bool = False, **arguments: Any) -> dict[str, Any]:
        return run_module(lab, "transfer_server", check=check, server_id=vpc["server_id"], **arguments)

    def in_ec2() -> set[str]:
        found = aws("ec2").describe_vpc_endpoints(Filters=[{"Name": "vpc-id", "Values": [vpc["vpc_id"]]}])
        return {group["GroupId"] for group in found["VpcEndpoints"][0]["Groups"]}

    sftp, partners, operators = vpc["groups"]
    assert not server(security_group_ids=[sftp])["changed"]
    done = four_runs(server, security_group_ids=[operators, partners])
    assert done["server"]["security_group_ids"] == sorted([operators, partners])
    assert in_ec2() == {operators, partners}
    assert not server(security_group_ids=[partners, operators, partners])["changed"]
    assert "security_group_ids" not in server(tags={"a": "b"})["server"]

    elsewhere = aws("ec2").create_vpc(CidrBlock="10.21.0.0/16")["Vpc"]["VpcId"]
    foreign = aws("ec2").create_security_group(GroupName="sftp", Description="sftp", VpcId=elsewhere)["GroupId"]
    for check in (True, False):
        refused = server(check=check, security_group_ids=[sftp, foreign], tags={"a": "c"})
        assert f"VPC {vpc['vpc_id']} of the server has no {foreign}" in refused["msg"]
    assert in_ec2() == {operators, partners}
    assert server()["server"]["tags"] == {"a": "b"}


def test_a_public_server_has_no_security_groups(server: Server) -> None:
    for check in (True, False):
        refused = server(check=check, security_group_ids=["sg-0123456789abcdef0"], tags={"a": "b"})
        assert "security_group_ids need a server whose endpoint is VPC, this one's is PUBLIC" in refused["msg"]
    assert server()["server"]["tags"] == {}


def test_an_unknown_security_policy_is_refused_before_any_change(server: Server, described: Described) -> None:
    before = described()
    for check in (True, False):
        refused = server(check=check, security_policy_name="TransferSecurityPolicy-2025-04", tags={"a": "b"})
        assert "is no security policy of this region, which has TransferSecurityPolicy-2018-11, " in refused["msg"]
    assert described() == before


def test_all_bad_input_is_reported_at_once_and_nothing_is_called(server: Server, faults: Faults) -> None:
    faults.count_from_now()
    result = server(
        logging_role="sftp-logs",
        structured_log_destinations=[LOG_GROUP[:-2]],
        protocol_details={"passive_ip": "acme"},
        security_group_ids=[],
        tags={"aws:x": "1"},
    )
    assert "5 problems found" in result["msg"]
    assert faults.calls() == {}


def test_an_unknown_server_is_an_error_for_a_change_and_none_for_a_look(lab: Lab) -> None:
    for check in (True, False):
        result = run_module(lab, "transfer_server", check=check, server_id=examples.SERVER, state="started")
        assert f"server {examples.SERVER} does not exist" in result["msg"]
    found = run_module(lab, "transfer_server_info", server_id=examples.SERVER)
    assert (found["count"], found["servers"]) == (0, [])


def test_exactly_one_server_has_to_have_the_tags(
    lab: Lab, aws: Callable[[str], Any], server_id: str, online: Callable[..., str]
) -> None:
    name = f"payments-{next(_names)}"
    tags = {"service": name, "unit": "payments"}
    run_module(lab, "transfer_server", server_id=server_id, tags=tags)
    found = run_module(lab, "transfer_server", match_tags={"service": name})
    assert found["server"]["server_id"] == server_id
    none = run_module(lab, "transfer_server", match_tags={"service": name, "unit": "orders"})
    assert "no server in this account and region has the tags" in none["msg"]

    twin = online(Tags=[{"Key": "service", "Value": name}])
    try:
        both = run_module(lab, "transfer_server", match_tags={"service": name}, state="stopped")
        assert "2 servers have the tags" in both["msg"]
        assert server_id in both["msg"]
        assert twin in both["msg"]
        listed = run_module(lab, "transfer_server_info", match_tags={"service": name})
        assert [server["server_id"] for server in listed["servers"]] == sorted([server_id, twin])
        assert listed["count"] == 2
        assert run_module(lab, "transfer_server_info", match_tags=tags)["count"] == 1
    finally:
        aws("transfer").delete_server(ServerId=twin)


def test_one_way_to_name_a_server_is_demanded(lab: Lab) -> None:
    assert "one of the following is required" in run_module(lab, "transfer_server")["msg"]
    both = run_module(lab, "transfer_server", server_id=examples.SERVER, match_tags={"a": "b"})
    assert "mutually exclusive" in both["msg"]
    assert "match_tags is empty" in run_module(lab, "transfer_server", match_tags={})["msg"]


def test_every_server_is_listed_over_page_boundaries(lab: Lab, aws: Callable[[str], Any], vpc: dict[str, Any]) -> None:
    transfer = aws("transfer")
    created = [transfer.create_server()["ServerId"] for _ in range(3)]
    size = _admin(lab, "GET", "transfer/settings")["page_size"]
    _admin(lab, "PUT", "transfer/settings", {"page_size": 2})
    try:
        found = run_module(lab, "transfer_server_info")
    finally:
        _admin(lab, "PUT", "transfer/settings", {"page_size": size})
        for server_id in created:
            transfer.delete_server(ServerId=server_id)
    by_id = {server["server_id"]: server for server in found["servers"]}
    assert len(by_id) == found["count"]
    assert {*created, vpc["server_id"]} <= set(by_id)
    assert by_id[created[0]]["vpc_endpoint"] == {}
    endpoint = by_id[vpc["server_id"]]["vpc_endpoint"]
    assert endpoint["security_group_ids"] == vpc["groups"][:1]
    assert endpoint["subnet_ids"] == sorted(vpc["subnets"])
    assert endpoint["dns_names"][0].endswith(".server.transfer.eu-central-1.vpce.amazonaws.com")
    assert len(endpoint["dns_names"]) == 3


def test_what_is_documented_is_what_is_returned(lab: Lab, vpc: dict[str, Any], workflow: dict[str, str]) -> None:
    # As the samples show it: a public server has an empty endpoint, one in a VPC has no name of its own.
    result = run_module(
        lab,
        "transfer_server",
        server_id=vpc["server_id"],
        workflow_details={"on_partial_upload": [workflow]},
        structured_log_destinations=[LOG_GROUP],
        security_group_ids=vpc["groups"][:1],
        tags={"service": "payments-sftp"},
    )
    ignored = {"changed", "diff", "invocation"}
    returned = {key: value for key, value in result.items() if key not in ignored}
    assert_returned(documentation("transfer_server", "RETURN"), returned)
    found = run_module(lab, "transfer_server_info", server_id=vpc["server_id"])
    returned = {key: value for key, value in found.items() if key not in ignored}
    assert_returned(documentation("transfer_server_info", "RETURN"), returned)
    run_module(lab, "transfer_server", server_id=vpc["server_id"], workflow_details={"on_partial_upload": []})


def test_the_examples_run(
    lab: Lab, aws: Callable[[str], Any], server_id: str, vpc: dict[str, Any], tmp_path: Path
) -> None:
    ids = {"s-0123456789abcdef0": server_id, "s-0fedcba9876543210": vpc["server_id"]}
    tasks = documentation("transfer_server", "EXAMPLES") + documentation("transfer_server_info", "EXAMPLES")
    for task in tasks:
        arguments = task.get("mft.aws.transfer_server") or task.get("mft.aws.transfer_server_info") or {}
        if "server_id" in arguments:
            arguments["server_id"] = ids[arguments["server_id"]]
        if "security_group_ids" in arguments:
            arguments["security_group_ids"] = vpc["groups"][1:2]
    report = run_playbook(lab, tmp_path, tasks, "--diff")
    assert report["rc"] == 0, report["stdout"]
    # The upload workflow that an example takes away was not there.
    assert [task["changed"] for task in report["tasks"]] == [True] * 4 + [False, True] + [False] * 4
    assert report["tasks"][-1]["results"][0]["msg"].startswith(f"{server_id}.server.transfer.")
    assert aws("transfer").describe_server(ServerId=server_id)["Server"]["State"] == "ONLINE"
