"""The ASGI application: AWS calls go to the endpoint, `/_opentrail/…` to the house's own pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from email.utils import formatdate
from typing import Any

from opentrail.api.arrival import Arrival
from opentrail.clock import Clock
from opentrail.wire.http import Response

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Page = Callable[[], Awaitable[Response]]


class Application:
    """One callable for the server: `await application(scope, receive, send)`."""

    def __init__(
        self,
        *,
        answer: Callable[[Arrival], Awaitable[Response]],
        pages: Mapping[str, Page],
        clock: Clock,
        trusted_proxies: Collection[str] = (),
    ) -> None:
        """`answer` handles AWS calls; `pages` are our own, by path (`/_opentrail/health`)."""
        self._answer = answer
        self._pages = pages
        self._clock = clock
        self._trusted = frozenset(trusted_proxies)
        self._dated = (0, b"")

    async def __call__(self, scope: Mapping[str, Any], receive: Callable[[], Awaitable[Any]], send: Send) -> None:
        """Answer one request."""
        page = self._pages.get(scope["path"]) if scope["method"] in ("GET", "HEAD") else None
        if page is not None:
            await self._send(await page(), send)
            return
        arrival = Arrival.from_asgi(scope, receive, self._clock, self._trusted)
        await self._send(await self._answer(arrival), send)

    async def _send(self, response: Response, send: Send) -> None:
        headers = [(name.lower().encode("latin-1"), value.encode("latin-1", "replace")) for name, value in response.headers]
        if not any(name == b"date" for name, _ in headers):  # an upstream's goes through: two of them break some SDKs
            headers.append((b"date", self._date()))
        await _start_and_finish(response, headers, send)

    def _date(self) -> bytes:
        second = int(self._clock.time())
        if second != self._dated[0]:
            self._dated = (second, formatdate(second, usegmt=True).encode())
        return self._dated[1]


async def _start_and_finish(response: Response, headers: list[tuple[bytes, bytes]], send: Send) -> None:
    body = response.body
    if isinstance(body, bytes):
        if not any(name == b"content-length" for name, _ in headers) and response.status not in (204, 304):
            headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        return
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    async for piece in body:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
