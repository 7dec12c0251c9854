"""S3's and S3 Control's printed parameters, read the other way (see `opentrail.recorder.s3` and `.xml`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from fidelity.inverse import Turned, scalar
from opentrail.recorder import s3
from opentrail.recorder.spelling import lower_first

NOT_SENT = {"Host", "X-Amz-Date", "X-Amz-Algorithm", "X-Amz-Expires", "X-Amz-SignedHeaders"}


def turned(operation: OperationModel, printed: Mapping[str, Any] | None, account: str) -> Turned:
    """The parameters of a call of S3 or S3 Control whose record says `printed`; `account` is what S3 Control does not print."""
    result = Turned()
    shape = operation.input_shape
    if shape is None:
        return result
    names: dict[str, str] = {}
    for member, inner in shape.members.items():
        location = inner.serialization.get("location")
        if location == "uri":
            names[s3.LABELS.get(member, lower_first(member))] = member
        elif location in ("querystring", "header"):
            names[inner.serialization.get("name", member)] = member
    payload = shape.serialization.get("payload")
    static = s3.static_query(operation)
    for name, value in (printed or {}).items():
        if name in NOT_SENT or name in static:
            continue
        if name in names:
            result.parameters[names[name]] = scalar(shape.members[names[name]], value)
        elif (operation.name in s3.PARSED_BODIES) and name == s3.PARSED_BODIES[operation.name][1]:
            result.parameters[s3.PARSED_BODIES[operation.name][0]] = json.dumps(value)
        elif payload and name == shape.members[payload].serialization.get("name", shape.members[payload].name):
            result.parameters[payload] = _structure(shape.members[payload], value, result.unknown)
        elif name == shape.serialization.get("name"):
            result.parameters |= _structure(shape, value, result.unknown)
        else:
            result.unknown.append(name)
    if "AccountId" in shape.members:
        result.parameters["AccountId"] = account
    return result


def _structure(shape: Shape, printed: Any, unknown: list[str]) -> dict[str, Any]:
    assert isinstance(shape, StructureShape)
    members: dict[str, str] = {}
    for member, inner in shape.members.items():
        name = inner.serialization.get("name", member)
        if isinstance(inner, ListShape) and inner.serialization.get("flattened"):
            name = inner.member.serialization.get("name", name)
        members[name] = member
    found: dict[str, Any] = {}
    for name, value in printed.items() if isinstance(printed, Mapping) else ():
        if name.startswith("xmlns"):
            continue
        member = members.get(name)
        if member is None:
            unknown.append(name)
        else:
            found[member] = _value(shape.members[member], value, unknown)
    return found


def _value(shape: Shape, value: Any, unknown: list[str]) -> Any:
    if isinstance(shape, StructureShape):
        return _structure(shape, value, unknown)
    if isinstance(shape, ListShape):
        if not shape.serialization.get("flattened") and isinstance(value, Mapping):
            value = value.get(shape.member.serialization.get("name", "member"), [])
        items = value if isinstance(value, list) else [] if value == "" else [value]
        return [_value(shape.member, item, unknown) for item in items]
    if isinstance(shape, MapShape):
        return {entry["key"]: entry["value"] for entry in value}
    return scalar(shape, value)
