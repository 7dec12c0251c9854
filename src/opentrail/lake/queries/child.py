"""The process of one query: forked ahead by the zygote, told its statement, confined, told its files; streams rows and ends.

It holds nothing but its socket. DuckDB runs with one thread until the process is confined, so that every other thread is confined too.
"""

from __future__ import annotations

import logging
import os
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.ipc

from opentrail.lake.families import Family
from opentrail.lake.queries import confinement, frames
from opentrail.lake.queries.answering import ROWS, Result, TooLarge
from opentrail.lake.queries.key_columns import KeyColumns
from opentrail.lake.queries.profile import Cold, Hot, statistics
from opentrail.lake.queries.query import EXHAUSTED, TOO_LARGE, Statistics
from opentrail.lake.schema import COLUMNS, Array, Map, Row, Scalar, Type
from opentrail.lake.sql.translation import Translated
from opentrail.wire.faults import Fault

SLACK: Final = 512 << 20
"""Memory beside the engine's own: its threads, result chunks, Python."""

Translate = Callable[..., Translated]
REHEARSED: Final = "00000000-0000-4000-8000-000000000000"

log = logging.getLogger("opentrail.query")

_SCALARS: Final = {"varchar": "VARCHAR", "boolean": "BOOLEAN", "integer": "INTEGER", "double": "DOUBLE", "timestamp(3)": "TIMESTAMP"}
_OURS: Final = (
    *(duckdb.IOException, duckdb.InternalException, duckdb.FatalException, duckdb.PermissionException),
    *(duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException, duckdb.SyntaxException),
)
"""Errors that are mistakes of this program, or of who gets round it; what they say is for the log."""
_WARM: Final = "SELECT a, count(*) FROM (SELECT 'x' || i % 7 AS a FROM range(3000) t(i)) GROUP BY 1 ORDER BY 2"


def opened() -> duckdb.DuckDBPyConnection:
    """An engine for one query, with no thread beside the caller's: the process may be forked, and confined."""
    connection = duckdb.connect(":memory:", config={"threads": 1, "async_threads": 0})
    connection.execute(
        "SET TimeZone='UTC'; SET enable_progress_bar=false; SET enable_profiling='no_output'; SET temp_directory='';"
        " SET parquet_metadata_cache=true"
    )
    rehearse(connection)
    return connection


def rehearse(connection: duckdb.DuckDBPyConnection) -> None:
    """Touch what a query touches: the first one in a process that was just forked takes its pages one by one."""
    connection.sql(_WARM).to_arrow_reader(ROWS).read_all()


def serve(channel: socket.socket, *, connection: duckdb.DuckDBPyConnection, translate: Translate, rehearsal: str | None) -> None:
    """Take one query from `channel`, run it on `connection`, and return. `rehearsal` is a statement about `REHEARSED`, translated ahead."""
    if rehearsal is not None:
        translate(rehearsal, {REHEARSED: Family.EVENTS}, enriched=frozenset())
    rehearse(connection)
    # What was random in the engine is the same in every process that inherits it.
    connection.execute(f"SELECT setseed({int.from_bytes(os.urandom(6), 'big') / (1 << 47) - 1})").fetchall()
    frames.send(channel, frames.READY)
    kind, payload = frames.receive(channel)
    if kind != frames.CHECK:
        raise frames.Ended
    asked = msgspec.msgpack.decode(payload)
    try:
        families = {store: Family(name) for store, name in asked["families"].items()}
        translated = translate(asked["statement"], families, enriched=frozenset(asked["enriched"]))
    except Fault as refused:
        frames.send(channel, frames.REFUSED, msgspec.msgpack.encode([refused.code, refused.message]))
        return
    frames.send(channel, frames.ACCEPTED, msgspec.msgpack.encode([translated.columns, translated.wanted]))
    kind, payload = frames.receive(channel)
    if kind != frames.RUN:
        raise frames.Ended
    Running(channel, connection, translated, families, msgspec.msgpack.decode(payload)).run()


