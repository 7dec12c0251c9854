"""The hot tail: events that came after the last commit, in a DuckDB table in memory.

It is a row of segments. New events go to the last one; a commit seals it and starts another, so that what is being written to the cold
store is a fixed set of tables. A segment is dropped when it is cold and no query that began earlier still reads it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from opentrail.eventstore.columns import SCHEMA, to_arrow
from opentrail.eventstore.event import Event


@dataclass(slots=True, eq=False)
class Segment:
    """One table of the tail."""

    table: str
    rows: int = 0


class HotTail:
    """Tables in the DuckDB instance behind `connection`; one thread at a time may change them, any may read through a cursor of its own."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection.cursor()
        self._numbers = itertools.count(1)
        self._empty = SCHEMA.empty_table()

    def segment(self) -> Segment:
        """A new, empty segment."""
        segment = Segment(f"hot_{next(self._numbers)}")
        self._connection.register("arriving", self._empty)
        self._connection.execute(f"CREATE TABLE {segment.table} AS SELECT * FROM arriving")
        self._connection.unregister("arriving")
        return segment

    def add(self, segment: Segment, events: Sequence[Event]) -> None:
        """Append `events` to `segment`, all or none."""
        self._connection.register("arriving", to_arrow(events))
        self._connection.execute(f"INSERT INTO {segment.table} SELECT * FROM arriving")
        self._connection.unregister("arriving")
        segment.rows += len(events)

    def drop(self, segment: Segment) -> None:
        """Free the memory of `segment`, which nobody reads any more."""
        self._connection.execute(f"DROP TABLE IF EXISTS {segment.table}")

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()
