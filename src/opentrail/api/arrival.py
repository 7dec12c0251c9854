"""A request as it arrives: its head, and its body still on the way."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from opentrail.clock import Clock
from opentrail.wire.faults import Fault
from opentrail.wire.http import Headers, Request

Receive = Callable[[], Awaitable[Mapping[str, Any]]]


class RequestEntityTooLarge(Fault):
    """The request body is larger than this endpoint takes."""

    status = 413


class IncompleteBody(Fault):
    """The connection was closed before the whole body had arrived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One request before anybody knows what it asks for. The body can be read once, by `pieces` or by `whole_body`."""

    request: Request
    receive: Receive
    content_length: int | None
    source_ip: str
    secure: bool
    request_id: str
    time: datetime

    @classmethod
    def from_asgi(cls, scope: Mapping[str, Any], receive: Receive, clock: Clock, trusted_proxies: Collection[str]) -> Arrival:
        """From an ASGI `http` scope. `X-Forwarded-For` is believed when the peer is one of `trusted_proxies`."""
        headers = Headers.from_asgi(scope["headers"])
        peer = scope["client"][0] if scope.get("client") else "127.0.0.1"
        if peer in trusted_proxies:
            # The right-most address that is not one of our own proxies is the client; what stands left of it anyone can write.
            for address in reversed([part.strip() for part in (headers.get("x-forwarded-for") or "").split(",") if part.strip()]):
                peer = address
                if address not in trusted_proxies:
                    break
        length = headers.get("content-length")
        return cls(
            request=Request(
                method=scope["method"],
                path=scope["raw_path"].decode("latin-1"),
                query=scope["query_string"].decode("latin-1"),
                headers=headers,
            ),
            receive=receive,
            content_length=int(length) if length is not None and length.isdigit() else None,
            source_ip=peer,
            secure=scope.get("scheme") == "https",
            request_id=str(uuid.uuid4()),
            time=clock.now(),
        )

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises `IncompleteBody` when the client goes away."""
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise IncompleteBody
            piece = message.get("body", b"")
            if piece:
                yield piece
            if not message.get("more_body", False):
                return

    async def whole_body(self, limit: int) -> bytes:
        """The body in one piece; raises `RequestEntityTooLarge` beyond `limit` bytes, before reading it where the length is announced."""
        if self.content_length is not None and self.content_length > limit:
            raise RequestEntityTooLarge(f"The body has {self.content_length} bytes; at most {limit} are taken.")
        pieces: list[bytes] = []
        size = 0
        async for piece in self.pieces():
            size += len(piece)
            if size > limit:
                raise RequestEntityTooLarge(f"The body is larger than {limit} bytes.")
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)
