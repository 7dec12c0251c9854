"""What an import reaches: delivered log files to the Lake's Parquet files.

    python bench/lake_import.py [--quick] [--out FILE]

A million events of `opentrail sample` in 500 `.json.gz` files, in turns, each in processes of its own, as many as there are processors:

- OpenTrail: `import_file`, and `write` for every 20,000 rows or more, each file on disk;
- the limit: gunzip and orjson over the same files, keeping nothing;
- DuckDB: `read_json` into Parquet, nested objects as JSON;
- chDB: into a MergeTree table, when it is installed.

Events per second are by the clock; the ratios are of processor time, which holds on a busy machine, too.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import deflate
import orjson
from measure import number, table
from part import Line, finish, options, work_folder

from opentrail.lake.sample import Plan, write

WORKERS = os.cpu_count() or 1
ROWS = 20_000
MOST_MEMORY = 1024.0
"""MiB that an import may take in all its processes."""
CHDB_TO_LIMIT = 1.9
"""Measured beforehand on two quiet cores: chDB takes 19 µs of processor time for an event, gunzip and orjson 10 µs."""


@dataclass(frozen=True)
class Run:
    """What one way came to."""

    events: int
    seconds: float
    processor: float
    """Seconds of processor time, in all processes."""
    memory: float
    """MiB at the peak, all processes together."""
    disk: int = 0
    """Bytes written."""

    def row(self, name: str) -> dict[str, str]:
        return {
            "": name,
            "events/s": number(self.events / self.seconds),
            "processor µs/event": number(1e6 * self.processor / self.events),
            "memory MiB": number(self.memory),
            "bytes/event": number(self.disk / self.events) if self.disk else "-",
        }


def usage() -> tuple[float, float]:
    """Processor seconds and peak memory (MiB) of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def ready() -> None:
    """Load, in a process of the pool, what an import needs."""
    import pyarrow as pa

    import opentrail.lake.columns

    assert opentrail.lake.columns
    pa.set_memory_pool(pa.system_memory_pool())
    pa.set_cpu_count(1)


def opentrail(out: Path, paths: list[Path]) -> dict[str, Any]:
    """Import `paths` into Parquet files in `out`."""
    import pyarrow as pa

    from opentrail.lake.columns import import_file
    from opentrail.lake.columns import write as write_parquet
    from opentrail.lake.families import Family

    waiting: list[pa.Table] = []
    rows = events = 0
    for place, path in enumerate(paths):
        waiting.append(import_file(path.read_bytes(), Family.EVENTS, first=events).table)
        events += waiting[-1].num_rows
        rows += waiting[-1].num_rows
        if rows >= ROWS or place == len(paths) - 1:
            write_parquet(out / f"{os.getpid()}-{place}.parquet", Family.EVENTS, pa.concat_tables(waiting))
            waiting, rows = [], 0
    return {"pid": os.getpid(), "events": events}


def limit(paths: list[Path]) -> dict[str, Any]:
    """Unpack and parse, keep nothing."""
    events = 0
    for path in paths:
        body = path.read_bytes()
        events += len(orjson.loads(deflate.gzip_decompress(body, struct.unpack("<I", body[-4:])[0]))["Records"])
    return {"pid": os.getpid(), "events": events}


def measured(work: Callable[[list[Path]], dict[str, Any]], paths: list[Path]) -> dict[str, Any]:
    """`work`, and what it took this process."""
    before = usage()[0]
    done = work(paths)
    after, memory = usage()
    return done | {"processor": after - before, "memory": memory}


def in_processes(work: Callable[[list[Path]], dict[str, Any]], paths: list[Path]) -> Run:
    """`work` on all paths, dealt out to as many processes as there are processors."""
    with ProcessPoolExecutor(WORKERS, mp_context=multiprocessing.get_context("spawn"), initializer=ready) as pool:
        list(pool.map(abs, range(WORKERS * 4)))  # started
        began = time.perf_counter()
        done = list(pool.map(partial(measured, work), [paths[number::WORKERS] for number in range(WORKERS)]))
        seconds = time.perf_counter() - began
    return Run(
        events=sum(one["events"] for one in done),
        seconds=seconds,
        processor=sum(one["processor"] for one in done),
        memory=sum({one["pid"]: one["memory"] for one in done}.values()),
    )


DUCKDB = """
import duckdb, json, resource, sys, time
pattern, out, size = sys.argv[1:]
text = "eventVersion eventSource eventName awsRegion sourceIPAddress userAgent errorCode errorMessage requestID eventID eventType"
text += " recipientAccountId eventCategory"
nested = "userIdentity requestParameters responseElements additionalEventData resources tlsDetails"
types = ", ".join([f"{name} VARCHAR" for name in text.split()] + [f"{name} JSON" for name in nested.split()])
types += ", eventTime TIMESTAMP, readOnly BOOLEAN, managementEvent BOOLEAN"
loaded = resource.getrusage(resource.RUSAGE_SELF)
con = duckdb.connect(config={"preserve_insertion_order": False})
began = time.perf_counter()
con.execute(f"COPY (SELECT unnest(r) FROM (SELECT unnest(Records) AS r FROM read_json('{pattern}', maximum_object_size={size},"
            f" columns={{'Records': 'STRUCT({types})[]'}}))) TO '{out}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 20480)")
seconds = time.perf_counter() - began
events = con.execute(f"SELECT count(*) FROM '{out}'").fetchall()[0][0]
used = resource.getrusage(resource.RUSAGE_SELF)
processor = used.ru_utime + used.ru_stime - loaded.ru_utime - loaded.ru_stime
print(json.dumps({"events": events, "seconds": seconds, "processor": processor, "memory": used.ru_maxrss / 1024}))
"""

