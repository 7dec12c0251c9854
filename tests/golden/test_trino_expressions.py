"""What Trino documents for an expression is what a query over the embedded engine says: `trino/expressions.txt`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from opentrail.lake.families import Family
from opentrail.lake.faults import InvalidQueryStatementException
from opentrail.lake.sql.engine_duckdb import message, prepare
from opentrail.lake.sql.translation import translate
from simulators.lake_tables import create, insert

STORE = "1b2c3d4e-f852-4e8f-8bd1-bcf6c0123456"
CASES = [
    tuple(line.split(" => ", 1) if " => " in line else (line.removesuffix(" =>"), ""))
    for line in (Path(__file__).parent / "trino" / "expressions.txt").read_text().splitlines()
    if line and not line.startswith("#")
]
EVENT = {
    "eventname": "PutObject",
    "eventtime": "2024-11-05 10:45:24",
    "useridentity": {"type": "AssumedRole", "sessioncontext": {"sessionissuer": {"username": "admin"}}},
    "requestparameters": {"bucketName": "logs", "key": "a/b.txt"},
    "resources": [{"accountid": "111122223333", "type": "AWS::S3::Bucket", "arn": "arn:aws:s3:::logs"}],
    "tlsdetails": {"tlsversion": "TLSv1.3"},
    "readonly": False,
    "sessioncredentialfromconsole": "true",
    "eventjson": '{"eventName":"PutObject","requestParameters":{"bucketName":"logs"}}',
}


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        prepare(connection)
        create(connection, STORE, Family.EVENTS)
        insert(connection, STORE, Family.EVENTS, [EVENT])
        yield connection


def test_there_are_enough() -> None:
    assert len(CASES) >= 250
    assert len({expression for expression, _ in CASES}) == len(CASES)


@pytest.mark.parametrize(("expression", "expected"), CASES, ids=[expression for expression, _ in CASES])
def test_expression(engine: duckdb.DuckDBPyConnection, expression: str, expected: str) -> None:
    statement = f"SELECT {expression} FROM {STORE}"
    if expected.startswith("? "):
        with pytest.raises(InvalidQueryStatementException) as refused:
            translate(statement, {STORE: Family.EVENTS})
        assert expected[2:] in str(refused.value)
        return
    sql = translate(statement, {STORE: Family.EVENTS}).sql
    if expected.startswith("! "):
        with pytest.raises(duckdb.Error) as failed:
            engine.execute(sql).fetchall()
        assert expected[2:] in message(failed.value)
        return
    assert engine.execute(sql).fetchall() == [(None if expected == "NULL" else expected,)]
