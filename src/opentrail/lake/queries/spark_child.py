"""The process of one query on Spark: told its statement, then its files; has a Spark Connect server run it, and streams what came of it.

Forked by `spark_zygote`; speaks with the lake as `child` does. The SQL of a user reaches Spark only as what our translation made of it. The
session there has an id that the zygote knows: when this process is killed, the zygote has the server stop what it does for it.
"""

from __future__ import annotations

import logging
import resource
import socket
import threading
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from opentrail.lake.engines import spark
from opentrail.lake.engines.chosen import address
from opentrail.lake.families import Family
from opentrail.lake.queries import frames
from opentrail.lake.queries.answering import Result, TooLarge
from opentrail.lake.queries.query import EXHAUSTED, TOO_LARGE, Statistics
from opentrail.lake.sql.translation import Translated
from opentrail.wire.faults import Fault

REACHING: Final = 150.0
"""Seconds that a server may take to be there: one of our own may just be starting."""
LOOK: Final = 0.5
"""Seconds between two attempts."""
SLACK: Final = 2 << 30
"""Address space of the client beside the result it takes in."""

log = logging.getLogger("opentrail.query")


def session_at(remote: str, session_id: str) -> Any:
    """A session of the Spark Connect server `remote` (`sc://…`); the same `session_id` is the same session, whichever process asks."""
    base = remote if "/;" in remote else f"{remote}/"
    return SparkSession.builder.remote(f"{base};user_id=opentrail;session_id={session_id}").create()


def serve(channel: socket.socket, *, remote: str, session_id: str) -> None:
    """Take one query from `channel`, have it run at `remote`, and return."""
    frames.send(channel, frames.READY)
    kind, payload = frames.receive(channel)
    if kind != frames.CHECK:
        raise frames.Ended
    asked = msgspec.msgpack.decode(payload)
    families = {store: Family(name) for store, name in asked["families"].items()}
    try:
        translated = spark.translated(asked["statement"], families, enriched=frozenset(asked["enriched"]))
    except Fault as refused:
        frames.send(channel, frames.REFUSED, msgspec.msgpack.encode([refused.code, refused.message]))
        return
    frames.send(channel, frames.ACCEPTED, msgspec.msgpack.encode([translated.columns, translated.wanted]))
    kind, payload = frames.receive(channel)
    if kind != frames.RUN:
        raise frames.Ended
    told = msgspec.msgpack.decode(payload)
    statistics = Statistics()
    try:
        statistics = _run(channel, remote, session_id, translated, families, told)
    except Exception as error:
        frames.send(channel, frames.FAILED, msgspec.msgpack.encode([_why(error, remote), asdict(statistics)]))
    else:
        frames.send(channel, frames.DONE, msgspec.msgpack.encode(asdict(statistics)))


def _run(
    channel: socket.socket, remote: str, session_id: str, translated: Translated, families: Mapping[str, Family], told: Mapping[str, Any]
) -> Statistics:
    _reach(remote)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (int(told["memory"]) + SLACK, hard))
    session = session_at(remote, session_id)
    try:
        return _answered(channel, session, translated, families, told)
    finally:
        session.stop()


def _answered(
    channel: socket.socket, session: Any, translated: Translated, families: Mapping[str, Family], told: Mapping[str, Any]
) -> Statistics:
    spark.prepare(session, translated.sql)
    scratch = Path(told["scratch"])
    for source in told["sources"]:
        files = [*source["files"], *(_as_parquet(Path(path), scratch) for path in source["hot"])]
        spark.show(session, source["store_id"], families[source["store_id"]], files, oldest=int(source["oldest"]))
    frame = session.sql(translated.sql)
    table = frame.toArrow()
    result = Result(channel, translated.columns, largest=int(told["result_bytes"]), deliver=told["deliver"])
    for batch in table.to_batches():
        result.add(batch)
    result.close()
    return _measured(frame.executionInfo)


def _reach(remote: str) -> None:
    """Wait until somebody listens there: Spark's client would try for ten minutes. Raises `OSError`."""
    for attempt in range(int(REACHING / LOOK)):
        try:
            socket.create_connection(address(remote), LOOK).close()
        except OSError:
            if attempt == int(REACHING / LOOK) - 1:
                raise
            threading.Event().wait(LOOK)
        else:
            return


def _as_parquet(path: Path, folder: Path) -> Path:
    """Events that are in no Parquet file yet, as one that the workers can read."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    written = folder / f"{path.stem}.parquet"
    with pa.memory_map(str(path)) as file:
        pyarrow.parquet.write_table(pa.ipc.open_file(file).read_all(), written)
    return written


def _measured(info: Any) -> Statistics:
    """What Spark says that it did: each scan's rows and the size of its files, and the rows its filters let through."""
    plans = {plan.plan_id: plan for plan in info.metrics._metrics} if info is not None and info.metrics is not None else {}
    scanned = matched = read = 0
    for plan in plans.values():
        if not plan.name.startswith("Scan parquet"):
            continue
        values = {metric.name: int(metric.value) for metric in plan.metrics}
        rows = values.get("numOutputRows", 0)
        scanned += rows
        read += values.get("filesSize", 0)
        above = plans.get(plan.parent_plan_id)
        while above is not None and above.plan_id != above.parent_plan_id and above.name in _TRANSPARENT:
            above = plans.get(above.parent_plan_id)
        filtered = {metric.name: int(metric.value) for metric in above.metrics} if above is not None and above.name == "Filter" else {}
        matched += filtered.get("numOutputRows", rows)
    return Statistics(events_scanned=scanned, events_matched=matched, bytes_scanned=read)


_TRANSPARENT: Final = frozenset({"InputAdapter", "ColumnarToRow", "Project", "WholeStageCodegen"})


def _why(error: Exception, remote: str) -> str:
    """What is said of a query that failed; the rest is for the log."""
    if isinstance(error, TooLarge):
        return TOO_LARGE
    if isinstance(error, MemoryError | pa.ArrowMemoryError):
        return EXHAUSTED
    if isinstance(error, frames.Ended):
        raise error
    if isinstance(error, PySparkException) and spark.is_of_the_data(error):
        return spark.message(error)[:1000]
    log.error("a query failed on Spark: %s", error)
    if isinstance(error, OSError):
        host, port = address(remote)
        return f"The Spark Connect server at {host}:{port} (lake.engine) cannot be reached. Try again once it is there."
    return "The query could not be carried out; the server's log says more."
