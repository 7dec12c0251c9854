"""Results and faults → responses, for every AWS protocol.

    serialise(operation, {"TrailARN": "arn:..."}, request_id="...")
    fault(service, TrailNotFoundException("..."), request_id="...")

Per operation a closure is compiled from the model at first use and kept. Results have botocore's member names; times are datetimes or epoch
seconds, blobs bytes; a streamed payload is bytes or an async iterator of bytes. Header names come out in lower case, as ASGI wants them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from botocore.model import StructureShape

from opentrail.wire import cbor
from opentrail.wire.answers import respond
from opentrail.wire.http import Response
from opentrail.wire.models import Operation
from opentrail.wire.serialise_faults import fault
from opentrail.wire.serialise_rest import Body, Lines, compile_rest
from opentrail.wire.serialise_values import ValueWriters
from opentrail.wire.serialise_xml import DECLARATION, XmlWriters, escape

__all__ = ["fault", "serialise"]

_CBOR = "smithy-rpc-v2-cbor"


def serialise(
    operation: Operation,
    result: Mapping[str, Any] | None,
    *,
    request_id: str,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The response that carries `result`.

    `status` replaces the model's; `headers` are further lines, or replace those of the same name. Raises TypeError when the result does
    not fit the model: that is a mistake of the handler, to be answered with InternalFailure.
    """
    write = operation.writer or _compile(operation)
    lines: Lines = []
    told, body = write(result or {}, lines, request_id)
    final = status or told or int(operation.model.http.get("responseCode", 200))
    head = operation.model.http.get("method") == "HEAD"
    return respond(operation.service, final, lines, body, request_id=request_id, headers=headers, head=head)


_Writer = Callable[[Mapping[str, Any], Lines, str], tuple[int | None, Body]]


def _compile(operation: Operation) -> _Writer:
    service = operation.service
    with service.lock:
        if service.protocol.startswith("rest-"):
            rest = compile_rest(operation)
            write: _Writer = lambda result, lines, request_id: rest(result, lines)  # noqa: E731
        elif service.protocol in ("query", "ec2"):
            write = _query(operation)
        else:
            write = _values(operation)
        operation.writer = write
    return write


def _values(operation: Operation) -> _Writer:
    service, shape = operation.service, operation.model.output_shape
    binary = service.protocol == _CBOR
    convert = ValueWriters(service.writers, binary=binary).writer(shape) if shape is not None else _nothing
    assert convert is not None
    if operation.model.has_event_stream_output:
        raise TypeError("event streams are not written")
    if binary:

        def write_cbor(result: Mapping[str, Any], lines: Lines, _request_id: str) -> tuple[int | None, Body]:
            lines.append(("content-type", "application/cbor"))
            lines.append(("smithy-protocol", "rpc-v2-cbor"))
            return None, cbor.dumps(convert(result))

        return write_cbor
    content_type = f"application/x-amz-json-{service.json_version}"

    def write_json(result: Mapping[str, Any], lines: Lines, _request_id: str) -> tuple[int | None, Body]:
        lines.append(("content-type", content_type))
        return None, orjson.dumps(convert(result))

    return write_json


def _nothing(result: Mapping[str, Any]) -> dict[str, Any]:
    if any(value is not None for value in result.values()):
        raise TypeError(f"The operation has no result, not even {', '.join(result)}")
    return {}


def _query(operation: Operation) -> _Writer:
    service, shape = operation.service, operation.model.output_shape
    ec2 = service.protocol == "ec2"
    root = f"{operation.name}Response"
    namespace = f' xmlns="{escape(service.xml_namespace)}"' if service.xml_namespace else ""
    before, after = f"{DECLARATION}<{root}{namespace}>", f"</{root}>"
    content = XmlWriters(service.writers, millis=ec2).content(shape) if isinstance(shape, StructureShape) else None
    wrapper = str(shape.serialization.get("resultWrapper", "")) if shape is not None else ""

    def write(result: Mapping[str, Any], lines: Lines, request_id: str) -> tuple[int | None, Body]:
        lines.append(("content-type", "text/xml;charset=UTF-8"))
        out = [before]
        if ec2:
            out.append(f"<requestId>{escape(request_id)}</requestId>")
        if content is None:
            _nothing(result)
        elif wrapper:
            out.append(f"<{wrapper}>")
            content(result, out)
            out.append(f"</{wrapper}>")
        else:
            content(result, out)
        if not ec2:
            out.append(f"<ResponseMetadata><RequestId>{escape(request_id)}</RequestId></ResponseMetadata>")
        out.append(after)
        return None, "".join(out).encode("utf-8")

    return write
