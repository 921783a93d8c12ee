# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Managed workflows."""

from __future__ import annotations

from typing import Any

import pytest

from lab.transfer import TransferService
from unit.lab.transfer.support import ROLE
from unit.lab.transfer.support import Refused

QUARANTINE = [
    {
        "Type": "COPY",
        "CopyStepDetails": {
            "Name": "quarantine",
            "DestinationFileLocation": {"S3FileLocation": {"Bucket": "acme-bucket", "Key": "quarantine/"}},
            "OverwriteExisting": "TRUE",
            "SourceFileLocation": "${original.file}",
        },
    },
    {"Type": "DELETE", "DeleteStepDetails": {"Name": "remove", "SourceFileLocation": "${original.file}"}},
]


def test_create_describe_list_delete(service: TransferService, refused: Refused) -> None:
    tags = [{"Key": "team", "Value": "payments"}]
    workflow_id = service.call(
        "CreateWorkflow", {"Description": "Truncated uploads", "Steps": QUARANTINE, "Tags": tags}
    )["WorkflowId"]
    arn = f"arn:aws:transfer:eu-central-1:111122223333:workflow/{workflow_id}"
    assert service.call("DescribeWorkflow", {"WorkflowId": workflow_id})["Workflow"] == {
        "Arn": arn,
        "Description": "Truncated uploads",
        "Steps": QUARANTINE,
        "Tags": tags,
        "WorkflowId": workflow_id,
    }
    listed = {"Arn": arn, "Description": "Truncated uploads", "WorkflowId": workflow_id}
    assert service.call("ListWorkflows", {}) == {"Workflows": [listed]}
    assert service.call("DeleteWorkflow", {"WorkflowId": workflow_id}) == {}
    refused("ResourceNotFoundException", "DescribeWorkflow", WorkflowId=workflow_id)
    refused("ResourceNotFoundException", "DeleteWorkflow", WorkflowId=workflow_id)


def test_a_workflow_in_use_stays(service: TransferService, host_key: str, refused: Refused) -> None:
    workflow_id = service.call("CreateWorkflow", {"Steps": QUARANTINE})["WorkflowId"]
    details = {"OnPartialUpload": [{"WorkflowId": workflow_id, "ExecutionRole": ROLE}]}
    server_id = service.call("CreateServer", {"HostKey": host_key, "WorkflowDetails": details})["ServerId"]
    assert server_id in refused("InvalidRequestException", "DeleteWorkflow", WorkflowId=workflow_id).message
    service.call("DeleteServer", {"ServerId": server_id})
    service.call("DeleteWorkflow", {"WorkflowId": workflow_id})


@pytest.mark.parametrize(
    "steps",
    [
        [],
        [{"DeleteStepDetails": {}}],
        [{"Type": "DELETE"}],
        [{"Type": "DELETE", "CopyStepDetails": {}}],
        [{"Type": "DELETE", "DeleteStepDetails": {}, "CopyStepDetails": {}}],
        QUARANTINE[:1] * 9,
    ],
)
def test_steps_that_say_nothing_clear(service: TransferService, refused: Refused, steps: list[Any]) -> None:
    refused("InvalidRequestException", "CreateWorkflow", Steps=steps)
    assert service.call("ListWorkflows", {}) == {"Workflows": []}


def test_a_custom_step_reports_once(service: TransferService, refused: Refused) -> None:
    workflow_id = service.call("CreateWorkflow", {"Steps": QUARANTINE})["WorkflowId"]
    report = {
        "WorkflowId": workflow_id,
        "ExecutionId": "0f5e1d1e-0000-4000-8000-0123456789ab",
        "Token": "MzI0Nzc4ZDk",
        "Status": "SUCCESS",
    }
    with pytest.raises(LookupError):
        service.inside_step_state("MzI0Nzc4ZDk")
    service.call("SendWorkflowStepState", report)
    assert service.inside_step_state("MzI0Nzc4ZDk") == {"Status": "SUCCESS"}
    refused("InvalidRequestException", "SendWorkflowStepState", **{**report, "Status": "FAILURE"})
