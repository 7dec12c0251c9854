"""Sample values for any shape, and botocore's client as the other end of the wire."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.awsrequest import HeadersDict, create_request_object, prepare_request_dict
from botocore.model import ListShape, MapShape, OperationModel, Shape, StringShape, StructureShape
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from opentrail.wire.http import Headers, Request, Response
from opentrail.wire.models import Operation

MAX_DEPTH = 6
"""Levels of structures that a sample has at the most; recursive shapes end there."""

BODY_TEXT = "a<b>&\"'é☃ \\ +%2F\n;=/"
PLAIN_TEXT = "plain-text"
WHOLE = datetime(2024, 2, 29, 23, 59, 58, tzinfo=UTC)
MILLIS = datetime(2026, 1, 5, 10, 11, 12, 345000, tzinfo=UTC)


class Samples:
    """Makes values that fill every member of a shape, or (`required`) only those it must have; always the same for the same shape.

    `tricky` texts and blobs hold what has to be escaped somewhere.
    """

    def __init__(self, *, tricky: bool = True, required: bool = False) -> None:
        self._tricky = tricky
        self._required = required

    def structure(self, shape: StructureShape, depth: int = 0) -> dict[str, Any]:
        """Every member that can be given; of a union the first."""
        members: dict[str, Any] = {}
        for name, member in shape.members.items():
            if member.serialization.get("eventstream") or (self._required and name not in shape.required_members):
                continue
            value = self.bound(member) if "location" in member.serialization else self.value(member, depth + 1)
            if value is not None:
                members[name] = value
                if shape.is_tagged_union:
                    break
        return members

    def bound(self, shape: Shape) -> Any:
        """A value that can stand where `shape` is bound: headers hold plain text, a status code is one, a length is left out."""
        traits = shape.serialization
        location = traits["location"]
        if location == "statusCode":
            return 202
        if location == "header" and str(traits.get("name", "")).lower() == "content-length":
            return None
        if location in ("header", "headers"):
            return Samples(tricky=False).value(shape, 0)
        return self.value(shape, 0)

    def value(self, shape: Shape, depth: int) -> Any:
        """A value of `shape`; None where recursion has gone deep enough."""
        traits = shape.serialization
        if isinstance(shape, StructureShape):
            if shape.is_document_type:
                return {"any": ["thing", 1, 2.5, True, None, {"é": "☃"}]}
            if depth > MAX_DEPTH:
                return None
            return self.structure(shape, depth) or (None if shape.members and not self._required else {})
        if isinstance(shape, ListShape):
            item = self.value(shape.member, depth + 1)
            return None if item is None else [item, item]
        if isinstance(shape, MapShape):
            item = self.value(shape.value, depth + 1)
            if item is None:
                return None
            keys = shape.key.enum[:2] if isinstance(shape.key, StringShape) and shape.key.enum else ["key-1", "key-2"]
            return dict.fromkeys(keys, item)
        if traits.get("jsonvalue") and traits.get("location") == "header":
            return {"json": ["é", 1]}
        return self.scalar(shape)

    def scalar(self, shape: Shape) -> Any:
        kind = shape.type_name
        if kind == "boolean":
            return True
        if kind == "integer":
            return 2_147_483_647
        if kind == "long":
            return -9_007_199_254_740_993 if self._tricky else 4
        if kind in ("float", "double"):
            return 0.5 if kind == "float" else 1234.0625
        if kind == "timestamp":
            style = shape.serialization.get("timestampFormat", "").lower()
            in_header = shape.serialization.get("location") == "header"
            return WHOLE if style == "rfc822" or in_header else MILLIS
        if kind == "blob":
            return bytes(range(256)) if self._tricky else b"blob"
        if isinstance(shape, StringShape) and shape.enum:
            return shape.enum[-1]
        return BODY_TEXT if self._tricky and not shape.serialization.get("hostLabel") else PLAIN_TEXT


def client_request(
    operation: OperationModel,
    protocol: str,
    parameters: Mapping[str, Any],
    *,
    endpoint: str = "http://localhost:4747",
    user_agent: str = "opentrail-tests",
) -> Request:
    """The HTTP request that botocore's client would send (without a signature)."""
    serializer = create_serializer(protocol, include_validation=False)
    made = serializer.serialize_to_request(dict(parameters), operation)
    made.pop("host_prefix", None)
    prepare_request_dict(made, endpoint, user_agent=user_agent)
    made["context"] = {}
    prepared = create_request_object(made).prepare()
    path, _, query = prepared.url.removeprefix(endpoint).partition("?")
    headers = [(name, value.decode("latin-1") if isinstance(value, bytes) else str(value)) for name, value in prepared.headers.items()]
    headers.append(("Host", endpoint.removeprefix("http://")))
    body = prepared.body or b""
    if isinstance(body, io.IOBase):
        body = body.read()
    body = body if isinstance(body, bytes) else body.encode()
    return Request(method=prepared.method, path=path or "/", query=query, headers=Headers(headers), body=body)


def client_result(operation: Operation, response: Response, *, shape: Shape | None = None) -> dict[str, Any]:
    """What botocore's client reads from a response. A streamed payload is handed over as bytes."""
    assert isinstance(response.body, bytes)
    output = shape or operation.model.output_shape
    headers = HeadersDict(dict(response.headers))
    payload = output.serialization.get("payload") if output is not None else None
    raw = payload is not None and output.members[payload].type_name == "blob"
    body: Any = io.BytesIO(response.body) if raw and response.status < 301 else response.body
    answer = {"status_code": response.status, "headers": headers, "body": body}
    found: dict[str, Any] = create_parser(operation.service.protocol).parse(answer, output)
    if raw and payload in found:
        found[payload] = found[payload].read()
    return found


def differences(wanted: Any, found: Any, path: str = "") -> Iterator[str]:
    """Where two results differ, one line each."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key in sorted({*wanted, *found}, key=str):
            if key not in found:
                yield f"{path}.{key}: missing, wanted {wanted[key]!r:.80}"
            elif key not in wanted:
                yield f"{path}.{key}: not wanted, found {found[key]!r:.80}"
            else:
                yield from differences(wanted[key], found[key], f"{path}.{key}")
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for index, (one, other) in enumerate(zip(wanted, found, strict=True)):
            yield from differences(one, other, f"{path}[{index}]")
    elif wanted != found or (isinstance(wanted, bool) != isinstance(found, bool)):
        yield f"{path}: {wanted!r:.80} became {found!r:.80}"


def without_empty(value: Any) -> Any:
    """`value` without structures that have no members, and without what consists of nothing else."""
    if isinstance(value, dict):
        kept = {key: without_empty(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in ({}, [])}
    if isinstance(value, list):
        items = [without_empty(item) for item in value]
        return [item for item in items if item not in ({}, [])]
    return value
