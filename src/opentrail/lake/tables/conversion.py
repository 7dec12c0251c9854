"""From records that stores take to rows: enriched, made to fit, by column. What is no row goes into quarantine, byte for byte."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

import orjson
import pyarrow as pa

from opentrail.eventstore.quarantine import Quarantine
from opentrail.lake.columns import to_table
from opentrail.lake.event_data_store import Stretch
from opentrail.lake.families import Family
from opentrail.lake.tables import event_context
from opentrail.lake.tables.event_context import CATEGORIES, Context, Keys
from opentrail.lake.tables.event_size import LIMITS, fitted

_log = logging.getLogger(__name__)


class Entry(Protocol):
    """A record and its place in the journal."""

    @property
    def position(self) -> int: ...
    @property
    def record(self) -> bytes: ...


Taken = Sequence[tuple[Stretch, Entry, str]]
"""Records of one store in order, each with the stretch that takes it and its category."""


class Conversion:
    """One thread at a time."""

    def __init__(self, context: Context, quarantine: Quarantine) -> None:
        self._context = context
        self._quarantine = quarantine

    def of(self, taken: Mapping[str, Taken]) -> dict[str, tuple[pa.Table, int]]:
        """Store → its rows, and how many bytes their records have. Stores that take the same records share their columns."""
        done: list[tuple[Family, list[bytes], list[int], pa.Table]] = []
        found = {}
        for store_id, chosen in taken.items():
            family = chosen[0][0].family
            positions = [entry.position for _, entry, _ in chosen]
            records = [self._prepared(stretch, entry.record, category) for stretch, entry, category in chosen]
            table = next((table for *key, table in done if key == [family, records, positions]), None)
            if table is None:
                table = self._converted(family, records, positions)
                done.append((family, records, positions, table))
            found[store_id] = (table, sum(map(len, records)))
        return found

    def _prepared(self, stretch: Stretch, record: bytes, category: str) -> bytes:
        if stretch.family is not Family.EVENTS:
            return record
        keys = Keys.of(stretch) if category in CATEGORIES else None
        if keys is None and len(record) <= LIMITS[stretch.max_event_size]:
            return record
        try:
            if keys is not None:
                record = event_context.enriched(record, keys, self._context)
            # One that cannot be made to fit stays as it is: better too large than lost.
            return fitted(record, stretch.max_event_size) or record
        except orjson.JSONDecodeError:
            return record  # converting it says what is wrong

    def _converted(self, family: Family, records: list[bytes], positions: list[int]) -> pa.Table:
        try:
            converted = to_table(family, records, positions)
        except (pa.ArrowException, ValueError, OverflowError, RecursionError):
            if len(records) > 1:  # somewhere in them is one that nobody has thought of
                half = len(records) // 2
                parts = [self._converted(family, records[part], positions[part]) for part in (slice(None, half), slice(half, None))]
                return pa.concat_tables(parts)
            _log.exception("the record at journal position %d cannot be put into columns", positions[0])
            self._quarantine.keep(positions[0], records[0], "it cannot be put into columns")
            return to_table(family, [], []).table
        for refused in converted.refused:
            self._quarantine.keep(positions[refused.index], records[refused.index], refused.reason)
        return converted.table
