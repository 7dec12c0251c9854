"""Secrets in requests, found in botocore's models: what it marks `sensitive`, and members whose names speak of a secret.

The criteria are the tests' own, on purpose: they are not those of `opentrail.recorder.secrets`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape
from botocore.serialize import create_serializer
from botocore.utils import percent_encode_sequence

from opentrail.wire.http import Headers, Request

CANARY = "hush-4f1d9c-Canary"
SPEAKING = re.compile(
    r"(pass(word|phrase|code)s?|secret(s|key|string|binary|value|accesskey)?|(private|auth|preshared|shared|ssecustomer)key|"
    r"(auth|access|refresh|identity|oauth|bearer|security|api|web)token|keymaterial|plaintext|credential)$",
    re.IGNORECASE,
)
DEEPEST = 7

Path = tuple[str, ...]
OF_SECRETS_MANAGER = frozenset({"CdnIdentifierSecret", "CertificateSecret", "DomainJoinServiceAccountSecret"})
"""Members that hold the ARN of a secret."""
ELSEWHERE: Path = ("elsewhere",)


def secrets_of(shape: Shape | None, path: Path = (), seen: frozenset[str] = frozenset()) -> Iterator[Path]:
    """Where in a value of the shape a secret text may be."""
    if shape is None or len(path) > DEEPEST:
        return
    if isinstance(shape, StructureShape):
        if shape.name in seen or shape.is_document_type:
            return
        for name, member in shape.members.items():
            if member.serialization.get("eventstream") or member.serialization.get("streaming"):
                continue
            if member.type_name in ("string", "blob"):
                speaks = SPEAKING.search(name) and name not in OF_SECRETS_MANAGER and not getattr(member, "enum", None)
                if member.metadata.get("sensitive") or speaks:
                    yield (*path, name)
            else:
                yield from secrets_of(member, (*path, name), seen | {shape.name})
    elif isinstance(shape, ListShape):
        if shape.member.type_name == "string" and shape.member.metadata.get("sensitive"):
            yield (*path, "[]")
        yield from secrets_of(shape.member, (*path, "[]"), seen)
    elif isinstance(shape, MapShape):
        if shape.value.type_name == "string" and shape.value.metadata.get("sensitive"):
            yield (*path, "{}")
        yield from secrets_of(shape.value, (*path, "{}"), seen)


def example(shape: Shape, path: Path | None = None, text: str = "x-example", depth: int = 0) -> Any:
    """A value of the shape: required members, and the canary at `path`. With `path` None and a `text`: that text wherever texts are."""
    if isinstance(shape, StructureShape):
        return _structure(shape, path, text, depth)
    inside = path[1:] if path and path != ELSEWHERE else path
    if isinstance(shape, ListShape):
        return [example(shape.member, inside, text, depth + 1)]
    if isinstance(shape, MapShape):
        return {"some": example(shape.value, inside, text, depth + 1)}
    if shape.type_name == "blob":
        return CANARY.encode() if path == () else b"x"
    if shape.type_name == "string":
        enum = getattr(shape, "enum", None)
        return CANARY if path == () else enum[0] if enum else text
    return {"boolean": True, "timestamp": 1_767_607_872.0, "float": 1.5, "double": 1.5}.get(shape.type_name, 1)


def _structure(shape: StructureShape, path: Path | None, text: str, depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    wanted = path[0] if path else None
    required = set(shape.required_members) if path is not None else set(shape.members) if depth < 3 else set()
    for name, member in shape.members.items():
        if member.serialization.get("eventstream") or member.serialization.get("streaming"):
            continue
        if name == wanted:
            assert path is not None
            found[name] = example(member, path[1:], text, depth + 1)
        elif name in required and depth < DEEPEST:
            found[name] = example(member, ELSEWHERE if path is not None else None, text, depth + 1)
    return found


def request_of(operation: OperationModel, parameters: Mapping[str, Any]) -> Request:
    """The request that botocore's serialiser makes; not signed."""
    model = operation.service_model
    made: Any = create_serializer(model.resolved_protocol, include_validation=False).serialize_to_request(dict(parameters), operation)
    query = made.get("query_string") or ""
    if isinstance(query, Mapping):
        query = percent_encode_sequence(query)
    path, _, static = str(made["url_path"]).partition("?")
    body = made.get("body") or b""
    if isinstance(body, Mapping):
        body = percent_encode_sequence(body)
    lines = {str(name): value.decode() if isinstance(value, bytes) else str(value) for name, value in (made.get("headers") or {}).items()}
    lines.setdefault("user-agent", f"Boto3/1 api/{str(model.service_id).replace(' ', '_')}#1")
    if model.resolved_protocol in ("query", "ec2"):
        lines["content-type"] = "application/x-www-form-urlencoded; charset=utf-8"
    return Request(
        method=made["method"],
        path=path or "/",
        query="&".join(part for part in (static, query) if part),
        headers=Headers(lines.items()),
        body=body.encode() if isinstance(body, str) else bytes(body),
    )
