"""PutAuditEvents: events per second over HTTP, each request signed and each event on disk before its answer.

    python bench/audit_events.py [--quick] [--out FILE]

Requests of 100 events of 600 bytes on several connections, to a channel with a store. Every event is another one; requests are made and
signed beforehand, in rounds, so that the load costs little. Beside the rate: the processor time that the front takes for an event, which
says what a quiet machine would reach, and whether every answered event is in the event history.
"""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from statistics import median
from urllib.parse import quote

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from load import Client
from measure import number
from part import Line, finish, options, syncs, work_folder
from servers import RunningOpenTrail, Server, opentrail

from opentrail.clock import iso_seconds

CHANNEL = "00000000-0000-4000-8000-000000000001"
EVENTS = 100
CLIENTS = 16
GOAL = 25_000.0


NOW = iso_seconds(time.time())
"""What is too old for the event history would not be found there."""


def requests(server: Server, begin: int, count: int) -> list[bytes]:
    """`count` signed requests of events that nobody has sent yet."""
    host = server.url.partition("://")[2]
    path = f"/PutAuditEvents?channelArn={quote(CHANNEL)}"
    made = []
    for order in range(begin, begin + count):
        entries = [{"id": str(place), "eventData": _event(order * EVENTS + place)} for place in range(EVENTS)]
        body = json.dumps({"auditEvents": entries}).encode()
        request = AWSRequest(method="POST", url=server.url + path, data=body, headers={"Content-Type": "application/json"})
        SigV4Auth(Credentials(*server.key), "cloudtrail-data", "us-east-1").add_auth(request)
        lines = [f"POST {path} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in request.headers.items() if name.lower() not in ("host", "content-length")]
        made.append(("\r\n".join(lines) + "\r\n\r\n").encode() + body)
    return made


def _event(order: int) -> str:
    data = {
        "version": "1",
        "userIdentity": {"type": "User", "principalId": f"user-{order % 500}", "details": {"team": "orders"}},
        "userAgent": "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/130.0",
        "eventSource": "orders.example.com",
        "eventName": "GET /orders/{id}",
        "eventTime": NOW,
        "UID": f"bench-{order:032d}",
        "requestParameters": {"resource": f"/orders/{order}", "method": "GET", "query": {"view": "full"}},
        "responseElements": {"statusCode": 200},
        "additionalEventData": {"durationMs": 1.25, "requestId": f"request-{order:024d}"},
        "sourceIPAddress": "198.51.100.7",
        "recipientAccountId": "123456789012",
    }
    return json.dumps(data, separators=(",", ":"))


async def _sent(url: str, made: list[bytes]) -> tuple[float, list[float]]:
    """Seconds that all took, and each of them."""
    left = list(reversed(made))
    took: list[float] = []

    async def client() -> None:
        connection = Client(url)
        while left:
            request = left.pop()
            before = time.perf_counter()
            status, body = await connection.ask(request)
            took.append(time.perf_counter() - before)
            answer = json.loads(body)
            if status != 200 or len(answer["successful"]) != EVENTS or answer["failed"]:
                raise RuntimeError(f"{status}: {body[:300]!r}")
        connection.close()

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return time.perf_counter() - began, took


def _caught_up(running: RunningOpenTrail) -> int:
    """How many events the event history has, when it has all there are."""
    deadline = time.monotonic() + 300
    while True:
        health = running.health()
        if health["followers"]["eventstore"]["lag"] == 0:
            return int(health["counts"]["events_hot"] + health["counts"]["events_cold"])
        if time.monotonic() > deadline:
            raise RuntimeError("the event history does not catch up")
        time.sleep(0.1)


def main() -> None:
    chosen = options(__doc__)
    rounds, count = (2, 60) if chosen.quick else (6, 500)
    rates, costs, times = [], [], []
    with work_folder() as name, RunningOpenTrail(Path(name)) as running:
        server = opentrail(running)
        disk = syncs(Path(name), EVENTS * 1100, 1.0)
        asyncio.run(_sent(server.url, requests(server, 0, 4)))  # the channel, its store, whatever is loaded at the first call
        put, done = 4, _caught_up(running)
        others = done - put * EVENTS
        for _ in range(rounds):
            made = requests(server, put, count)
            before = server.cpu()
            seconds, took = asyncio.run(_sent(server.url, made))
            after = server.cpu()
            put += count
            rates.append(count * EVENTS / seconds)
            costs.append({role: (used - before.get(role, 0.0)) / (count * EVENTS) * 1e6 for role, used in after.items()})
            times += took
            done = _caught_up(running)
    front = median(cost.get("front", 0.0) for cost in costs)
    rate = median(rates)
    spent = ", ".join(f"{role} {median(cost.get(role, 0.0) for cost in costs):.0f}" for role in costs[0] if costs[0][role] > 1)
    lines = [
        Line(
            what=f"audit events, {CLIENTS} clients with {EVENTS} in a request, each on disk",
            reached=f"{number(rate)}/s",
            ratio=f"{rate * sum(disk) / len(disk) / EVENTS:.2f} x serial fdatasync of as many",
            goal=f"> {number(GOAL)}/s",
            met=rate > GOAL,
            limit=f"CPU per event, in us: {spent}; the load shares the processor",
        ),
        Line(
            what="processor time of the front for an event",
            reached=f"{front:.0f} us",
            ratio=f"{number(1e6 / max(front, 0.1))}/s on one core",
        ),
        Line(
            what=f"the same in the last round, from the {number(put * EVENTS - count * EVENTS)}th event on (200 000 ids are remembered)",
            reached=f"{costs[-1].get('front', 0.0):.0f} us",
        ),
        Line(what="time until a request is answered", reached=f"p50 {median(times) * 1e3:.0f} ms"),
        Line(
            what="answered events that are in the event history",
            reached=f"{number(done - others)} of {number(put * EVENTS)}",
            goal="all",
            met=done - others == put * EVENTS,
        ),
    ]
    finish(lines, {"rates": rates, "cpu": costs}, chosen)


if __name__ == "__main__":
    main()
