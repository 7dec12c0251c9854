"""The client's side: what an upstream answered, read with botocore's own parsers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from botocore.awsrequest import HeadersDict
from botocore.model import StructureShape
from botocore.parsers import ResponseParserError, create_parser

from opentrail.wire.models import Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a call ended: with a `result`, or with an error's code and message."""

    result: dict[str, Any] | None = None
    """Members by botocore's names; a streamed payload is left out."""
    error_code: str | None = None
    error_message: str | None = None
    request_id: str | None = None


def read(operation: Operation, status: int, headers: Iterable[tuple[str, str]], body: bytes) -> Outcome:
    """The outcome of a call to `operation` that an upstream answered with `status`, `headers` and `body`.

    The body of a streamed answer is not needed (`b""`). An answer that cannot be read counts as a result without members when its status is
    one of success, else as an error with the status for its code; this never raises.
    """
    lines = HeadersDict()
    for name, value in headers:
        lines[name.lower()] = value
    shape = operation.model.output_shape
    parser = create_parser(operation.service.protocol)
    request_id = lines.get("x-amzn-requestid") or lines.get("x-amz-request-id")
    if status < 301:
        streamed = operation.streaming_output and isinstance(shape, StructureShape)
        if streamed:
            return Outcome(result=_headers_only(operation, status, lines), request_id=request_id)
    try:
        parsed: dict[str, Any] = parser.parse({"status_code": status, "headers": lines, "body": body}, shape)  # type: ignore[arg-type]
    except (ResponseParserError, ValueError, TypeError, AttributeError, KeyError, LookupError, ArithmeticError, OSError, RecursionError):
        parsed = {} if status < 301 else {"Error": {"Code": str(status), "Message": ""}}
    request_id = parsed.pop("ResponseMetadata", {}).get("RequestId") or request_id
    if status < 301:
        if operation.service.name == "s3" and operation.name == "GetBucketLocation":
            parsed = {"LocationConstraint": _location(body)}
        return Outcome(result=parsed, request_id=request_id)
    error = parsed.get("Error") or {}
    return Outcome(
        error_code=str(error.get("Code") or status),
        error_message=str(error.get("Message") or error.get("message") or ""),
        request_id=request_id,
    )


def _headers_only(operation: Operation, status: int, lines: HeadersDict) -> dict[str, Any]:
    """The members of a streamed answer that are in its headers; one that cannot be read is left out."""
    shape = operation.model.output_shape
    assert isinstance(shape, StructureShape)
    parser = create_parser(operation.service.protocol)
    found: dict[str, Any] = {}
    if hasattr(parser, "_parse_non_payload_attrs"):
        for name, member in shape.members.items():
            try:
                parser._parse_non_payload_attrs({"status_code": status, "headers": lines}, shape, {name: member}, found)
            except (ValueError, TypeError, OverflowError):
                continue
    return found


def _location(body: bytes) -> str | None:
    """GetBucketLocation's answer is the text of the outermost element, empty for us-east-1."""
    try:
        return ElementTree.fromstring(body).text or None
    except ElementTree.ParseError:
        return None
