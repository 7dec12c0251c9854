"""What the proxy costs: a call straight to an upstream, beside the same call through a front that does nothing but forward it.

    python bench/proxy.py [--calls 3000] [--size 104857600]

Upstream, front and client are processes of their own. Prints latency, CPU time of the front per call, and the front's memory while a large
body passes each way.
"""

from __future__ import annotations

import argparse
import http.client
import multiprocessing
import resource
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from multiprocessing.connection import Connection
from typing import Any

import uvicorn
import uvloop
from measure import milliseconds, number, table

from opentrail.clock import SystemClock
from opentrail.proxy import Proxy, Upstreams
from opentrail.wire.http import Headers, Request

PIECE = 1 << 16
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class Upstream:
    """Takes what comes; `GET /<n>` gives n octets, anything else 200."""

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        size = int(scope["path"][1:] or 2)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(size).encode())]})
        for _ in range(size // PIECE):
            await send({"type": "http.response.body", "body": bytes(PIECE), "more_body": True})
        await send({"type": "http.response.body", "body": bytes(size % PIECE)})


class Front:
    """Forwards everything. `GET /usage` tells its CPU seconds and its largest memory in KiB."""

    def __init__(self, upstream: str) -> None:
        self._proxy = Proxy(Upstreams.parse([f"*={upstream}"]), SystemClock())
        self._open = False

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["path"] == "/usage":
            used = resource.getrusage(resource.RUSAGE_SELF)
            body = f"{used.ru_utime + used.ru_stime} {used.ru_maxrss}".encode()
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(len(body)).encode())]})
            await send({"type": "http.response.body", "body": body})
            return
        if not self._open:
            await self._proxy.open()
            self._open = True
        headers = Headers.from_asgi(scope["headers"])
        request = Request(method=scope["method"], path=scope["raw_path"].decode("latin-1"), headers=headers)
        length = int(headers.get("content-length") or 0)
        first = await receive()
        body: bytes | AsyncIterator[bytes] = _pieces(first, receive) if first.get("more_body") else first.get("body", b"")
        answer = await self._proxy.forward(request, service="x", signing_name="x", region="us-east-1", body=body, content_length=length)
        lines = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
        await send({"type": "http.response.start", "status": answer.status, "headers": lines})
        async for piece in answer.body:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _pieces(first: Mapping[str, Any], receive: Receive) -> AsyncIterator[bytes]:
    message = first
    while True:
        yield message.get("body", b"")
        if not message.get("more_body"):
            return
        message = await receive()


def _serve(application: Any, told: Connection) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    told.send(listening.getsockname()[1])
    config = uvicorn.Config(
        application, http="httptools", loop="uvloop", lifespan="off", log_level="error", server_header=False, date_header=False
    )
    uvloop.run(uvicorn.Server(config).serve(sockets=[listening]))


def _start(application: Any) -> tuple[multiprocessing.Process, int]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=_serve, args=(application, theirs), daemon=True)
    process.start()
    return process, ours.recv()


def _calls(port: int, count: int) -> list[float]:
    """Latencies in seconds of `count` calls of 1 KB, one after another on one connection."""
    client = http.client.HTTPConnection("127.0.0.1", port)
    taken = []
    headers = {"Authorization": "AWS4-HMAC-SHA256 " + "x" * 200, "X-Amz-Target": "Service.Operation", "X-Amz-Date": "20260105T101112Z"}
    for _ in range(count):
        begin = time.perf_counter()
        client.request("POST", "/", b"x" * 1024, headers)
        client.getresponse().read()
        taken.append(time.perf_counter() - begin)
    client.close()
    return taken


def _transfer(port: int, size: int, method: str) -> float:
    """Seconds that `size` octets take, there (PUT) or back (GET)."""
    client = http.client.HTTPConnection("127.0.0.1", port)
    begin = time.perf_counter()
    if method == "PUT":
        client.request("PUT", "/", (bytes(PIECE) for _ in range(size // PIECE)), {"Content-Length": str(size // PIECE * PIECE)})
        client.getresponse().read()
    else:
        client.request("GET", f"/{size}")
        answer = client.getresponse()
        while answer.read(PIECE):
            pass
    client.close()
    return time.perf_counter() - begin


def _usage(port: int) -> tuple[float, int]:
    client = http.client.HTTPConnection("127.0.0.1", port)
    client.request("GET", "/usage")
    seconds, memory = client.getresponse().read().split()
    client.close()
    return float(seconds), int(memory)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=3000)
    parser.add_argument("--size", type=int, default=100 << 20)
    options = parser.parse_args()
    upstream, upstream_port = _start(Upstream())
    front, front_port = _start(Front(f"http://127.0.0.1:{upstream_port}"))
    try:
        for port in (upstream_port, front_port):
            _calls(port, 200)
        before = _usage(front_port)[0]
        direct, through = _calls(upstream_port, options.calls), _calls(front_port, options.calls)
        cpu = (_usage(front_port)[0] - before) / options.calls
        table("calls of 1 KB", [{"": "direct", **milliseconds(direct)}, {"": "through the proxy", **milliseconds(through)}])
        added = sorted(through)[len(through) // 2] - sorted(direct)[len(direct) // 2]
        print(f"\nadded at p50: {added * 1000:.3f} ms (goal < 0.5); CPU of the front per call: {cpu * 1e6:.0f} us")
        rows = []
        for method in ("PUT", "GET"):
            memory = _usage(front_port)[1]
            plain, taken = _transfer(upstream_port, options.size, method), _transfer(front_port, options.size, method)
            grown = _usage(front_port)[1] - memory
            speeds = {"direct MB/s": number(options.size / plain / 1e6), "proxy MB/s": number(options.size / taken / 1e6)}
            rows.append({"": method, **speeds, "memory grown KiB": number(grown)})
        table(f"one body of {options.size >> 20} MiB", rows)
    finally:
        front.kill()
        upstream.kill()


if __name__ == "__main__":
    main()
