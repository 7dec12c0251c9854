"""`make bench`, part lake_tables: events from the journal into a store, what a commit costs, how long a query waits for its snapshot.

    python bench/lake_tables.py [--quick] [--out FILE]

No server: the tables over a journal in memory, on a real disk. The limit beside ingestion is the conversion to columns alone.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from part import Line, finish, options

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from opentrail.clock import SystemClock
from opentrail.lake.columns import to_table
from opentrail.lake.families import Family
from simulators.event_journal import EventJournal, made
from simulators.store_tables import KnownStores, opened_tables


def record(number: int) -> bytes:
    """A management event of some 1.5 KB, of now."""
    event = json.loads(made(number))
    event["eventTime"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    event["userAgent"] = "Boto3/1.40.0 md/Botocore#1.40.0 ua/2.1 os/linux md/arch#x86_64 lang/python#3.11"
    event["requestParameters"] = {"userName": f"user-{number}", "path": "/", "tags": [{"key": "a", "value": "x" * 400}]}
    event["responseElements"] = {"user": {"userName": f"user-{number}", "arn": f"arn:aws:iam::111122223333:user/user-{number}"}}
    event["resources"] = [{"ARN": f"arn:aws:iam::111122223333:user/user-{number}", "accountId": "111122223333"}]
    return json.dumps(event).encode()


def timed(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def main() -> None:
    chosen = options(__doc__)
    count = 10_000 if chosen.quick else 100_000
    records = [record(number) for number in range(count)]
    alone = timed(lambda: [to_table(Family.EVENTS, records[at : at + 2000], range(2000)) for at in range(0, 10_000, 2000)]) / 10_000
    with tempfile.TemporaryDirectory() as name:
        stores, journal = KnownStores(), EventJournal()
        store = stores.make()
        tables = opened_tables(Path(name), journal, stores, SystemClock(), hot_rows=count + 1, hot_characters=1 << 40)
        tables.step()
        head = journal.append(*records)
        taken_in = timed(tables.step)
        first = timed(lambda: tables.snapshot([store], at_least=head, patience=60.0).release())
        full = statistics.median(timed(lambda: tables.snapshot([store], at_least=head, patience=60.0).release()) for _ in range(50))
        whole = timed(tables.commit)
        empty = statistics.median(timed(lambda: tables.snapshot([store], at_least=head, patience=60.0).release()) for _ in range(50))
        commits, fresh = [], []
        for number in range(10 if chosen.quick else 40):
            head = journal.append(*(record(count + number * 10 + one) for one in range(10)))
            fresh.append(timed(lambda: tables.snapshot([store], at_least=head, patience=60.0).release()))  # noqa: B023
            commits.append(timed(tables.commit))
        tables.close()
    rate, limit = count / taken_in, 1 / alone
    commit = statistics.median(commits)
    figures = {
        "events_per_second": rate,
        "conversion_per_second": limit,
        "commit_of_all_seconds": whole,
        "commit_seconds": commit,
        "snapshot_empty_seconds": empty,
        "snapshot_full_seconds": full,
        "snapshot_first_seconds": first,
        "snapshot_after_ten_events_seconds": statistics.median(fresh),
        "events": count,
    }
    lines = [
        Line(what="events from the journal into a store", reached=f"{rate:,.0f}/s", ratio=f"{rate / limit:.2f} of the conversion alone"),
        Line(what="a commit of ten events, p50", reached=f"{commit * 1000:.0f} ms"),
        Line(what=f"a commit of {count:,} events", reached=f"{whole:.2f} s"),
        Line(what="a snapshot with an empty hot tail, p50", reached=f"{empty * 1000:.2f} ms"),
        Line(what=f"a snapshot with {count:,} hot events, p50", reached=f"{full * 1000:.2f} ms"),
        Line(what="the first snapshot after them", reached=f"{first * 1000:.0f} ms"),
        Line(what="a snapshot after ten new events, p50", reached=f"{statistics.median(fresh) * 1000:.1f} ms"),
    ]
    finish(lines, figures, chosen)


if __name__ == "__main__":
    main()
