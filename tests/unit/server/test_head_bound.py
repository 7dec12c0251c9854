"""The bound on the head of a request, on a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn

from opentrail.server.http import bounded_protocol

MAX_HEAD = 8192


async def _application(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


def _against_server(talk: Callable[[int], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        config = uvicorn.Config(_application, port=0, http=bounded_protocol(MAX_HEAD), ws="none", lifespan="off", log_config=None)
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - uvicorn tells it by this flag only
            await asyncio.sleep(0)
        try:
            return await talk(server.servers[0].sockets[0].getsockname()[1])
        finally:
            server.should_exit = True
            await task

    return asyncio.run(run())


async def _endless(port: int, start: bytes, piece: bytes, most: int) -> tuple[bytes, int]:
    """Send `piece` again and again until the server answers or hangs up; returns its answer and how much it took."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    sent = 0
    writer.write(start)
    try:
        while sent < most and not reader.at_eof():
            writer.write(piece)
            sent += len(piece)
            await writer.drain()
    except ConnectionError:
        pass
    try:
        answer = await reader.read()
    except ConnectionError:
        answer = b""
    writer.close()
    return answer, sent


def test_a_hundred_megabytes_of_headers_are_refused_early() -> None:
    start = b"GET / HTTP/1.1\r\nHost: x\r\n"
    answer, sent = _against_server(lambda port: _endless(port, start, b"X-A: " + b"a" * 60000 + b"\r\n", 100 << 20))
    assert sent < 20 << 20
    assert answer == b"" or answer.startswith(b"HTTP/1.1 431 ")


def test_one_endless_header_line_is_refused_early() -> None:
    answer, sent = _against_server(lambda port: _endless(port, b"GET / HTTP/1.1\r\nX-A: ", b"a" * 65536, 100 << 20))
    assert sent < 20 << 20
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4")


def test_the_refusal_says_why() -> None:
    async def talk(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * (MAX_HEAD + 10))
        answer = await reader.read()
        writer.close()
        return answer

    answer = _against_server(talk)
    assert answer.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert b"<Code>RequestHeaderSectionTooLarge</Code>" in answer


def test_heads_within_the_bound_pass_one_after_the_other() -> None:
    async def talk(port: int) -> list[bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        answers = []
        for _ in range(5):
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * (MAX_HEAD // 2) + b"\r\n\r\n")
            answers.append((await reader.readuntil(b"\r\n\r\n"))[:15])
            await reader.readexactly(2)
        writer.close()
        return answers

    assert _against_server(talk) == [b"HTTP/1.1 200 OK"] * 5
