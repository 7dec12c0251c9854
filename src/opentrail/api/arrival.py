"""A request as it arrives: its head, and its body still on the way."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from opentrail.clock import Clock
from opentrail.recorder import Tls
from opentrail.wire.faults import Fault
from opentrail.wire.http import Headers, Request

Receive = Callable[[], Awaitable[Mapping[str, Any]]]


class RequestEntityTooLarge(Fault):
    """The request body is larger than this endpoint takes."""

    status = 413


class IncompleteBody(Fault):
    """The connection was closed before the whole body had arrived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VpcEndpoint:
    """The listener stands for a VPC endpoint: its id, the account that owns it, and its policy (JSON text; `None`: everything)."""

    id: str
    account_id: str
    policy: str | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Arrival:
    """One request before anybody knows what it asks for. The body can be read once, by `pieces` or by `whole_body`."""

    request: Request
    receive: Receive
    content_length: int | None
    source_ip: str
    secure: bool
    time: datetime
    tls: Tls | None = None
    """The connection's, when it is ours to know."""
    vpc_endpoint: VpcEndpoint | None = None
    read_whole: bool = False
    """Whether the body has been read to its end."""
    received: int = 0
    """Bytes of the body that have come so far."""

    @classmethod
    def from_asgi(
        cls,
        scope: Mapping[str, Any],
        receive: Receive,
        clock: Clock,
        trusted_proxies: Collection[str],
        vpc_endpoint: VpcEndpoint | None = None,
    ) -> Arrival:
        """From an ASGI `http` scope. `X-Forwarded-For` and `X-Forwarded-Proto` are believed when the peer is one of `trusted_proxies`;
        `vpc_endpoint` is what the listener stands for. The `tls` extension has the names that OpenSSL uses, which are CloudTrail's."""
        headers = Headers.from_asgi(scope["headers"])
        peer = scope["client"][0] if scope.get("client") else "127.0.0.1"
        if ":" in peer:
            peer = _address(peer) or peer
        secure = scope.get("scheme") == "https"
        if peer in trusted_proxies:
            secure = (headers.getall("x-forwarded-proto") or [""])[-1].rpartition(",")[2].strip().lower() == "https" or secure
            peer = _client_behind(peer, headers, trusted_proxies)
        length = headers.get("content-length")
        tls = scope.get("extensions", {}).get("tls")
        return cls(
            request=Request(
                method=scope["method"],
                path=scope["raw_path"].decode("latin-1"),
                query=scope["query_string"].decode("latin-1"),
                headers=headers,
            ),
            receive=receive,
            content_length=int(length) if length is not None and length.isdecimal() and length.isascii() else None,
            source_ip=peer,
            secure=secure,
            time=clock.now(),
            tls=None if tls is None else Tls(version=tls["tls_version"], cipher_suite=tls["cipher_suite"]),
            vpc_endpoint=vpc_endpoint,
        )

    @property
    def moved(self) -> int:
        """Bytes that were moved: the payload's, without its `aws-chunked` framing, where all of it has come."""
        decoded = self.request.headers.get("x-amz-decoded-content-length") or ""
        return int(decoded) if self.read_whole and decoded.isdecimal() and decoded.isascii() and len(decoded) < 19 else self.received

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises `IncompleteBody` when the client goes away."""
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise IncompleteBody
            piece = message.get("body", b"")
            self.received += len(piece)
            self.read_whole = not message.get("more_body", False)
            if piece:
                yield piece
            if self.read_whole:
                return

    async def start_of_body(self, limit: int) -> bytes:
        """At least `limit` bytes of the body, or all of it where it is shorter; the rest is left unread."""
        found = b""
        async for piece in self.pieces():
            found += piece
            if len(found) >= limit:
                break
        return found

    async def disconnected(self) -> None:
        """Returns when the client has gone. Only after the body has been read: what is left of it is thrown away."""
        while (await self.receive())["type"] != "http.disconnect":
            pass

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


def _client_behind(peer: str, headers: Headers, trusted: Collection[str]) -> str:
    """The right-most address that is not one of our own proxies is the client; what stands left of it anyone can write."""
    for part in reversed(",".join(headers.getall("x-forwarded-for")).split(",")):
        address = _address(part.strip())
        if address is None:
            break
        peer = address
        if address not in trusted:
            break
    return peer


def _address(text: str) -> str | None:
    """An IP address as CloudTrail prints it, without the port that some proxies add; `None` when it is none."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
