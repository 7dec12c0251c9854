"""What queries of the Lake take: seven typical ones, from StartQuery to FINISHED, beside DuckDB and chDB.

    python bench/lake_queries.py [--quick] [--out FILE]

A million events of `opentrail sample` (`--quick`: 100,000), imported and compacted; with BENCH_LAKE_COPIES=10 in the environment ten
times as many, each copy three days earlier than the one before and with event IDs of its own. Each query runs several times on

- OpenTrail: the real runner, a process for each query, its rows on disk; asked until it has ended, and the time that it says it ran;
- DuckDB over the raw `.json.gz`: once, on the first 100,000 events, the time multiplied up to all of them;
- DuckDB, a table of its own with the same columns;
- chDB, a MergeTree table of the columns that are asked for; left out unless BENCH_CHDB_PYTHON names a Python that has it.

DuckDB and chDB run in their process with an open connection. p50 of each, their sums, and the geometric mean of the ratios; and the
processor time of each, which other work on the machine disturbs less: of OpenTrail that of this process, the zygote and its children.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import psutil
from lake_import import chdb_python
from lake_made import empty_tables, import_all, repeat, sample
from measure import number, table
from part import Line, finish, options, work_folder

from opentrail.clock import SystemClock
from opentrail.config import LakeSettings
from opentrail.lake.queries import store as rows_of_queries
from opentrail.lake.queries.asking import Start
from opentrail.lake.queries.query import FINISHED, UNDER_WAY
from opentrail.lake.queries.runner import Queries
from opentrail.lake.tables.tables import StoreTables
from opentrail.server.folder import DataFolder
from opentrail.server.queries import running
from opentrail.storage.database import Database
from simulators.event_journal import ACCOUNT, REGION
from simulators.query_tables import ResultBuckets
from simulators.store_tables import KnownStores

WORKERS = os.cpu_count() or 1
RAW_EVENTS = 100_000
"""The raw files are read for so many events."""
POLL = 0.001
"""Seconds between two looks at whether a query has ended."""
PAUSE = 0.3
"""Seconds between two queries, in which the process for the next one gets ready."""
TEN_MILLION = 10_000_000
FASTER_THAN_RAW = 50.0
"""Times, in geometric mean."""


@dataclass(frozen=True)
class Asked:
    """One query in three dialects; `{s}` is the store, `{id}`, `{arn}` and `{key}` are of an event that is there."""

    name: str
    lake: str
    duckdb: str = ""
    """Empty: the same."""
    raw: str = ""
    """Over the raw files, where names or types are other than in DuckDB's own table."""
    chdb: str = ""


QUERIES = (
    Asked(
        "newest errors",
        "SELECT eventID, eventTime, eventName, errorCode FROM {s} WHERE errorCode IS NOT NULL ORDER BY eventTime DESC LIMIT 50",
    ),
    Asked(
        "top principals",
        "SELECT userIdentity.arn, count(*) AS n FROM {s} GROUP BY userIdentity.arn ORDER BY n DESC LIMIT 20",
        chdb="SELECT principal, count(*) AS n FROM {s} GROUP BY principal ORDER BY n DESC LIMIT 20",
    ),
    Asked("by event ID", "SELECT eventID, eventTime, eventName, awsRegion FROM {s} WHERE eventID = '{id}'"),
    Asked(
        "by resource",
        "SELECT eventID, eventTime, eventName FROM {s} WHERE any_match(resources, r -> r.arn = '{arn}')",
        duckdb="SELECT eventID, eventTime, eventName FROM {s} WHERE list_contains(list_transform(resources, lambda r: r.arn), '{arn}')",
        chdb="SELECT eventid, eventtime, eventname FROM {s} WHERE has(arns, '{arn}')",
    ),
    Asked(
        "by access key",
        "SELECT eventID, eventTime, eventName FROM {s} WHERE userIdentity.accessKeyId = '{key}'",
        chdb="SELECT eventid, eventtime, eventname FROM {s} WHERE accesskeyid = '{key}'",
    ),
    Asked(
        "buckets",
        "SELECT element_at(requestParameters, 'bucketName') AS bucket, count(*) AS n FROM {s} "
        "WHERE eventSource = 's3.amazonaws.com' GROUP BY element_at(requestParameters, 'bucketName') ORDER BY n DESC",
        duckdb="SELECT requestParameters['bucketName'] AS bucket, count(*) AS n FROM {s} "
        "WHERE eventSource = 's3.amazonaws.com' GROUP BY 1 ORDER BY n DESC",
        raw="SELECT requestParameters->>'bucketName' AS bucket, count(*) AS n FROM {s} "
        "WHERE eventSource = 's3.amazonaws.com' GROUP BY 1 ORDER BY n DESC",
        chdb="SELECT requestparameters['bucketName'] AS bucket, count(*) AS n FROM {s} "
        "WHERE eventsource = 's3.amazonaws.com' GROUP BY bucket ORDER BY n DESC",
    ),
    Asked(
        "a day and Region",
        "SELECT date_trunc('day', eventTime) AS day, awsRegion, count(*) AS n FROM {s} GROUP BY date_trunc('day', eventTime), awsRegion",
        chdb="SELECT toDate(eventtime) AS day, awsregion, count(*) AS n FROM {s} GROUP BY day, awsregion",
    ),
)

