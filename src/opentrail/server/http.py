"""HTTP/1.1 on a connection: httptools reads, the ASGI application answers, uvicorn's `Server` listens and stops.

What a stranger sends may cost neither memory nor a connection for ever, and what a client is answered must not depend on what follows it:

- a head is bounded (431), a body waits at most `HELD` bytes before the client is held back;
- every silence has its bound (`Patience`);
- requests that follow on one connection are answered in their order, one at a time;
- an answer given before the whole body has come ends the connection, but only when the client has had time to read it (RFC 9112 §9.6);
- what can be read in two ways (lengths that contradict each other, line ends, targets) is refused (RFC 9112 §11).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import unquote

import httptools
import uvicorn
from uvicorn.server import ServerState

from opentrail.server.exchange import Exchange, status_line

MOST_THROWN_AWAY = 8 << 20
"""Bytes that are read of what nobody wants any more, so that a client hears why."""

_FOREVER = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a connection may be silent, in seconds."""

    head: float = 60.0
    """From the connection, or the first octet of a later request, to the end of the head."""
    between: float = 75.0
    """Between two requests."""
    body: float = 300.0
    """Within a body, and for a client that does not read its answer."""
    linger: float = 5.0
    """For a client that still sends when it has its last answer."""


def bounded_protocol(max_head: int, patience: Patience | None = None) -> type[asyncio.Protocol]:
    """The protocol class for `uvicorn.Config(http=…)`: heads beyond `max_head` bytes are answered with 431."""

    class Http(Connection):
        def __init__(
            self,
            config: uvicorn.Config,
            server_state: ServerState,
            app_state: Mapping[str, Any],
            _loop: asyncio.AbstractEventLoop | None = None,
        ) -> None:
            if not config.loaded:
                config.load()
            super().__init__(config.loaded_app, server_state, max_head, patience or Patience(), _loop or asyncio.get_running_loop())

    return Http


