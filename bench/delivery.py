"""How many events a second trails deliver from a full journal, through one trail and through five, into buckets of our own.

    python bench/delivery.py [--quick] [--out FILE]

One process does what the followers' thread does, with nothing else beside it: read, decide, pack, spool, put, note. The limit is what gzip
and SHA-256 of the very same bytes take on one core. Bytes are those of the bucket beside those of the records.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import deflate
from lookup_records import ACCOUNT, records
from part import Line, finish, options, work_folder

from opentrail.buckets import Buckets, ObjectKeys, ServiceWriter
from opentrail.clock import SystemClock
from opentrail.config import JournalSettings, TrailsSettings
from opentrail.identity import Identities
from opentrail.journal import Journal, Reader
from opentrail.journal.positions import Positions
from opentrail.kms import KeyManagement
from opentrail.storage.database import Database
from opentrail.storage.outbox import Outbox
from opentrail.trails import plans
from opentrail.trails.batch import LEVEL
from opentrail.trails.control import Trails, Wanted
from opentrail.trails.courier import Courier
from opentrail.trails.delivery import Delivery
from opentrail.trails.regions import known_regions
from opentrail.trails.spool import Spool

HOME = "us-east-1"
GOAL = 50_000.0
"""Events a second through one trail."""
BATCH = 1000


@dataclass(frozen=True)
class Figures:
    """One run."""

    events: int
    seconds: float
    processor: float
    reading: float
    """Processor seconds of the one thread that reads, decides and notes."""
    bytes: int
    files: int


def filled(folder: Path, count: int) -> Iterable[bytes]:
    """A journal with `count` records of one account, as they were."""
    settings = JournalSettings(min_free=0, max_bytes=1 << 40, sync="normal")
    made = list(records(count, end=time.time(), span=600.0))

    async def fill() -> None:
        journal = Journal.open(folder / "journal.db", settings=settings, clock=SystemClock())
        pieces = iter(made)
        while piece := list(islice(pieces, BATCH)):
            await journal.append(piece)
        journal.close()

    asyncio.run(fill())
    return made


def delivered(folder: Path, trails: int, journal: Path, head: int) -> Figures:
    """Everything in the journal through so many trails."""
    clock = SystemClock()
    database = Database.at(folder / "state.db")
    buckets = Buckets(database, folder / "buckets", clock)
    outbox = Outbox(database)
    identities = Identities(database, folder / "keys", clock, account_id=ACCOUNT, outbox=outbox)
    kms = KeyManagement(database, folder / "keys", clock, outbox=outbox, identities=identities)
    writer = ServiceWriter(buckets, clock, keys=ObjectKeys(kms.service_keys))
    regions = known_regions()
    control = Trails(database, clock, buckets=writer, regions=regions, head=lambda: 0)
    for number in range(trails):
        bucket = f"logs-{number}"
        buckets.create(bucket, account_id=ACCOUNT, region=HOME)
        allow: dict[str, Any] = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "s3:*"}
        policy = {"Version": "2012-10-17", "Statement": [{**allow, "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]}]}
        buckets.configurations.put_policy(bucket, json.dumps(policy))
        wanted = Wanted(s3_bucket_name=bucket, is_multi_region_trail=True, include_global_service_events=True)
        control.create(ACCOUNT, HOME, f"trail-{number}", wanted, {})
        control.start_logging(ACCOUNT, HOME, f"trail-{number}")
    settings = TrailsSettings()
    spool = Spool(folder / "spool")
    with ThreadPoolExecutor(8) as executor, ThreadPoolExecutor(2) as packers:
        courier = Courier(database, clock, buckets=writer, spool=spool, retry_limit=settings.retry_limit, executor=executor)
        delivery = Delivery(
            database,
            clock,
            journal=Reader(journal),
            positions=Positions(database),
            spool=spool,
            courier=courier,
            settings=settings,
            regions=regions,
            unique=lambda: hashlib.sha256(str(time.perf_counter_ns()).encode()).hexdigest()[:16],
            packers=packers,
        )
        began, busy, reading = time.perf_counter(), time.process_time(), time.thread_time()
        while delivery.position < head:
            delivery.step()
        delivery.cut()
        while courier.busy:
            if not courier.step():
                time.sleep(0.002)
        seconds, processor, reading = time.perf_counter() - began, time.process_time() - busy, time.thread_time() - reading
    with database.read() as connection:
        assert plans.files_waiting(connection) == 0
    files = [path for path in (folder / "buckets").rglob("*") if path.is_file() and path.stat().st_size]
    database.close()
    return Figures(head, seconds, processor, reading, sum(path.stat().st_size for path in files), len(files))


def limit(made: Iterable[bytes], events: int) -> tuple[float, int]:
    """Processor seconds that gzip and SHA-256 of these records take in files of the usual size, and the bytes they come to."""
    pieces, total, size = iter(made), 0.0, 0
    while piece := list(islice(pieces, 30_000)):
        raw = b",".join(piece)
        began = time.thread_time()
        hashlib.sha256(raw).digest()
        size += len(deflate.gzip_compress(raw, LEVEL))
        total += time.thread_time() - began
    return total, size


def main() -> None:
    chosen = options(__doc__)
    count = 20_000 if chosen.quick else 200_000
    figures: dict[str, Any] = {}
    lines: list[Line] = []
    with work_folder() as name:
        folder = Path(name)
        made = filled(folder, count)
        raw = sum(map(len, made))
        least, least_bytes = limit(made, count)
        for trails in (1, 5):
            place = folder / f"trails-{trails}"
            place.mkdir()
            run = delivered(place, trails, folder / "journal.db", count)
            figures[f"trails_{trails}"] = vars(run)
            rate = run.events * trails / run.seconds
            copies = run.events * trails
            lines.append(
                Line(
                    what=f"Events delivered per second through {'one trail' if trails == 1 else 'five trails, each counted'}",
                    reached=f"{rate:,.0f}",
                    ratio=f"{run.processor / run.seconds:.1f} cores busy, {run.files} files",
                    goal=f"at least {GOAL:,.0f}" if trails == 1 else "",
                    met=rate >= GOAL if trails == 1 else None,
                    limit=f"gzip and SHA-256 alone: {count / least:,.0f} per second and core",
                )
            )
            lines.append(
                Line(
                    what=f"Processor time per event and trail, {trails} trail{'s' if trails > 1 else ''}",
                    reached=f"{1e6 * run.processor / copies:.1f} µs",
                    ratio=f"{run.processor / trails / least:.2f} x gzip and SHA-256 of the same bytes ({1e6 * least / count:.1f} µs)",
                    limit=f"the reading thread alone: {1e6 * run.reading / run.events:.1f} µs per event; packing runs beside it",
                )
            )
            lines.append(
                Line(
                    what=f"Bytes in the bucket per event, {trails} trail{'s' if trails > 1 else ''}",
                    reached=f"{run.bytes / copies:.0f} of {raw / count:.0f}",
                    ratio=f"{run.bytes / trails / least_bytes:.2f} x gzip alone",
                )
            )
        figures["limit"] = {"processor": least, "bytes": least_bytes, "raw": raw}
    finish(lines, figures, chosen)


if __name__ == "__main__":
    main()
