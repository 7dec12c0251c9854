"""An upstream that says exactly the octets it is told to, and remembers exactly the octets it was sent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field


@dataclass
class Received:
    """One request as it came over the wire."""

    connection: int
    """Number of the connection, from 1."""
    line: str
    lines: list[tuple[str, str]]
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """The first header of that name, lower case."""
        return next((value for key, value in self.lines if key.lower() == name), None)


Script = Callable[[Received, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def says(octets: bytes, *, close: bool = False) -> Script:
    """A script: read the body, say `octets`, and close the connection or keep it."""

    async def script(received: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.body = await body_of(received, reader)
        writer.write(octets)
        await writer.drain()
        if close:
            writer.close()

    return script


async def body_of(received: Received, reader: asyncio.StreamReader) -> bytes:
    """The body of a request, by its length or its chunks."""
    if received.header("transfer-encoding") == "chunked":
        body = b""
        while size := int(await reader.readline(), 16):
            body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readline()
        return body
    return await reader.readexactly(int(received.header("content-length") or 0))


@dataclass
class RawUpstream:
    """`async with RawUpstream(says(b"HTTP/1.1 200 OK\\r\\n...")) as upstream: ... upstream.url, upstream.requests`."""

    script: Script
    requests: list[Received] = field(default_factory=list)
    connections: int = 0
    ended: int = 0
    """Connections that are over."""
    url: str = ""

    async def __aenter__(self) -> RawUpstream:
        self._tasks: set[asyncio.Task[None]] = set()
        self._change = asyncio.Condition()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 20)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something that the upstream counts has come true."""
        async with self._change:
            await asyncio.wait_for(self._change.wait_for(condition), 90)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        number = self.connections
        try:
            while not writer.is_closing():
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                line, *lines = head[:-4].split("\r\n")
                received = Received(number, line, [(name, value) for name, _, value in (item.partition(": ") for item in lines)])
                self.requests.append(received)
                await self._changed()
                await self.script(received, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the other side has gone, or the test is over
        finally:
            self._tasks.discard(task)
            writer.transport.abort()
            self.ended += 1
            await self._changed()

    async def _changed(self) -> None:
        async with self._change:
            self._change.notify_all()
