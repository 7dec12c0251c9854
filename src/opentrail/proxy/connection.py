"""One keep-alive HTTP/1.1 connection to an upstream: a request goes out, an answer comes back, octet for octet.

Written for the data path: nothing of a body is decoded or held beyond `HIGH_WATER` octets in either direction, header lines keep their
order, spelling and octets. httptools reads the answers. One exchange at a time; `pool.Pool` keeps connections between exchanges.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import cast

import httptools

from opentrail.errors import UpstreamError

HIGH_WATER = 256 << 10
"""Octets of an answer that may wait here before the upstream is held back."""
LOW_WATER = 64 << 10
MAX_HEAD = 256 << 10
"""Octets of the status line and headers of an answer."""


class BrokenOff(UpstreamError):
    """The upstream closed the connection before it had answered."""

    begun = False
    """Whether a part of an answer had arrived."""


class Answering:
    """An answer under way on one connection: filled by the parser, emptied by its reader."""

    def __init__(self, connection: Connection, *, bodiless: bool) -> None:
        """`bodiless`: the request was a HEAD, whose answer has the headers of a body but none."""
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self.head: asyncio.Future[None] = connection.loop.create_future()
        self.begun = False
        """Whether any octet of an answer has arrived."""
        self.complete = False
        self.error: UpstreamError | None = None
        self.parser = httptools.HttpResponseParser(self)
        self.keep_alive = False
        self.sender: asyncio.Future[None] | None = None
        """Who sends the body meanwhile; kept here so that it is kept at all."""
        self._connection = connection
        self._bodiless = bodiless
        self._until_close = False
        self._pieces: deque[bytes] = deque()
        self._held = 0
        self._head_size = 0
        self._waiter: asyncio.Future[None] | None = None

    # what the parser tells

    def on_message_begin(self) -> None:
        if self.complete:
            self.keep_alive = False  # more than was asked for

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.complete:
            self.headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        if self.complete:
            return
        self.status = self.parser.get_status_code()
        if self.status < 200:
            return
        names = {name.lower() for name, _ in self.headers}
        self.keep_alive = self.parser.should_keep_alive()
        self._until_close = not ({"content-length", "transfer-encoding"} & names) and self.status not in (204, 304)
        if not self.head.done():
            self.head.set_result(None)
        if self._bodiless:
            self._end()

    def on_body(self, data: bytes) -> None:
        if self.complete:
            return
        self._pieces.append(data)
        self._held += len(data)
        if self._held > HIGH_WATER:
            self._connection.hold_back(True)
        self._wake()

    def on_message_complete(self) -> None:
        if self.status < 200:
            self.headers.clear()  # an interim answer; the real one follows
            if self.status == 101:
                self.fail(UpstreamError("The upstream switched protocols, which nobody asked for."))
        elif not self.complete:
            self._end()

    # what the connection tells

    def feed(self, data: bytes) -> None:
        """Octets from the upstream."""
        self.begun = True
        if not self.head.done():
            self._head_size += len(data)
            if self._head_size > MAX_HEAD:
                self.fail(UpstreamError("The headers of the upstream's answer are too long."))
                return
        try:
            self.parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self.complete:
                self.fail(UpstreamError(f"The upstream did not answer in HTTP/1.1: {error}"))
            self.keep_alive = False

    def closed(self, error: Exception | None) -> None:
        """The connection is gone; `error` when it did not end in order."""
        self.keep_alive = False
        if self.complete:
            return
        if self.head.done() and self._until_close and error is None and self.error is None:
            self._end()
        else:
            broken = BrokenOff()
            broken.begun = self.begun
            self.fail(broken)

    def fail(self, error: UpstreamError) -> None:
        """The answer will not be completed."""
        if self.complete or self.error is not None:
            return
        self.error = error
        self.keep_alive = False
        if not self.head.done():
            self.head.set_exception(error)
            self.head.exception()  # it may be that nobody is waiting any more
        self._wake()
        self._connection.abort()

    # what the reader asks

    async def next_piece(self, idle: float) -> bytes | None:
        """The next octets of the body, `None` at its end; waits at most `idle` seconds. Raises `UpstreamError`."""
        while True:
            if self._pieces:
                piece = self._pieces.popleft()
                self._held -= len(piece)
                if self._held < LOW_WATER and not self.complete:  # else the connection may be another answer's by now
                    self._connection.hold_back(False)
                return piece
            if self.complete:
                return None
            if self.error is not None:
                raise self.error
            self._waiter = self._connection.loop.create_future()
            try:
                async with asyncio.timeout(idle):
                    await self._waiter
            except TimeoutError:
                self.fail(UpstreamError(f"The upstream sent nothing for {idle:g} s."))
            finally:
                self._waiter = None

    def give_up(self) -> None:
        """The rest is not wanted."""
        self.fail(UpstreamError("The answer was given up."))

    def forget(self) -> None:
        """As `give_up`, from whatever thread the garbage collector runs in."""
        if not self.complete and self.error is None and not self._connection.loop.is_closed():
            self._connection.loop.call_soon_threadsafe(self.give_up)

    def _end(self) -> None:
        self.complete = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Connection(asyncio.Protocol):
    """The transport's side. Made by `pool.Pool`."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, *, released: Callable[[Connection], None], lost: Callable[[Connection], None]
    ) -> None:
        """`released` is called when an exchange is over and the connection is fit for another, `lost` when it is gone."""
        self.loop = loop
        self.used = False
        """Whether an exchange has been completed on it: then the upstream may have given it up meanwhile."""
        self.idle_since = 0.0
        self._released = released
        self._on_lost = lost
        self._transport: asyncio.Transport | None = None
        self._answering: Answering | None = None
        self._sending = False
        self._held_back = False
        self._writable: asyncio.Future[None] | None = None
        self._lost = False

    @property
    def usable(self) -> bool:
        """Whether a request could be sent now, as far as is known."""
        return not self._lost and self._transport is not None and not self._transport.is_closing()

    def begin(self, head: bytes, *, bodiless: bool, sending: bool) -> Answering:
        """Send `head` (with the body, if it is short) and expect an answer. `sending`: the body follows by `send`, then `sent`.

        Raises `BrokenOff` when the connection is gone.
        """
        if not self.usable:
            raise BrokenOff
        assert self._transport is not None
        self._answering = Answering(self, bodiless=bodiless)
        self._sending = sending
        self._transport.write(head)
        return self._answering

    async def send(self, data: bytes | memoryview, idle: float) -> None:
        """Send a part of the body; waits, at most `idle` seconds, until the upstream takes it. Raises `UpstreamError`."""
        if not self.usable:
            raise BrokenOff
        assert self._transport is not None
        self._transport.write(data)
        if self._writable is not None:
            try:
                async with asyncio.timeout(idle):
                    await self._writable
            except TimeoutError:
                raise UpstreamError(f"The upstream took nothing for {idle:g} s.") from None

    def sent(self) -> None:
        """The body has been sent whole."""
        self._sending = False
        self._release_if_over()

    def abort(self) -> None:
        """Close at once; whatever was under way fails."""
        if self._transport is not None:
            self._transport.abort()

    def hold_back(self, hold: bool) -> None:
        """Stop or go on reading from the upstream."""
        if self._transport is None or hold == self._held_back or self._lost:
            return
        self._held_back = hold
        if hold:
            self._transport.pause_reading()
        elif not self._transport.is_closing():
            self._transport.resume_reading()

    def _release_if_over(self) -> None:
        answering = self._answering
        if answering is None or not answering.complete:
            return
        self._answering = None
        self.hold_back(False)
        if answering.keep_alive and self.usable and not self._sending:  # else it answered without hearing us out
            self.used = True
            self._released(self)
        else:
            self.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=HIGH_WATER, low=LOW_WATER)

    def data_received(self, data: bytes) -> None:
        if self._answering is None:
            self.abort()  # nobody asked
        else:
            self._answering.feed(data)
            self._release_if_over()  # only now: what follows the answer in the same octets makes the connection unfit

    def connection_lost(self, error: Exception | None) -> None:
        self._lost = True
        self._on_lost(self)
        self.resume_writing()
        if self._answering is not None:
            self._answering.closed(error)

    def pause_writing(self) -> None:
        if self._writable is None:
            self._writable = self.loop.create_future()

    def resume_writing(self) -> None:
        if self._writable is not None:
            writable, self._writable = self._writable, None
            if not writable.done():
                writable.set_result(None)
