"""The embedded engine over tables of event data stores in memory, empty or filled: what a translated statement really gives."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from opentrail.lake.columns.convert import to_table
from opentrail.lake.families import Family
from opentrail.lake.sql.engine_duckdb import prepare
from opentrail.lake.sql.translation import translate

STORE = "0a1b2c3d-1111-4222-8333-444455556666"
"""The one store."""


class Engine:
    """One store of one family, with these records."""

    def __init__(self, family: Family = Family.EVENTS, records: Sequence[Mapping[str, Any]] = ()) -> None:
        self.families = {STORE: family}
        self._connection = duckdb.connect(":memory:")
        prepare(self._connection)
        found = to_table(family, [json.dumps(record).encode() for record in records], range(1, len(records) + 1))
        assert not found.refused
        self._connection.register(f"store_{STORE}", found.table)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """The rows of a Trino statement over the store, as text."""
        translated = translate(statement, self.families, enriched=[STORE])
        return self._connection.execute(translated.sql).fetchall()
