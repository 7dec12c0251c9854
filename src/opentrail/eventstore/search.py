"""Searching the hot tail and the cold files with DuckDB, newest first.

Three savings: files and row groups that cannot hold the answer are left out by time and by bloom filter; the rest is asked from the
newest files on, a growing number at a time, and no further than needed; and the wanted rows are found first, so that only the pages are
unpacked that hold their records. The other members of an event are made from its record, as they were when it came in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from opentrail.eventstore import bloom, pages
from opentrail.eventstore.cold import ColdFile
from opentrail.eventstore.columns import ROW, extract, from_row
from opentrail.eventstore.event import Event
from opentrail.eventstore.query import Key, Question, condition
from opentrail.eventstore.tail import Segment

FIRST_ROWS: Final = 50_000
"""Rows of the first files asked; each further step asks twice as many."""

_BATCH: Final = 2_048
"""Rows of a batch; with records of up to 256 KB it must stay below Arrow's 2 GiB of text."""

_NEWEST_FIRST: Final = "ORDER BY event_time DESC, position DESC LIMIT $limit"
_KEY: Final = "epoch_us(event_time) // 1000000, position"
_WITHIN: Final = "event_time BETWEEN make_timestamptz($low) AND make_timestamptz($high)"


_Place = tuple[str, int]
"""A file and the number of a row in it."""


@dataclass(frozen=True, slots=True)
class _Part:
    """The part of a file that may hold an answer: seconds from `low` to `high`."""

    path: str
    rows: int
    low: int
    high: int


def connect(memory: str, spill: Path) -> duckdb.DuckDBPyConnection:
    """A DuckDB instance in memory that may use `memory` and spills to the folder `spill`."""
    connection = duckdb.connect(":memory:")
    connection.execute(f"SET memory_limit = '{memory}'")
    connection.execute("SET temp_directory = $folder", {"folder": str(spill)})
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET parquet_metadata_cache = true")
    connection.execute("SET enable_progress_bar = false")
    return connection


def search(
    connection: duckdb.DuckDBPyConnection, segments: Sequence[Segment], files: Sequence[ColdFile], question: Question
) -> list[Event]:
    """The newest `question.limit` events in `segments` and `files` that answer `question`, newest first."""
    found = {event.key: event for event in _hot(connection, segments, question)}
    for parts in _steps(_parts(files, question)):
        keys = sorted(found, reverse=True)[: question.limit]
        if len(keys) == question.limit and keys[-1][0] > max(part.high for part in parts):
            break
        cold = _cold_places(connection, parts, question)
        wanted = set(sorted([*keys, *cold], reverse=True)[: question.limit]).difference(found)
        found.update((event.key, event) for event in _events(connection, {key: cold[key] for key in wanted}))
    return [found[key] for key in sorted(found, reverse=True)[: question.limit]]


def in_batches(connection: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, Any]) -> Iterator[pa.RecordBatch]:
    """The rows of a query as Arrow batches, never all in memory at once."""
    reader = connection.sql(sql, params=parameters).to_arrow_reader(_BATCH)
    yield from reader


def newest(connection: duckdb.DuckDBPyConnection, files: Sequence[ColdFile], count: int, characters: int) -> list[Event]:
    """Newest events of `files`, of every account and category, newest first: at most `count`, and no more than fit into `characters`."""
    paths = [str(file.path) for file in files]
    if not paths:
        return []
    oldest = files[-1].time_low
    rows = 0
    for index, file in enumerate(files):
        rows += file.rows
        if rows >= count:
            # Whatever is newer than this is all that is needed, whichever file it is in.
            oldest = min(other.time_low for other in files[: index + 1])
            break
    bounds = {"files": paths, "low": oldest * 1_000_000, "high": files[0].time_high * 1_000_000, "limit": count}
    sql = f"SELECT {ROW} FROM read_parquet($files) WHERE {_WITHIN} {_NEWEST_FIRST}"
    events: list[Event] = []
    result = connection.execute(sql, bounds)
    while batch := result.fetchmany(1_000):
        for row in batch:
            events.append(from_row(row))
            characters -= len(events[-1].record)
        if characters < 0:
            break
    return events


def newest_ids(
    connection: duckdb.DuckDBPyConnection, segments: Sequence[Segment], files: Sequence[ColdFile], category: str, limit: int
) -> list[str]:
    """Ids of the events of `category` with the highest positions, highest first: at most `limit`."""
    parts = [f"SELECT event_id, position FROM {segment.table} WHERE category = $category" for segment in segments]
    parameters: dict[str, Any] = {"category": category, "limit": limit}
    if files:
        parts.append("SELECT event_id, position FROM read_parquet($files) WHERE category = $category")
        parameters["files"] = [str(file.path) for file in files]
    if not parts:
        return []
    sql = f"SELECT event_id FROM ({' UNION ALL '.join(parts)}) ORDER BY position DESC LIMIT $limit"
    return [event_id for (event_id,) in connection.execute(sql, parameters).fetchall()]


