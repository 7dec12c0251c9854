"""Files and rows that a query does not have to read: found by Bloom filters, and never one too many."""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from opentrail.config import LakeSettings
from opentrail.eventstore.bloom import xxh64
from opentrail.lake.families import Family
from opentrail.lake.neighbours import Snapshot, Source
from opentrail.lake.queries.narrowing import MOST_RANGES, Narrowing, Part
from opentrail.lake.queries.orders import orders
from opentrail.lake.sql.wanted import Wanted
from simulators.query_lake import Lake, Make
from simulators.query_tables import STORE

LISTED = "names.list.element"
MARK = "mark.list.element"
REAL = (sys.executable, "-m", "opentrail.lake.queries.zygote")


@pytest.mark.parametrize(
    ("text", "expected"),
    [  # published with the algorithm, and what other implementations say
        (b"", 0xEF46DB3751D8E999),
        (b"a", 0xD24EC4F1A98C6E5B),
        (b"abc", 0x44BC2CF5AD770999),
    ],
)
def test_hashes(text: bytes, expected: int) -> None:
    assert xxh64(text) == expected


def _file(path: Path, first: int, groups: int = 5, size: int = 200, mark: str = "first") -> Path:
    """`mark` is said in the first row group only."""
    numbers = range(first, first + groups * size)
    table = pa.table(
        {
            "id": [f"{'long-' * (number % 20)}{number}" for number in numbers],
            "names": [[f"n{number}", "all"] if number % 3 else [] for number in numbers],
            "mark": [[mark] if number - first < size else [] for number in numbers],
            "bare": [str(number) for number in numbers],
        }
    )
    filters = {"id": {"ndv": size, "fpp": 0.01}, LISTED: {"ndv": 2 * size, "fpp": 0.01}, "mark.list.element": {"ndv": 2, "fpp": 0.0001}}
    pq.write_table(table, path, row_group_size=size, bloom_filter_options=filters)
    return path


def _wanted(leaf: str, *values: str) -> Wanted:
    return Wanted(store_id=STORE, leaf=leaf, values=values)


def _rows(part: Part) -> set[int]:
    return {row for first, last in part.ranges or ((0, part.rows - 1),) for row in range(first, last + 1)}