_RAW_COLUMNS = (
    "eventTime TIMESTAMP, eventSource VARCHAR, eventName VARCHAR, awsRegion VARCHAR, errorCode VARCHAR, eventID VARCHAR, "
    "userIdentity STRUCT(arn VARCHAR, accessKeyId VARCHAR), requestParameters JSON, resources STRUCT(ARN VARCHAR)[]"
)

CHDB = """
import json, statistics, sys, time
from chdb import session
folder, parquet, times = sys.argv[1:]
queries = json.load(sys.stdin)
s = session.Session(folder)
s.query("CREATE DATABASE b")
s.query(f"CREATE TABLE b.e ENGINE = MergeTree ORDER BY eventtime AS SELECT * FROM file('{parquet}', Parquet)"
        " SETTINGS schema_inference_make_columns_nullable = 'auto', allow_suspicious_low_cardinality_types = 1")
s.query("OPTIMIZE TABLE b.e FINAL")
found = []
for query in queries:
    taken, rows = [], 0
    before = time.process_time()
    for _ in range(int(times)):
        began = time.perf_counter()
        rows = len(str(s.query(query, "TSV")).splitlines())
        taken.append(time.perf_counter() - began)
    found.append([statistics.median(taken), rows, (time.process_time() - before) / int(times)])
disk = int(str(s.query("SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND table = 'e'")))
print(json.dumps({"found": found, "disk": disk}))
"""


@dataclass(frozen=True)
class Found:
    """Of one query, in one engine."""

    seconds: float
    rows: int
    processor: float = 0.0
    """Seconds of processor time of one run, on average."""


def used() -> float:
    """Seconds of processor time of this process, its children and those that they have reaped."""
    found = 0.0
    for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            spent = process.cpu_times()
            found += spent.user + spent.system
            found += spent.children_user + spent.children_system if process.pid != os.getpid() else 0.0
    return found


def timed(times: int, ask: Callable[[], int], pause: float = 0.0) -> Found:
    """The median of `times` runs, `pause` seconds apart."""
    taken = []
    rows = 0
    time.sleep(pause)
    before = used()
    for _ in range(times):
        began = time.perf_counter()
        rows = ask()
        taken.append(time.perf_counter() - began)
        time.sleep(pause)
    return Found(statistics.median(taken), rows, (used() - before) / times)


class Lake:
    """The runner of queries as the lake has it, over tables on disk."""

    def __init__(self, folder: Path, tables: StoreTables, stores: KnownStores, store: str) -> None:
        self._database = Database.at(folder / "state.db")
        self._store = store
        self.said: list[float] = []
        """Seconds that the queries say they ran."""
        self._queries: Queries = running(
            DataFolder(folder / "data"),
            self._database,
            SystemClock(),
            stores=stores,
            tables=tables,
            bucket=ResultBuckets(),
            settings=LakeSettings(),
            cluster=None,
        )
        self._queries.open()

    def ask(self, statement: str) -> int:
        """From StartQuery until it has ended; its rows."""
        query_id = str(uuid4())
        self._queries.start(
            Start(
                query_id=query_id,
                account_id=ACCOUNT,
                region=REGION,
                owner_account_id=ACCOUNT,
                statement=statement,
                store_ids=(self._store,),
                at_least=0,
            ).as_dict()
        )
        while (self._database.first("SELECT status FROM lake_queries WHERE id = ?", (query_id,)) or UNDER_WAY)[0] in UNDER_WAY:
            time.sleep(POLL)
        with self._database.read() as connection:
            query = rows_of_queries.get(connection, query_id)
        assert query is not None
        assert query.status == FINISHED, query.error_message
        self.said.append(query.execution_time or 0.0)
        return query.results

    def close(self) -> None:
        self._queries.close()
        self._database.close()


