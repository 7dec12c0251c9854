"""The REST protocols' bindings: parameters in path labels, query, headers and the payload."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import orjson
from botocore.model import ListShape, MapShape, Shape, StructureShape

from opentrail.wire import form, parse_values, parse_xml
from opentrail.wire.http import Headers
from opentrail.wire.malformed import Malformed
from opentrail.wire.models import Operation
from opentrail.wire.scalars import Reader, json_reader, text_reader

Bound = tuple[str, Reader]
_QUOTED = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^,]*))\s*(?:,|$)')

Fields = Sequence[tuple[str, str]]
RestReader = Callable[[dict[str, str], Fields, Headers, bytes], dict[str, Any]]


def compile_rest(operation: Operation) -> RestReader:
    """The reader of one operation's requests: labels, query fields, headers, body → parameters."""
    shape = operation.model.input_shape
    if not isinstance(shape, StructureShape):
        return lambda labels, fields, headers, body: {}
    labels: dict[str, Bound] = {}
    query: dict[str, Bound] = {}
    headers: dict[str, Bound] = {}
    rest_of_query: list[tuple[str, bool]] = []
    prefixes: list[tuple[str, str]] = []
    for name, member in shape.members.items():
        traits = member.serialization
        location, wire = traits.get("location"), str(traits.get("name", name))
        if location == "uri":
            labels[wire] = (name, text_reader(member, timestamp_format="iso8601"))
        elif location == "querystring" and isinstance(member, MapShape):
            rest_of_query.append((name, isinstance(member.value, ListShape)))
        elif location == "querystring":
            query[wire] = (name, _query_reader(member))
        elif location == "header":
            headers[wire.lower()] = (name, _header_reader(member))
        elif location == "headers":
            prefixes.append((name, str(traits.get("name", "")).lower()))
    constant = {name for name, _ in form.fields(operation.model.http.get("requestUri", "").partition("?")[2])}
    read_body = _body(operation, shape)

    def read(found_labels: dict[str, str], fields: Fields, lines: Headers, body: bytes) -> dict[str, Any]:
        parameters: dict[str, Any] = {}
        try:
            for wire, text in found_labels.items():
                bound = labels.get(wire)
                if bound is not None:
                    parameters[bound[0]] = bound[1](text)
            if fields:
                _read_query(parameters, [one for one in fields if one[0] not in constant] if constant else fields, query, rest_of_query)
            for wire, (name, reader) in headers.items():
                value = lines.get(wire)
                if value is not None:
                    parameters[name] = reader(lines.getall(wire))
            for name, prefix in prefixes:
                found = {key[len(prefix) :]: value for key, value in lines if key.startswith(prefix) and len(key) > len(prefix)}
                if found:
                    parameters[name] = found
        except Malformed as error:
            error.place = "binding"
            raise
        if read_body is not None and body:
            read_body(parameters, body)
        return parameters

    return read


def _read_query(parameters: dict[str, Any], fields: Fields, query: dict[str, Bound], rest: list[tuple[str, bool]]) -> None:
    grouped: dict[str, list[str]] = {}
    for wire, value in fields:
        grouped.setdefault(wire, []).append(value)
    for wire, values in grouped.items():
        bound = query.get(wire)
        if bound is not None:
            parameters[bound[0]] = bound[1](values)
    for name, lists in rest:
        left = {wire: values if lists else values[0] for wire, values in grouped.items() if wire not in query}
        if left:
            parameters[name] = left


def _query_reader(shape: Shape) -> Reader:
    if isinstance(shape, ListShape):
        member = text_reader(shape.member, timestamp_format="iso8601")
        return lambda values: [member(value) for value in values]
    read = text_reader(shape, timestamp_format="iso8601")
    return lambda values: read(values[0])


def _header_reader(shape: Shape) -> Reader:
    if shape.serialization.get("jsonvalue"):
        return lambda lines: _json_header(lines[0])
    if isinstance(shape, ListShape):
        member = text_reader(shape.member, timestamp_format="rfc822")
        dates = shape.member.type_name == "timestamp" and shape.member.serialization.get("timestampFormat", "rfc822").lower() == "rfc822"
        split = _split_dates if dates else split_header
        return lambda lines: [member(item) for item in split(", ".join(lines))]
    read = text_reader(shape, timestamp_format="rfc822")
    return lambda lines: read(lines[0])


def split_header(text: str) -> list[str]:
    """The items of a comma-separated header; an item in double quotes may hold commas and escaped quotes."""
    if not text:
        return []
    if '"' not in text:
        return [item.strip() for item in text.split(",")]
    items = []
    at = 0
    while at <= len(text):
        matched = _QUOTED.match(text, at)
        if matched is None or (matched.end() == at and at < len(text)):
            raise Malformed("A header cannot be read as a list")
        quoted, plain = matched.groups()
        items.append(re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain.strip())
        if not matched[0].endswith(","):
            break
        at = matched.end()
    return items


def _split_dates(text: str) -> list[str]:
    parts = [part.strip() for part in text.split(",")]
    if len(parts) % 2:
        raise Malformed("A header cannot be read as a list of dates")
    return [f"{day}, {rest}" for day, rest in zip(parts[::2], parts[1::2], strict=True)]


def _json_header(text: str) -> Any:
    try:
        return orjson.loads(base64.b64decode(text, validate=True))
    except ValueError:
        raise Malformed("A header is not Base64 of valid JSON") from None


def _body(operation: Operation, shape: StructureShape) -> Callable[[dict[str, Any], bytes], None] | None:
    """What fills `parameters` from a body that is not empty; None where no member comes from the body or it is streamed."""
    if operation.streaming_input:
        return None
    payload = shape.serialization.get("payload")
    if payload is not None:
        return _payload(operation, payload, shape.members[payload])
    unbound = [name for name, member in shape.members.items() if "location" not in member.serialization]
    if not unbound:
        return None
    if operation.service.protocol == "rest-xml":
        read = parse_xml.body_reader(shape, operation.service.readers, root=shape.serialization.get("name"))
    else:
        read = _json_members(operation, shape, unbound)
    return lambda parameters, body: parameters.update(read(body))


def _json_members(operation: Operation, shape: StructureShape, names: Iterable[str]) -> Callable[[bytes], dict[str, Any]]:
    readers = parse_values.ValueReaders(operation.service.readers, json_reader)
    members = {shape.members[name].serialization.get("name", name): (name, readers.reader(shape.members[name])) for name in names}
    read = parse_values.structure(members)
    deep = parse_values.unbounded(shape)

    def from_json(body: bytes) -> dict[str, Any]:
        found: dict[str, Any] = read(parse_values.load_json(body, deep=deep))
        return found

    return from_json


def _payload(operation: Operation, name: str, shape: Shape) -> Callable[[dict[str, Any], bytes], None]:
    read: Callable[[bytes], Any]
    if shape.type_name == "blob":
        read = bytes
    elif shape.type_name == "string":
        read = _text
    elif operation.service.protocol == "rest-xml" and isinstance(shape, StructureShape):
        read = parse_xml.body_reader(shape, operation.service.readers, root=shape.serialization.get("name", shape.name))
    else:
        reader = parse_values.ValueReaders(operation.service.readers, json_reader).reader(shape)
        deep = parse_values.unbounded(shape)

        def read(body: bytes) -> Any:
            return reader(parse_values.load_json(body, deep=deep))

    def fill(parameters: dict[str, Any], body: bytes) -> None:
        parameters[name] = read(body)

    return fill


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("The body is not valid UTF-8", "body") from None
