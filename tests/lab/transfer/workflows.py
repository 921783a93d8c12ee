# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Managed workflows: the steps a server runs on a file. Running them is the SFTP endpoint's work."""

from __future__ import annotations

import json
from typing import Any

from lab.transfer.context import Context
from lab.transfer.context import Document
from lab.transfer.context import Operation
from lab.transfer.context import Parameters
from lab.transfer.context import new_id
from lab.transfer.errors import invalid_request
from lab.transfer.errors import not_found
from lab.transfer.pagination import paginate
from lab.transfer.servers import all_servers
from lab.transfer.store import select
from lab.transfer.tags import delete_tags
from lab.transfer.tags import put_tags
from lab.transfer.tags import tags_member

# The member of WorkflowStep that describes a step of each type.
_DETAILS = {
    "COPY": "CopyStepDetails",
    "CUSTOM": "CustomStepDetails",
    "DECRYPT": "DecryptStepDetails",
    "DELETE": "DeleteStepDetails",
    "TAG": "TagStepDetails",
}


def create_workflow(ctx: Context, parameters: Parameters) -> Document:
    for name in ("Steps", "OnExceptionSteps"):
        for number, step in enumerate(parameters.get(name, []), start=1):
            _check_step(f"{name} {number}", step)
    if not parameters["Steps"]:
        raise invalid_request("Steps must have at least one step")
    workflow_id = new_id("w")
    workflow = {name: parameters[name] for name in ("Description", "Steps", "OnExceptionSteps") if name in parameters}
    ctx.db.execute("INSERT INTO workflows VALUES (?, ?)", (workflow_id, json.dumps(workflow)))
    put_tags(ctx, ctx.arns.workflow(workflow_id), parameters.get("Tags", []))
    return {"WorkflowId": workflow_id}


def describe_workflow(ctx: Context, parameters: Parameters) -> Document:
    workflow_id = parameters["WorkflowId"]
    arn = ctx.arns.workflow(workflow_id)
    workflow = load_workflow(ctx, workflow_id)
    return {"Workflow": {"Arn": arn, "WorkflowId": workflow_id, **workflow, **tags_member(ctx, arn)}}


def delete_workflow(ctx: Context, parameters: Parameters) -> None:
    workflow_id = parameters["WorkflowId"]
    load_workflow(ctx, workflow_id)
    for server_id, server in all_servers(ctx):
        attached = [
            detail["WorkflowId"] for details in server.get("WorkflowDetails", {}).values() for detail in details
        ]
        if workflow_id in attached:
            # Not documented. A server left naming a workflow that is gone would be worse.
            raise invalid_request(f"Workflow {workflow_id} is associated with server {server_id}")
    ctx.db.execute("DELETE FROM workflows WHERE workflow_id = ?", (workflow_id,))
    delete_tags(ctx, ctx.arns.workflow(workflow_id))


def list_workflows(ctx: Context, parameters: Parameters) -> Document:
    def fetch(after: Any, limit: int) -> list[Any]:
        return select(
            ctx.db,
            "SELECT workflow_id, document FROM workflows WHERE workflow_id > ? ORDER BY workflow_id LIMIT ?",
            (after or "", limit),
        )

    rows, more = paginate(ctx, parameters, scope="workflows", fetch=fetch, key=lambda row: str(row["workflow_id"]))
    return {"Workflows": [_listed(ctx, row) for row in rows], **more}


def load_workflow(ctx: Context, workflow_id: str) -> Document:
    row = ctx.db.execute("SELECT document FROM workflows WHERE workflow_id = ?", (workflow_id,)).fetchone()
    if row is None:
        raise not_found("Workflow", workflow_id, "Unknown workflow")
    workflow: Document = json.loads(row["document"])
    return workflow


def send_workflow_step_state(ctx: Context, parameters: Parameters) -> Document:
    """Keep what a custom step's function reports. The SFTP endpoint, which runs the steps, asks for it by token."""
    load_workflow(ctx, parameters["WorkflowId"])
    token = parameters["Token"]
    if step_state(ctx, token) is not None:
        raise invalid_request(f"The step of token {token} has already been reported")
    ctx.db.execute("INSERT INTO step_states VALUES (?, ?)", (token, parameters["Status"]))
    return {}


def step_state(ctx: Context, token: str) -> str | None:
    row = ctx.db.execute("SELECT status FROM step_states WHERE token = ?", (token,)).fetchone()
    return str(row["status"]) if row else None


def _listed(ctx: Context, row: Any) -> Document:
    workflow_id, description = row["workflow_id"], json.loads(row["document"]).get("Description")
    listed = {"Arn": ctx.arns.workflow(workflow_id), "WorkflowId": workflow_id}
    return {**listed, "Description": description} if description is not None else listed


def _check_step(where: str, step: Document) -> None:
    kind = step.get("Type")
    if kind is None:
        raise invalid_request(f"{where} must have Type")
    present = [name for name in _DETAILS.values() if name in step]
    if present != [_DETAILS[kind]]:
        raise invalid_request(f"{where} of Type {kind} must have {_DETAILS[kind]} and no other details")


OPERATIONS: dict[str, Operation] = {
    "CreateWorkflow": create_workflow,
    "DescribeWorkflow": describe_workflow,
    "DeleteWorkflow": delete_workflow,
    "ListWorkflows": list_workflows,
    "SendWorkflowStepState": send_workflow_step_state,
}
