"""How fast LookupEvents answers over HTTP, with 10 thousand and with a million events in the history: newest 50, and by each attribute.

    python bench/history.py [--quick] [--out FILE]

Generated records are written into the journal of a data folder; `opentrail serve` takes them in and commits them to the cold store. Started
again with its defaults, it is asked by one client over a keep-alive connection. LookupEvents is itself a recorded call: each answer waits
for one commit of the journal, as every answer does.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import uvloop
from load import Client, caller_identity, lookup_events, one_by_one
from lookup_records import ACCOUNT, BUCKETS, KEYS, ROLES, USERS, records
from measure import number, percentile, table
from part import Line, finish, options, syncs, work_folder
from servers import RunningOpenTrail

from opentrail.clock import SystemClock
from opentrail.config import JournalSettings
from opentrail.journal import Journal

GOAL = 5.0
"""Milliseconds for the newest 50 at p50, with a million events."""
GOAL_AT = 1_000_000
SPAN = 10 * 86_400.0
"""Seconds over which the events are spread."""
NEWEST = "newest 50"
CALL = 500
"""Records of one append."""
PATIENCE = 600.0
"""Seconds that taking in may last."""

Times = dict[str, list[float]]


async def fill(folder: Path, count: int) -> list[str]:
    """Write `count` records into the journal of the data folder; returns some of their event ids."""
    journal = Journal.open(folder / "journal.db", settings=JournalSettings(), clock=SystemClock())
    source = records(count, end=time.time() - 1, span=SPAN)
    ids = []
    try:
        while piece := list(islice(source, CALL * 16)):
            some = [json.loads(record) for record in piece[:: max(1, count // 200)]]
            ids += [record["eventID"] for record in some if record["awsRegion"] == "us-east-1"]
            await asyncio.gather(*(journal.append(piece[start : start + CALL]) for start in range(0, len(piece), CALL)))
    finally:
        journal.close()
    return ids


def take_in(running: RunningOpenTrail, count: int) -> float:
    """Wait until all events are in the cold store; returns the seconds that it took."""
    began = time.monotonic()
    while True:
        counts = running.health()["counts"]
        if counts["events_hot"] == 0 and counts["events_cold"] >= count:
            return time.monotonic() - began
        if time.monotonic() - began > PATIENCE:
            raise RuntimeError(f"not taken in after {PATIENCE:g} s: {counts}")
        time.sleep(0.1)


def questions(ids: list[str]) -> dict[str, Callable[[], dict[str, Any]]]:
    """Name → parameters of a question; values change from round to round."""
    pick = random.Random(3)

    def by(key: str, value: Callable[[], str]) -> Callable[[], dict[str, Any]]:
        return lambda: {"LookupAttributes": [{"AttributeKey": key, "AttributeValue": value()}]}

    return {
        NEWEST: dict,
        "EventId": by("EventId", lambda: pick.choice(ids)),
        "EventId, unknown": by("EventId", lambda: "00000000-0000-4000-8000-000000000000"),
        "EventName, 1 in 5": by("EventName", lambda: "GetBucketAcl"),
        "EventName, 1 in 100": by("EventName", lambda: "StopLogging"),
        "ReadOnly": by("ReadOnly", lambda: "false"),
        "Username, 1 in 400": by("Username", lambda: f"deploy-{pick.randrange(USERS)}"),
        "ResourceType": by("ResourceType", lambda: "AWS::IAM::User"),
        "ResourceName, role": by("ResourceName", lambda: f"role-{pick.randrange(ROLES)}"),
        "ResourceName, bucket": by("ResourceName", lambda: f"bucket-{pick.randrange(BUCKETS)}"),
        "ResourceName, unknown": by("ResourceName", lambda: f"nothing-{pick.random()}"),
        "EventSource": by("EventSource", lambda: "cloudtrail.amazonaws.com"),
        "AccessKeyId": by("AccessKeyId", lambda: f"ASIA{pick.randrange(KEYS):016d}"),
    }


async def ask(running: RunningOpenTrail, ids: list[str], rounds: int) -> Times:
    """Seconds of each question, asked in turns; the first two rounds do not count."""
    client = Client(running.endpoint)
    times: Times = {}
    asked = questions(ids)
    for number_of_round in range(rounds + 2):
        for name, parameters in asked.items():
            for _ in range(4 if name == NEWEST else 1):
                request = lookup_events(running.endpoint, running.key, **parameters())
                began = time.perf_counter()
                status, body = await client.ask(request)
                taken = time.perf_counter() - began
                if status != 200:
                    raise RuntimeError(f"{name} was answered {status}: {body[:500]!r}")
                if number_of_round > 1:
                    times.setdefault(name, []).append(taken)
    client.close()
    return times


def measured(folder: Path, count: int, rounds: int) -> tuple[Times, dict[str, float]]:
    """Fill, take in, ask; returns the times of the questions and figures of the rest."""
    settings = {"identity.account_id": ACCOUNT}
    running = RunningOpenTrail(folder, settings=settings | {"lake.commit_interval": 1})
    running.data.mkdir(mode=0o700, parents=True)
    began = time.monotonic()
    ids = uvloop.run(fill(running.data, count))
    filled = time.monotonic() - began
    with running:
        taken = take_in(running, count)
    with RunningOpenTrail(folder, settings=settings) as running:
        identity = caller_identity(running.endpoint, running.key)
        uvloop.run(one_by_one(running.endpoint, identity, 50))
        times = uvloop.run(ask(running, ids, rounds))
        bare = uvloop.run(one_by_one(running.endpoint, identity, 300))
    figures = {"made, events/s": count / filled, "taken in and committed, events/s": count / taken}
    return times, figures | {"GetCallerIdentity p50": percentile(bare, 0.5), "fdatasync p50": percentile(syncs(folder, 1300, 1.0), 0.5)}


def main() -> None:
    chosen = options(__doc__)
    sizes, rounds = ((2_000, 20_000), 5) if chosen.quick else ((10_000, GOAL_AT), 50)
    times: dict[int, Times] = {}
    figures: dict[str, Any] = {}
    for count in sizes:
        with work_folder() as name:
            times[count], figures[str(count)] = measured(Path(name), count, rounds)
    small, large = sizes
    rows = []
    for name in times[large]:
        marks = {
            f"{number(count)}: {title}": f"{1e3 * percentile(times[count][name], share):.2f}"
            for count in sizes
            for title, share in (("p50 ms", 0.5), ("p99 ms", 0.99))
        }
        rows.append({"LookupEvents": name, **marks})
    table("one client, over HTTP", rows)
    print()
    lines = []
    for count in sizes:
        more = figures[str(count)]
        p50, p99 = (1e3 * percentile(times[count][NEWEST], share) for share in (0.5, 0.99))
        beside = p50 / 1e3 / percentile(times[small][NEWEST], 0.5)
        with_goal = count >= GOAL_AT
        lines.append(
            Line(
                what=f"LookupEvents, newest 50 of {number(count)}",
                reached=f"p50 {p50:.2f} ms, p99 {p99:.2f} ms",
                ratio=f"{beside:.2f} x {number(small)}; {p50 / 1e3 / more['GetCallerIdentity p50']:.2f} x GetCallerIdentity",
                goal=f"p50 < {GOAL:g} ms" if with_goal else "",
                met=p50 < GOAL if with_goal else None,
                limit=f"partly taking in the record of the call before; fdatasync p50 {1e3 * more['fdatasync p50']:.2f} ms",
            )
        )
    for count in sizes:
        found = {name: some for name, some in times[count].items() if name != NEWEST}
        slowest = max(found, key=lambda name: percentile(found[name], 0.5))
        middle = sorted(percentile(some, 0.5) for some in found.values())
        p50, p99 = (1e3 * percentile(found[slowest], share) for share in (0.5, 0.99))
        beside = percentile(found[slowest], 0.5) / percentile(times[small][slowest], 0.5)
        lines.append(
            Line(
                what=f"LookupEvents by attribute, {number(count)}",
                reached=f"p50 {1e3 * middle[0]:.1f} to {1e3 * middle[-1]:.1f} ms; slowest ({slowest}) p50 {p50:.1f} ms, p99 {p99:.1f} ms",
                ratio=f"slowest {beside:.2f} x {number(small)}",
                limit="not taken apart; rare values are not among the newest 20 000, which are in memory",
            )
        )
    rate = figures[str(large)]["taken in and committed, events/s"]
    lines.append(
        Line(
            what=f"taking in {number(large)} events, committed",
            reached=f"{number(rate)} events/s",
            limit="with a commit each second; not taken apart",
        )
    )
    seconds = {
        str(count): {name: {share: percentile(some, share) for share in (0.5, 0.99)} for name, some in times[count].items()}
        for count in sizes
    }
    finish(lines, {"seconds": seconds, **figures}, chosen)


if __name__ == "__main__":
    main()
