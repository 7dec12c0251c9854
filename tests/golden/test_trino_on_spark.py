"""The golden queries on a real Spark cluster answer as on the embedded engine, but for those in `trino/spark_differences.txt`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from opentrail.lake.families import Family
from opentrail.lake.sql import engine_duckdb
from opentrail.lake.sql.translation import translate
from simulators import spark_cluster
from simulators.lake_tables import create, insert
from simulators.spark_cluster import SparkCluster

pytestmark = [pytest.mark.skipif(spark_cluster.missing() != "", reason=spark_cluster.missing()), pytest.mark.timeout(1200)]

GOLDEN = Path(__file__).parent / "trino"
ONE, EVENTS, ITEMS = (f"{letter}b2c3d4e-f852-4e8f-8bd1-bcf6c0123456" for letter in "1ea")
FAMILIES = {ONE: Family.EVENTS, EVENTS: Family.EVENTS, ITEMS: Family.CONFIGURATION}
DATA = json.loads((GOLDEN / "queries.json").read_text())
ANSWERS = dict(
    line.split(" => ", 1) if " => " in line else (line.removesuffix(" =>"), "")
    for line in (GOLDEN / "expressions.txt").read_text().splitlines()
    if line and not line.startswith("#") and " => ? " not in line
)
DIFFERENCES = dict(
    line.rsplit(" ## ", 1) for line in (GOLDEN / "spark_differences.txt").read_text().splitlines() if line and not line.startswith("#")
)
"""Expression or query → why Spark says something else."""
CHUNK = 40
"""Expressions in one query: a job of Spark's takes its time, whatever it does."""


class Engines:
    """Both engines, over the same Parquet files."""

    def __init__(self, session: Any, embedded: duckdb.DuckDBPyConnection) -> None:
        self.session = session
        self.embedded = embedded

    def spark(self, statement: str) -> list[list[str | None]]:
        from opentrail.lake.engines import spark

        return spark.rows(self.session, spark.translated(statement, FAMILIES).sql)

    def duckdb(self, statement: str) -> list[list[str | None]]:
        return [list(row) for row in self.embedded.execute(translate(statement, FAMILIES).sql).fetchall()]


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    from opentrail.lake.engines import spark

    folder = tmp_path_factory.mktemp("spark")
    event = json.loads((GOLDEN / "event.json").read_text())
    with SparkCluster(folder) as cluster, duckdb.connect() as embedded:
        engine_duckdb.prepare(embedded)
        session = cluster.session()
        spark.prepare(session)
        for store, rows in ((ONE, [event]), (EVENTS, DATA["events"]), (ITEMS, DATA["items"])):
            create(embedded, store, FAMILIES[store])
            insert(embedded, store, FAMILIES[store], rows)
            embedded.execute(f"COPY \"store_{store}\" TO '{folder / store}.parquet' (FORMAT parquet)")
            spark.show(session, store, FAMILIES[store], [folder / f"{store}.parquet"])
        yield Engines(session, embedded)


def named(statement: str) -> str:
    return statement.replace("$S", EVENTS).replace("$C", ITEMS)


def spark_says(engines: Engines, expressions: list[str]) -> dict[str, str]:
    """What Spark says, each as in the golden file."""
    try:
        (row,) = engines.spark(f"SELECT {', '.join(expressions)} FROM {ONE}")
    except Exception as fault:
        if len(expressions) == 1:
            from opentrail.lake.engines import spark

            return {expressions[0]: f"! {spark.message(fault)}"}
        return {name: said for one in expressions for name, said in spark_says(engines, [one]).items()}
    return {name: "NULL" if value is None else value for name, value in zip(expressions, row, strict=True)}


def test_expressions(engines: Engines) -> None:
    plain = [one for one, answer in ANSWERS.items() if not answer.startswith("! ") and one not in DIFFERENCES]
    said: dict[str, str] = {}
    for start in range(0, len(plain), CHUNK):
        said |= spark_says(engines, plain[start : start + CHUNK])
    assert {one: (said[one], ANSWERS[one]) for one in plain if said[one] != ANSWERS[one]} == {}
    assert len(plain) >= 400


def test_faults_say_why(engines: Engines) -> None:
    failing = [one for one, answer in ANSWERS.items() if answer.startswith("! ") and one not in DIFFERENCES]
    said = {one: spark_says(engines, [one])[one] for one in failing}
    assert {one: words for one, words in said.items() if not (words.startswith("! ") and ANSWERS[one][2:] in words)} == {}
    assert len(failing) >= 10


def test_queries(engines: Engines) -> None:
    cases = [case["sql"] for case in DATA["cases"] if case["sql"] not in DIFFERENCES]
    wrong: dict[str, Any] = {}
    for statement in cases:
        try:
            said: Any = engines.spark(named(statement))
        except Exception as fault:
            said = str(fault)[:300]
        if said != (expected := engines.duckdb(named(statement))):
            wrong[statement] = (said, expected)
    assert wrong == {}
    assert len(cases) >= 25


def test_the_differences_are_still_there(engines: Engines) -> None:
    """What Spark has learnt meanwhile leaves the list."""
    queries = {case["sql"] for case in DATA["cases"]}
    assert DIFFERENCES.keys() <= queries | ANSWERS.keys()
    for one, reason in DIFFERENCES.items():
        assert len(reason) > 10
        if one in queries:
            with pytest.raises(Exception, match=r"\w"):
                assert engines.spark(named(one)) == engines.duckdb(named(one))
        else:
            said, expected = spark_says(engines, [one])[one], ANSWERS[one]
            assert said != expected
            assert not (expected.startswith("! ") and expected[2:] in said)
