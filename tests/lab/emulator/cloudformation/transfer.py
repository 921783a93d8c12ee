# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS::Transfer::Server, ::User and ::Workflow, made by calls of the Transfer service as CloudFormation makes them.

Reference: AWS CloudFormation template reference, AWS Transfer Family resource types (return values, update behaviour).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from typing import ClassVar
from typing import Protocol

from lab.emulator import ministack
from lab.emulator.cloudformation.typed import input_shape
from lab.emulator.cloudformation.typed import typed
from lab.emulator.ministack import Handler
from lab.emulator.ministack import Record
from lab.transfer.policies import DEFAULT_SECURITY_POLICY_OF_CLOUDFORMATION

SERVER = "AWS::Transfer::Server"
USER = "AWS::Transfer::User"
WORKFLOW = "AWS::Transfer::Workflow"

STATE_TIMEOUT_SECONDS = 60.0

Created = tuple[str, Record]


class Transfer(Protocol):
    """What is used of the Transfer service."""

    def call(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]: ...


def register(transfer: Transfer, is_not_found: Callable[[Exception], bool]) -> None:
    handlers: dict[str, type[_Type]] = {SERVER: _Server, USER: _User, WORKFLOW: _Workflow}
    for name, kind in handlers.items():
        resource = kind(transfer, is_not_found)
        ministack.resource_handlers()[name] = resource.handler()
        ministack.replacing_properties()[name] = kind.replacing
        ministack.tag_properties()[name] = ("Tags", "list")
    # A server is STARTING for a while, and CloudFormation waits.
    ministack.provision_on_thread(set(handlers))


class _Type:
    """What the three types share."""

    replacing: tuple[str, ...] = ()

    def __init__(self, transfer: Transfer, is_not_found: Callable[[Exception], bool]) -> None:
        self._call = transfer.call
        self._is_not_found = is_not_found

    def handler(self) -> Handler:
        return {"create": self.create, "update": self.update, "delete": self._delete_if_there}

    def create(self, logical_id: str, properties: Record, stack_name: str) -> Created:
        raise NotImplementedError

    def update(self, physical_id: str, old: Record, new: Record, stack_name: str) -> Created:
        raise NotImplementedError

    def delete(self, physical_id: str, properties: Record) -> None:
        raise NotImplementedError

    def _delete_if_there(self, physical_id: str, properties: Record) -> None:
        try:
            self.delete(physical_id, properties)
        except Exception as error:
            # Somebody may have deleted it by hand: for CloudFormation that is a deletion that succeeded.
            if not self._is_not_found(error):
                raise

    def _parameters(self, operation: str, properties: Record) -> Record:
        unknown = sorted(set(properties) - set(input_shape("transfer", operation).members))
        if unknown:
            raise ValueError(f"extraneous key [{unknown[0]}] is not permitted")
        parameters = typed("transfer", operation, properties)
        if "Tags" in parameters:
            # CloudFormation sets its aws: tags by a way of its own; the API takes them from nobody.
            parameters["Tags"] = [tag for tag in parameters["Tags"] if not tag["Key"].startswith("aws:")]
            if not parameters["Tags"]:
                del parameters["Tags"]
        return parameters

    def _update_tags(self, arn: str, old: Record, new: Record) -> None:
        before, after = _tags(old), _tags(new)
        removed = sorted(set(before) - set(after))
        if removed:
            self._call("UntagResource", {"Arn": arn, "TagKeys": removed})
        changed = [{"Key": key, "Value": value} for key, value in after.items() if before.get(key) != value]
        if changed:
            self._call("TagResource", {"Arn": arn, "Tags": changed})


