"""Spark as an engine: the functions that translated SQL uses, stores as views over their Parquet files, and what a query answers.

The session is the caller's, local or of a cluster (`spark://…`); nothing of Spark is imported here but what serialises functions.
Needs the extra `spark`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pyspark import cloudpickle

from opentrail.lake.engines import spark_functions
from opentrail.lake.engines.macros import expanded
from opentrail.lake.engines.spark_functions import ALL, FUNCTIONS, as_spark_has_it
from opentrail.lake.families import Family
from opentrail.lake.schema import COLUMNS, Array, Map, Row, Scalar, Type
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
_PYTHON: Final = re.compile(r"\btrino_p_(\w+)")
_OURS: Final = re.compile(r"\[USER_RAISED_EXCEPTION\] (.*?) SQLSTATE", re.DOTALL)
_OF_DATA: Final = (
    "[DIVIDE_BY_ZERO",
    "[CAST_",
    "[ARITHMETIC_OVERFLOW",
    "[NUMERIC_VALUE_OUT_OF_RANGE",
    "[INVALID_ARRAY_INDEX",
    "[DATETIME_",
    "[CANNOT_PARSE_",
    "[INVALID_PARAMETER_VALUE",
    "[SCALAR_SUBQUERY_TOO_MANY_ROWS",
    "[DUPLICATED_MAP_KEY",
)
"""How the messages of errors begin that come of the values a query meets."""
_SPARKS: Final = re.compile(r"\[[A-Z_.]+\] ([^\n]*)")


def prepare(session: Any, sql: str | None = None) -> None:
    """Give a session its settings and the functions that the translated `sql` uses, or all of them. Again changes nothing."""
    for name, value in SETTINGS.items():
        session.conf.set(name, value)
    by_value: Callable[[Any], None] = cloudpickle.register_pickle_by_value
    for module in (clocks, documents, in_python, json_paths, stemming, spark_functions):
        by_value(module)  # a cluster need not have OpenTrail
    used = None if sql is None else frozenset(_PYTHON.findall(sql))
    for name, (function, gives) in FUNCTIONS.items():
        if used is not None and name not in used:
            continue
        session.udf.register(f"trino_p_{name}", as_spark_has_it(function), f"STRUCT<v: {gives}, e: STRING>")


def show(session: Any, store_id: str, family: Family, files: Sequence[Path | str], *, oldest: int | None = None) -> None:
    """Let the store be these Parquet files, which the workers can read too; events before `oldest` (epoch seconds) stay unseen."""
    names = [f"`{column.name}`" for column in COLUMNS[family]]
    if files:
        events = session.read.parquet(*map(str, files)).selectExpr(*names)
    else:
        events = session.sql("SELECT " + ", ".join(f"CAST(NULL AS {_type(column.type)}) AS `{column.name}`" for column in COLUMNS[family]))
        events = events.where("false")
    if oldest is not None:
        events = events.where(f"eventtime >= CAST(timestamp_seconds({oldest:d}) AS TIMESTAMP_NTZ)")
    events.createOrReplaceTempView(f"`store_{store_id}`")


def translated(statement: str, families: Mapping[str, Family], *, enriched: Collection[str] = ()) -> Translated:
    """A statement of Lake as Spark runs it; `enriched` as `translate` has it. Raises `InvalidQueryStatementException`."""
    found = translate(statement, families, dialect="spark", enriched=enriched)
    return Translated(expanded(found.sql, ALL), found.columns)


def message(fault: Exception) -> str:
    """What went wrong at run time: our words, where they are ours, else Spark's."""
    found = _OURS.search(str(fault)) or _SPARKS.search(str(fault))
    return found[1].strip() if found else str(fault).partition("\n")[0]


def is_of_the_data(fault: Exception) -> bool:
    """Whether it is the query's own doing (a value that cannot be cast, a division by zero): then `message` can be shown."""
    return bool(_OURS.search(str(fault))) or any(name in str(fault) for name in _OF_DATA)


Rows = list[list[str | None]]


def rows(session: Any, sql: str) -> Rows:
    """What a query answers: texts."""
    return [list(row) for row in session.sql(sql).collect()]


def _type(of: Type) -> str:
    match of:
        case Scalar(name):
            return _SCALARS[name]
        case Map():
            return "MAP<STRING, STRING>"
        case Array(inner):
            return f"ARRAY<{_type(inner)}>"
        case Row(fields):
            return "STRUCT<" + ", ".join(f"`{field.name}`: {_type(field.type)}" for field in fields) + ">"


_SCALARS: Final = {"varchar": "STRING", "boolean": "BOOLEAN", "integer": "INT", "double": "DOUBLE", "timestamp(3)": "TIMESTAMP_NTZ"}
