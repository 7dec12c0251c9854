"""What an import reaches: delivered log files into the Lake.

    python bench/lake_import.py [--quick] [--out FILE]

A million events of `opentrail sample` in 500 `.json.gz` files (`--quick`: 200,000 in 100), one way after the other:

- OpenTrail: the importer's worker processes, as many as there are processors; what they write is appended to a store's Iceberg table;
- the limit: gunzip and orjson over the same files in as many processes, keeping nothing; the garbage collector is off, as in our workers;
- DuckDB: `read_json` into Parquet, nested objects as JSON;
- chDB: into a MergeTree table. It is left out unless BENCH_CHDB_PYTHON names a Python that has it (`python -m venv DIR`,
  `DIR/bin/pip install chdb`), or this one has it.

Events per second are by the clock; the ratios are of processor time, which holds on a busy machine, too.
"""

from __future__ import annotations

import gc
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
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import deflate
import orjson
from lake_made import PATTERN, empty_tables, import_all, sample
from measure import number, table
from part import Line, finish, options, work_folder

WORKERS = os.cpu_count() or 1
MOST_MEMORY = 1024.0
"""MiB that an import may take in all its processes."""


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


def opentrail(folder: Path, paths: list[Path]) -> Run:
    """Import `paths` into a store in `folder`."""
    tables, _, store = empty_tables(folder)
    cost = import_all(tables, store, paths, WORKERS)
    tables.close()
    disk = sum(path.stat().st_size for path in (folder / "stores" / store).rglob("*.parquet"))
    return Run(**asdict(cost), disk=disk)


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
    with ProcessPoolExecutor(WORKERS, mp_context=multiprocessing.get_context("spawn"), initializer=gc.disable) as pool:
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
disk = int(str(s.query("SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND table = 'e'")))
print(json.dumps({"events": events, "seconds": seconds, "processor": processor, "memory": used.ru_maxrss / 1024, "disk": disk}))
"""


def chdb_python() -> str | None:
    """A Python that has chDB."""
    return os.environ.get("BENCH_CHDB_PYTHON") or (sys.executable if find_spec("chdb") is not None else None)


def peer(python: str, program: str, *words: str) -> Run:
    """A peer's program in a process of its own; it prints what a `Run` holds."""
    done = subprocess.run([python, "-c", program, *words], check=True, stdout=subprocess.PIPE, text=True)
    return Run(**json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    chosen = options(__doc__)
    events, files = (200_000, 100) if chosen.quick else (1_000_000, 500)
    with work_folder() as name:
        folder = Path(name)
        made, paths = sample(folder / "in", events, files)
        runs = {"limit": in_processes(limit, paths)}
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            runs["opentrail"] = pool.submit(opentrail, folder / "lake", paths).result()
        pattern, size = f"{folder}/in/AWSLogs/{PATTERN}", 4 * made.bytes_uncompressed // made.files
        found = peer(sys.executable, DUCKDB, pattern, f"{folder}/peer.parquet", str(max(size, 1 << 24)))
        runs["duckdb"] = Run(**asdict(found) | {"disk": (folder / "peer.parquet").stat().st_size})
        if (python := chdb_python()) is not None:
            runs["chdb"] = peer(python, CHDB, pattern, f"{folder}/chdb", "0")
    assert {run.events for run in runs.values()} == {made.events}
    names = {"limit": "gunzip + orjson", "opentrail": "OpenTrail", "duckdb": "DuckDB read_json", "chdb": "chDB"}
    table("Import", [run.row(names[which]) for which, run in runs.items()])
    finish(lines(runs), {which: asdict(run) for which, run in runs.items()}, chosen)


def lines(runs: dict[str, Run]) -> list[Line]:
    """The figures beside their goals."""
    own = runs["opentrail"]
    costs = {which: run.processor / run.events for which, run in runs.items()}
    to_limit = costs["opentrail"] / costs["limit"]
    by_clock = {which: own.seconds / run.seconds for which, run in runs.items()}
    found = [
        Line(
            what="import, log files into a store's table",
            reached=f"{number(own.events / own.seconds)} events/s, {1e6 * costs['opentrail']:.1f} µs of processor time each",
            ratio=f"{to_limit:.2f} times gunzip + orjson, {costs['opentrail'] / costs['duckdb']:.2f} times DuckDB's processor time",
            limit="Python's objects for members and maps, Parquet and zstd",
        ),
        Line(what="memory of the import", reached=f"{number(own.memory)} MiB", goal="< 1 GiB", met=own.memory < MOST_MEMORY),
        Line(what="on disk", reached=f"{number(own.disk / own.events)} bytes per event"),
    ]
    if "chdb" in runs:
        ratio = costs["opentrail"] / costs["chdb"]
        found.append(
            Line(
                what="import beside chDB",
                reached=f"{ratio:.2f} times its processor time, {by_clock['chdb']:.2f} times its time by the clock",
                goal="< 1",
                met=ratio < 1,
                limit="the same",
            )
        )
    else:
        print("chDB is left out: BENCH_CHDB_PYTHON names no Python that has it.")
    return found


if __name__ == "__main__":
    main()