class _Server(_Type):
    replacing = ("Domain", "IdentityProviderType")
    # What UpdateServer takes for "back to none" when a property leaves the template.
    _CLEARED: ClassVar[Record] = {
        "LoggingRole": "",
        "PostAuthenticationLoginBanner": "",
        "PreAuthenticationLoginBanner": "",
        "StructuredLogDestinations": [],
        "WorkflowDetails": {"OnUpload": [], "OnPartialUpload": []},
    }

    def create(self, logical_id: str, properties: Record, stack_name: str) -> Created:
        parameters = self._parameters("CreateServer", properties)
        # Not the API's own default (Transfer Family user guide, Security policies for Transfer Family servers).
        parameters.setdefault("SecurityPolicyName", DEFAULT_SECURITY_POLICY_OF_CLOUDFORMATION)
        server_id = self._call("CreateServer", parameters)["ServerId"]
        self._wait_for(server_id, "ONLINE")
        return self._described(server_id)

    def update(self, physical_id: str, old: Record, new: Record, stack_name: str) -> Created:
        server_id = _last(physical_id)
        changed = {name: value for name, value in new.items() if name != "Tags" and value != old.get(name)}
        changed |= {name: value for name, value in self._CLEARED.items() if name in old and name not in new}
        if "EndpointDetails" in changed:
            before = old.get("EndpointDetails") or {}
            details = {name: value for name, value in changed["EndpointDetails"].items() if value != before.get(name)}
            if "AddressAllocationIds" in before and "AddressAllocationIds" not in changed["EndpointDetails"]:
                details["AddressAllocationIds"] = []
            changed["EndpointDetails"] = details
        if changed:
            self._change(server_id, self._parameters("UpdateServer", changed))
        self._update_tags(physical_id, old, new)
        return self._described(server_id)

    def delete(self, physical_id: str, properties: Record) -> None:
        self._call("DeleteServer", {"ServerId": _last(physical_id)})

    def _change(self, server_id: str, parameters: Record) -> None:
        offline = {"EndpointType", "IpAddressType"} & set(parameters) or "AddressAllocationIds" in parameters.get(
            "EndpointDetails", {}
        )
        if offline:
            self._call("StopServer", {"ServerId": server_id})
            self._wait_for(server_id, "OFFLINE")
        try:
            self._call("UpdateServer", {"ServerId": server_id, **parameters})
        finally:
            if offline:
                self._call("StartServer", {"ServerId": server_id})
                self._wait_for(server_id, "ONLINE")

    def _wait_for(self, server_id: str, state: str) -> None:
        deadline = time.monotonic() + STATE_TIMEOUT_SECONDS
        while (current := self._server(server_id)["State"]) != state:
            if current.endswith("_FAILED") or time.monotonic() > deadline:
                raise ValueError(f"Server {server_id} did not stabilize: it is {current}, not {state}")
            time.sleep(0.05)

    def _server(self, server_id: str) -> Record:
        found: Record = self._call("DescribeServer", {"ServerId": server_id})["Server"]
        return found

    def _described(self, server_id: str) -> Created:
        server = self._server(server_id)
        arn = str(server["Arn"])
        return arn, {"Arn": arn, "ServerId": server_id, "State": server["State"]}


class _User(_Type):
    replacing = ("ServerId", "UserName")

    def create(self, logical_id: str, properties: Record, stack_name: str) -> Created:
        given = dict(properties)
        keys = given.pop("SshPublicKeys", None) or []
        parameters = self._parameters("CreateUser", given)
        self._call("CreateUser", parameters)
        identity = {name: parameters[name] for name in ("ServerId", "UserName")}
        for key in keys:
            self._call("ImportSshPublicKey", {**identity, "SshPublicKeyBody": key})
        return self._described(identity)

    def update(self, physical_id: str, old: Record, new: Record, stack_name: str) -> Created:
        identity = {name: new[name] for name in ("ServerId", "UserName")}
        skipped = ("Tags", "SshPublicKeys", *identity)
        changed = {name: value for name, value in new.items() if name not in skipped and value != old.get(name)}
        if "Policy" in old and "Policy" not in new:
            changed["Policy"] = ""
        if changed:
            self._call("UpdateUser", {**identity, **self._parameters("UpdateUser", changed)})
        self._update_keys(identity, new.get("SshPublicKeys") or [])
        self._update_tags(physical_id, old, new)
        return self._described(identity)

    def delete(self, physical_id: str, properties: Record) -> None:
        server_id, user_name = physical_id.split("/")[-2:]
        self._call("DeleteUser", {"ServerId": server_id, "UserName": user_name})

    def _update_keys(self, identity: Record, wanted: list[str]) -> None:
        present = self._call("DescribeUser", identity)["User"].get("SshPublicKeys", [])
        materials = {_material(key["SshPublicKeyBody"]) for key in present}
        for key in wanted:
            if _material(key) not in materials:
                self._call("ImportSshPublicKey", {**identity, "SshPublicKeyBody": key})
        kept = {_material(key) for key in wanted}
        for key in present:
            if _material(key["SshPublicKeyBody"]) not in kept:
                self._call("DeleteSshPublicKey", {**identity, "SshPublicKeyId": key["SshPublicKeyId"]})

    def _described(self, identity: Record) -> Created:
        arn = str(self._call("DescribeUser", identity)["User"]["Arn"])
        return arn, {"Arn": arn, **identity}


class _Workflow(_Type):
    replacing = ("Description", "OnExceptionSteps", "Steps")

    def create(self, logical_id: str, properties: Record, stack_name: str) -> Created:
        parameters = self._parameters("CreateWorkflow", properties)
        return self._described(self._call("CreateWorkflow", parameters)["WorkflowId"])

    def update(self, physical_id: str, old: Record, new: Record, stack_name: str) -> Created:
        created = self._described(physical_id)
        self._update_tags(created[1]["Arn"], old, new)
        return created

    def delete(self, physical_id: str, properties: Record) -> None:
        self._call("DeleteWorkflow", {"WorkflowId": physical_id})

    def _described(self, workflow_id: str) -> Created:
        arn = self._call("DescribeWorkflow", {"WorkflowId": workflow_id})["Workflow"]["Arn"]
        return workflow_id, {"Arn": arn, "WorkflowId": workflow_id}


def _tags(properties: Record) -> dict[str, str]:
    return {t["Key"]: str(t["Value"]) for t in properties.get("Tags") or [] if not t["Key"].startswith("aws:")}


def _material(key: str) -> str:
    return " ".join(key.split()[:2])


def _last(arn: str) -> str:
    return arn.rpartition("/")[2]
