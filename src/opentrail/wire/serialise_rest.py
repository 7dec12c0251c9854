"""Results of the REST protocols: members in headers, in the status code, in the payload or the body."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator, Callable, Mapping
from email.header import Header
from typing import Any

import orjson
from botocore.model import ListShape, MapShape, Shape, StructureShape

from opentrail.wire.models import Operation, Service
from opentrail.wire.serialise_values import ValueWriters, raw_bytes, structure
from opentrail.wire.serialise_xml import DECLARATION, XmlWriters, scalar_text

Lines = list[tuple[str, str]]
Body = bytes | AsyncIterator[bytes]
RestWriter = Callable[[Mapping[str, Any], Lines], tuple[int | None, Body]]
"""Result, header lines to add to → status if a member tells it, body."""

HeaderWriter = Callable[[Any, Lines], None]
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

S3_ROOTS = {
    "CompleteMultipartUpload": "CompleteMultipartUploadResult",
    "CreateMultipartUpload": "InitiateMultipartUploadResult",
    "CreateSession": "CreateSessionResult",
    "DeleteObjects": "DeleteResult",
    "GetBucketAccelerateConfiguration": "AccelerateConfiguration",
    "GetBucketAcl": "AccessControlPolicy",
    "GetBucketCors": "CORSConfiguration",
    "GetBucketLifecycle": "LifecycleConfiguration",
    "GetBucketLifecycleConfiguration": "LifecycleConfiguration",
    "GetBucketLogging": "BucketLoggingStatus",
    "GetBucketNotification": "NotificationConfiguration",
    "GetBucketNotificationConfiguration": "NotificationConfiguration",
    "GetBucketRequestPayment": "RequestPaymentConfiguration",
    "GetBucketTagging": "Tagging",
    "GetBucketVersioning": "VersioningConfiguration",
    "GetBucketWebsite": "WebsiteConfiguration",
    "GetObjectAcl": "AccessControlPolicy",
    "GetObjectAttributes": "GetObjectAttributesResponse",
    "GetObjectTagging": "Tagging",
    "ListBucketAnalyticsConfigurations": "ListBucketAnalyticsConfigurationResult",
    "ListBucketInventoryConfigurations": "ListInventoryConfigurationsResult",
    "ListBucketMetricsConfigurations": "ListMetricsConfigurationsResult",
    "ListBuckets": "ListAllMyBucketsResult",
    "ListDirectoryBuckets": "ListAllMyDirectoryBucketsResult",
    "ListMultipartUploads": "ListMultipartUploadsResult",
    "ListObjectVersions": "ListVersionsResult",
    "ListObjects": "ListBucketResult",
    "ListObjectsV2": "ListBucketResult",
    "ListParts": "ListPartsResult",
}
"""Operation → outermost element, where the model has lost S3's own name for it."""


def compile_rest(operation: Operation) -> RestWriter:
    """The writer of one operation's results."""
    shape = operation.model.output_shape
    if not isinstance(shape, StructureShape):
        return lambda result, lines: (None, b"")
    return compile_shape(operation.service, shape, root=S3_ROOTS.get(operation.name) if operation.service.name == "s3" else None)


def compile_shape(service: Service, shape: StructureShape, *, root: str | None = None) -> RestWriter:
    """The writer of a structure (a result or the members of an error) by its bindings. `root` names the outermost XML element."""
    headers: dict[str, HeaderWriter] = {}
    in_body: dict[str, Shape] = {}
    status_member: str | None = None
    for name, member in shape.members.items():
        location = member.serialization.get("location")
        if location == "statusCode":
            status_member = name
        elif location in ("header", "headers"):
            headers[name] = _header_writer(name, member)
        else:
            in_body[name] = member
    payload = shape.serialization.get("payload")
    if payload is not None:
        body = _payload(service, payload, shape.members[payload])
        in_body = {payload: in_body[payload]}
    elif in_body:
        body = _members(service, shape, in_body, root)
    else:
        body = _no_body

    def write(result: Mapping[str, Any], lines: Lines) -> tuple[int | None, Body]:
        status, inside = None, {}
        for name, value in result.items():
            if value is None:
                continue
            header = headers.get(name)
            if header is not None:
                header(value, lines)
            elif name in in_body:
                inside[name] = value
            elif name == status_member:
                status = int(value)
            else:
                raise TypeError(f"{shape.name} has no member {name!r}")
        return status, body(inside, lines)

    return write


BodyWriter = Callable[[dict[str, Any], Lines], Body]


def _no_body(_inside: dict[str, Any], _lines: Lines) -> Body:
    return b""


