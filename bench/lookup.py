"""How fast LookupEvents answers, events are taken in and commits are made.

    python bench/lookup.py [--events 10000 1000000] [--commits 1500] [--json]

The records are generated (about 1.4 KB each, spread over ten days); each question goes through `history.answer`, as it does when served.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lookup_records import ACCOUNT, BUCKETS, KEYS, ROLES, USERS, records

from opentrail.clock import ManualClock
from opentrail.eventstore import EventStore, EventStoreSettings
from opentrail.history import Lookup, answer

NOW = 1_767_607_872.0
SPAN = 10 * 86_400.0
CHUNK = 20_000


@dataclass(frozen=True, slots=True)
class Entry:
    position: int
    record: bytes


@dataclass
class Chunk:
    """A journal that holds only what has not been read yet."""

    after: int = 0
    records: list[bytes] = field(default_factory=list)

    def head(self) -> int:
        return self.after + len(self.records)

    def first(self) -> int:
        return 1

    def read(self, after: int, limit: int) -> Sequence[Entry]:
        begin = after - self.after
        return [Entry(after + 1 + index, record) for index, record in enumerate(self.records[begin : begin + limit])]


def percentiles(times: Sequence[float]) -> dict[str, float]:
    """p50 and p99 in milliseconds."""
    ordered = sorted(times)
    return {
        "p50": round(ordered[len(ordered) // 2] * 1e3, 2),
        "p99": round(ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] * 1e3, 2),
    }


def timed(ask: Callable[[], Any], rounds: int) -> dict[str, float]:
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        ask()
        times.append(time.perf_counter() - begin)
    return percentiles(times)


def measure(count: int, folder: Path, rounds: int) -> dict[str, Any]:
    """Fill a store with `count` events and ask it."""
    journal = Chunk()
    store = EventStore(folder / "lake", journal, ManualClock(at=NOW), EventStoreSettings())
    store.open()
    ids: list[str] = []
    taking = committing = 0.0
    source = records(count, end=NOW, span=SPAN)
    while chunk := [record for record, _ in zip(source, range(CHUNK), strict=False)]:
        journal.after, journal.records = journal.head(), chunk
        ids += [json.loads(record)["eventID"] for record in chunk[:: max(1, len(chunk) // 20)]]
        begin = time.perf_counter()
        store.catch_up()
        middle = time.perf_counter()
        if store.status().hot_events >= 100_000:
            store.commit()
        taking, committing = taking + middle - begin, committing + time.perf_counter() - middle
    begin = time.perf_counter()
    store.commit()
    committing += time.perf_counter() - begin
    begin = time.perf_counter()
    while store.compact():
        pass
    compacting = time.perf_counter() - begin
    figures: dict[str, Any] = {
        "events": count,
        "taken in, events/s": round(count / taking),
        "taken in and committed, events/s": round(count / (taking + committing)),
        "compaction, s": round(compacting, 1),
        "status": {name: getattr(store.status(), name) for name in ("cold_files", "cold_bytes", "warm_events")},
    }
    begin = time.perf_counter()
    store.close()
    store = EventStore(folder / "lake", journal, ManualClock(at=NOW), EventStoreSettings())
    store.open()
    figures["opened again, s"] = round(time.perf_counter() - begin, 2)
    figures["ms"] = {name: timed(lambda ask=ask: ask(store), rounds) for name, ask in questions(ids).items()}
    commits = []
    for size in (1_000,) * 10:
        journal.after, journal.records = journal.head(), list(records(size, end=NOW, span=60.0, seed=len(commits)))
        store.catch_up()
        begin = time.perf_counter()
        store.commit()
        commits.append(time.perf_counter() - begin)
    figures["ms"]["commit of 1,000"] = percentiles(commits)
    store.close()
    return figures


def measure_commits(count: int, folder: Path) -> dict[str, Any]:
    """`count` commits of 200 events, one a minute over a day or more, with the compaction that goes with them; a row per tenth."""
    journal, clock = Chunk(), ManualClock(at=NOW)
    store = EventStore(folder / "lake", journal, clock, EventStoreSettings())
    store.open()
    rows = []
    commits: list[float] = []
    compactions: list[float] = []
    for number in range(count):
        clock.advance(60)
        journal.after, journal.records = journal.head(), list(records(200, end=clock.time(), span=60.0, seed=number))
        store.catch_up()
        begin = time.perf_counter()
        store.commit()
        middle = time.perf_counter()
        while store.compact():
            pass
        commits.append(middle - begin)
        compactions.append(time.perf_counter() - middle)
        if len(commits) >= max(1, count // 10):
            status = store.status()
            rows.append({"commit": percentiles(commits), "compaction": percentiles(compactions), "files": status.cold_files})
            commits, compactions = [], []
    metadata = [path.stat().st_size for path in (folder / "lake/events/metadata").iterdir()]
    data = sum(1 for path in (folder / "lake/events/data").rglob("*.parquet"))
    store.close()
    return {"commits": count, "rows": rows, "metadata files": len(metadata), "metadata bytes": sum(metadata), "data files": data}


def questions(ids: Sequence[str]) -> dict[str, Callable[[EventStore], Any]]:
    """Name → a question; values change from round to round."""
    pick = random.Random(3)

    def by(key: str, value: Callable[[], str]) -> Callable[[EventStore], Any]:
        return lambda store: page(store, LookupAttributes=[{"AttributeKey": key, "AttributeValue": value()}])

    def second(store: EventStore) -> Any:
        first = page(store)
        return page(store, NextToken=first["NextToken"]) if "NextToken" in first else first

    return {
        "newest 50": page,
        "first two pages": second,
        "50 before a random time": lambda store: page(store, EndTime=datetime.fromtimestamp(NOW - pick.random() * SPAN, UTC)),
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


def page(store: EventStore, **parameters: Any) -> Any:
    return answer(store, Lookup.from_parameters(parameters, ACCOUNT, "us-east-1", datetime.fromtimestamp(NOW, UTC)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, nargs="*", default=[10_000, 1_000_000])
    parser.add_argument("--commits", type=int, default=0, help="also measure this many commits in a row")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--json", action="store_true", help="print figures for machines")
    arguments = parser.parse_args()
    if arguments.commits:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(measure_commits(arguments.commits, Path(folder)), indent=None if arguments.json else 1))
    for count in arguments.events:
        with tempfile.TemporaryDirectory() as folder:
            figures = measure(count, Path(folder), arguments.rounds)
        if arguments.json:
            print(json.dumps(figures))
            continue
        for name, value in figures.items():
            if name != "ms":
                print(f"{name:38} {value}")
        for name, row in figures["ms"].items():
            print(f"{name:38} p50 {row['p50']:>8.2f} ms   p99 {row['p99']:>8.2f} ms")


if __name__ == "__main__":
    main()