class Connection(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, app: Any, state: ServerState, max_head: int, patience: Patience, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._app = app
        self._state = state
        self._max_head = max_head
        self._patience = patience
        self._parser = _parser(self)
        self._transport: asyncio.Transport | None = None
        self._ends: dict[str, Any] = {}
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._head_open = False
        self._head_bytes = 0
        self._framing = b""
        """How the body is framed that comes after an offer to upgrade."""
        self._resuming = False
        self._arriving: Exchange | None = None
        """Whose body is being read; the newest."""
        self._answered: Exchange | None = None
        """Who is being answered; the oldest."""
        self._waiting: deque[Exchange] = deque()
        self._deaf = False
        """Nothing more is taken: the last answer has been decided on."""
        self._refusal: bytes | None = None
        """What is said after the answers under way, and then no more."""
        self._lingering = False
        self._thrown_away = 0
        self._stopping = False
        self._held_back = False
        self._writable: asyncio.Future[None] | None = None
        self._deadline = _FOREVER
        self._timer: asyncio.TimerHandle | None = None

    # -- the transport tells -------------------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        cast(set[Any], self._state.connections).add(self)
        tls = transport.get_extra_info("ssl_object")
        self._ends = {
            "server": _address(transport.get_extra_info("sockname")),
            "client": _address(transport.get_extra_info("peername")),
            "scheme": "http" if tls is None else "https",
            "extensions": {} if tls is None else {"tls": {"tls_version": tls.version(), "cipher_suite": (tls.cipher() or (None,))[0]}},
        }
        self._expect(self._patience.head)

    def connection_lost(self, error: Exception | None) -> None:
        cast(set[Any], self._state.connections).discard(self)
        self._deaf = True
        if self._timer is not None:
            self._timer.cancel()
        for exchange in (self._answered, *self._waiting):
            if exchange is not None:
                exchange.leave()
        self._waiting.clear()
        self.resume_writing()

    def eof_received(self) -> bool:
        """A client that says no more is not waited for: without this nobody would notice one that has gone."""
        return False

    def data_received(self, data: bytes) -> None:
        if self._lingering:
            self._thrown_away += len(data)
            if self._thrown_away > MOST_THROWN_AWAY:
                self.close(abort=True)
        if self._deaf:
            return
        if self._arriving is not None and not self._arriving.complete:
            self._expect(self._patience.body)
        try:
            self._parse(data)
        except httptools.HttpParserError:
            self._refuse(400, "BadRequest", "An error occurred when parsing the HTTP request.")
            return
        if self._head_open and not self._deaf:
            self._head_bytes += len(data)
            if self._head_bytes > self._max_head:
                self._refuse(431, "RequestHeaderSectionTooLarge", _TOO_LARGE)

    def pause_writing(self) -> None:
        if self._writable is None:
            self._writable = self.loop.create_future()
            self._expect(self._patience.body)

    def resume_writing(self) -> None:
        if self._writable is not None:
            writable, self._writable = self._writable, None
            self._expect(_FOREVER)
            if not writable.done():
                writable.set_result(None)

    def shutdown(self) -> None:
        """uvicorn stops: what is under way is answered, then the connection ends."""
        self._stopping = True
        if self._answered is None:
            self.close()

    # -- the parser tells -----------------------------------------------------------------------------------------------------------------

    def _parse(self, data: bytes) -> None:
        while data:
            try:
                self._parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as upgrade:
                # Nobody changes the protocol here; a request that offers to is an ordinary one, and what follows it is the next. The parser
                # has given up after the head: another one reads the body, told only how it is framed.
                data = data[upgrade.args[0] :]
                self._parser = _parser(self)
                framing, self._framing = self._framing, b""
                if framing:
                    self._resuming = True
                    self._parser.feed_data(b"POST / HTTP/1.1\r\n" + framing + b"\r\n\r\n")

    def on_message_begin(self) -> None:
        if self._resuming:
            return
        self._target = b""
        self._headers = []
        self._head_open = True
        self._head_bytes = 0
        if self._answered is None:
            self._expect(self._patience.head)

    def on_url(self, part: bytes) -> None:
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._head_open:  # else it is a trailer, which must not pass for a header
            self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        if self._resuming:
            self._resuming = False
            return
        self._head_open = False
        if self._deaf or (self._arriving is not None and not self._arriving.keep_alive):
            self._deaf = True  # what follows the last request
            return
        version = self._parser.get_http_version()
        target = _taken_apart(self._target)
        if version not in ("1.0", "1.1"):
            self._refuse(505, "HTTPVersionNotSupported", "Only HTTP/1.1 and HTTP/1.0 are spoken here.")
            return
        if target is None:
            self._refuse(400, "InvalidURI", "Couldn't parse the specified URI.")
            return
        if self._parser.should_upgrade():
            framing = (name + b": " + value for name, value in self._headers if name in (b"content-length", b"transfer-encoding"))
            self._framing = next(framing, b"")
        path, query = target
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": version,
            "method": self._parser.get_method().decode("ascii"),
            "path": unquote(path.decode("ascii")) if b"%" in path else path.decode("ascii"),
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "headers": self._headers,
            **self._ends,
        }
        exchange = self._arriving = Exchange(self, scope, keep_alive=version == "1.1" and self._parser.should_keep_alive())
        if self._answered is None:
            self._start(exchange)
        else:
            self._waiting.append(exchange)
            self.hold_back(True)

    def on_body(self, data: bytes) -> None:
        if self._arriving is not None and not self._deaf:
            self._arriving.take(data)

    def on_message_complete(self) -> None:
        if self._arriving is not None and not self._deaf and not self._framing:
            self._arriving.end()
            if self._answered is self._arriving:
                self._expect(_FOREVER)

    # -- the exchanges ask ----------------------------------------------------------------------------------------------------------------

    @property
    def stopping(self) -> bool:
        """Whether an answer begun now is the last one here."""
        return self._stopping

    def write(self, data: bytes) -> None:
        """Send octets; nothing when the client has gone."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    async def drain(self) -> None:
        """Wait until the client takes more."""
        if self._writable is not None:
            await self._writable

    def hold_back(self, hold: bool) -> None:
        """Stop or go on reading."""
        if hold == self._held_back or self._transport is None or self._transport.is_closing():
            return
        if not hold and self._waiting:
            return  # those who wait are enough
        self._held_back = hold
        if hold:
            self._transport.pause_reading()
            self._expect(_FOREVER)
        else:
            self._transport.resume_reading()
            if self._arriving is not None and not self._arriving.complete:
                self._expect(self._patience.body)

    def answered(self, exchange: Exchange, *, whole: bool) -> None:
        """`exchange` is over; `whole`: with a complete answer, else the client must see that it is not."""
        self._state.total_requests += 1
        if self._answered is not exchange:
            return  # the connection went first
        self._answered = None
        if self._transport is None or self._transport.is_closing():
            return
        if not whole:
            self.close(abort=True)
        elif not exchange.keep_alive:
            self._end(linger=not exchange.complete)
        elif self._waiting:
            following = self._waiting.popleft()
            self.hold_back(False)
            self._start(following)
        elif self._refusal is not None:
            self.write(self._refusal)
            self._end(linger=True)
        elif self._stopping:
            self.close()
        else:
            self.hold_back(False)
            self._expect(self._patience.head if self._head_open else self._patience.between)

    def close(self, *, abort: bool = False) -> None:
        """End the connection."""
        self._deaf = True
        if self._transport is not None:
            self._transport.abort() if abort else self._transport.close()

    # -- inside ---------------------------------------------------------------------------------------------------------------------------

    def _start(self, exchange: Exchange) -> None:
        self._answered = exchange
        self._expect(_FOREVER if exchange.complete or self._held_back else self._patience.body)
        task = self.loop.create_task(exchange.run(self._app))
        self._state.tasks.add(task)
        task.add_done_callback(self._state.tasks.discard)

    def _refuse(self, status: int, code: str, message: str) -> None:
        """Answer what is no request, after the answers under way, and take no more."""
        self._deaf = True
        body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'.encode()
        lines = b"content-type: application/xml\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
        self._refusal = status_line(status) + lines + body
        broken = self._arriving
        if broken is not None and not broken.complete:  # it is the body that cannot be read
            broken.cut()
        elif self._answered is None:
            self.write(self._refusal)
            self._end(linger=True)

    def _end(self, *, linger: bool) -> None:
        """No more answers. With `linger` what the client still sends is read, so that it is not reset before it has read the last one."""
        self._deaf = True
        if not linger or self._transport is None or self._transport.is_closing() or not self._transport.can_write_eof():
            self.close()
            return
        self._waiting.clear()
        self.hold_back(False)
        self._transport.write_eof()
        self._expect(self._patience.linger)
        self._lingering = True

    def _expect(self, seconds: float) -> None:
        """From now on the client has this long. One timer runs at a time, and looks again when it was set back meanwhile."""
        if self._lingering:
            return
        self._deadline = self.loop.time() + seconds
        if seconds == _FOREVER:
            return
        if self._timer is None or self._timer.when() > self._deadline:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self.loop.call_at(self._deadline, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._deadline <= self.loop.time():
            self.close(abort=self._answered is not None or self._lingering)
        elif self._deadline != _FOREVER:
            self._timer = self.loop.call_at(self._deadline, self._look)


_TOO_LARGE = "Your request header and query parameters used to make the request exceed the maximum allowed size."


def _parser(connection: Connection) -> httptools.HttpRequestParser:
    parser = httptools.HttpRequestParser(connection)
    # What follows a request with `Connection: close` is no error of that request.
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    return parser


def _taken_apart(target: bytes) -> tuple[bytes, bytes] | None:
    """Path and query of a request target in origin or absolute form; `None` for any other (`*`, an authority) and for octets no URL has."""
    if not target.startswith(b"/"):
        scheme, found, rest = target.partition(b"://")
        if not found or scheme.lower() not in (b"http", b"https") or not rest or rest[:1] in b"/?":
            return None
        at = min((index for index in (rest.find(b"/"), rest.find(b"?")) if index >= 0), default=len(rest))
        target = rest[at:] if rest[at : at + 1] == b"/" else b"/" + rest[at:]
    if not target.isascii() or b"#" in target:
        return None
    path, _, query = target.partition(b"?")
    return path, query


def _address(name: Any) -> tuple[str, int] | None:
    return (str(name[0]), int(name[1])) if isinstance(name, tuple) and len(name) >= 2 else None
