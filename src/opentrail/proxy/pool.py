"""Connections to upstreams, kept between calls."""

from __future__ import annotations

import asyncio
import ssl

from opentrail.clock import Clock
from opentrail.errors import UpstreamError
from opentrail.proxy.connection import Connection
from opentrail.proxy.upstreams import Upstream

CONNECT_TIMEOUT = 5.0
"""Seconds to reach an upstream, TLS included."""
KEEP_IDLE = 15.0
"""Seconds that an idle connection is kept; many servers give theirs up a little later."""
MOST_IDLE = 128
"""Idle connections kept per upstream."""

Origin = tuple[str, int, bool]


class Pool:
    """Idle connections by upstream, the last used first, so that those not needed grow old and go."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._idle: dict[Origin, list[Connection]] = {}
        self._open: set[Connection] = set()
        self._tls = ssl.create_default_context()
        self._closed = False

    async def take(self, upstream: Upstream, *, fresh: bool = False) -> Connection:
        """A connection to `upstream`, an idle one unless it must be `fresh`. Raises `UpstreamError` when it cannot be reached."""
        origin = (upstream.host, upstream.port, upstream.tls)
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            if not fresh and connection.usable and self._clock.monotonic() - connection.idle_since < KEEP_IDLE:
                return connection
            connection.abort()
        return await self._connect(upstream, origin)

    async def close(self) -> None:
        """Close every connection; answers under way break off."""
        self._closed = True
        self._idle.clear()
        for connection in list(self._open):
            connection.abort()
        for _ in range(100):  # an aborted connection is gone one or two turns of the loop later
            if self._open:
                await asyncio.sleep(0)

    async def _connect(self, upstream: Upstream, origin: Origin) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                _, connection = await loop.create_connection(
                    lambda: Connection(loop, released=lambda made: self._put_back(origin, made), lost=self._open.discard),
                    upstream.host,
                    upstream.port,
                    ssl=self._tls if upstream.tls else None,
                )
        except TimeoutError:
            raise UpstreamError(f"The upstream {upstream.url} did not accept a connection within {CONNECT_TIMEOUT:g} s.") from None
        except OSError as error:
            raise UpstreamError(f"The upstream {upstream.url} cannot be reached: {error.strerror or error}.") from error
        if connection.usable:
            self._open.add(connection)
        return connection

    def _put_back(self, origin: Origin, connection: Connection) -> None:
        idle = self._idle.setdefault(origin, [])
        if self._closed or len(idle) >= MOST_IDLE:
            connection.abort()
            return
        connection.idle_since = self._clock.monotonic()
        idle.append(connection)
