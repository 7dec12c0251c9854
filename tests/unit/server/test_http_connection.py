"""HTTP on a real socket: silences, bodies nobody reads, requests that follow each other, and what can be read in two ways."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvicorn

from opentrail.api.asgi import Application
from opentrail.clock import ManualClock
from opentrail.server.http import Patience, bounded_protocol
from opentrail.wire.http import Response

MAX_HEAD = 8192
SHORT = Patience(head=0.6, between=0.3, body=0.6, linger=0.2)


class Echo:
    """Answers with method, target and body; paths choose what else: `/unread` reads no body, `/slow` waits for `go`, `/big` streams."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.seen: list[str] = []
        self.told: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope["raw_path"].decode()
        self.seen.append(f"{scope['method']} {path}")
        body = b""
        if path != "/unread":
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    self.told.append("disconnect")
                    return
                body += message["body"]
                if not message["more_body"]:
                    break
        if path == "/slow":
            await self.go.wait()
        query = scope["query_string"].decode()
        text = f"{scope['method']} {path}?{query} {body.decode()}".encode()
        headers = [] if path == "/unmeasured" else [(b"content-length", str(len(text)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": text})


async def started(server: uvicorn.Server) -> None:
    """Lets the loop turn until the server listens."""
    for _ in range(10_000):
        if server.started:
            return
        await asyncio.sleep(0)
    raise AssertionError("the server does not start")


def serve(app: Any, talk: Callable[[int], Awaitable[Any]], patience: Patience | None = None) -> Any:
    async def run() -> Any:
        made = app() if isinstance(app, type) else app
        config = uvicorn.Config(
            made, port=0, http=bounded_protocol(MAX_HEAD, patience), ws="none", lifespan="off", log_config=None, proxy_headers=False
        )
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve())
        await started(server)
        try:
            async with asyncio.timeout(90):
                return await talk(server.servers[0].sockets[0].getsockname()[1])
        finally:
            server.should_exit = True
            await task

    return asyncio.run(run())


def exchanged(request: bytes, app: Any = Echo, patience: Patience | None = None) -> bytes:
    """Everything the server says until it closes the connection."""

    async def talk(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        received = b""
        with contextlib.suppress(ConnectionError):
            received = await reader.read(-1)
        writer.close()
        return received

    found: bytes = serve(app, talk, patience)
    return found


def bodies(answers: bytes) -> list[str]:
    """The bodies of answers that follow each other, by their lengths."""
    found = []
    while answers:
        head, _, answers = answers.partition(b"\r\n\r\n")
        length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
        found.append(answers[:length].decode())
        answers = answers[length:]
    return found


CLOSE = b"Host: x\r\nConnection: close\r\n\r\n"

TARGETS = [
    ("origin", b"GET /a/b?c=d HTTP/1.1\r\n", "GET /a/b?c=d "),
    ("two slashes", b"GET //a//b HTTP/1.1\r\n", "GET //a//b? "),
    ("absolute", b"GET http://other:80/a?b HTTP/1.1\r\n", "GET /a?b "),
    ("absolute without a path", b"GET http://other HTTP/1.1\r\n", "GET /? "),
    ("absolute with a query only", b"GET http://other?x=/y HTTP/1.1\r\n", "GET /?x=/y "),
    ("percent stays as sent", b"GET /%2e%2E/%41 HTTP/1.1\r\n", "GET /%2e%2E/%41? "),
    ("an upgrade nobody takes", b"GET /a HTTP/1.1\r\nUpgrade: h2c\r\nConnection: upgrade\r\n", "GET /a? "),
]


@pytest.mark.parametrize(("what", "start", "expected"), TARGETS, ids=[case[0] for case in TARGETS])
def test_request_targets(what: str, start: bytes, expected: str) -> None:
    assert bodies(exchanged(start + CLOSE)) == [expected]


REFUSED = [
    ("two lengths", b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", b" 400 "),
    ("twice the same length", b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", b" 400 "),
    ("length and chunks", b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b" 400 "),
    ("chunks twice", b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b" 400 "),
    ("chunks not last", b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", b" 400 "),
    ("a length with a sign", b"POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\na", b" 400 "),
    ("a folded header", b"GET / HTTP/1.1\r\nX: a\r\n b\r\n\r\n", b" 400 "),
    ("a blank before the colon", b"GET / HTTP/1.1\r\nX : a\r\n\r\n", b" 400 "),
    ("bare line feeds", b"GET / HTTP/1.1\nX: a\n\n", b" 400 "),
    ("asterisk", b"OPTIONS * HTTP/1.1\r\n\r\n", b" 400 "),
    ("authority", b"CONNECT a:80 HTTP/1.1\r\n\r\n", b" 400 "),
    ("a fragment", b"GET /a#b HTTP/1.1\r\n\r\n", b" 400 "),
    ("another scheme", b"GET ftp://a/b HTTP/1.1\r\n\r\n", b" 400 "),
    ("another version", b"GET / HTTP/2.0\r\n\r\n", b" 505 "),
    ("HTTP/2 by prior knowledge", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b" 400 "),
    ("an unknown method", b"BREW / HTTP/1.1\r\n\r\n", b" 400 "),
]


@pytest.mark.parametrize(("what", "request_", "status"), REFUSED, ids=[case[0] for case in REFUSED])
def test_what_can_be_read_in_two_ways_is_refused(what: str, request_: bytes, status: bytes) -> None:
    app = Echo()
    answer = exchanged(request_, app, SHORT)
    assert status in answer.split(b"\r\n")[0]
    assert b"connection: close" in answer
    assert app.seen == []


def test_a_transfer_coding_that_is_not_known_carries_no_body() -> None:
    app = Echo()
    exchanged(b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\nabc", app, SHORT)
    assert app.told == ["disconnect"]


def test_trailers_do_not_become_headers() -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["more_body"]:
            pass
        seen.extend(scope["headers"])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    request = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n1\r\na\r\n0\r\nX-Amz-Target: evil\r\n\r\n"
    assert b" 204 " in exchanged(request, app)
    assert [name for name, _ in seen] == [b"transfer-encoding", b"connection"]


def test_http_1_0_gets_no_chunks_and_an_end() -> None:
    answer = exchanged(b"GET /unmeasured HTTP/1.0\r\n\r\n")
    assert b"transfer-encoding" not in answer
    assert answer.endswith(b"\r\n\r\nGET /unmeasured? ")


def test_http_1_1_gets_chunks_where_the_length_is_not_known() -> None:
    answer = exchanged(b"GET /unmeasured HTTP/1.1\r\n" + CLOSE)
    assert answer.endswith(b"\r\n\r\n11\r\nGET /unmeasured? \r\n0\r\n\r\n")


def test_requests_that_follow_at_once_are_answered_in_order() -> None:
    requests = b"".join(b"POST /%d HTTP/1.1\r\nContent-Length: 2\r\n\r\nb%d" % (one, one) for one in range(9))
    answers = bodies(exchanged(requests + b"GET /end HTTP/1.1\r\n" + CLOSE))
    assert answers == [*(f"POST /{one}? b{one}" for one in range(9)), "GET /end? "]


def test_what_cannot_be_read_is_refused_after_the_answers_before_it() -> None:
    answer = exchanged(b"GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\nrubbish\r\n\r\n", patience=SHORT)
    assert answer.index(b"GET /a? ") < answer.index(b"GET /b? ") < answer.index(b"HTTP/1.1 400 ")


def test_after_an_offer_to_upgrade_the_next_request_is_one_of_its_own() -> None:
    first = b"POST /a HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\nabc"
    assert bodies(exchanged(first + b"GET /b HTTP/1.1\r\n" + CLOSE)) == ["POST /a? abc", "GET /b? "]


def test_nothing_after_connection_close_is_a_request() -> None:
    app = Echo()
    assert bodies(exchanged(b"GET /a HTTP/1.1\r\n" + CLOSE + b"GET /b HTTP/1.1\r\n\r\n", app)) == ["GET /a? "]
    assert app.seen == ["GET /a"]


# -- bodies nobody reads ------------------------------------------------------------------------------------------------------------------


def test_an_answer_before_the_body_ends_the_connection_so_that_the_body_is_never_a_request() -> None:
    async def talk(port: int) -> tuple[bytes, bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /unread HTTP/1.1\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"GET /smuggled HTTP/1.1\r\n\r\n")
        rest = await reader.read(-1)
        writer.close()
        return head, rest

    app = Echo()
    head, rest = serve(app, talk, SHORT)
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"connection: close" in head
    assert rest == b"POST /unread? "
    assert app.seen == ["POST /unread"]


def test_a_body_that_has_come_but_was_not_read_does_not_end_the_connection() -> None:
    first = b"POST /unread HTTP/1.1\r\nContent-Length: 22\r\n\r\nGET /evil HTTP/1.1\r\n\r\n"
    assert bodies(exchanged(first + b"GET /b HTTP/1.1\r\n" + CLOSE)) == ["POST /unread? ", "GET /b? "]


def test_whoever_still_sends_hears_the_answer() -> None:
    async def talk(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /unread HTTP/1.1\r\nContent-Length: 4000000\r\n\r\n")
        for _ in range(40):
            writer.write(b"a" * 100_000)
            await writer.drain()
        answer = await reader.read(-1)
        writer.close()
        return answer

    assert bodies(serve(Echo, talk)) == ["POST /unread? "]


def test_100_continue_is_said_when_the_body_is_wanted() -> None:
    async def talk(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /a HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n")
        interim = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"abc")
        answer = await reader.read(-1)
        writer.close()
        return interim + answer

    answer = serve(Echo, talk)
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 ")
    assert answer.endswith(b"POST /a? abc")


# -- silences -----------------------------------------------------------------------------------------------------------------------------

SILENCES = [
    ("nothing at all", b"", b""),
    ("half a head", b"GET / HTTP/1.1\r\nHost: ", b""),
    ("half a body", b"POST /a HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc", b""),
    ("half a chunk", b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc", b""),
    ("nothing after an answer", b"GET /a HTTP/1.1\r\n\r\n", b"GET /a? "),
    ("half a head after an answer", b"GET /a HTTP/1.1\r\n\r\nGET ", b"GET /a? "),
]


@pytest.mark.parametrize(("what", "request_", "last"), SILENCES, ids=[case[0] for case in SILENCES])
def test_silence_ends_the_connection(what: str, request_: bytes, last: bytes) -> None:
    assert exchanged(request_, patience=SHORT).endswith(last)


def test_a_head_in_drops_is_not_waited_for_longer() -> None:
    async def talk(port: int) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        drops = 0
        try:
            while not reader.at_eof():
                writer.write(b"G" if not drops else b"E" if drops == 1 else b"T" if drops == 2 else b" " if drops == 3 else b"/")
                await writer.drain()
                drops += 1
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(reader.read(1), 0.02)
        except ConnectionError:
            pass
        writer.close()
        return drops

    assert 0 < serve(Echo, talk, SHORT) < 100


def test_a_handler_that_takes_its_time_is_waited_for() -> None:
    async def talk(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /slow HTTP/1.1\r\n" + CLOSE)
        await asyncio.sleep(3 * SHORT.head)
        app.go.set()
        answer = await reader.read(-1)
        writer.close()
        return answer

    app = Echo()
    assert bodies(serve(app, talk, SHORT)) == ["GET /slow? "]


# -- clients that go away -----------------------------------------------------------------------------------------------------------------


class Endless:
    """A body that never ends; `silent` after its first pieces."""

    def __init__(self, *, silent: bool) -> None:
        self.silent = silent
        self.given = 0
        self.closed = asyncio.Event()

    def __aiter__(self) -> Endless:
        return self

    async def __anext__(self) -> bytes:
        if self.silent and self.given > 2:
            await asyncio.Event().wait()
        self.given += 1
        await asyncio.sleep(0)
        return b"x" * 65536

    async def aclose(self) -> None:
        self.closed.set()


@pytest.mark.parametrize("silent", [False, True], ids=["while it sends", "while it waits for the next piece"])
@pytest.mark.parametrize("request_", [b"GET /a HTTP/1.1\r\n\r\n", b"POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"])
def test_a_download_ends_when_its_client_goes(silent: bool, request_: bytes) -> None:
    body = Endless(silent=silent)

    async def answer(arrival: Any) -> Response:
        await arrival.whole_body(100)
        return Response(status=200, body=body)

    async def talk(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request_)
        await reader.readexactly(100_000)
        writer.transport.abort()
        await body.closed.wait()

    serve(Application(answer=answer, pages={}, clock=ManualClock()), talk)
    assert body.given < 1000


def test_a_body_that_fails_breaks_the_answer_off() -> None:
    class Failing(Endless):
        async def __anext__(self) -> bytes:
            if self.given:
                raise OSError("the disk")
            return await super().__anext__()

    body = Failing(silent=False)

    async def answer(arrival: Any) -> Response:
        await arrival.whole_body(100)
        return Response(status=200, headers=(("content-length", "1000000"),), body=body)

    received = exchanged(b"GET /a HTTP/1.1\r\n\r\n", Application(answer=answer, pages={}, clock=ManualClock()))
    assert len(received) < 1_000_000
    assert body.closed.is_set()


def test_a_client_that_does_not_read_is_given_up() -> None:
    body = Endless(silent=False)

    async def answer(arrival: Any) -> Response:
        await arrival.whole_body(100)
        return Response(status=200, body=body)

    async def talk(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(b"GET /a HTTP/1.1\r\n\r\n")
        await body.closed.wait()
        writer.transport.abort()
        del reader

    serve(Application(answer=answer, pages={}, clock=ManualClock()), talk, SHORT)


def test_no_header_can_smuggle_a_line() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x", b"a\r\nset-cookie: b")]})

    answer = exchanged(b"GET / HTTP/1.1\r\n" + CLOSE, app)
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"set-cookie" not in answer


def test_an_application_that_breaks_is_a_500() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("inside")

    answer = exchanged(b"GET / HTTP/1.1\r\n" + CLOSE, app)
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"inside" not in answer
