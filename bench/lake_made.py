"""A sample of delivered log files, brought into a store's table as the importer does it: by its worker processes, batch by batch."""

from __future__ import annotations

import sys
import time
import uuid
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))

from opentrail.clock import SystemClock
from opentrail.lake.columns.arrow import ARROW
from opentrail.lake.columns.parquet import TIME
from opentrail.lake.columns.parquet import write as write_columns
from opentrail.lake.families import Family
from opentrail.lake.imports.batches import BATCH_BYTES
from opentrail.lake.imports.conversion import Done, File, Task
from opentrail.lake.imports.run import UNDER_WAY
from opentrail.lake.imports.workers import Workers
from opentrail.lake.sample import Plan, Summary, write
from opentrail.lake.tables.tables import StoreTables
from simulators.event_journal import EventJournal
from simulators.store_tables import KnownStores, opened_tables

PATTERN = "**/*.json.gz"
UNTIL = datetime(2026, 1, 6, tzinfo=UTC)
RETENTION = 3_650
"""Days; the sample is of a fixed date."""


@dataclass(frozen=True)
class Cost:
    """What it took."""

    events: int
    seconds: float
    processor: float
    """Seconds of processor time, of the importer and its workers."""
    memory: float
    """MiB at the peak of each, together."""


def sample(folder: Path, events: int, files: int) -> tuple[Summary, list[Path]]:
    """Write log files of 1.6 KB an event; always the same bytes."""
    made = write(folder, Plan(until=UNTIL, events=events, files=files, seed=1))
    each = (made.bytes_uncompressed // made.events, made.bytes_compressed // made.events)
    print(f"{made.events} events in {made.files} files, {each[0]} bytes each, {each[1]} compressed")
    return made, sorted((folder / "AWSLogs").rglob("*.json.gz"))


def empty_tables(folder: Path) -> tuple[StoreTables, KnownStores, str]:
    """The tables in `folder`, with one store, over a journal without records."""
    stores = KnownStores()
    store = stores.make(retention=RETENTION)
    # At each step what is due is done: compaction, too.
    return opened_tables(folder, EventJournal(), stores, SystemClock(), commit_interval=0.0), stores, store


def import_all(tables: StoreTables, store: str, paths: Sequence[Path], number: int) -> Cost:
    """Bring the files into the store by `number` workers, which are running when the clock starts: as the importer does it, which has
    some batches converted ahead and settles them one after the other."""
    workers = Workers(number)
    own = psutil.Process()
    with ThreadPoolExecutor(UNDER_WAY) as pool:

        def convert(batch: Sequence[Path]) -> Done:
            files = [File(body=path.read_bytes(), oldest=0.0) for path in batch]
            return workers.convert(Task(family=Family.EVENTS, draft=str(tables.draft(store)), files=files))

        def settle(done: Done) -> int:
            assert not any(one.error or one.damage for one in done.files)
            tables.append(store, [Path(draft) for draft in done.drafts], token=str(uuid.uuid4()))
            return sum(one.events for one in done.files)

        nothing = Task(family=Family.EVENTS, draft=str(tables.draft(store)), files=[])
        while len(workers.pids()) < number:
            list(pool.map(workers.convert, [nothing] * number))
        processes = [own, *map(psutil.Process, workers.pids())]
        before, began = _used(processes), time.perf_counter()
        events = 0
        under_way: deque[Future[Done]] = deque()
        for batch in _batches(paths):
            under_way.append(pool.submit(convert, batch))
            if len(under_way) >= UNDER_WAY:
                events += settle(under_way.popleft().result())
        events += sum(settle(future.result()) for future in under_way)
        seconds, processor = time.perf_counter() - began, _used(processes) - before
        memory = sum(_peak(process) for process in processes)
    workers.rest()
    return Cost(events=events, seconds=seconds, processor=processor, memory=memory)


def repeat(tables: StoreTables, store: str, times: int) -> None:
    """Add what the store has `times` more times: as earlier days, a sample's length each, with event IDs of their own."""
    snapshot = tables.snapshot([store], at_least=0, patience=1.0)
    for path in snapshot.sources[0].files if times else ():
        events = pq.read_table(path, partitioning=None, columns=ARROW[Family.EVENTS].names)
        for number in range(1, times + 1):
            earlier = pc.subtract(events[TIME], pa.scalar(number * Plan(until=UNTIL).days * 86_400_000_000, pa.duration("us")))
            ids = pc.binary_join_element_wise(pc.utf8_slice_codeunits(events["eventid"], 0, 33), f"{number:03x}", "")
            copy = events.set_column(events.schema.get_field_index(TIME), TIME, earlier.cast(events.schema.field(TIME).type))
            copy = copy.set_column(events.schema.get_field_index("eventid"), "eventid", ids.cast(events.schema.field("eventid").type))
            draft = tables.draft(store)
            write_columns(draft, Family.EVENTS, copy.cast(ARROW[Family.EVENTS]))
            tables.append(store, [draft], token=str(uuid.uuid4()))
    snapshot.release()


def _batches(paths: Sequence[Path]) -> Iterator[Sequence[Path]]:
    """As the importer gathers them."""
    batch: list[Path] = []
    size = 0
    for path in paths:
        batch.append(path)
        size += path.stat().st_size
        if size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _used(processes: Sequence[psutil.Process]) -> float:
    return sum(times.user + times.system for times in (process.cpu_times() for process in processes))


def _peak(process: psutil.Process) -> float:
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024
