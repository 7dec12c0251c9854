"""Spark as an engine: the functions that translated SQL uses, stores as views over their Parquet files, and what a query answers.

The session is the caller's, local or of a cluster (`spark://…`); nothing of Spark is imported here but what serialises functions.
Needs the extra `spark`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from pyspark import cloudpickle

from opentrail.lake.engines import spark_functions
from opentrail.lake.engines.macros import expanded
from opentrail.lake.engines.spark_functions import ALL, FUNCTIONS, as_spark_has_it
from opentrail.lake.families import Family
from opentrail.lake.schema import COLUMNS
from opentrail.lake.sql import clocks, documents, in_python, json_paths, stemming
from opentrail.lake.sql.translation import Translated, translate

SETTINGS: Final = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.mapKeyDedupPolicy": "LAST_WIN",
    "spark.sql.timeType.enabled": "true",
}
"""What a session needs for Trino's rules."""
_OURS: Final = re.compile(r"\[USER_RAISED_EXCEPTION\] (.*?) SQLSTATE", re.DOTALL)
_SPARKS: Final = re.compile(r"\[[A-Z_.]+\] ([^\n]*)")


def prepare(session: Any) -> None:
    """Give a session its settings and the functions that translated SQL uses. Again changes nothing."""
    for name, value in SETTINGS.items():
        session.conf.set(name, value)
    by_value: Callable[[Any], None] = cloudpickle.register_pickle_by_value
    for module in (clocks, documents, in_python, json_paths, stemming, spark_functions):
        by_value(module)  # a cluster need not have OpenTrail
    for name, (function, gives) in FUNCTIONS.items():
        session.udf.register(f"trino_p_{name}", as_spark_has_it(function), f"STRUCT<v: {gives}, e: STRING>")


def show(session: Any, store_id: str, family: Family, files: Sequence[Path | str], *, oldest: int | None = None) -> None:
    """Let the store be these Parquet files, which the workers can read too; events before `oldest` (epoch seconds) stay unseen."""
    names = [f"`{column.name}`" for column in COLUMNS[family]]
    events = session.read.parquet(*map(str, files)).selectExpr(*names)
    if oldest is not None:
        events = events.where(f"eventtime >= CAST(timestamp_seconds({oldest:d}) AS TIMESTAMP_NTZ)")
    events.createOrReplaceTempView(f"`store_{store_id}`")


def translated(statement: str, families: dict[str, Family]) -> Translated:
    """A statement of Lake as Spark runs it. Raises `InvalidQueryStatementException`."""
    found = translate(statement, families, dialect="spark")
    return Translated(expanded(found.sql, ALL), found.columns)


def message(fault: Exception) -> str:
    """What went wrong at run time: our words, where they are ours, else Spark's."""
    found = _OURS.search(str(fault)) or _SPARKS.search(str(fault))
    return found[1].strip() if found else str(fault).partition("\n")[0]


Rows = list[list[str | None]]


def rows(session: Any, sql: str) -> Rows:
    """What a query answers: texts."""
    return [list(row) for row in session.sql(sql).collect()]
