"""How often each call was made, by minute, in the hot tail and the cold files: columns only, no record is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import duckdb

from opentrail.eventstore.cold import ColdFile
from opentrail.eventstore.columns import MANAGEMENT
from opentrail.eventstore.tail import Segment

_COLUMNS: Final = "account_id, region, event_source, event_name, error_code, read_only, event_type"
_COUNTED: Final = f"""
    SELECT {_COLUMNS}, epoch_us(event_time) // 60000000 AS minute, count(*) AS calls
    FROM ({{tables}})
    WHERE category = '{MANAGEMENT}' AND event_type <> 'AwsServiceEvent'
        AND (read_only IS false OR coalesce(error_code, '') <> '')
        AND event_time >= make_timestamptz($low) AND event_time < make_timestamptz($high)
    GROUP BY ALL
"""
"""Writes and what failed, of what somebody called."""


class Calls(NamedTuple):
    """Calls of one kind: in which minutes (since 1970), and how many in each."""

    account_id: str
    region: str
    event_source: str
    event_name: str
    error_code: str | None
    read_only: bool | None
    event_type: str
    minutes: list[int]
    counts: list[int]


def sizes(
    connection: duckdb.DuckDBPyConnection, segments: Sequence[Segment], files: Sequence[ColdFile], start: int, end: int
) -> list[tuple[int, int]]:
    """Each hour (since 1970) with calls from second `start` up to but not with `end`, and how many minutes `calls` tells of it, all kinds
    added up."""
    sql = "SELECT minute // 60 AS hour, count(*) FROM ({counted}) GROUP BY hour ORDER BY hour"
    return _asked(connection, segments, files, start, end, sql)


def calls(
    connection: duckdb.DuckDBPyConnection, segments: Sequence[Segment], files: Sequence[ColdFile], start: int, end: int
) -> list[Calls]:
    """The management calls that write or failed, from second `start` up to but not with `end`."""
    sql = f"SELECT {_COLUMNS}, list(minute ORDER BY minute), list(calls ORDER BY minute) FROM ({{counted}}) GROUP BY {_COLUMNS}"
    return [Calls(*row) for row in _asked(connection, segments, files, start, end, sql)]


def _asked(
    connection: duckdb.DuckDBPyConnection, segments: Sequence[Segment], files: Sequence[ColdFile], start: int, end: int, sql: str
) -> list[Any]:
    parameters: dict[str, Any] = {"low": start * 1_000_000, "high": end * 1_000_000}
    columns = f"{_COLUMNS}, event_time, category"
    tables = [f"SELECT {columns} FROM {segment.table}" for segment in segments]
    paths = [str(file.path) for file in files if file.time_high >= start and file.time_low < end]
    if paths:
        tables.append(f"SELECT {columns} FROM read_parquet($files)")
        parameters["files"] = paths
    if not tables:
        return []
    counted = _COUNTED.format(tables=" UNION ALL ".join(tables))
    return connection.execute(sql.format(counted=counted), parameters).fetchall()
