# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only module that touches ministack, whose inner names are no interface and may go with any release.

Every name is in NAMES; `load` finds all of them at start or says which are missing.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import re
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import MutableMapping
from typing import Any

from lab.emulator.front import Application
from lab.errors import LabError

FITTING_VERSION = "1.5.33"

Record = dict[str, Any]
Handler = dict[str, Any]
# What ministack's handlers take and give: query parameters as parse_qs makes them; status, headers, body.
WireParameters = dict[str, list[str]]
WireResponse = tuple[int, dict[str, str], bytes]
Action = Callable[[WireParameters], WireResponse]

_APP = "ministack.app"
_PROVISIONERS = "ministack.services.cloudformation.provisioners"
_STACKS = "ministack.services.cloudformation.stacks"
_EC2 = "ministack.services.ec2"
_EFS = "ministack.services.efs"
_LAMBDA = "ministack.services.lambda_svc"
_RUNTIME = "ministack.core.lambda_runtime"
_ROUTE53 = "ministack.services.route53"
_S3 = "ministack.services.s3"

NAMES: dict[str, tuple[str, ...]] = {
    _APP: ("app",),
    _PROVISIONERS: ("_RESOURCE_HANDLERS", "_REPLACING_PROPERTIES", "_STACK_TAG_PROPERTY"),
    _STACKS: ("_runs_on_worker_thread",),
    _EC2: (
        *("_ACTION_MAP", "_vpc_endpoints", "_subnets", "_security_groups"),
        *("_tags", "_parse_filters", "_resource_matches_tag_filters"),
    ),
    _EFS: ("_access_points", "_mount_targets", "_create_file_system", "_delete_file_system"),
    _LAMBDA: ("_update_config", "_put_function_concurrency", "_delete_function_concurrency", "invalidate_worker"),
    _RUNTIME: ("Worker", "_worker_class_for", "_PYTHON_WORKER_SCRIPT"),
    _ROUTE53: ("_zones",),
    _S3: ("_put_object_tagging", "_delete_object_tagging", "_fire_s3_event_async", "_buckets"),
}


class ServiceError(Exception):
    """An AWS error that one of ministack's services answered."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{message} (Error Code: {code})")
        self.code = code


def load(names: Mapping[str, tuple[str, ...]] = NAMES) -> None:
    """Import everything and check that each name exists."""
    missing = []
    for module, members in names.items():
        try:
            loaded = importlib.import_module(module)
        except ImportError:
            missing.append(module)
            continue
        missing += [f"{module}.{member}" for member in members if not hasattr(loaded, member)]
    if missing:
        raise LabError(
            f"ministack {_version()} does not have what the lab builds on: {', '.join(missing)}. "
            f"The version that fits is {FITTING_VERSION}: pip install ministack=={FITTING_VERSION}"
        )


def application() -> Application:
    found: Application = _get(_APP, "app")
    return found


# CloudFormation


def resource_handlers() -> dict[str, Handler]:
    """Resource type → functions `create(logical_id, properties, stack_name)`, `update`, `delete`."""
    found: dict[str, Handler] = _get(_PROVISIONERS, "_RESOURCE_HANDLERS")
    return found


def replacing_properties() -> dict[str, tuple[str, ...]]:
    """Resource type → the properties whose change makes a new resource ("Update requires: Replacement")."""
    found: dict[str, tuple[str, ...]] = _get(_PROVISIONERS, "_REPLACING_PROPERTIES")
    return found


def tag_properties() -> dict[str, tuple[str, str]]:
    """Resource type → the property that stack tags are added to, and its form."""
    found: dict[str, tuple[str, str]] = _get(_PROVISIONERS, "_STACK_TAG_PROPERTY")
    return found


def provision_on_thread(resource_types: set[str]) -> None:
    """Run these types' handlers off the event loop, so that they may wait for something."""
    original: Callable[[str], bool] = _get(_STACKS, "_runs_on_worker_thread")
    _set(_STACKS, "_runs_on_worker_thread", lambda kind: kind in resource_types or original(kind))


# EC2


def ec2_actions() -> dict[str, Action]:
    found: dict[str, Action] = _get(_EC2, "_ACTION_MAP")
    return found


def call_ec2(action: str, parameters: Mapping[str, str]) -> bytes:
    """Call an operation of EC2; the answer is its XML."""
    status, _, body = ec2_actions()[action]({name: [value] for name, value in parameters.items()})
    if status >= 400:
        code = re.search(rb"<Code>(.*?)</Code>", body, re.DOTALL)
        message = re.search(rb"<Message>(.*?)</Message>", body, re.DOTALL)
        raise ServiceError(*((found.group(1).decode() if found else "") for found in (code, message)))
    return body


def authorize_security_group(direction: str, parameters: Mapping[str, str]) -> str:
    """AuthorizeSecurityGroupIngress or …Egress; returns the rule's id."""
    body = call_ec2(f"AuthorizeSecurityGroup{direction}", parameters)
    found = re.search(rb"<securityGroupRuleId>(.*?)</securityGroupRuleId>", body)
    assert found is not None
    return found.group(1).decode()


def vpc_endpoints() -> MutableMapping[str, Record]:
    found: MutableMapping[str, Record] = _get(_EC2, "_vpc_endpoints")
    return found


def subnets() -> MutableMapping[str, Record]:
    found: MutableMapping[str, Record] = _get(_EC2, "_subnets")
    return found


def security_groups() -> MutableMapping[str, Record]:
    found: MutableMapping[str, Record] = _get(_EC2, "_security_groups")
    return found