class Running:
    """A query that runs."""

    def __init__(
        self,
        channel: socket.socket,
        connection: duckdb.DuckDBPyConnection,
        translated: Translated,
        families: Mapping[str, Family],
        told: Mapping[str, Any],
    ) -> None:
        self._channel = channel
        self._connection = connection
        self._translated = translated
        self._families = families
        self._told = told
        self._cold: list[Cold] = []
        self._hot: list[Hot] = []
        self._result = Result(channel, translated.columns, largest=int(told["result_bytes"]), deliver=told["deliver"])

    def run(self) -> None:
        """Everything, up to the last frame."""
        told = self._told
        files = [Path(path) for source in told["sources"] for path in (*source["files"], *source["hot"])]
        missing: str | None = None
        try:
            confinement.confine(files, memory=told["memory"] + SLACK, processor_time=told["processor_time"])
            self._open()
            self._stream()
        except (duckdb.OutOfMemoryException, MemoryError, pa.ArrowMemoryError):
            missing = EXHAUSTED
        except TooLarge:
            missing = TOO_LARGE
        except duckdb.Error as error:
            missing = _spoken(error)
        except (OSError, pa.ArrowException):
            log.exception("a query could not read the files of its stores")
            missing = "The events of the event data store could not be read. Try again; the server's log says more."
        if missing is None:
            frames.send(self._channel, frames.DONE, msgspec.msgpack.encode(asdict(self._measured())))
        else:
            frames.send(self._channel, frames.FAILED, msgspec.msgpack.encode([missing, asdict(self._measured())]))

    def _open(self) -> None:
        told, connection = self._told, self._connection
        paths = ", ".join(_text(path) for source in told["sources"] for path in source["files"])
        hot = [self._hot_tables(number, source["hot"]) for number, source in enumerate(told["sources"])]
        connection.execute(
            f"SET threads={int(told['threads'])}; SET memory_limit='{int(told['memory'])}B';"
            f" SET allowed_paths=[{paths}]; SET enable_external_access=false"
        )
        for number, source in enumerate(told["sources"]):
            whole = [(path, rows) for path, rows, ranges in source["parts"] if ranges is None]
            self._cold += [Cold(files=[path], rows=rows) for path, rows, ranges in source["parts"] if ranges is not None]
            if whole:
                self._cold.append(Cold(files=[path for path, _ in whole], rows=sum(rows for _, rows in whole)))
            elif not source["parts"]:
                self._cold.append(Cold(files=source["files"], rows=max(source["events"] - hot[number], 0)))
            connection.execute(self._view(number, source))
        connection.execute("SET lock_configuration=true")

    def _hot_tables(self, source: int, paths: Sequence[str]) -> int:
        """Their rows."""
        rows = 0
        for number, path in enumerate(paths):
            with pa.memory_map(path) as file:
                table = pa.ipc.open_file(file).read_all()
            self._connection.register(f"hot_{source}_{number}", table)
            self._hot.append(Hot(rows=table.num_rows, sizes={name: table.column(name).nbytes for name in table.column_names}))
            rows += table.num_rows
        return rows

    def _view(self, number: int, source: Mapping[str, Any]) -> str:
        family = self._families[source["store_id"]]
        columns, keys = COLUMNS[family], KeyColumns(family, self._translated.sql)
        names = ", ".join(f'"{column.name}"' for column in columns)
        young = f"eventtime >= make_timestamp({int(source['oldest']) * 1_000_000})"
        parts = [f"SELECT {names}{keys.made} FROM hot_{number}_{index} WHERE {young}" for index in range(len(source["hot"]))]
        within = f" AND {young}" if source["straddles"] else ""  # to say what holds anyway means to read a column for it
        whole = source["files"]
        if source["parts"]:
            whole = [path for path, _, ranges in source["parts"] if ranges is None]
            some = [(own, path, ranges) for path, _, ranges in source["parts"] if ranges is not None for own, _ in keys.alike([path])]
            parts += [f"SELECT {names}{own} FROM {_ranges(path, ranges)}{within}" for own, path, ranges in some]
        where = f" WHERE {young}" if source["straddles"] else ""
        for own, paths in keys.alike(whole):
            parts.append(f"SELECT {names}{own} FROM read_parquet([{', '.join(map(_text, paths))}]){where}")
        if not parts:
            nothing = ", ".join(f'CAST(NULL AS {_type(column.type)}) AS "{column.name}"' for column in columns)
            parts = [f"SELECT {nothing}{keys.null} WHERE false"]
        return f'CREATE VIEW "store_{source["store_id"]}" AS {" UNION ALL ".join(parts)}'

    def _stream(self) -> None:
        relation = self._connection.sql(self._translated.sql)
        if len(relation.columns) != len(self._translated.columns):
            raise duckdb.InternalException(f"{len(relation.columns)} columns, and names for {len(self._translated.columns)}")
        for batch in relation.to_arrow_reader(ROWS):
            self._result.add(batch)
        self._result.close()

    def _measured(self) -> Statistics:
        try:
            profile = msgspec.json.decode(self._connection.get_profiling_information() or "{}")
            return statistics(profile if isinstance(profile, dict) else {}, self._cold, self._hot)
        except (duckdb.Error, ValueError, MemoryError):
            return Statistics()


def _type(of: Type) -> str:
    match of:
        case Scalar(name):
            return _SCALARS[name]
        case Map():
            return "MAP(VARCHAR, VARCHAR)"
        case Array(inner):
            return f"{_type(inner)}[]"
        case Row(fields):
            return "STRUCT(" + ", ".join(f'"{field.name}" {_type(field.type)}' for field in fields) + ")"


def _ranges(path: str, ranges: Sequence[Sequence[int]]) -> str:
    """Some rows of a file: the engine reads their row groups only."""
    said = " OR ".join(f"file_row_number BETWEEN {int(first)} AND {int(last)}" for first, last in ranges)
    return f"read_parquet({_text(path)}, file_row_number=true) WHERE ({said})"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _spoken(error: duckdb.Error) -> str:
    """What the engine says, without its SQL and its files."""
    if isinstance(error, _OURS):
        log.error("a query failed: %s", error)
        return "The query could not be carried out; the server's log says more."
    said = re.split(r"\n\s*\n|\nLINE \d+:", str(error))[0]
    said = re.sub(r"^[A-Z][A-Za-z ]+ Error: ", "", said).strip()
    return said[:1000] or "The query failed."


def leave(status: int) -> None:
    """End at once, without what the program that was forked would do at its end."""
    os._exit(status)
