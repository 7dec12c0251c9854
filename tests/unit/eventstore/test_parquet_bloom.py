"""The bloom filters in the files answer as the Parquet format says: never a wrong no, seldom a wrong yes."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import pytest

from opentrail.eventstore import bloom, parquet
from opentrail.eventstore.columns import SCHEMA, extract, to_arrow
from simulators.event_journal import NOW, made

XXH64 = [  # test values published with the xxHash specification, seed 0
    (b"", 0xEF46DB3751D8E999),
    (b"a", 0xD24EC4F1A98C6E5B),
    (b"abc", 0x44BC2CF5AD770999),
    (b"Nobody inspects the spammish repetition", 0xFBCEA83C8A378BF1),
]


@pytest.mark.parametrize(("data", "hashed"), XXH64)
def test_the_hash_is_xxh64(data: bytes, hashed: int) -> None:
    assert bloom.xxh64(data) == hashed


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two hundred events, one a second, in row groups of fifty."""
    path = tmp_path_factory.mktemp("bloom") / "events.parquet"
    key = "AKIA" + "x" * 40
    events = [extract(n, made(n, age=200 - n, userIdentity={"type": "IAMUser", "accessKeyId": f"{key}{n % 9}"})) for n in range(200)]
    size, parquet.ROW_GROUP = parquet.ROW_GROUP, 50
    try:
        parquet.write(path, to_arrow(events).to_batches(max_chunksize=30), rows=200)
    finally:
        parquet.ROW_GROUP = size
    return path


def test_row_groups_are_cut_and_typed_as_asked(file: Path) -> None:
    assert [(group.time_low - NOW, group.time_high - NOW) for group in bloom.groups(file)] == [
        (-200, -151),
        (-150, -101),
        (-100, -51),
        (-50, -1),
    ]
    assert all(group.filters.keys() == bloom.COLUMNS.keys() for group in bloom.groups(file))
    columns = duckdb.sql(f"SELECT name FROM parquet_schema('{file}') WHERE type IS NOT NULL").fetchall()
    assert len(columns) == len(SCHEMA)


@pytest.mark.parametrize(("attribute", "value"), [("event_id", "event-{}"), ("resource_name", "user-{}")])
def test_what_is_there_is_found_in_its_row_group(file: Path, attribute: str, value: str) -> None:
    for number in range(200):
        span = bloom.span(file, attribute, value.format(number))
        assert span is not None
        assert span[0] <= NOW - 200 + number <= span[1]


def test_what_is_not_there_is_seldom_looked_for(file: Path) -> None:
    missing = sum(bloom.span(file, "resource_name", f"nobody-{number}") is None for number in range(500))
    assert missing > 400


def test_pyarrow_and_duckdb_agree(file: Path) -> None:
    for value in ("event-7", "event-199", "nothing", os.urandom(4).hex()):
        probe = f"SELECT row_group_id FROM parquet_bloom_probe('{file}', 'event_id', '{value}') WHERE NOT bloom_filter_excludes"
        groups = [bloom.groups(file)[number] for (number,) in duckdb.sql(probe).fetchall()]
        expected = (min(group.time_low for group in groups), max(group.time_high for group in groups)) if groups else None
        assert bloom.span(file, "event_id", value) == expected
