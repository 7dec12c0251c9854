"""Forwarding: what the upstream receives, what the client gets back, and what happens when either goes away."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import socket
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from opentrail.clock import ManualClock
from opentrail.errors import UpstreamError
from opentrail.proxy import Proxy, UpstreamAnswer, Upstreams
from opentrail.proxy.pool import KEEP_IDLE
from opentrail.wire.http import Headers, Request
from simulators.raw_upstream import RawUpstream, Received, Script, body_of, says

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class Front:
    """A proxy before one upstream."""

    proxy: Proxy
    clock: ManualClock
    upstream: RawUpstream

    async def send(self, request: Request, **options: Any) -> UpstreamAnswer:
        return await self.proxy.forward(request, service="s3", signing_name="s3", region="us-east-1", **options)

    async def whole(self, request: Request, **options: Any) -> tuple[int, tuple[tuple[str, str], ...], bytes]:
        answer = await self.send(request, **options)
        return answer.status, answer.headers, await answer.read(1 << 30)


def before(script: Script, test: Callable[[Front], Awaitable[None]], *, credentials: str = "", idle: float = 20.0) -> None:
    """Run `test` with a proxy before an upstream that follows `script`."""

    async def run() -> None:
        async with RawUpstream(script) as upstream:
            clock = ManualClock()
            proxy = Proxy(Upstreams.parse([f"*={upstream.url.replace('//', '//' + credentials)}"]), clock, idle_timeout=idle)
            await proxy.open()
            try:
                await test(Front(proxy, clock, upstream))
            finally:
                await proxy.close()

    asyncio.run(run())


def get(path: str = "/b/k", *lines: tuple[str, str], method: str = "GET", query: str = "", body: bytes = b"") -> Request:
    return Request(method=method, path=path, query=query, headers=Headers([("host", "s3.local"), *lines]), body=body)


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def test_the_request_arrives_as_it_came() -> None:
    lines = [
        ("authorization", "AWS4-HMAC-SHA256 Credential=..."),
        ("x-amz-meta-a", "1"),
        ("x-amz-meta-b", "\xc3\xa9 caf\xe9"),
        ("x-amz-meta-a", "2"),
        ("accept-encoding", "identity"),
        ("content-encoding", "gzip"),
    ]

    async def test(front: Front) -> None:
        request = get("/b/a%20b/../c//d%2Fe;x", *lines, method="PUT", query="a=%2F&b&c=&=d+e", body=b"\x1f\x8bbody")
        assert (await front.whole(request))[0] == 200
        [received] = front.upstream.requests
        assert received.line == "PUT /b/a%20b/../c//d%2Fe;x?a=%2F&b&c=&=d+e HTTP/1.1"
        assert received.lines == [("host", "s3.local"), *lines, ("content-length", "6")]
        assert received.body == b"\x1f\x8bbody"

    before(says(OK), test)


def test_what_belongs_to_the_connection_stays_here() -> None:
    async def test(front: Front) -> None:
        hop_by_hop = [
            ("connection", "keep-alive, X-Own"),
            ("keep-alive", "5"),
            ("x-own", "1"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("expect", "100-continue"),
            ("upgrade", "h2c"),
        ]
        status, headers, body = await front.whole(get("/b/k", *hop_by_hop, ("x-end", "1")))
        assert front.upstream.requests[0].lines == [("host", "s3.local"), ("x-end", "1")]
        assert (status, headers, body) == (200, (("X-End", "2"),), b"ok")

    before(
        says(
            b"HTTP/1.1 200 OK\r\nConnection: X-Mine\r\nX-Mine: 1\r\nX-End: 2\r\nKeep-Alive: timeout=5\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"1\r\no\r\n1\r\nk\r\n0\r\n\r\n"
        ),
        test,
    )


ANSWERS: list[tuple[str, str, bytes, int, tuple[tuple[str, str], ...], bytes]] = [
    (
        "headers doubled, odd, empty, raw octets",
        "GET",
        b"HTTP/1.1 200 OK\r\nx-AMZ-Meta: 1\r\nSet-Cookie: a\r\nx-amz-meta: 2\r\nSet-Cookie: b\r\nEmpty:\r\nRaw: \xe9\xc3\xa9\r\n"
        b"Content-Length: 2\r\n\r\nok",
        200,
        (
            ("x-AMZ-Meta", "1"),
            ("Set-Cookie", "a"),
            ("x-amz-meta", "2"),
            ("Set-Cookie", "b"),
            ("Empty", ""),
            ("Raw", "\xe9\xc3\xa9"),
            ("Content-Length", "2"),
        ),
        b"ok",
    ),
    (
        "compressed stays compressed",
        "GET",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00",
        200,
        (("Content-Encoding", "gzip"), ("Content-Length", "4")),
        b"\x1f\x8b\x08\x00",
    ),
    ("HEAD", "HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", 200, (("Content-Length", "100"),), b""),
    ("HEAD of a chunked answer", "HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 200, (), b""),
    ("HEAD that fails", "HEAD", b"HTTP/1.1 404 Not Found\r\nContent-Length: 300\r\n\r\n", 404, (("Content-Length", "300"),), b""),
    ("204", "DELETE", b"HTTP/1.1 204 No Content\r\nx: y\r\n\r\n", 204, (("x", "y"),), b""),
    (
        "304",
        "GET",
        b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 10\r\n\r\n',
        304,
        (("ETag", '"a"'), ("Content-Length", "10")),
        b"",
    ),
    (
        "an interim answer first",
        "PUT",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK,
        200,
        (("Content-Length", "2"),),
        b"ok",
    ),
    ("an empty body", "GET", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, (("Content-Length", "0"),), b""),
    (
        "a redirect is not followed",
        "GET",
        b"HTTP/1.1 307 T\r\nLocation: http://x/\r\nContent-Length: 0\r\n\r\n",
        307,
        (("Location", "http://x/"), ("Content-Length", "0")),
        b"",
    ),
    ("a status nobody knows", "GET", b"HTTP/1.1 599 What\r\nContent-Length: 2\r\n\r\nhm", 599, (("Content-Length", "2"),), b"hm"),
]


@pytest.mark.parametrize(
    ("method", "octets", "status", "headers", "body"), [case[1:] for case in ANSWERS], ids=[case[0] for case in ANSWERS]
)
def test_the_answer_comes_as_it_is(method: str, octets: bytes, status: int, headers: tuple[tuple[str, str], ...], body: bytes) -> None:
    async def test(front: Front) -> None:
        for _ in range(2):  # and the connection is fit for another
            assert await front.whole(get(method=method)) == (status, headers, body)
        assert front.upstream.connections == 1

    before(says(octets), test)


def test_an_answer_that_ends_with_the_connection() -> None:
    async def test(front: Front) -> None:
        for number in (1, 2):
            assert await front.whole(get()) == (200, (("X", "y"),), b"all of it")
            assert front.upstream.connections == number

    before(says(b"HTTP/1.1 200 OK\r\nX: y\r\n\r\nall of it", close=True), test)


BROKEN: list[tuple[str, bytes]] = [
    ("nothing", b""),
    ("half a status line", b"HTTP/1.1 20"),
    ("half the headers", b"HTTP/1.1 200 OK\r\nContent-Le"),
    ("less than its length", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"),
    ("half a chunk", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"),
    ("no last chunk", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"),
    ("no HTTP", b"SSH-2.0-OpenSSH_9.2\r\n"),
    ("a length that is none", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"),
    ("two lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc"),
    ("headers without end", b"HTTP/1.1 200 OK\r\nX: " + b"y" * 300_000),
    ("switching protocols", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
]


@pytest.mark.parametrize("octets", [case[1] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_a_broken_answer_is_an_error(octets: bytes) -> None:
    async def test(front: Front) -> None:
        with pytest.raises(UpstreamError):
            await front.whole(get(method="POST"))

    before(says(octets, close=True), test)


def test_an_answer_with_more_than_was_asked_for_costs_the_connection() -> None:
    async def test(front: Front) -> None:
        for number in (1, 2):
            assert (await front.whole(get()))[2] == b"ok"
            assert front.upstream.connections == number

    before(says(OK + OK), test)


def test_connections_are_kept_and_grow_old() -> None:
    async def test(front: Front) -> None:
        for _ in range(5):
            await front.whole(get())
        assert front.upstream.connections == 1
        front.clock.advance(KEEP_IDLE + 1)
        await front.whole(get())
        assert front.upstream.connections == 2
        await asyncio.gather(*(front.whole(get()) for _ in range(4)))
        assert front.upstream.connections == 5

    before(says(OK), test)


def gives_up_after(count: int) -> Script:
    """Answers `count` requests of a connection and closes it on reading the next one, without a word."""
    answered: dict[int, int] = {}

    async def script(received: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.body = await body_of(received, reader)
        answered[received.connection] = answered.get(received.connection, 0) + 1
        if answered[received.connection] > count:
            writer.transport.abort()
        else:
            writer.write(OK)

    return script


REPEATED: list[tuple[str, str, bool, Callable[[], Any], bool]] = [
    ("GET", "GET", False, lambda: None, True),
    ("PUT with a body", "PUT", False, lambda: b"body", True),
    ("PUT with a large body", "PUT", False, lambda: b"x" * 300_000, True),
    ("POST", "POST", False, lambda: b"body", False),
    ("POST that only reads", "POST", True, lambda: b"body", True),
    ("PUT of a stream", "PUT", False, lambda: pieces(b"bo", b"dy"), False),
]


@pytest.mark.parametrize(("method", "repeatable", "body", "again"), [case[1:] for case in REPEATED], ids=[case[0] for case in REPEATED])
def test_a_connection_that_the_upstream_gave_up(method: str, repeatable: bool, body: Callable[[], Any], again: bool) -> None:
    async def test(front: Front) -> None:
        await front.whole(get())
        sent = front.whole(get(method=method), body=body(), content_length=4, repeatable=repeatable)
        if again:
            assert (await sent)[2] == b"ok"
            assert front.upstream.connections == 2
            assert front.upstream.requests[1].body == front.upstream.requests[2].body
        else:
            with pytest.raises(UpstreamError):
                await sent
            assert len(front.upstream.requests) == 2

    before(gives_up_after(1), test)


def test_a_fresh_connection_that_breaks_is_not_tried_again() -> None:
    async def test(front: Front) -> None:
        with pytest.raises(UpstreamError, match="before it had answered"):
            await front.whole(get())
        assert front.upstream.connections == 1

    before(gives_up_after(0), test)


def test_an_upstream_that_is_not_there() -> None:
    async def run() -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        proxy = Proxy(Upstreams.parse([f"*=http://127.0.0.1:{port}"]), ManualClock())
        await proxy.open()
        with pytest.raises(UpstreamError, match="cannot be reached"):
            await proxy.forward(get(), service="s3", signing_name="s3", region="us-east-1")
        with pytest.raises(UpstreamError, match="no upstream for s3"):
            await Proxy(Upstreams(), ManualClock()).forward(get(), service="s3", signing_name="s3", region="us-east-1")
        await proxy.close()

    asyncio.run(run())


def test_a_plain_upstream_spoken_to_in_tls() -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async def run() -> None:
        async with await asyncio.start_server(plain, "127.0.0.1", 0) as server:
            proxy = Proxy(Upstreams.parse([f"*=https://127.0.0.1:{server.sockets[0].getsockname()[1]}"]), ManualClock())
            await proxy.open()
            with pytest.raises(UpstreamError, match="cannot be reached"):
                await proxy.forward(get(), service="s3", signing_name="s3", region="us-east-1")
            await proxy.close()

    asyncio.run(run())


async def _never(received: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def _half(received: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
    await reader.read()


@pytest.mark.parametrize("script", [_never, _half])
def test_a_silent_upstream_is_given_up(script: Script) -> None:
    async def test(front: Front) -> None:
        with pytest.raises(UpstreamError, match=r"for 0\.05 s"):
            await front.whole(get())
        await front.upstream.until(lambda: front.upstream.ended == 1)

    before(script, test, idle=0.05)


def test_streams_of_known_and_unknown_length() -> None:
    async def test(front: Front) -> None:
        await front.whole(get(method="PUT"), body=pieces(b"ab", b"", b"cde"), content_length=5)
        await front.whole(get(method="PUT"), body=pieces(b"ab", b"", b"cde"))
        await front.whole(get(method="PUT"), body=pieces(), content_length=0)
        known, unknown, empty = front.upstream.requests
        assert (known.body, known.header("content-length"), known.header("transfer-encoding")) == (b"abcde", "5", None)
        assert (unknown.body, unknown.header("content-length"), unknown.header("transfer-encoding")) == (b"abcde", None, "chunked")
        assert (empty.body, empty.header("content-length")) == (b"", "0")
        assert front.upstream.connections == 1

    before(says(OK), test)


@pytest.mark.parametrize("length", [4, 6])
def test_a_stream_of_another_length_than_announced_breaks_off(length: int) -> None:
    async def test(front: Front) -> None:
        with pytest.raises(Exception, match="Content-Length"):
            await front.whole(get(method="PUT"), body=pieces(b"ab", b"cde"), content_length=length)
        await front.upstream.until(lambda: front.upstream.ended == 1)

    before(_never, test)


def test_a_client_that_goes_away_while_sending() -> None:
    class Gone(Exception):
        pass

    async def half() -> AsyncIterator[bytes]:
        yield b"half"
        raise Gone

    async def test(front: Front) -> None:
        with pytest.raises(Gone):
            await front.whole(get(method="PUT"), body=half(), content_length=8)
        await front.upstream.until(lambda: front.upstream.ended == 1)

    before(_never, test)


async def _endless(received: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"400\r\n" + bytes(1024) + b"\r\n")
        await writer.drain()


def _closed(answer: UpstreamAnswer) -> None:
    answer.body.close()


@pytest.mark.parametrize("leave", [_closed, lambda answer: None], ids=["closed", "forgotten"])
def test_a_client_that_goes_away_while_reading(leave: Callable[[UpstreamAnswer], None]) -> None:
    async def test(front: Front) -> None:
        answer: UpstreamAnswer | None = await front.send(get())
        assert answer is not None
        assert await anext(answer.body)
        leave(answer)
        answer = None
        gc.collect()
        await front.upstream.until(lambda: front.upstream.ended == 1)

    before(_endless, test)


def test_a_cancelled_call_breaks_off() -> None:
    async def test(front: Front) -> None:
        waiting = asyncio.ensure_future(front.whole(get()))
        await front.upstream.until(lambda: len(front.upstream.requests) == 1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await front.upstream.until(lambda: front.upstream.ended == 1)

    before(_never, test)


def test_an_answer_before_the_body_has_gone_out() -> None:
    """An upstream that refuses without listening: its answer comes through, the rest of the body stays here."""
    refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"
    more = asyncio.Event

    async def test(front: Front) -> None:
        asked = more()

        async def slow() -> AsyncIterator[bytes]:
            yield b"x" * 1000
            await asked.wait()
            yield b"y" * 1000

        status, _, body = await front.whole(get(method="PUT"), body=slow(), content_length=2000)
        assert (status, body) == (403, b"no")
        asked.set()
        await front.upstream.until(lambda: front.upstream.ended == 1)
        assert (await front.whole(get()))[0] == 403

    async def refuses(received: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(refusal)

    before(refuses, test)


def test_an_answer_that_is_too_large_to_be_read_whole() -> None:
    async def test(front: Front) -> None:
        answer = await front.send(get())
        with pytest.raises(UpstreamError, match="larger than 2000"):
            await answer.read(2000)
        await front.upstream.until(lambda: front.upstream.ended == 1)

    before(_endless, test)


def test_line_breaks_do_not_get_out() -> None:
    async def test(front: Front) -> None:
        for request in (get("/a\r\nx: y"), get("/a", ("x", "a\nb: c"))):
            with pytest.raises(UpstreamError, match="line break"):
                await front.whole(request)
        assert not front.upstream.requests

    before(says(OK), test)


MANY = 32 << 20


def test_large_bodies_pass_in_constant_memory() -> None:
    """Both ways at their own pace: what the other side does not take waits at its source."""

    async def there(received: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if received.line.startswith("PUT"):
            digest = hashlib.sha256()
            for _ in range(MANY >> 16):
                digest.update(await reader.readexactly(1 << 16))
            received.body = digest.hexdigest().encode()
            writer.write(OK)
            return
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % MANY)
        for _ in range(MANY >> 16):
            writer.write(bytes(1 << 16))
            await writer.drain()

    async def zeros() -> AsyncIterator[bytes]:
        for _ in range(MANY >> 16):
            yield bytes(1 << 16)

    async def test(front: Front) -> None:
        tracemalloc.start()
        try:
            await front.whole(get(method="PUT"), body=zeros(), content_length=MANY)
            answer = await front.send(get())
            size = 0
            async for piece in answer.body:
                size += len(piece)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert size == MANY
        assert front.upstream.requests[0].body == hashlib.sha256(bytes(MANY)).hexdigest().encode()
        assert peak < 6 << 20
        assert front.upstream.connections == 1

    before(there, test)


def test_an_answer_that_nobody_reads_is_held_back() -> None:
    """The upstream can write no more than the buffers on the way hold."""
    written = 0

    async def there(received: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (1 << 40))
        while True:
            writer.write(bytes(1 << 16))
            written += 1 << 16
            await writer.drain()

    async def test(front: Front) -> None:
        answer = await front.send(get())
        last = -1
        while last != written:
            last = written
            for _ in range(1000):
                await asyncio.sleep(0)
        assert written < 64 << 20
        assert await anext(answer.body)
        answer.body.close()

    before(there, test)
