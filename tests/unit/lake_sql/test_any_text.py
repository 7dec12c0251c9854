"""Any text is translated or refused, never anything else; ids of stores are found without reading SQL."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opentrail.lake.families import Family
from opentrail.lake.faults import InvalidQueryStatementException
from opentrail.lake.sql.scanning import quoted, store_ids
from opentrail.lake.sql.translation import translate

STORE, OTHER = "1b2c3d4e-f852-4e8f-8bd1-bcf6c0123456", "a1b2c3d4-f852-4e8f-8bd1-bcf6c0123456"
WORDS = """SELECT FROM WHERE GROUP BY ORDER HAVING LIMIT WITH AS UNION ALL ( ) , . * + - / || = <> < > [ ] -> ' " ; -- /* */ 1 2.5 1e9
'a' 'b' eventName userIdentity type requestParameters resources eventTime count max element_at transform filter cast CAST varchar bigint
json NULL CASE WHEN THEN ELSE END IN NOT LIKE BETWEEN AND OR IS EXISTS OVER PARTITION UNNEST CROSS JOIN LEFT ON USING LATERAL
ARRAY ROW INTERVAL
DAY x t json_extract_scalar '$.a' lax TRY extract YEAR true false $ ? ` ::"""
PIECES = [*WORDS.split(), STORE, f"SELECT eventName FROM {STORE}", "\x00", "\ud800"]


def answered(statement: str) -> None:
    for dialect in ("duckdb", "spark"):
        with contextlib.suppress(InvalidQueryStatementException):
            assert translate(statement, {STORE: Family.EVENTS}, dialect=dialect).columns  # type: ignore[arg-type]


@given(st.text(max_size=200))
def test_any_text(statement: str) -> None:
    answered(statement)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=25))
def test_any_words(pieces: list[str]) -> None:
    answered(" ".join(pieces))
    answered(f"SELECT {' '.join(pieces)} FROM {STORE}")
    answered(f"SELECT * FROM {STORE} WHERE {' '.join(pieces)}")


@given(st.text(max_size=100))
def test_ids_in_any_text(text: str) -> None:
    assert set(store_ids(f"{text}\n")) <= set(store_ids(f"SELECT * FROM {text}")) | {STORE}
    assert isinstance(quoted(text), str)


def test_ids_of_stores() -> None:
    statement = (
        f"SELECT '{OTHER}' FROM {STORE} a JOIN \"{OTHER}\" b ON 1 = 1 -- {OTHER}\n UNION SELECT 1 FROM {STORE.upper()} /* {OTHER} */"
    )
    assert store_ids(statement) == (STORE, OTHER)
    assert store_ids(f"SELECT '{OTHER}' /* {STORE} */") == ()


def test_bare_ids_are_quoted() -> None:
    assert quoted(f"SELECT '{STORE}' FROM {STORE} -- {STORE}") == f"SELECT '{STORE}' FROM \"{STORE}\" -- {STORE}"


def test_refusals_point_at_the_place() -> None:
    for statement, words in {
        f"SELECT eventName,\n  nosuch FROM {STORE}": "line 2:3: column 'nosuch' does not exist",
        f"SELECT eventNam FROM {STORE}": "is 'eventname' meant?",
        f"SELECT lenght(eventName) FROM {STORE}": "is length meant?",
        f"SELECT length(1) FROM {STORE}": "line 1:8: length cannot be called with (integer)",
        f"SELECT eventName FROM FROM {STORE}": "line 1:23: 'FROM' does not fit here",
        f"SELECT eventName n, count(*) FROM {STORE} GROUP BY n": "write GROUP BY 1",
        f"SELECT awsRegion, eventName FROM {STORE} GROUP BY 1": "line 1:19: column 'eventName' must be in GROUP BY",
        f"SELECT eventName FROM {STORE} UNION SELECT eventTime FROM {STORE}": "column 1 of UNION has types varchar and timestamp(3)",
    }.items():
        with pytest.raises(InvalidQueryStatementException) as refused:
            translate(statement, {STORE: Family.EVENTS})
        assert words in str(refused.value)


def test_star_and_enriched_stores() -> None:
    plain = translate(f"SELECT * FROM {STORE}", {STORE: Family.EVENTS})
    enriched = translate(f"SELECT * FROM {STORE}", {STORE: Family.EVENTS}, enriched=[STORE])
    assert enriched.columns == (*plain.columns, "eventcontext")
    assert plain.columns[:3] == ("eventversion", "useridentity", "eventtime")


def test_filters_stay_plain_comparisons() -> None:
    sql = translate(
        f"SELECT eventName FROM {STORE} WHERE eventTime > '2024-01-01' AND requestParameters['k'] = 'v'", {STORE: Family.EVENTS}
    ).sql
    assert "\"eventtime\" > TIMESTAMP '2024-01-01 00:00:00'" in sql
