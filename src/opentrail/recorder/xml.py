"""Parameters printed as the XML they were, turned into JSON: S3's bodies and EC2's younger operations.

    <Tagging xmlns="…"><TagSet><Tag><Key>a</Key><Value>true</Value></Tag></TagSet></Tagging>
    → {"Tagging": {"xmlns": "…", "TagSet": {"Tag": {"Key": "a", "Value": true}}}}

One element is its value, several of one name are a list, an empty one is `""`, and text that looks like a number or a truth value
becomes one: the rules of the common Java converter, as seen in delivered files. The XML itself is not needed; it is rebuilt from the
parsed parameters and the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from opentrail.recorder import secrets
from opentrail.recorder.printing import from_xml, xml_instant


def element(service: str, shape: Shape, value: Any) -> Any:
    """The content of one element of `shape` holding `value`."""
    if isinstance(shape, StructureShape):
        return structure(service, shape, value) or "" if isinstance(value, Mapping) else from_xml(value)
    if isinstance(shape, ListShape):
        items = _items(service, shape, value)
        name = shape.member.serialization.get("name", "member")
        return {name: _one_or_many(items)} if items else ""
    if isinstance(shape, MapShape):
        return [{"key": key, "value": element(service, shape.value, item)} for key, item in dict(value).items()]
    if shape.type_name == "timestamp":
        return xml_instant(value)
    return from_xml(value)


def structure(service: str, shape: StructureShape, value: Mapping[str, Any]) -> dict[str, Any]:
    """The children of an element that is a structure, by their names on the wire."""
    printed: dict[str, Any] = {}
    for member, item in value.items():
        inner = shape.members.get(member)
        if inner is None or item is None or inner.type_name == "blob":
            continue
        instead = secrets.treatment(service, shape.name, member, inner)
        if instead == secrets.OMITTED:
            continue
        name = inner.serialization.get("name", member)
        if instead is not None:
            printed[name] = instead
        elif isinstance(inner, ListShape) and inner.serialization.get("flattened"):
            items = _items(service, inner, item)
            if items:
                printed[inner.member.serialization.get("name", name)] = _one_or_many(items)
        else:
            printed[name] = element(service, inner, item)
    namespace = shape.serialization.get("xmlNamespace")
    if namespace and printed:
        prefix = namespace.get("prefix")
        return {f"xmlns:{prefix}" if prefix else "xmlns": namespace["uri"], **printed}
    return printed


def _items(service: str, shape: ListShape, value: Any) -> list[Any]:
    if not isinstance(value, list | tuple):
        return []
    if secrets.sensitive(shape.member):
        return [secrets.marker(service)] * len(value)
    return [element(service, shape.member, item) for item in value]


def _one_or_many(items: list[Any]) -> Any:
    return items[0] if len(items) == 1 else items


def query_parameters(service: str, shape: StructureShape, value: Mapping[str, Any]) -> dict[str, Any]:
    """EC2's request elements: names as on the wire, items of lists numbered by `tag`, bare ones with their `content`."""
    printed: dict[str, Any] = {}
    for member, item in value.items():
        inner = shape.members.get(member)
        if inner is None or item is None or inner.type_name == "blob":
            continue
        instead = secrets.treatment(service, shape.name, member, inner)
        if instead == secrets.OMITTED:
            continue
        printed[query_name(member, inner)] = instead if instead is not None else _query_value(service, inner, item)
    return printed


def query_name(member: str, shape: Shape) -> str:
    """The name of an EC2 query parameter, as clients make it: `queryName`, or the location name with its first letter raised."""
    if "queryName" in shape.serialization:
        return str(shape.serialization["queryName"])
    name = str(shape.serialization.get("name", member))
    return name[:1].upper() + name[1:]


def _query_value(service: str, shape: Shape, value: Any) -> Any:
    if isinstance(shape, StructureShape):
        return query_parameters(service, shape, value) if isinstance(value, Mapping) else value
    if isinstance(shape, ListShape):
        items: list[Any] = []
        for number, item in enumerate(value if isinstance(value, list | tuple) else (), 1):
            if isinstance(shape.member, StructureShape) and isinstance(item, Mapping):
                items.append({**query_parameters(service, shape.member, item), "tag": number})
            elif shape.member.type_name == "timestamp":
                items.append({"tag": number, "content": xml_instant(item)})
            else:
                items.append({"tag": number, "content": from_xml(item)})
        return _one_or_many(items) if items else ""
    return xml_instant(value) if shape.type_name == "timestamp" else from_xml(value)