def newest_activity(
    connection: duckdb.DuckDBPyConnection, segments: Sequence[Segment], files: Sequence[ColdFile], category: str, limit: int
) -> list[tuple[str, str]]:
    """The same ids, and the record of each."""
    tables = [segment.table for segment in segments]
    parameters: dict[str, Any] = {"category": category}
    if files:
        tables.append("read_parquet($files)")
        parameters["files"] = [str(file.path) for file in files]
    if not tables:
        return []
    positions = " UNION ALL ".join(f"SELECT position FROM {table} WHERE category = $category" for table in tables)
    lowest = f"SELECT min(position) FROM (SELECT position FROM ({positions}) ORDER BY position DESC LIMIT $limit)"
    (since,) = connection.execute(lowest, {**parameters, "limit": limit}).fetchone() or (None,)
    if since is None:
        return []
    rows = " UNION ALL ".join(
        f"SELECT position, event_id, record FROM {table} WHERE category = $category AND position >= $since" for table in tables
    )
    found = connection.execute(rows, {**parameters, "since": since}).fetchall()
    return [(event_id, record) for _, event_id, record in sorted(found, reverse=True)]


def _hot(connection: duckdb.DuckDBPyConnection, segments: Sequence[Segment], question: Question) -> list[Event]:
    if not segments:
        return []
    tables = " UNION ALL ".join(f"SELECT * FROM {segment.table}" for segment in segments)
    where, parameters = condition(question)
    sql = f"SELECT {ROW} FROM ({tables}) WHERE {where} {_NEWEST_FIRST}"
    return [from_row(row) for row in connection.execute(sql, {**parameters, "limit": question.limit}).fetchall()]


def _cold_places(connection: duckdb.DuckDBPyConnection, parts: Sequence[_Part], question: Question) -> dict[Key, _Place]:
    where, parameters = condition(question)
    sql = f"SELECT {_KEY}, filename, file_row_number FROM read_parquet($files) WHERE {where} AND {_WITHIN} {_NEWEST_FIRST}"
    rows = connection.execute(sql, {**parameters, **_bounds(parts), "limit": question.limit}).fetchall()
    return {(time, position): (path, row) for time, position, path, row in rows}


def _events(connection: duckdb.DuckDBPyConnection, places: Mapping[Key, _Place]) -> Iterator[Event]:
    """The events at `places`, in any order."""
    by_file: dict[str, dict[int, Key]] = {}
    for key, (path, row) in places.items():
        by_file.setdefault(path, {})[row] = key
    for path, keys in by_file.items():
        try:
            yield from [extract(keys[row][1], record) for row, record in pages.read(Path(path), keys)]
        except pages.Unreadable:
            yield from _read_by_duckdb(connection, path, list(keys.values()))


def _read_by_duckdb(connection: duckdb.DuckDBPyConnection, path: str, keys: Sequence[Key]) -> list[Event]:
    times = [time for time, _ in keys]
    positions = ", ".join(str(position) for _, position in keys)
    sql = f"SELECT {ROW} FROM read_parquet($files) WHERE {_WITHIN} AND position IN ({positions})"
    bounds = {"files": [path], "low": min(times) * 1_000_000, "high": max(times) * 1_000_000}
    return [from_row(row) for row in connection.execute(sql, bounds).fetchall()]


def _bounds(parts: Sequence[_Part]) -> dict[str, Any]:
    low, high = min(part.low for part in parts), max(part.high for part in parts)
    return {"files": [part.path for part in parts], "low": low * 1_000_000, "high": high * 1_000_000}


def _parts(files: Sequence[ColdFile], question: Question) -> list[_Part]:
    """The files that may hold an answer, newest first, each cut down to the time it may be in."""
    latest = min((time for time in (question.end, question.before and question.before[0]) if time is not None), default=None)
    parts = []
    for file in files:
        low, high = file.time_low, file.time_high
        if (latest is not None and low > latest) or (question.start is not None and high < question.start):
            continue
        if question.attribute in bloom.COLUMNS:
            span = bloom.span(file.path, question.attribute, str(question.value))
            if span is None:
                continue
            low, high = span
        parts.append(_Part(str(file.path), file.rows, low, high))
    return sorted(parts, key=lambda part: part.high, reverse=True)


def _steps(parts: Sequence[_Part]) -> Iterator[list[_Part]]:
    """`parts` in groups that grow, newest first."""
    step: list[_Part] = []
    rows, enough = 0, FIRST_ROWS
    for part in parts:
        step.append(part)
        rows += part.rows
        if rows >= enough:
            yield step
            step, rows, enough = [], 0, enough * 2
    if step:
        yield step