CHDB = """
import json, os, resource, sys, time
from chdb import session
pattern, out, size = sys.argv[1:]
loaded = resource.getrusage(resource.RUSAGE_SELF)
s = session.Session(out)
s.query("CREATE DATABASE IF NOT EXISTS b")
s.query("CREATE TABLE b.e (record String, eventTime DateTime, eventName LowCardinality(String), eventSource LowCardinality(String),"
        " eventID String, userIdentity String, requestParameters String, responseElements String) ENGINE = MergeTree ORDER BY eventTime")
began = time.perf_counter()
s.query(f"INSERT INTO b.e SELECT r, parseDateTimeBestEffort(JSONExtractString(r, 'eventTime')), JSONExtractString(r, 'eventName'),"
        f" JSONExtractString(r, 'eventSource'), JSONExtractString(r, 'eventID'), JSONExtractRaw(r, 'userIdentity'),"
        f" JSONExtractRaw(r, 'requestParameters'), JSONExtractRaw(r, 'responseElements') FROM (SELECT arrayJoin(JSONExtractArrayRaw(line,"
        f" 'Records')) AS r FROM file('{pattern}', 'LineAsString', 'line String'))")
seconds = time.perf_counter() - began
events = int(str(s.query("SELECT count() FROM b.e")))
used = resource.getrusage(resource.RUSAGE_SELF)
processor = used.ru_utime + used.ru_stime - loaded.ru_utime - loaded.ru_stime
print(json.dumps({"events": events, "seconds": seconds, "processor": processor, "memory": used.ru_maxrss / 1024}))
"""


def peer(program: str, *words: str) -> Run:
    """A peer's program in a process of its own; it prints what a `Run` holds."""
    done = subprocess.run([sys.executable, "-c", program, *words], check=True, capture_output=True, text=True)
    return Run(**json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    chosen = options(__doc__)
    events, files = (60_000, 30) if chosen.quick else (1_000_000, 500)
    with work_folder() as name:
        folder = Path(name)
        made = write(folder / "in", Plan(until=datetime(2026, 1, 6, tzinfo=UTC), events=events, files=files, seed=1))
        print(f"{made.events} events in {made.files} files, {made.bytes_uncompressed // made.events} bytes each, "
              f"{made.bytes_compressed // made.events} compressed")  # fmt: skip
        paths = sorted((folder / "in/AWSLogs").rglob("*.json.gz"))
        (folder / "out").mkdir()
        runs = {"limit": in_processes(limit, paths)}
        own = in_processes(partial(opentrail, folder / "out"), paths)
        runs["opentrail"] = Run(**asdict(own) | {"disk": sum(path.stat().st_size for path in (folder / "out").iterdir())})
        pattern, size = f"{folder}/in/AWSLogs/**/*.json.gz", 4 * made.bytes_uncompressed // made.files
        found = peer(DUCKDB, pattern, f"{folder}/peer.parquet", str(max(size, 1 << 24)))
        runs["duckdb"] = Run(**asdict(found) | {"disk": (folder / "peer.parquet").stat().st_size})
        if find_spec("chdb") is not None:
            runs["chdb"] = peer(CHDB, pattern, f"{folder}/chdb", "0")
    assert {run.events for run in runs.values()} == {made.events}
    names = {"limit": "gunzip + orjson", "opentrail": "OpenTrail", "duckdb": "DuckDB read_json", "chdb": "chDB"}
    table("Import", [run.row(names[which]) for which, run in runs.items()])
    finish(lines(runs), {which: asdict(run) for which, run in runs.items()}, chosen)


def lines(runs: dict[str, Run]) -> list[Line]:
    """The figures beside their goals."""
    own = runs["opentrail"]
    costs = {which: run.processor / run.events for which, run in runs.items()}
    to_limit = costs["opentrail"] / costs["limit"]
    found = [
        Line(
            what="import, log files to Parquet on disk",
            reached=f"{number(own.events / own.seconds)} events/s",
            ratio=f"{to_limit:.2f} times the processor time of gunzip + orjson, {costs['opentrail'] / costs['duckdb']:.2f} times DuckDB's",
            goal=f"<= {CHDB_TO_LIMIT:.1f} times gunzip + orjson, which is chDB's" if "chdb" not in runs else "",
            met=to_limit <= CHDB_TO_LIMIT if "chdb" not in runs else None,
            limit="Python's objects for maps and members, Parquet and zstd",
        ),
        Line(what="memory of the import", reached=f"{number(own.memory)} MiB", goal="< 1 GiB", met=own.memory < MOST_MEMORY),
        Line(what="on disk", reached=f"{number(own.disk / own.events)} bytes per event"),
    ]
    if "chdb" in runs:
        ratio = costs["opentrail"] / costs["chdb"]
        found.append(Line(what="import beside chDB", reached=f"{ratio:.2f} times its processor time", goal="<= 1", met=ratio <= 1))
    else:
        print("chDB is not installed: compared with what was measured of it beforehand.")
    return found


if __name__ == "__main__":
    main()
