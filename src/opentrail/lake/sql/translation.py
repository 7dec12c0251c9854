"""One statement of a user → the SQL that an engine runs, and the names of the result."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from opentrail.lake.families import Family
from opentrail.lake.faults import InvalidQueryStatementException
from opentrail.lake.sql.dialects import DuckDB, Spark
from opentrail.lake.sql.parsing import parse, spoken
from opentrail.lake.sql.printing import as_text
from opentrail.lake.sql.queries import Queries
from opentrail.lake.sql.wanted import Wanted, wanted

LONGEST: Final = 10_000
"""Characters of a statement (reference of Lake SQL, §1)."""


@dataclass(frozen=True, slots=True)
class Translated:
    """What an engine runs."""

    sql: str
    """One SELECT; every column of its result is text as Trino prints it, or NULL."""
    columns: tuple[str, ...]
    """Names of the result as Lake spells them; several may be the same."""
    wanted: tuple[Wanted, ...] = ()
    """What the rows of stores must say to matter."""


def translate(
    statement: str,
    families: Mapping[str, Family],
    *,
    dialect: Literal["duckdb", "spark"] = "duckdb",
    enriched: Collection[str] = (),
    keyed: bool = False,
) -> Translated:
    """`statement` for `dialect`. Store `<id>` is read from the table `store_<id>`; `families` has the stores that the query may read.

    `enriched` are the stores whose `SELECT *` includes `eventcontext`. With `keyed` the tables have the columns of `usual_keys`, too.
    Raises `InvalidQueryStatementException`, with the place and what to change, for all that is not one SELECT by Trino's rules.
    """
    if not 1 <= len(statement) <= LONGEST:
        raise InvalidQueryStatementException(f"A query has 1 to {LONGEST} characters; this one has {len(statement)}.")
    if not statement.isascii() and any("\ud800" <= character <= "\udfff" for character in statement):
        raise InvalidQueryStatementException("The query has characters that are half of a pair, and mean nothing: write it in UTF-8.")
    with spoken(statement):
        engine = DuckDB() if dialect == "duckdb" else Spark()
        query = parse(statement)
        rows = Queries(engine, families, enriched, keyed=keyed).query(query, None)
        printed = [f"{as_text(engine, name, output.kind)} AS {name}" for name, output in zip(rows.names, rows.outputs, strict=True)]
        order = f" ORDER BY {rows.order}" if rows.order else ""
        names = tuple(output.name if output.name is not None else f"_col{at}" for at, output in enumerate(rows.outputs))
        return Translated(f"SELECT {', '.join(printed)} FROM ({rows.sql}) AS r{order}{rows.bounds}", names, wanted(query))