def _members(service: Service, shape: StructureShape, in_body: Mapping[str, Shape], root: str | None) -> BodyWriter:
    if service.protocol == "rest-xml":
        if service.name == "s3" and shape.name == "GetBucketLocationOutput":
            return _bucket_location
        return _xml_document(service, root or str(shape.serialization.get("name", shape.name)), shape, None)
    writers = ValueWriters(service.writers, binary=False)
    members = {name: (member.serialization.get("name", name), writers.writer(member)) for name, member in in_body.items()}
    convert = structure(shape.name, members)

    def write(inside: dict[str, Any], lines: Lines) -> Body:
        lines.append(("content-type", "application/json"))
        return orjson.dumps(convert(inside))

    return write


def _xml_document(service: Service, root: str, shape: StructureShape, payload: str | None) -> BodyWriter:
    document = XmlWriters(service.writers, millis=service.name == "s3").document(root, shape, service.xml_namespace)

    def write(inside: dict[str, Any], lines: Lines) -> Body:
        value = inside if payload is None else inside.get(payload)
        if value is None:
            return b""
        lines.append(("content-type", "application/xml"))
        out = [DECLARATION]
        document(value, out)
        return "".join(out).encode("utf-8")

    return write


def _bucket_location(inside: dict[str, Any], lines: Lines) -> Body:
    """GetBucketLocation answers with its member as the outermost element, empty for us-east-1."""
    lines.append(("content-type", "application/xml"))
    where = inside.get("LocationConstraint") or ""
    where = "" if where == "us-east-1" else where
    return f'{DECLARATION}<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{where}</LocationConstraint>'.encode()


def _payload(service: Service, name: str, shape: Shape) -> BodyWriter:
    if shape.serialization.get("eventstream"):
        return _refuse_event_stream
    if shape.type_name in ("blob", "string"):
        kind = "application/octet-stream" if shape.type_name == "blob" else "text/plain"
        if service.name == "s3":
            kind = "binary/octet-stream" if shape.type_name == "blob" else "application/json"

        def write(inside: dict[str, Any], lines: Lines) -> Body:
            value = inside.get(name, b"")
            if not any(line == "content-type" for line, _ in lines):
                lines.append(("content-type", kind))
            return raw_bytes(value) if isinstance(value, str | bytes | bytearray | memoryview) else value

        return write
    if service.protocol == "rest-xml" and isinstance(shape, StructureShape):
        return _xml_document(service, str(shape.serialization.get("name", name if service.name == "s3" else shape.name)), shape, name)
    convert = ValueWriters(service.writers, binary=False).writer(shape)

    def write_json(inside: dict[str, Any], lines: Lines) -> Body:
        value = inside.get(name)
        if value is None:
            return b""
        if not any(line == "content-type" for line, _ in lines):
            lines.append(("content-type", "application/json"))
        return orjson.dumps(value if convert is None else convert(value))

    return write_json


def _refuse_event_stream(_inside: dict[str, Any], _lines: Lines) -> Body:
    raise TypeError("event streams are not written")


def write_headers(shape: StructureShape, values: Mapping[str, Any], lines: Lines) -> None:
    """The members of a structure that are bound to headers, for those that have a value."""
    for name, value in values.items():
        member = shape.members[name]
        if value is not None and member.serialization.get("location") in ("header", "headers"):
            _header_writer(name, member)(value, lines)


def _header_writer(name: str, shape: Shape) -> HeaderWriter:
    wire = str(shape.serialization.get("name", "" if isinstance(shape, MapShape) else name)).lower()
    if isinstance(shape, MapShape):
        return lambda value, lines: lines.extend((f"{wire}{key}".lower(), header_text(item)) for key, item in value.items())
    if shape.serialization.get("jsonvalue"):
        return lambda value, lines: lines.append((wire, base64.b64encode(orjson.dumps(value)).decode("ascii")))
    if isinstance(shape, ListShape):
        member = scalar_text(shape.member, timestamp_format="rfc822")
        quote = shape.member.type_name == "string"

        def write(value: Any, lines: Lines) -> None:
            lines.append((wire, header_text(", ".join(_quoted(member(item)) if quote else member(item) for item in value))))

        return write
    text = scalar_text(shape, timestamp_format="rfc822")
    return lambda value, lines: lines.append((wire, header_text(text(value))))


def _quoted(item: str) -> str:
    if '"' in item or "," in item:
        return '"' + item.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return item


def header_text(value: Any) -> str:
    """A header value that is safe to send: line breaks become blanks, what latin-1 cannot hold is encoded after RFC 2047 (S3 does the
    same)."""
    text = value if type(value) is str else str(value)
    if not text.isascii():
        try:
            text.encode("latin-1")
        except UnicodeEncodeError:
            text = Header(text.encode("utf-8", "replace").decode("utf-8"), "utf-8", maxlinelen=1 << 20).encode()
    return _CONTROL.sub(" ", text)
