"""One HTTP request and its answer, as ASGI's `scope`, `receive` and `send`, on whatever connection carries it."""

from __future__ import annotations

import asyncio
import http
import logging
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

HELD = 64 << 10
"""Bytes of a body that wait here for the application before the client is held back."""

log = logging.getLogger("opentrail.http")

_NO_BODY = frozenset({204, 304})
_STATUS_LINES = {int(status): f"HTTP/1.1 {int(status)} {status.phrase}\r\n".encode() for status in http.HTTPStatus}
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Disconnected(OSError):
    """The client has gone: nobody reads the answer."""


class Carrier(Protocol):
    """What an exchange needs of its connection."""

    loop: asyncio.AbstractEventLoop

    @property
    def stopping(self) -> bool:
        """Whether an answer begun now is the last one here."""

    def write(self, data: bytes) -> None:
        """Send octets; nothing when the client has gone."""

    async def drain(self) -> None:
        """Wait until the client takes more."""

    def hold_back(self, hold: bool) -> None:
        """Stop or go on reading."""

    def answered(self, exchange: Exchange, *, whole: bool) -> None:
        """`exchange` is over; `whole`: with a complete answer, else the client must see that it is not."""


class Exchange:
    """One request and its answer: the `scope`, `receive` and `send` of ASGI."""

    def __init__(self, connection: Carrier, scope: dict[str, Any], *, keep_alive: bool) -> None:
        self.keep_alive = keep_alive
        self.complete = False
        """Whether the whole body has arrived."""
        self._connection = connection
        self._scope = scope
        self._continue = scope["http_version"] == "1.1" and any(
            name == b"expect" and value.lower() == b"100-continue" for name, value in scope["headers"]
        )
        self._body = bytearray()
        self._told = False
        """Whether the application has the whole body."""
        self._gone = False
        self._cut = False
        """No more of the body can be had."""
        self._silent = False
        """Whether the answer has no body."""
        self._change: asyncio.Future[None] | None = None
        self._started = False
        self._finished = False
        self._chunked = False
        self._head = b""
        """Of the answer, until its first part is there."""
        self._left: int | None = None
        """Octets of the answer that its Content-Length still promises."""

    async def run(self, app: Any) -> None:
        """Have the application answer; the connection hears of the end."""
        try:
            await app(self._scope, self.receive, self.send)
        except Disconnected:
            pass
        except Exception:
            log.exception("the application failed")
            if not self._started and not self._gone:
                self._begin(500, [(b"content-length", b"0")])
                self._connection.write(self._head)
                self._finish()
        finally:
            if not self._finished:
                self._connection.answered(self, whole=False)

    async def receive(self) -> dict[str, Any]:
        """The next piece of the body; after it, and when the client goes, `http.disconnect`. One caller at a time."""
        if self._continue and not self._started and not self._gone:
            self._continue = False
            if not self.complete:
                self._connection.write(_CONTINUE)
        while True:
            if not self._told and (self._body or self.complete):
                self._told = self.complete
                piece = bytes(self._body)
                self._body.clear()
                return {"type": "http.request", "body": piece, "more_body": not self.complete}
            if self._gone or self._cut or self._finished:
                return {"type": "http.disconnect"}
            self._connection.hold_back(False)
            self._change = self._connection.loop.create_future()
            await self._change

    async def send(self, message: Mapping[str, Any]) -> None:
        """A part of the answer. Raises `Disconnected` when the client has gone, ValueError for what cannot be said in HTTP."""
        if self._gone:
            raise Disconnected
        if message["type"] == "http.response.start":
            self._begin(message["status"], message["headers"])
            return
        body, more = message.get("body", b""), message.get("more_body", False)
        if self._left is not None:
            self._left -= len(body)
            if self._left < 0 or (self._left > 0 and not more):
                raise ValueError("The body has another length than its Content-Length says.")
        if self._chunked:
            body = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            body = body if more else body + b"0\r\n\r\n"
        # Head and first part leave in one write: one packet for a small answer, and no half of one from a process that dies.
        part = self._head if self._silent else self._head + body
        self._head = b""
        if part:
            self._connection.write(part)
            await self._connection.drain()
        if not more:
            self._finish()

    def _begin(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        if self._started:
            raise ValueError("The answer has begun already.")
        lines = [status_line(status)]
        length: int | None = None
        for name, value in headers:
            if name == b"content-length":
                if status == 204:
                    continue
                length = int(value)
            elif name in (b"connection", b"transfer-encoding"):
                continue  # this connection's own affair
            lines.append(b"%b: %b\r\n" % (name, value))
        self._silent = self._scope["method"] == "HEAD" or status in _NO_BODY
        self._left = None if self._silent else length
        if length is None and not self._silent:
            self._chunked = self._scope["http_version"] == "1.1"
            self.keep_alive = self.keep_alive and self._chunked
            if self._chunked:
                lines.append(b"transfer-encoding: chunked\r\n")
        # A client that has not sent its body, and is told the end of it now, may leave it out or not (RFC 9110 §10.1.1).
        if not self.complete or self._connection.stopping:
            self.keep_alive = False
        if not self.keep_alive:
            lines.append(b"connection: close\r\n")
        head = b"".join(lines)
        if head.count(b"\n") != len(lines) or head.count(b"\r") != len(lines) or b"\0" in head:
            raise ValueError("A header has a line break in it.")
        self._started = True
        self._head = head + b"\r\n"

    def _finish(self) -> None:
        if not self._finished:
            self._finished = True
            self._wake()
            self._connection.answered(self, whole=True)

    # -- the connection tells -------------------------------------------------------------------------------------------------------------

    def take(self, data: bytes) -> None:
        """A piece of the body has arrived."""
        if self._finished:
            return
        self._body += data
        if len(self._body) > HELD:
            self._connection.hold_back(True)
        self._wake()

    def end(self) -> None:
        """The body has arrived."""
        self.complete = True
        self._wake()

    def cut(self) -> None:
        """What follows cannot be read; the client still waits for its answer."""
        self._cut = True
        self._wake()

    def leave(self) -> None:
        """The client has gone."""
        self._gone = True
        self._wake()

    def _wake(self) -> None:
        if self._change is not None and not self._change.done():
            self._change.set_result(None)


def status_line(status: int) -> bytes:
    """The first line of an answer."""
    return _STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status
