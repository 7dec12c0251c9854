"""The last step of every response: request ids and lengths."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from opentrail.wire.http import Response
from opentrail.wire.models import Service
from opentrail.wire.serialise_rest import Body, Lines, header_text

S3_LIKE = frozenset({"s3", "s3control"})
"""Services that name the request id `x-amz-request-id` and have a second one."""

_NO_CONTENT = frozenset({204, 205, 304})


def respond(
    service: Service | None,
    status: int,
    lines: Lines,
    body: Body,
    *,
    request_id: str,
    headers: Mapping[str, str] | None = None,
    head: bool = False,
) -> Response:
    """A response with the request id where the service puts it and the length of the body."""
    if service is not None and service.name in S3_LIKE:
        lines.append(("x-amz-request-id", request_id))
        lines.append(("x-amz-id-2", host_id(request_id)))
    else:
        lines.append(("x-amzn-requestid", request_id))
    if headers:
        more = {name.lower(): header_text(value) for name, value in headers.items()}
        lines = [line for line in lines if line[0] not in more]
        lines.extend(more.items())
    if head:
        body = b""
        if not any(name == "content-length" for name, _ in lines):
            lines.append(("content-length", "0"))
    elif status in _NO_CONTENT:
        body = b""
    elif isinstance(body, bytes):
        lines = [line for line in lines if line[0] != "content-length"]
        lines.append(("content-length", str(len(body))))
    return Response(status=status, headers=tuple(lines), body=body)


def host_id(request_id: str) -> str:
    """S3's second id of a request, `x-amz-id-2`: opaque, made from the first."""
    return base64.b64encode(request_id.encode("utf-8")).decode("ascii")
