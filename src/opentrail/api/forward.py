"""Calls to services that somebody else serves: forwarded as they came, answered as they were answered, recorded like our own.

The answer is read only as far as the record needs it: errors, and the results of write calls. Everything else streams through.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from opentrail.api.authentication import Authenticated
from opentrail.api.endpoint import Outcome
from opentrail.api.reading import Asked
from opentrail.api.s3.removed import removed, removed_keys
from opentrail.errors import UpstreamError
from opentrail.events import names, read_only
from opentrail.events.service_event import ServiceEvent
from opentrail.proxy import BadGateway, Proxy, UpstreamAnswer
from opentrail.proxy.forward import AnswerBody
from opentrail.wire import chunked, serialise, sigv4
from opentrail.wire.faults import Fault
from opentrail.wire.http import Response
from opentrail.wire.models import Service as WireService
from opentrail.wire.parse import parse
from opentrail.wire.responses import read
from opentrail.wire.scope import STREAMING

MOST_READ = 1 << 20
"""Bytes of an answer that are looked at for the record; a larger result is recorded without `responseElements`."""

_READS_TELL = ("kms", "sts")
"""Services (botocore names) whose read-only calls answer with something that their records hold: the key, the assumed role."""
_ERROR = re.compile(rb"\s*(?:<\?xml[^>]*>)?\s*<Error[\s>]")
_ID_INSIDE = re.compile(rb"<[rR]equestI[dD]>([^<]{1,200})<")
_HEAD_ERRORS = {
    ("HeadBucket", 404): "NoSuchBucket",
    ("HeadObject", 404): "NoSuchKey",
    **{(operation, 403): "AccessDenied" for operation in ("HeadBucket", "HeadObject")},
}
"""What S3 means by a status where its answer has no body to say so."""
_ID_HEADERS = ("x-amzn-requestid", "x-amz-request-id", "x-amzn-request-id")


class Forward:
    """Implements `endpoint.Forwarder` on a `Proxy`."""

    def __init__(self, *, proxy: Proxy) -> None:
        self._proxy = proxy

    def serves(self, service: WireService) -> bool:
        """Whether there is an upstream for `service`."""
        return self._proxy.upstreams.find(service.name, service.signing_name) is not None

    async def outcome(self, asked: Asked, caller: Authenticated, body: AsyncIterator[bytes] | None) -> Outcome:
        """Forward the call and bring back how it ended."""
        parameters = _parameters(asked)
        service = asked.operation.service
        try:
            decoder = None if body is None or caller.verified is None else chunked.decoder(asked.request, caller.verified)
            if body is not None and decoder is not None and not self._is_unframed(asked):
                body, decoder = _checked(body, decoder), None
            answered = await self._proxy.forward(
                asked.request,
                service=service.name,
                signing_name=service.signing_name,
                region=asked.scope.region if asked.scope else "",
                body=body,
                content_length=asked.arrival.content_length,
                decoder=decoder,
                repeatable=_reads(asked),
            )
            outcome = await self._described(asked, answered, parameters)
            return replace(outcome, events=_events(asked, caller, outcome))
        except UpstreamError as error:
            fault = BadGateway(str(error))
            response = serialise.fault(
                service, fault, request_id=asked.request_id, operation=asked.operation, head=asked.request.method == "HEAD"
            )
            return Outcome(response=response, parameters=parameters, error_code=fault.code, error_message=fault.message)
        except Fault as fault:  # the body turned out not to be what was signed
            response = serialise.fault(service, fault, request_id=asked.request_id, operation=asked.operation)
            return Outcome(response=response, parameters=parameters, error_code=fault.code, error_message=fault.message)

    def _is_unframed(self, asked: Asked) -> bool:
        """Whether the proxy takes the `aws-chunked` framing off, and so checks the body itself: where it signs the request anew."""
        upstream = self._proxy.upstreams.find(asked.operation.service.name, asked.operation.service.signing_name)
        return upstream is not None and upstream.credentials is not None and sigv4.declared_payload(asked.request) in STREAMING

    async def _described(self, asked: Asked, answered: UpstreamAnswer, parameters: Mapping[str, Any] | None) -> Outcome:
        failed = answered.status >= 300 and answered.status != 304
        operation = asked.operation
        writes = not _reads(asked) or operation.service.name in _READS_TELL
        given_id = next((value for name, value in answered.headers if name.lower() in _ID_HEADERS), None)
        id_is_inside = given_id is None and operation.service.protocol in ("ec2", "query", "rest-xml") and not operation.streaming_output
        wanted = failed or id_is_inside or (writes and not operation.streaming_output)
        if not wanted:
            response = Response(status=answered.status, headers=tuple(answered.headers), body=answered.body)
            return Outcome(response=response, parameters=parameters, request_id=given_id)
        head: list[bytes] = []
        size = 0
        rest = answered.body
        complete = True
        async for piece in rest:
            head.append(piece)
            size += len(piece)
            if size > MOST_READ:
                complete = False
                break
        start = b"".join(head)
        if not complete:
            response = Response(status=answered.status, headers=tuple(answered.headers), body=_chained(start, rest))
            code = str(answered.status) if failed else None
            return Outcome(response=response, parameters=parameters, request_id=given_id, error_code=code)
        response = Response(status=answered.status, headers=tuple(answered.headers), body=start)
        if not (failed or writes):
            inside = _ID_INSIDE.search(start)
            return Outcome(response=response, parameters=parameters, request_id=inside[1].decode("latin-1") if inside else None)
        text = _inflated(start) if (answered.header("content-encoding") or "").lower() == "gzip" else start
        # S3 begins some answers before it knows how they end: an error then comes with status 200
        if operation.service.name == "s3" and _is_error(text):
            failed, text = True, text.lstrip()
        outcome = read(operation, 500 if failed and answered.status < 300 else answered.status, answered.headers, text)
        code = outcome.error_code if text else _HEAD_ERRORS.get((operation.name, answered.status), outcome.error_code)
        return Outcome(
            response=response,
            parameters=parameters,
            result=outcome.result,
            error_code=(code or str(answered.status)) if failed else None,
            error_message=outcome.error_message if failed else None,
            request_id=given_id or outcome.request_id,
            bytes_out=size,
        )


def _events(asked: Asked, caller: Authenticated, outcome: Outcome) -> Sequence[ServiceEvent]:
    """What the service did besides, where the call tells: the objects that a DeleteObjects of S3 removed."""
    if (asked.operation.service.name, asked.operation.name) != ("s3", "DeleteObjects") or outcome.error_code or not outcome.parameters:
        return ()
    keys = removed_keys(outcome.parameters, outcome.result)
    region = asked.scope.region if asked.scope else ""
    return removed(
        outcome.parameters["Bucket"], keys, owner=caller.principal.account_id, region=region, time=asked.arrival.time.timestamp()
    )


def _is_error(body: bytes) -> bool:
    """Whether the outermost element of an XML answer is `Error`."""
    return bool(_ERROR.match(body))


def _inflated(body: bytes) -> bytes:
    """A gzip body, as far as it is needed; what is none stays as it is."""
    try:
        return zlib.decompressobj(wbits=31).decompress(body, MOST_READ)
    except zlib.error:
        return body


def _reads(asked: Asked) -> bool:
    model = asked.operation.model
    return read_only.read_only(names.event_source(model.service_model), names.event_name(model))


async def _checked(pieces: AsyncIterator[bytes], decoder: chunked.Decoder) -> AsyncIterator[bytes]:
    """The body as it came. Its last piece is held back until the whole has proved to be what was signed: else the upstream sees the
    request break off."""
    held: bytes | None = None
    async for piece in pieces:
        for _ in decoder.feed(piece):
            pass
        if held is not None:
            yield held
        held = piece
    decoder.finish()
    if held is not None:
        yield held


def _parameters(asked: Asked) -> Mapping[str, Any] | None:
    """For the record only: what cannot be read is the upstream's to refuse."""
    try:
        return parse(asked.route)
    except Fault:
        return None


async def _chained(start: bytes, rest: AnswerBody) -> AsyncIterator[bytes]:
    try:
        yield start
        async for piece in rest:
            yield piece
    finally:
        rest.close()
