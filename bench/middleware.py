"""What the middleware adds to a request, and how many events one process gets to OpenTrail: each on its disk.

    python bench/middleware.py [--quick] [--out FILE]

A real Starlette and a real Flask application are called in this process, without any HTTP, with and without the middleware in turns; the
events go to a door that takes everything, so what is measured is what a request waits for, the thread beside it included. Then a client
puts as many events as it can to a running OpenTrail.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from flask import Flask
from measure import number, percentile
from part import Line, finish, options, work_folder
from servers import RunningOpenTrail
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from opentrail.middleware import AuditClient, AuditEvent, AuditMiddleware, AuditSettings, Keys, Who, WSGIAuditMiddleware
from opentrail.middleware.delivery import Outcome
from opentrail.middleware.event import Written

GOAL = 150.0
"""Microseconds that a request may take longer at p50."""

HEADERS = {
    "host": "orders.example.com",
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36",
    "accept": "application/json",
    "accept-encoding": "gzip, deflate, br",
    "accept-language": "en",
    "authorization": "Bearer abcdefghijklmnopqrstuvwxyz",
    "cookie": "session=abcdefghijklmnopqrstuvwxyz",
    "x-request-id": "0b7c1a52-1111-4a0e-9d1c-0000000000a1",
}


class Everything:
    """A door that takes whatever comes."""

    def send(self, events: Sequence[Written]) -> Outcome:
        return Outcome(taken=frozenset(event.id for event in events))

    def close(self) -> None:
        pass

    def abandon(self) -> None:
        pass


async def _order(request: Request) -> Response:
    return PlainTextResponse("ok")


async def _starlette(app: Any, seconds: float) -> list[float]:
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/orders/17",
        "query_string": b"view=full",
        "headers": [(name.encode(), value.encode()) for name, value in HEADERS.items()],
        "client": ("198.51.100.7", 4711),
        "root_path": "",
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        pass

    times = []
    until = time.perf_counter() + seconds
    while (before := time.perf_counter()) < until:
        await app(dict(scope), receive, send)
        times.append(time.perf_counter() - before)
    return times


def _flask(app: Any, seconds: float) -> list[float]:
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/orders/17",
        "QUERY_STRING": "view=full",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "REMOTE_ADDR": "198.51.100.7",
        "wsgi.url_scheme": "http",
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in HEADERS.items()},
    }
    times = []
    until = time.perf_counter() + seconds
    while (before := time.perf_counter()) < until:
        answer = app(dict(environ), lambda *_: None)
        b"".join(answer)
        answer.close()
        times.append(time.perf_counter() - before)
    return times


def _added(
    plain: Callable[[float], list[float]], audited: Callable[[float], list[float]], rounds: int, seconds: float
) -> tuple[list[float], list[float]]:
    """Times without and with the middleware, in turns."""
    without: list[float] = []
    with_it: list[float] = []
    for _ in range(rounds):
        without += plain(seconds)
        with_it += audited(seconds)
    return without, with_it


def _line(name: str, without: list[float], with_it: list[float]) -> Line:
    p50, base = median(with_it) - median(without), median(without)
    p99 = percentile(with_it, 0.99) - percentile(without, 0.99)
    return Line(
        what=f"added to a request of {name}",
        reached=f"p50 {p50 * 1e6:.0f} us, p99 {p99 * 1e6:.0f} us",
        ratio=f"p50 {(base + p50) / base:.2f} x without ({base * 1e6:.0f} us)",
        goal=f"p50 < {GOAL:g} us",
        met=p50 * 1e6 < GOAL,
        limit="describing and writing the event, and the thread that sends it, which shares the processor",
    )


def main() -> None:
    chosen = options(__doc__)
    rounds, seconds, events = (2, 0.5, 5_000) if chosen.quick else (5, 2.0, 100_000)
    with work_folder() as name:
        folder = Path(name)
        settings = AuditSettings(endpoint="http://127.0.0.1:1", keys=Keys("k", "s"), source="bench", spool=folder / "spool")
        client = AuditClient(settings, door=Everything())
        bare = Starlette(routes=[Route("/orders/{id:int}", _order)])
        starlette = Starlette(routes=[Route("/orders/{id:int}", _order)])
        starlette.add_middleware(AuditMiddleware, client=client, who=lambda scope: "ana")
        flask = Flask("bench")
        flask.add_url_rule("/orders/<int:number>", view_func=lambda number: "ok", endpoint="order")
        wrapped = WSGIAuditMiddleware(flask.wsgi_app, client=client, who=lambda environ: "ana")
        asgi = _added(
            lambda span: asyncio.run(_starlette(bare, span)), lambda span: asyncio.run(_starlette(starlette, span)), rounds, seconds
        )
        wsgi = _added(lambda span: _flask(flask.wsgi_app, span), lambda span: _flask(wrapped, span), rounds, seconds)
        through = client.close(30.0) and not client.dropped

        with RunningOpenTrail(folder) as running:
            keys = Keys(*running.key)
            real = AuditClient(settings.with_changes(endpoint=running.endpoint, keys=keys, queue_events=events, queue_size=1 << 30))
            who = Who(principal_id="ana")
            real.put(AuditEvent(name="First", who=who))
            real.flush(60.0)
            puts = []
            began = time.perf_counter()
            for order in range(events):
                event = AuditEvent(name="GET /orders/{id}", who=who, resource=f"/orders/{order}", additional={"durationMs": 1.25})
                before = time.perf_counter()
                real.put(event)
                puts.append(time.perf_counter() - before)
            arrived = real.flush(600.0)
            took = time.perf_counter() - began
            sent, dropped = real.figures.sent, real.dropped
            real.close()
    lines = [
        _line("Starlette", *asgi),
        _line("Flask", *wsgi),
        Line(
            what="put of one event while a thread sends",
            reached=f"p50 {median(puts) * 1e6:.0f} us, p99 {percentile(puts, 0.99) * 1e6:.0f} us",
        ),
        Line(
            what="events of one process, each on the disk of OpenTrail",
            reached=f"{number(events / took)}/s",
            limit="one connection; both sides share the processor",
        ),
        Line(
            what="events that got through",
            reached=f"{number(sent)} of {number(events + 1)}",
            goal="all",
            met=through and arrived and not dropped and sent == events + 1,
        ),
    ]
    finish(lines, {"puts": percentile(puts, 0.5), "events/s": events / took}, chosen)


if __name__ == "__main__":
    main()