def ec2_tags() -> MutableMapping[str, list[dict[str, str]]]:
    found: MutableMapping[str, list[dict[str, str]]] = _get(_EC2, "_tags")
    return found


def ec2_filters(parameters: WireParameters) -> dict[str, list[str]]:
    found: dict[str, list[str]] = _get(_EC2, "_parse_filters")(parameters)
    return found


def matches_tag_filters(resource_id: str, filters: dict[str, list[str]]) -> bool:
    return bool(_get(_EC2, "_resource_matches_tag_filters")(resource_id, filters))


# EFS and Route 53


def observe_file_systems(created: Callable[[str], None], deleted: Callable[[str], None]) -> None:
    """Call these with the file system's id after CreateFileSystem and DeleteFileSystem."""
    create: Callable[[Record], WireResponse] = _get(_EFS, "_create_file_system")
    delete: Callable[[str], WireResponse] = _get(_EFS, "_delete_file_system")

    def observed_create(body: Record) -> WireResponse:
        response = create(body)
        if response[0] < 400:
            created(str(json.loads(response[2])["FileSystemId"]))
        return response

    def observed_delete(file_system_id: str) -> WireResponse:
        response = delete(file_system_id)
        if response[0] < 400:
            deleted(file_system_id)
        return response

    _set(_EFS, "_create_file_system", observed_create)
    _set(_EFS, "_delete_file_system", observed_delete)


def access_points() -> MutableMapping[str, Record]:
    found: MutableMapping[str, Record] = _get(_EFS, "_access_points")
    return found


def mount_targets() -> MutableMapping[str, Record]:
    found: MutableMapping[str, Record] = _get(_EFS, "_mount_targets")
    return found


def hosted_zones() -> MutableMapping[str, Record]:
    found: MutableMapping[str, Record] = _get(_ROUTE53, "_zones")
    return found


# S3


def announce_object_tags() -> None:
    """Send the events s3:ObjectTagging:Put and :Delete, which ministack takes for a notification but never sends."""
    fire: Callable[..., None] = _get(_S3, "_fire_s3_event_async")

    def announced(operation: Callable[..., WireResponse], event: str) -> Callable[..., WireResponse]:
        def run(bucket: str, key: str, *rest: Any) -> WireResponse:
            response = operation(bucket, key, *rest)
            if response[0] < 400:
                stored: Record = _get(_S3, "_buckets")[bucket]["objects"][key]
                version = response[1].get("x-amz-version-id")
                fire(bucket, key, event, size=stored.get("size", 0), etag=stored.get("etag", ""), version_id=version)
            return response

        return run

    put, delete = _get(_S3, "_put_object_tagging"), _get(_S3, "_delete_object_tagging")
    _set(_S3, "_put_object_tagging", announced(put, "s3:ObjectTagging:Put"))
    _set(_S3, "_delete_object_tagging", announced(delete, "s3:ObjectTagging:Delete"))


# Lambda


def configure_function(name: str, settings: Record) -> None:
    """UpdateFunctionConfiguration."""
    _raise_for_json_error(_get(_LAMBDA, "_update_config")(name, settings))


def reserve_concurrency(name: str, executions: int | None) -> None:
    """PutFunctionConcurrency, or DeleteFunctionConcurrency for None."""
    if executions is None:
        _raise_for_json_error(_get(_LAMBDA, "_delete_function_concurrency")(name))
    else:
        put = _get(_LAMBDA, "_put_function_concurrency")
        _raise_for_json_error(put(name, {"ReservedConcurrentExecutions": executions}))


def end_workers(name: str) -> None:
    """End a function's processes, as is right for one that is deleted."""
    _get(_LAMBDA, "invalidate_worker")(name)


def prepare_workers(prepare: Callable[[Record], Record], prelude: str) -> None:
    """Have `prepare` change a function's configuration before its worker starts, and the worker run `prelude` first."""
    worker_class: Any = _get(_RUNTIME, "Worker")
    choose: Callable[[Record], Any] = _get(_RUNTIME, "_worker_class_for")

    class PreparedWorker(worker_class):  # type: ignore[misc]
        """ministack's worker with another configuration while it spawns."""

        config: Record

        def _spawn(self) -> None:
            configuration = self.config
            self.config = prepare(configuration)
            try:
                super()._spawn()
            finally:
                self.config = configuration

    def choose_prepared(config: Record) -> Any:
        chosen = choose(config)
        return PreparedWorker if chosen is worker_class else chosen

    _set(_RUNTIME, "_worker_class_for", choose_prepared)
    _set(_RUNTIME, "_PYTHON_WORKER_SCRIPT", prelude + _get(_RUNTIME, "_PYTHON_WORKER_SCRIPT"))


def _get(module: str, name: str) -> Any:
    assert name in NAMES[module], f"{module}.{name} is missing in NAMES"
    return getattr(importlib.import_module(module), name)


def _set(module: str, name: str, value: Any) -> None:
    assert name in NAMES[module], f"{module}.{name} is missing in NAMES"
    setattr(importlib.import_module(module), name, value)


def _raise_for_json_error(response: WireResponse) -> None:
    status, _, body = response
    if status >= 400:
        content = json.loads(body or b"{}")
        raise ServiceError(str(content.get("__type", status)), str(content.get("message", content.get("Message", ""))))


def _version() -> str:
    try:
        return importlib.metadata.version("ministack")
    except importlib.metadata.PackageNotFoundError:
        return "(not installed)"