def test_every_value_is_found_where_it_is(tmp_path: Path) -> None:
    files = [_file(tmp_path / "a.parquet", 0), _file(tmp_path / "b.parquet", 1000)]
    narrowing = Narrowing()
    for number in range(0, 2000, 7):
        for one in (_wanted("id", f"{'long-' * (number % 20)}{number}"), _wanted(LISTED, f"n{number}")):
            if one.leaf == LISTED and number % 3 == 0:
                continue
            parts = narrowing.parts(files, [one])
            assert parts is not None
            assert number % 1000 in _rows(next(part for part in parts if part.path == files[number // 1000]))


def test_what_is_nowhere_is_hardly_looked_for(tmp_path: Path) -> None:
    files = [_file(tmp_path / "a.parquet", 0)]
    narrowing = Narrowing()
    kept = sum(len(narrowing.parts(files, [_wanted("id", f"no-{number}")]) or ()) for number in range(300))
    assert kept < 60  # one filter in a hundred says "perhaps", and there are five in a file


def test_all_that_is_wanted_must_be_there(tmp_path: Path) -> None:
    files = [_file(tmp_path / "a.parquet", 0)]
    narrowing = Narrowing()
    assert narrowing.parts(files, [_wanted("id", "long-1"), _wanted(LISTED, "n1")]) == [Part(path=files[0], rows=1000, ranges=((0, 199),))]
    assert narrowing.parts(files, [_wanted("id", "long-1"), _wanted(LISTED, "n901")]) == []
    two = narrowing.parts(files, [_wanted(LISTED, "n1", "n301")])
    assert two == [Part(path=files[0], rows=1000, ranges=((0, 399),))]


def test_one_text_in_a_plain_column_is_left_to_the_engine(tmp_path: Path) -> None:
    files = [_file(tmp_path / "a.parquet", 0), _file(tmp_path / "b.parquet", 1000)]
    narrowing = Narrowing()
    assert narrowing.parts(files, [_wanted("id", "long-1")]) == [Part(path=files[0], rows=1000)]
    assert narrowing.parts(files, [_wanted("id", "long-1", "long-" * 19 + "1019")]) == [
        Part(path=files[0], rows=1000, ranges=((0, 199),)),
        Part(path=files[1], rows=1000, ranges=((0, 199),)),
    ]


@pytest.mark.parametrize(
    ("values", "hot", "threads"), [(["n1"], False, 1), (["n1", "n301"], False, 2), (["n1"], True, 4), (["all"], False, 4)]
)
def test_no_more_threads_than_row_groups(tmp_path: Path, values: list[str], hot: bool, threads: int) -> None:
    file = _file(tmp_path / "a.parquet", 0)
    source = Source(store_id=STORE, family=Family.EVENTS, files=(file,), hot=(file,) if hot else (), oldest=0, events=1000)
    snapshot = Snapshot(sources=(source,), release=lambda: None)
    parts = Narrowing().of(snapshot, [_wanted(LISTED, *values)])
    assert orders(snapshot, LakeSettings(query_threads=4), deliver=False, scratch=tmp_path, parts=parts)["threads"] == threads


def test_where_it_would_be_everything_files_are_read_as_they_are(tmp_path: Path) -> None:
    files = [_file(tmp_path / "a.parquet", 0), _file(tmp_path / "b.parquet", 1000)]
    narrowing = Narrowing()
    assert narrowing.parts(files, []) is None
    assert narrowing.parts(files, [_wanted(LISTED, "all")]) is None
    assert narrowing.parts(files, [_wanted("bare", "1")]) is None  # no filter there
    assert narrowing.parts([], [_wanted("id", "1")]) == []


def test_many_stretches_are_read_as_whole_files(tmp_path: Path) -> None:
    without = _file(tmp_path / "without.parquet", 0, size=10, mark="other")
    files = [_file(tmp_path / f"{number}.parquet", 50 * number, size=10) for number in range(MOST_RANGES + 1)]
    narrowing = Narrowing()
    assert narrowing.parts(files, [_wanted(MARK, "first")]) is None
    assert narrowing.parts([*files, without], [_wanted(MARK, "first")]) == [Part(path=path, rows=50) for path in files]
    assert narrowing.parts(files[1:], [_wanted(MARK, "first")]) == [Part(path=path, rows=50, ranges=((0, 9),)) for path in files[1:]]


@pytest.fixture
def lake(make: Make) -> Lake:
    """Ten row groups with filters, written in the order of time, and some events that are not committed."""
    lake: Lake = make(zygote=REAL)
    tables = lake.tables
    tables.fill(20_000, resources="[{'accountid': NULL, 'type': 't', 'arn': 'arn:' || (i // 10), 'arnprefix': NULL}]")
    tables.fill(30, hot=True, start="2026-02-01", eventid="'hot-' || i")
    (path,) = tables._files[STORE]
    filters = {leaf: {"ndv": 2000, "fpp": 0.001} for leaf in ("eventid", "resources.list.element.arn")}
    pq.write_table(pq.read_table(path), path, row_group_size=2000, bloom_filter_options=filters)
    return lake


def test_answers_are_the_same_and_less_is_read(lake: Lake) -> None:
    plain = " OR length(eventID) > 1000"  # nothing that could be looked for ahead
    for condition, found in (
        ("eventID = 'event-4321'", 1),
        ("eventID IN ('event-1', 'hot-7', 'event-19999')", 3),
        ("any_match(resources, r -> r.arn = 'arn:777')", 10),
        ("eventID = 'nobody'", 0),
    ):
        select = f"SELECT eventID, eventTime, eventName, cardinality(resources) FROM {STORE} WHERE {condition}"
        narrowed = lake.ended(lake.start(f"{select} ORDER BY eventTime"))
        whole = lake.ended(lake.start(f"{select}{plain} ORDER BY eventTime"))
        assert (narrowed.status, narrowed.error_message) == ("FINISHED", None)
        assert lake.rows(narrowed.id) == lake.rows(whole.id)
        assert narrowed.results == found
        assert narrowed.events_scanned <= 3 * 2000 + 30
        assert whole.events_scanned == 20_030


def test_what_has_outlived_the_retention_is_not_found_either(lake: Lake) -> None:
    lake.tables.oldest = 1767225600 + 4322  # of eventtime, as `fill` counts it
    for number, found in ((4321, 0), (4322, 1)):
        query = lake.ended(lake.start(f"SELECT eventID FROM {STORE} WHERE eventID = 'event-{number}'"))
        assert (query.status, query.error_message, query.results) == ("FINISHED", None, found)