def main() -> None:
    chosen = options(__doc__)
    events, files = (100_000, 50) if chosen.quick else (1_000_000, 500)
    times = 5 if chosen.quick else 11
    with work_folder() as name:
        folder = Path(name)
        made, paths = sample(folder / "in", events, files)
        (folder / "lake").mkdir()
        tables, stores, store = empty_tables(folder / "lake")
        import_all(tables, store, paths, WORKERS)
        copies = int(os.environ.get("BENCH_LAKE_COPIES", "1"))
        repeat(tables, store, copies - 1)
        events = made.events * copies
        while tables.step():
            pass
        figures = tables.status().stores[store]
        snapshot = tables.snapshot([store], at_least=0, patience=1.0)
        parquet = [str(path) for path in snapshot.sources[0].files]
        snapshot.release()
        print(f"{figures.cold_events} events in {figures.cold_files} files, {figures.cold_bytes / figures.cold_events:.0f} bytes each")
        assert figures.cold_events == events
        with duckdb.connect(str(folder / "native.duckdb")) as connection:
            connection.execute("CREATE TABLE e AS SELECT * EXCLUDE (position) FROM read_parquet($1) ORDER BY eventtime", [parquet])
            connection.execute("CHECKPOINT")
            known = _known(connection)
            lake = Lake(folder / "lake", tables, stores, store)
            lake_found, said = [], []
            for asked in QUERIES:
                statement = asked.lake.format(s=store, **known)
                lake.ask(statement)
                lake.said.clear()
                lake_found.append(timed(times, lambda: lake.ask(statement), PAUSE))  # noqa: B023
                said.append(statistics.median(lake.said))
            lake.close()
            found: dict[str, Sequence[Found]] = {"OpenTrail": lake_found}
            found["DuckDB table"] = [timed(times, _in_duckdb(connection, (q.duckdb or q.lake).format(s="e", **known))) for q in QUERIES]
            sizes = {"OpenTrail": figures.cold_bytes, "DuckDB table": (folder / "native.duckdb").stat().st_size}
            raw_files = [str(path) for path in paths[: max(1, round(files * RAW_EVENTS / events))]]
            found["DuckDB raw"] = _raw(connection, raw_files, files * copies, known)
            if (python := chdb_python()) is not None:
                found["chDB"], sizes["chDB"] = _chdb(python, folder, connection, known, times)
        tables.close()
    for which, one in enumerate(QUERIES):
        counts = {engine: found[engine][which].rows for engine in found if engine != "DuckDB raw"}
        assert len(set(counts.values())) == 1, (one.name, counts)
    table(
        f"p50 in ms, {events} events",
        [
            {"": one.name}
            | {engine: f"{1000 * values[at].seconds:.1f}" for engine, values in found.items()}
            | {"OpenTrail, as run": f"{1000 * said[at]:.1f}", "rows": str(lake_found[at].rows)}
            for at, one in enumerate(QUERIES)
        ],
    )
    table(
        "processor time in ms",
        [
            {"": one.name} | {engine: f"{1000 * values[at].processor:.1f}" for engine, values in found.items()}
            for at, one in enumerate(QUERIES)
        ],
    )
    finish(
        lines(found, said, sizes, events),
        {
            "p50_seconds": {engine: [one.seconds for one in values] for engine, values in found.items()},
            "processor_seconds": {engine: [one.processor for one in values] for engine, values in found.items()},
            "ran": said,
            "disk": sizes,
        },
        chosen,
    )


