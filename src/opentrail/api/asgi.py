"""The ASGI application: AWS calls go to the endpoint, `/_opentrail/…` to the house's own pages."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, MutableMapping
from email.utils import formatdate
from typing import Any

from opentrail.api.arrival import Arrival, VpcEndpoint
from opentrail.clock import Clock
from opentrail.errors import UpstreamError
from opentrail.wire.http import Response

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Page = Callable[[], Awaitable[Response]]
Door = Callable[[Arrival], Awaitable[Response]]

OWN = "/_opentrail/"
"""Paths that are ours: no bucket can have this name."""

log = logging.getLogger("opentrail.answers")

_NO_PAGE = Response(status=404, headers=(("content-type", "text/plain"),), body=b"There is no such page.\n")


class _BrokenOff(Exception):
    """The body ended before its end: the disk or the upstream failed."""


class Application:
    """One callable for the server: `await application(scope, receive, send)`."""

    def __init__(
        self,
        *,
        answer: Callable[[Arrival], Awaitable[Response]],
        pages: Mapping[str, Page],
        clock: Clock,
        trusted_proxies: Collection[str] = (),
        doors: Mapping[str, Door] | None = None,
        halls: Mapping[str, Door] | None = None,
        vpc_endpoint: VpcEndpoint | None = None,
    ) -> None:
        """`answer` handles AWS calls; `pages` are our own, by path (`/_opentrail/health`); `doors` are paths of our own too, which take
        every method and see the request; `halls` are doors for all paths that begin so. `vpc_endpoint`: all this comes in through it."""
        self._answer = answer
        self._pages = pages
        self._clock = clock
        self._trusted = frozenset(trusted_proxies)
        self._doors = dict(doors or {})
        self._halls = dict(halls or {})
        self._vpc_endpoint = vpc_endpoint
        self._dated = (0, b"")

    async def __call__(self, scope: Mapping[str, Any], receive: Callable[[], Awaitable[Any]], send: Send) -> None:
        """Answer one request. Returns in the middle of an answer that cannot be completed: the server breaks it off."""
        if scope["path"] in self._doors:
            response = await self._doors[scope["path"]](self._arrival(scope, receive))
            await _send_whole(response, self._headers(response), response.body, send)
            return
        if scope["path"].startswith(OWN):
            for start, door in self._halls.items():
                if scope["path"].startswith(start):
                    response = await door(self._arrival(scope, receive))
                    await _send_whole(response, self._headers(response), response.body, send)
                    return
            page = self._pages.get(scope["path"]) if scope["method"] in ("GET", "HEAD") else None
            response = _NO_PAGE if page is None else await page()
            await _send_whole(response, self._headers(response), response.body, send)
            return
        arrival = self._arrival(scope, receive)
        response = await self._answer(arrival)
        headers = self._headers(response)
        if isinstance(response.body, bytes):
            await _send_whole(response, headers, response.body, send)
        elif scope["method"] == "HEAD":
            await close(response.body)
            await send({"type": "http.response.start", "status": response.status, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
        else:
            await _stream(arrival, response, headers, response.body, send)

    def _arrival(self, scope: Mapping[str, Any], receive: Callable[[], Awaitable[Any]]) -> Arrival:
        return Arrival.from_asgi(scope, receive, self._clock, self._trusted, self._vpc_endpoint)

    def _headers(self, response: Response) -> list[tuple[bytes, bytes]]:
        headers = [(name.lower().encode("latin-1"), value.encode("latin-1", "replace")) for name, value in response.headers]
        if not any(name == b"date" for name, _ in headers):  # an upstream's goes through: two of them break some SDKs
            headers.append((b"date", self._date()))
        return headers

    def _date(self) -> bytes:
        second = int(self._clock.time())
        if second != self._dated[0]:
            self._dated = (second, formatdate(second, usegmt=True).encode())
        return self._dated[1]


async def close(body: bytes | AsyncIterator[bytes]) -> None:
    """Give back what a streamed body holds (a file, a connection) when it will not be read to its end."""
    for name in ("aclose", "close"):
        ending = getattr(body, name, None)
        if ending is not None:
            done = ending()
            if done is not None:
                await done
            return


async def _send_whole(response: Response, headers: list[tuple[bytes, bytes]], body: Any, send: Send) -> None:
    if not any(name == b"content-length" for name, _ in headers) and response.status not in (204, 304):
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _stream(arrival: Arrival, response: Response, headers: list[tuple[bytes, bytes]], body: AsyncIterator[bytes], send: Send) -> None:
    """Send `body` piece by piece. A client that goes away in the middle ends it, also while the next piece is still awaited."""
    pump = asyncio.ensure_future(_pump(response, headers, body, send))
    # What is left of a request's body belongs to whoever still reads it; then only sending tells that nobody listens.
    watch = asyncio.ensure_future(arrival.disconnected()) if arrival.read_whole else None
    try:
        await asyncio.wait({pump} if watch is None else {pump, watch}, return_when=asyncio.FIRST_COMPLETED)
        if pump.done():
            pump.result()
    except _BrokenOff as error:
        log.warning("an answer broke off: %s", error.__cause__)
    except OSError:
        pass  # the client has gone; what it was told is recorded
    finally:
        for task in (pump, watch):
            if task is not None and not task.done():
                task.cancel()
                await asyncio.wait({task})
        await close(body)


async def _pump(response: Response, headers: list[tuple[bytes, bytes]], body: AsyncIterator[bytes], send: Send) -> None:
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    while True:
        try:
            piece = await anext(body)
        except StopAsyncIteration:
            break
        except (OSError, UpstreamError) as error:
            raise _BrokenOff from error
        if piece:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
