"""EC2's two ways of printing, read the other way (see `opentrail.recorder.ec2`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.model import ListShape, OperationModel, Shape, StructureShape

from fidelity.inverse import PLACEHOLDER, Turned, scalar
from opentrail.recorder import ec2, ec2_names, xml

PRINTED_ANYWAY = {"attributeType", "tags"}
PLACES = {"availabilityZone", "groupName", "tenancy", "hostId", "affinity", "partitionNumber", "spreadDomain"}
"""RunInstances prints its placement beside the other parameters."""


def turned(operation: OperationModel, printed: Mapping[str, Any] | None) -> Turned:
    """The parameters of a call of EC2 whose record says `printed`."""
    result = Turned()
    shape = operation.input_shape
    if shape is None or not printed:
        return result
    if operation.name not in ec2_names.SOAP_AGE:
        inside = printed.get(f"{operation.name}Request")
        result.parameters = _young(shape, inside, result.unknown) if isinstance(inside, Mapping) else {}
        return result
    rest = dict(printed)
    special: dict[str, Any] = {}
    if operation.name == "RunInstances":
        special = _instances(rest)
    elif operation.name in ("ModifyImageAttribute", "ModifySnapshotAttribute"):
        special = _permission(rest)
    elif operation.name == "DescribeVpcAttribute":
        special = {"Attribute": "enableDnsSupport"}
    unrenamed = {name: original for original, name in ec2_names.RENAMED.get(operation.name, {}).items()}
    rest = {unrenamed.get(name, name): value for name, value in rest.items()}
    result.parameters = {**special, **_old(shape, rest, ec2.Sets(operation.name), result.unknown)}
    return result


def _instances(rest: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    items = (rest.pop("instancesSet", {}) or {}).get("items", [])
    for name, value in (items[0] if items else {}).items():
        found[name[:1].upper() + name[1:]] = value
    place = {name[:1].upper() + name[1:]: rest.pop(name) for name in PLACES if name in rest}
    return {**found, **({"Placement": place} if place else {})}


def _permission(rest: dict[str, Any]) -> dict[str, Any]:
    """Whom an image or a snapshot is shared with: said in the younger of the two ways that print the same."""
    rest.pop("attributeType", None)
    for name, member, attribute in (
        ("launchPermission", "LaunchPermission", "launchPermission"),
        ("createVolumePermission", "CreateVolumePermission", "createVolumePermission"),
    ):
        if name in rest:
            told = {}
            for deed, said in rest.pop(name).items():
                told[deed.capitalize()] = [
                    {"UserId" if "userId" in one else "Group": one.get("userId") or one.get("group")} for one in said.get("items", [])
                ]
            return {member: told, "Attribute": attribute}
    return {}


def _old(shape: StructureShape, printed: Mapping[str, Any], sets: ec2.Sets, unknown: list[str]) -> dict[str, Any]:
    lists: dict[str, list[tuple[str, str, ListShape]]] = {}
    others: dict[str, tuple[str, Shape]] = {}
    for member, inner in shape.members.items():
        if isinstance(inner, ListShape):
            name, content = ec2.set_name(member, inner, sets.names)
            lists.setdefault(name, []).append((member, content, inner))
        else:
            others[ec2.soap_name(member, inner)] = (member, inner)
    found: dict[str, Any] = {}
    for name, value in printed.items():
        if name in others:
            member, inner = others[name]
            if isinstance(inner, StructureShape):
                found[member] = _old(inner, value, sets, unknown) if isinstance(value, Mapping) else {"Value": PLACEHOLDER}
            else:
                found[member] = scalar(inner, value)
        elif name in lists or (name == "tags" and "tagSet" in lists):
            candidates = lists.get(name) or lists["tagSet"]
            items = (
                value if isinstance(value, list) else value.get("items") or value.get("item") or [] if isinstance(value, Mapping) else []
            )
            for item in items:
                member, content, inner = _of_item(candidates, item)
                made = (
                    _old(inner.member, item, sets, unknown)
                    if isinstance(inner.member, StructureShape)
                    else scalar(inner.member, item[content])
                )
                found.setdefault(member, []).append(made)
        elif name not in PRINTED_ANYWAY:
            unknown.append(name)
    return found


def _of_item(candidates: list[tuple[str, str, ListShape]], item: Mapping[str, Any]) -> tuple[str, str, ListShape]:
    """Of the members that are printed as one set, the one that this item belongs to."""
    for candidate in candidates:
        if candidate[1] in item or (not candidate[1] and isinstance(candidate[2].member, StructureShape)):
            return candidate
    member, content, inner = candidates[0]
    return member, content if content in item else next(iter(item)), inner


def _young(shape: StructureShape, printed: Mapping[str, Any], unknown: list[str]) -> dict[str, Any]:
    members = {xml.query_name(member, inner): (member, inner) for member, inner in shape.members.items()}
    found: dict[str, Any] = {}
    for name, value in printed.items():
        if name == "tag":
            continue
        known = members.get(name)
        if known is None:
            unknown.append(name)
            continue
        member, inner = known
        found[member] = _young_value(inner, value, unknown)
    return found


def _young_value(shape: Shape, value: Any, unknown: list[str]) -> Any:
    if isinstance(shape, StructureShape):
        return _young(shape, value, unknown) if isinstance(value, Mapping) else {}
    if not isinstance(shape, ListShape):
        return scalar(shape, value)
    items = value if isinstance(value, list) else [value] if value != "" else []
    return [
        _young(shape.member, item, unknown) if isinstance(shape.member, StructureShape) else scalar(shape.member, item["content"])
        for item in items
        if isinstance(item, Mapping)
    ]
