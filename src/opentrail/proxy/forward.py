"""Forwarding one call: the request as it came, or signed anew, and the answer as it comes.

Every end-to-end header goes through in both directions, in order and unchanged, and every octet of the bodies, with constant memory. What
belongs to a connection (`Connection`, `Transfer-Encoding`, ...) does not, nor does `Expect`: the front has answered it by reading the body.
With credentials on the upstream the request is signed anew, under the upstream's own Host, and `aws-chunked` framing is taken off.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace

from opentrail.clock import Clock
from opentrail.errors import UpstreamError
from opentrail.proxy.connection import Answering, BrokenOff, Connection
from opentrail.proxy.pool import Pool
from opentrail.proxy.upstreams import Credentials, Upstream, Upstreams
from opentrail.wire import chunked, sigv4
from opentrail.wire.faults import Fault
from opentrail.wire.http import Headers, Request
from opentrail.wire.refusals import Refused
from opentrail.wire.scope import STREAMING, UNSIGNED_PAYLOAD

Body = bytes | AsyncIterator[bytes]

IDLE_TIMEOUT = 300.0
"""Seconds that an upstream may be silent, or take nothing. Long, because some calls answer when they have done their work."""
AT_ONCE = 64 << 10
"""Octets of a body that leave together with the head."""
SLICE = 256 << 10

_OF_THE_CONNECTION = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "proxy-authenticate",
        "proxy-authorization",
    }
)
_REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
_OF_THE_FRAMING = frozenset({"x-amz-decoded-content-length", "x-amz-trailer", "x-amz-sdk-checksum-algorithm"})


class BadGateway(Fault):
    """The upstream endpoint cannot be reached."""

    status = 502
    sender = False
    code = "ServiceUnavailable"


class AnswerBody:
    """The body of an upstream's answer, read once. `close` gives up the rest of it; so does letting go of it."""

    def __init__(self, answering: Answering, idle: float) -> None:
        self._answering = answering
        self._idle = idle

    def __aiter__(self) -> AnswerBody:
        return self

    async def __anext__(self) -> bytes:
        try:
            piece = await self._answering.next_piece(self._idle)
        except asyncio.CancelledError:
            self.close()
            raise
        if piece is None:
            raise StopAsyncIteration
        return piece

    def close(self) -> None:
        """The rest is not wanted: the connection is closed unless the answer was complete."""
        self._answering.give_up()

    def __del__(self) -> None:
        self._answering.forget()


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamAnswer:
    """What the upstream answered. `headers` are the end-to-end ones, in the order and spelling received."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: AnswerBody
    """Iterate it to its end, or `close` it."""

    def header(self, name: str) -> str | None:
        """The first header called `name` (lower case)."""
        return next((value for key, value in self.headers if key.lower() == name), None)

    async def read(self, limit: int) -> bytes:
        """The whole body, of at most `limit` octets. Raises `UpstreamError`."""
        pieces = []
        size = 0
        async for piece in self.body:
            size += len(piece)
            if size > limit:
                self.body.close()
                raise UpstreamError(f"The upstream's answer is larger than {limit} bytes.")
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


class Proxy:
    """Forwards calls to the `upstreams`. One per event loop."""

    def __init__(self, upstreams: Upstreams, clock: Clock, *, idle_timeout: float = IDLE_TIMEOUT) -> None:
        self.upstreams = upstreams
        self._clock = clock
        self._idle = idle_timeout
        self._pool: Pool | None = None

    async def open(self) -> None:
        """Get ready, on the running event loop."""
        self._pool = Pool(self._clock)

    async def close(self) -> None:
        """Close every connection."""
        if self._pool is not None:
            await self._pool.close()

    async def forward(
        self,
        request: Request,
        *,
        service: str,
        signing_name: str,
        region: str,
        body: Body | None = None,
        content_length: int | None = None,
        decoder: chunked.Decoder | None = None,
        repeatable: bool = False,
    ) -> UpstreamAnswer:
        """Send the call to the upstream of `service` (botocore's name) and return as soon as its answer begins.

        `request` is the one that arrived; `body` its body as it arrived, by default `request.body`; `content_length` the length of a
        streamed one, `None` when unknown. `region` is the one to sign for, us-east-1 when it is empty; `decoder`, from `chunked.decoder`,
        unframes and checks an `aws-chunked` body where the call is signed anew.
        `repeatable`: the operation only reads, so that it may be sent again when the upstream had given up the connection (calls by GET,
        HEAD, PUT and DELETE may anyway).
        Raises `UpstreamError` when there is no answer, and whatever `body` raises; then the upstream sees the request break off.
        """
        upstream = self.upstreams.find(service, signing_name)
        if upstream is None:
            raise UpstreamError(f"There is no upstream for {service}.")
        payload: Body = request.body if body is None else body
        if isinstance(payload, bytes):
            content_length = len(payload)
        if upstream.credentials is not None:
            request, payload, content_length = self._signed_anew(
                request, upstream, upstream.credentials, signing_name, region, payload, content_length, decoder
            )
        sending = _Sending(payload, content_length)
        head = _head(request, upstream, sending)
        may_repeat = repeatable or request.method in _REPEATABLE
        assert self._pool is not None, "open() the proxy first"
        connection = await self._pool.take(upstream)
        try:
            answering = await self._exchange(connection, request.method, head, sending)
        except BrokenOff as error:
            if not (connection.used and may_repeat and not sending.begun and not error.begun):
                raise UpstreamError(f"The upstream {upstream.url} closed the connection before it had answered.") from error
            connection = await self._pool.take(upstream, fresh=True)
            try:
                answering = await self._exchange(connection, request.method, head, sending)
            except BrokenOff as again:
                raise UpstreamError(f"The upstream {upstream.url} closed the connection before it had answered.") from again
        return UpstreamAnswer(status=answering.status, headers=_end_to_end(answering.headers), body=AnswerBody(answering, self._idle))

    async def _exchange(self, connection: Connection, method: str, head: bytes, sending: _Sending) -> Answering:
        answering = connection.begin(head, bodiless=method == "HEAD", sending=not sending.at_once)
        sender = None
        try:
            if not sending.at_once:
                sender = answering.sender = asyncio.ensure_future(sending.run(connection, self._idle))
                await asyncio.wait({sender, answering.head}, return_when=asyncio.FIRST_COMPLETED)
                if sender.done() and not answering.head.done():
                    sender.result()
            if not answering.head.done():
                try:
                    async with asyncio.timeout(self._idle):
                        await answering.head
                except TimeoutError:
                    raise UpstreamError(f"The upstream did not answer for {self._idle:g} s.") from None
            answering.head.result()
            return answering
        except BaseException:
            answering.give_up()
            if sender is not None:
                sender.cancel()
            raise
        finally:
            if sender is not None:
                sender.add_done_callback(lambda done: _sender_done(done, answering))

    def _signed_anew(
        self,
        request: Request,
        upstream: Upstream,
        credentials: Credentials,
        signing_name: str,
        region: str,
        body: Body,
        length: int | None,
        decoder: chunked.Decoder | None,
    ) -> tuple[Request, Body, int | None]:
        declared = sigv4.declared_payload(request)
        framed = declared in STREAMING
        headers = [(name, upstream.authority if name == "host" else value) for name, value in request.headers]
        if framed:
            if decoder is None:
                raise UpstreamError("An aws-chunked body cannot be signed anew without its decoder.")
            headers = _without_framing(headers)
            length = decoder.length
            body = chunked.decode_whole(body, decoder) if isinstance(body, bytes) else chunked.decoded(body, decoder)
        if isinstance(body, bytes):
            payload = None
            length = len(body)
        else:
            payload = UNSIGNED_PAYLOAD if framed or declared is None else declared
        try:
            signed = sigv4.sign(
                replace(request, headers=Headers(headers), body=body if isinstance(body, bytes) else b""),
                access_key_id=credentials.access_key_id,
                secret_access_key=credentials.secret_access_key,
                region=region or "us-east-1",
                signing_name=signing_name,
                now=self._clock.time(),
                payload=payload,
            )
        except Refused as why:
            raise UpstreamError(f"The request cannot be signed anew: {why}") from why
        return signed, body, length


class _Sending:
    """The body of a request on its way out."""

    def __init__(self, body: Body, length: int | None) -> None:
        self.body = body
        self.length = length
        self.at_once = isinstance(body, bytes) and len(body) <= AT_ONCE
        self.begun = False
        """Whether a part of a body that cannot be had twice has been taken."""

    async def run(self, connection: Connection, idle: float) -> None:
        """Send it. Raises `UpstreamError`, and whatever the body raises."""
        if isinstance(self.body, bytes):
            whole = memoryview(self.body)
            for at in range(0, len(whole), SLICE):
                await connection.send(whole[at : at + SLICE], idle)
            connection.sent()
            return
        self.begun = True
        left = self.length
        async for piece in self.body:
            if not piece:
                continue
            if left is None:
                await connection.send(b"%x\r\n%b\r\n" % (len(piece), piece), idle)
                continue
            left -= len(piece)
            if left < 0:
                raise UpstreamError("The body is longer than its Content-Length.")
            await connection.send(piece, idle)
            if left == 0:
                connection.sent()
        if left is None:
            await connection.send(b"0\r\n\r\n", idle)
            connection.sent()
        elif left > 0:
            raise chunked.IncompleteBody
        elif self.length == 0:
            connection.sent()


def _sender_done(sender: asyncio.Future[None], answering: Answering) -> None:
    """The body has gone out, or could not: then the answer, if it is not complete, breaks off too."""
    if sender.cancelled():
        return
    error = sender.exception()
    if error is not None:
        answering.fail(error if isinstance(error, UpstreamError) else UpstreamError(f"The request broke off: {error}"))


def _head(request: Request, upstream: Upstream, sending: _Sending) -> bytes:
    """Request line and headers, and the body when it leaves with them."""
    target = f"{request.path or '/'}?{request.query}" if request.query else request.path or "/"
    own = _named_by_connection(request.headers)
    lines = [f"{request.method} {target} HTTP/1.1"]
    lines += [
        f"{name}: {value}"
        for name, value in request.headers
        if name not in _OF_THE_CONNECTION and name not in own and name not in ("content-length", "expect")
    ]
    if "host" not in request.headers:
        lines.append(f"host: {upstream.authority}")
    if sending.length is None:
        lines.append("transfer-encoding: chunked")
    elif sending.length or request.method in ("POST", "PUT", "PATCH") or "content-length" in request.headers:
        lines.append(f"content-length: {sending.length}")
    text = "\r\n".join(lines)
    if text.count("\n") != len(lines) - 1 or text.count("\r") != len(lines) - 1:
        raise UpstreamError("A header has a line break in it.")
    head = text.encode("latin-1", "replace") + b"\r\n\r\n"
    return head + sending.body if sending.at_once and isinstance(sending.body, bytes) else head


def _end_to_end(headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    lines = tuple(headers)
    own = _named_by_connection((name.lower(), value) for name, value in lines)
    return tuple((name, value) for name, value in lines if name.lower() not in _OF_THE_CONNECTION and name.lower() not in own)


def _named_by_connection(headers: Iterable[tuple[str, str]]) -> set[str]:
    """What the `Connection` header says belongs to the connection."""
    return {token.strip().lower() for name, value in headers if name == "connection" for token in value.split(",")} - {"host"}


def _without_framing(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The headers of an `aws-chunked` body as those of its payload."""
    kept = []
    for name, value in headers:
        if name == "content-encoding":
            value = ",".join(token for token in (part.strip() for part in value.split(",")) if token.lower() != "aws-chunked")
            if not value:
                continue
        if name not in _OF_THE_FRAMING:
            kept.append((name, value))
    return kept