def _known(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """An event that is there, its values for the look-ups: a resource and a key that few events have."""
    row = connection.execute("SELECT eventid FROM e ORDER BY eventtime, eventid LIMIT 1 OFFSET 12345").fetchone()
    arn = connection.execute("SELECT r.arn FROM (SELECT unnest(resources) AS r FROM e) GROUP BY 1 ORDER BY count(*), 1 LIMIT 1").fetchone()
    key = connection.execute("SELECT useridentity.accesskeyid AS k FROM e WHERE k <> '' GROUP BY k ORDER BY count(*), k LIMIT 1").fetchone()
    assert row is not None
    assert arn is not None
    assert key is not None
    return {"id": row[0], "arn": arn[0], "key": key[0]}


def _in_duckdb(connection: duckdb.DuckDBPyConnection, statement: str) -> Callable[[], int]:
    return lambda: len(connection.execute(statement).fetchall())


def _raw(connection: duckdb.DuckDBPyConnection, paths: Sequence[str], files: int, known: Mapping[str, str]) -> list[Found]:
    """Once each; the time for `files`."""
    connection.execute(
        "CREATE TEMP VIEW raw AS SELECT unnest(r) FROM (SELECT unnest(Records) AS r FROM read_json("
        f"{list(paths)!r}, maximum_object_size={1 << 26}, columns={{'Records': 'STRUCT({_RAW_COLUMNS})[]'}}))"
    )
    once = [timed(1, _in_duckdb(connection, (one.raw or one.duckdb or one.lake).format(s="raw", **known))) for one in QUERIES]
    return [Found(one.seconds * files / len(paths), one.rows, one.processor * files / len(paths)) for one in once]


def _chdb(
    python: str, folder: Path, connection: duckdb.DuckDBPyConnection, known: Mapping[str, str], times: int
) -> tuple[list[Found], int]:
    connection.execute(
        "COPY (SELECT eventtime, eventname, eventsource, eventid, awsregion, errorcode, useridentity.arn AS principal,"
        " useridentity.accesskeyid AS accesskeyid, coalesce(list_transform(resources, lambda r: r.arn), []) AS arns, requestparameters,"
        f" eventjson FROM e ORDER BY eventtime) TO '{folder}/chdb.parquet' (FORMAT parquet)"
    )
    statements = [_chdb_statement(one).format(s="b.e", **known) for one in QUERIES]
    done = subprocess.run(
        [python, "-c", CHDB, f"{folder}/chdb", f"{folder}/chdb.parquet", str(times)],
        input=json.dumps(statements),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return [Found(seconds, rows, processor) for seconds, rows, processor in told["found"]], told["disk"]


def _chdb_statement(one: Asked) -> str:
    if one.chdb:
        return one.chdb
    found = one.lake
    for name in ("eventID", "eventTime", "eventName", "errorCode", "awsRegion"):
        found = found.replace(name, name.lower())
    return found


def lines(found: Mapping[str, Sequence[Found]], said: Sequence[float], sizes: Mapping[str, int], events: int) -> list[Line]:
    """The figures beside their goals."""
    sums = {engine: sum(one.seconds for one in values) for engine, values in found.items()}
    own = found["OpenTrail"]
    to_raw = [theirs.seconds / ours.seconds for theirs, ours in zip(found["DuckDB raw"], own, strict=True)]
    mean = math.exp(statistics.fmean(map(math.log, to_raw)))
    by_id, by_resource = own[2].seconds, own[3].seconds
    processor = {engine: sum(one.processor for one in values) for engine, values in found.items()}
    made = [
        Line(
            what=f"seven queries over {events:,} events, StartQuery to FINISHED, p50 in sum",
            reached=f"{1000 * sums['OpenTrail']:.0f} ms, of which they ran {1000 * sum(said):.0f} ms",
            ratio=f"{sums['OpenTrail'] / sums['DuckDB table']:.2f} times DuckDB's own table",
        ),
        Line(
            what="the same beside DuckDB on the raw files, geometric mean",
            reached=f"{mean:.0f} times as fast",
            goal=f">= {FASTER_THAN_RAW:.0f} times at a million events",
            met=mean >= FASTER_THAN_RAW if events >= 1_000_000 else None,
        ),
        Line(
            what="processor time of the seven, in sum",
            reached=f"{1000 * processor['OpenTrail']:.0f} ms",
            ratio=", ".join(
                f"{processor['OpenTrail'] / spent:.2f} times {engine}"
                for engine, spent in processor.items()
                if spent and engine != "OpenTrail"
            ),
        ),
        Line(
            what="a look-up by event ID, p50",
            reached=f"{1000 * by_id:.1f} ms",
            goal="< 60 ms at ten million events",
            met=by_id < 0.06 if events >= TEN_MILLION else None,
        ),
        Line(
            what="a look-up by resource, p50",
            reached=f"{1000 * by_resource:.1f} ms",
            goal="< 250 ms at ten million events",
            met=by_resource < 0.25 if events >= TEN_MILLION else None,
        ),
        Line(
            what="on disk, with the record's text",
            reached=f"{number(sizes['OpenTrail'] / events)} bytes per event",
            ratio=f"{sizes['OpenTrail'] / sizes['DuckDB table']:.2f} times DuckDB's own table",
        ),
    ]
    if "chDB" in found:
        ratio = sums["OpenTrail"] / sums["chDB"]
        ran = sum(said) / sums["chDB"]
        made.append(
            Line(
                what="seven queries beside chDB, in sum",
                reached=f"{ratio:.2f} times its time; {ran:.2f} times without getting ready and being asked",
                goal="<= 1",
                met=ratio <= 1,
                limit="a process for each query",
            )
        )
    return made


if __name__ == "__main__":
    main()
