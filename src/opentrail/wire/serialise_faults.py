"""Faults → responses: each protocol's own way to say code, message, type and further members.

Code, status and members come from the model's error shape where there is one. JSON protocols carry the shape's name, the XML ones its query
code; former query services (SQS, CloudWatch) carry both for callers who ask for that (`x-amzn-query-error`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from botocore.model import StructureShape

from opentrail.wire import cbor
from opentrail.wire.answers import host_id, respond
from opentrail.wire.faults import Fault
from opentrail.wire.http import Response
from opentrail.wire.models import Operation, Service, trait
from opentrail.wire.query_names import QUERY_CODES, QUERY_CODES_OF_ALL
from opentrail.wire.serialise_rest import Lines, compile_shape, header_text, write_headers
from opentrail.wire.serialise_values import ValueWriters
from opentrail.wire.serialise_xml import DECLARATION, XmlWriters, escape

MESSAGE_MEMBERS = {"cloudtrail": "Message"}
"""Where a message goes in the JSON of services whose error shapes do not tell; `message` otherwise."""


def fault(
    service: Service | None,
    error: Fault,
    *,
    request_id: str,
    operation: Operation | None = None,
    head: bool = False,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The response that carries `error`, in the protocol of `service` (JSON when that is not known).

    `operation` settles which error shape is meant when several share a code. The model's HTTP status counts when the fault has the default
    one. `head` leaves the body out.
    """
    shape = None if service is None else _shape(service, error.code, operation)
    status, sender = _status(error, shape)
    lines: Lines = []
    if service is None:
        lines.append(("content-type", "application/x-amz-json-1.1"))
        body = _json({"__type": error.code, "message": error.message})
    elif service.protocol in ("query", "ec2", "rest-xml"):
        lines.append(("content-type", "application/xml" if service.protocol == "rest-xml" else "text/xml;charset=UTF-8"))
        body = _xml(service, error, shape, request_id, sender=sender)
        if shape is not None:
            write_headers(shape, _members(error, shape), lines)
    elif service.protocol == "rest-json":
        body = _rest_json(service, error, shape, lines)
    else:
        body = _rpc(service, error, shape, lines, sender=sender)
    return respond(service, status, lines, body, request_id=request_id, headers=headers, head=head)


def query_code(service: Service, error: Fault, shape: StructureShape | None) -> str:
    """The code in the query protocols: the model's own, SQS's old ones from a table, else the fault's."""
    if shape is None:
        return QUERY_CODES_OF_ALL.get(error.code, error.code)
    return QUERY_CODES.get(service.name, {}).get(shape.name) or str(shape.error_code)


def _shape(service: Service, code: str, operation: Operation | None) -> StructureShape | None:
    if operation is not None:
        for shape in operation.model.error_shapes:
            if isinstance(shape, StructureShape) and code in (shape.name, shape.error_code):
                return shape
    return service.error(code)


def _status(error: Fault, shape: StructureShape | None) -> tuple[int, bool]:
    status = error.status
    if shape is not None and status == 400:
        status = int(shape.metadata.get("error", {}).get("httpStatusCode") or (500 if trait(shape, "fault") else 400))
    return status, error.sender and status < 500


def _message_member(shape: StructureShape | None) -> str | None:
    return next((name for name in shape.members if name.lower() == "message"), None) if shape is not None else None


def _members(error: Fault, shape: StructureShape | None) -> dict[str, Any]:
    """The members besides the message that the shape has."""
    return {} if shape is None else {name: value for name, value in error.members.items() if name in shape.members}


def _unmodelled(error: Fault, shape: StructureShape | None) -> dict[str, Any]:
    return {name: value for name, value in error.members.items() if value is not None and (shape is None or name not in shape.members)}


def _json(value: Mapping[str, Any]) -> bytes:
    return orjson.dumps(value, default=str)


