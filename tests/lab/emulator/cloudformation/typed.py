# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties in the types of the API: what a parameter gives is text in CloudFormation, a number for a service."""

from __future__ import annotations

import functools
import json
from typing import Any

import botocore.loaders
import botocore.model


def typed(service: str, operation: str, properties: dict[str, Any]) -> dict[str, Any]:
    """The properties, each of the type that the operation's input has for the member of that name."""
    found: dict[str, Any] = _typed(input_shape(service, operation), properties)
    return found


@functools.cache
def input_shape(service: str, operation: str) -> botocore.model.StructureShape:
    model = botocore.model.ServiceModel(botocore.loaders.Loader().load_service_model(service, "service-2"))
    shape = model.operation_model(operation).input_shape
    assert isinstance(shape, botocore.model.StructureShape)
    return shape


def _typed(shape: botocore.model.Shape, value: Any) -> Any:
    if isinstance(shape, botocore.model.StructureShape) and isinstance(value, dict):
        members = shape.members
        return {name: _typed(members[name], item) if name in members else item for name, item in value.items()}
    if isinstance(shape, botocore.model.ListShape) and isinstance(value, list):
        return [_typed(shape.member, item) for item in value]
    if isinstance(shape, botocore.model.MapShape) and isinstance(value, dict):
        return {name: _typed(shape.value, item) for name, item in value.items()}
    if shape.type_name in ("integer", "long") and isinstance(value, str) and value.lstrip("-").isdigit():
        return int(value)
    if shape.type_name == "boolean" and value in ("true", "false"):
        return value == "true"
    if shape.type_name == "string" and isinstance(value, int):
        return json.dumps(value)
    return value