def _plain(service: Service, error: Fault, shape: StructureShape | None, *, binary: bool) -> dict[str, Any]:
    """Message and members as the JSON and CBOR protocols name them."""
    member = _message_member(shape)
    if shape is None or member is None:
        plain = {MESSAGE_MEMBERS.get(service.name, "message"): error.message, **_unmodelled(error, shape)}
    else:
        plain = {str(shape.members[member].serialization.get("name", member)): error.message}
    if shape is not None:
        with service.lock:
            convert = ValueWriters(service.writers, binary=binary).writer(shape)
        plain |= convert(_members(error, shape)) if convert is not None else {}
    return plain


def _rpc(service: Service, error: Fault, shape: StructureShape | None, lines: Lines, *, sender: bool) -> bytes:
    binary = service.protocol != "json"
    code = error.code if shape is None else shape.name
    if "awsQueryCompatible" in service.description["metadata"]:
        if service.query_mode:
            lines.append(("x-amzn-query-error", header_text(f"{query_code(service, error, shape)};{'Sender' if sender else 'Receiver'}")))
        code = f"com.amazonaws.{service.name}#{code}"
    body = {"__type": code, **_plain(service, error, shape, binary=binary)}
    if binary:
        lines.append(("content-type", "application/cbor"))
        lines.append(("smithy-protocol", "rpc-v2-cbor"))
        return cbor.dumps(body)
    lines.append(("content-type", f"application/x-amz-json-{service.json_version}"))
    return _json(body)


def _rest_json(service: Service, error: Fault, shape: StructureShape | None, lines: Lines) -> bytes:
    errortype = ("x-amzn-errortype", header_text(error.code if shape is None else shape.name))
    lines.append(errortype)
    member = _message_member(shape)
    if shape is None or "payload" in shape.serialization:
        lines.append(("content-type", "application/json"))
        return _json({"message": error.message, **_unmodelled(error, shape)})
    with service.lock:
        write = compile_shape(service, shape)
    said = {} if member is None else {member: error.message}
    _, body = write({**said, **_members(error, shape)}, lines)
    lines[:] = [line for line in lines if line[0] != errortype[0] or line is errortype]  # some shapes have a member of that name
    if member is None:  # the shape has no place for it, yet every client looks for one
        lines[:] = [line for line in lines if line[0] != "content-type"]
        lines.append(("content-type", "application/json"))
        known = orjson.loads(body) if isinstance(body, bytes) and body else {}
        return _json({"message": error.message, **known})
    return body if isinstance(body, bytes) and body else b"{}"


def _xml(service: Service, error: Fault, shape: StructureShape | None, request_id: str, *, sender: bool) -> bytes:
    out = [f"<Code>{escape(query_code(service, error, shape))}</Code><Message>{escape(error.message)}</Message>"]
    if shape is not None:
        with service.lock:
            content = XmlWriters(service.writers, millis=service.name == "s3").content(shape)
        content({name: value for name, value in _members(error, shape).items() if name != "Code"}, out)
    out.extend(f"<{name}>{escape(str(value))}</{name}>" for name, value in _unmodelled(error, shape).items())
    inner = "".join(out)
    if service.name == "s3":
        text = f"<Error>{inner}<RequestId>{escape(request_id)}</RequestId><HostId>{escape(host_id(request_id))}</HostId></Error>"
    elif service.protocol == "ec2":
        text = f"<Response><Errors><Error>{inner}</Error></Errors><RequestID>{escape(request_id)}</RequestID></Response>"
    else:
        namespace = f' xmlns="{escape(service.xml_namespace)}"' if service.xml_namespace else ""
        kind = "Sender" if sender else "Receiver"
        error_text = f"<Error><Type>{kind}</Type>{inner}</Error><RequestId>{escape(request_id)}</RequestId>"
        text = f"<ErrorResponse{namespace}>{error_text}</ErrorResponse>"
    return (DECLARATION + text).encode("utf-8")
