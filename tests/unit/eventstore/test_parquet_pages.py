"""Single records out of Parquet files: the same bytes as a reader of whole files gives, or a plain no."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opentrail.eventstore import EventStore, Question, pages, parquet
from opentrail.eventstore.columns import SCHEMA, extract, to_arrow
from simulators.event_journal import ACCOUNT, REGION, EventJournal, expected, made

NOISE = random.Random(11)


def table(count: int, padding: int = 0) -> pa.Table:
    records = [made(number, age=count - number, padding="ü" * NOISE.randrange(padding + 1)) for number in range(count)]
    return to_arrow([extract(number + 1, record) for number, record in enumerate(records)])


def written(folder: Path, what: pa.Table) -> Path:
    path = folder / "events.parquet"
    parquet.write(path, what.to_batches(max_chunksize=2048), rows=what.num_rows)
    pages._pages.cache_clear()
    return path


@pytest.mark.parametrize(("count", "padding"), [(1, 0), (3_000, 0), (700, 9_000), (45_000, 0)])
def test_every_row_is_what_pyarrow_reads(tmp_path: Path, count: int, padding: int) -> None:
    what = table(count, padding)
    path = written(tmp_path, what)
    texts = what.column("record").to_pylist()
    rows = sorted([*NOISE.sample(range(count), min(count, 200)), 0, count - 1, 0])
    assert list(pages.read(path, rows[::-1])) == [(row, texts[row].encode()) for row in sorted(set(rows))]
    assert max(page.size for page in pages._pages(path)) < 3 << 20


def test_a_row_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, table(10))
    with pytest.raises(pages.Unreadable, match="no row 10"):
        list(pages.read(path, [10]))


FOREIGN: list[dict[str, Any]] = [
    {"compression": "snappy"},
    {"compression": "zstd", "data_page_version": "2.0", "use_dictionary": False},
    {"compression": "zstd", "use_dictionary": ["record"]},
    {"compression": "zstd", "use_dictionary": False, "column_encoding": {"record": "DELTA_LENGTH_BYTE_ARRAY"}},
]


@pytest.mark.parametrize("options", FOREIGN)
def test_files_written_in_another_way_are_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    path = tmp_path / "foreign.parquet"
    pq.write_table(table(50).select(["position", "record"]), path, **options)
    with pytest.raises(pages.Unreadable):
        list(pages.read(path, [3]))


def test_records_that_may_be_missing_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "optional.parquet"
    pq.write_table(pa.table({"record": ["a", None]}), path, compression="zstd", use_dictionary=False)
    with pytest.raises(pages.Unreadable):
        list(pages.read(path, [0]))


@given(st.binary(max_size=60))
@settings(deadline=None)
def test_any_header_is_read_or_refused(header: bytes) -> None:
    try:
        pages._page(header, 0, 0)
    except pages.Unreadable:
        return


@pytest.mark.parametrize("options", FOREIGN)
def test_events_in_files_of_other_engines_are_found_all_the_same(
    opened: Any, journal: EventJournal, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    def write(path: Path, batches: Any, *, rows: int) -> None:
        pq.write_table(pa.Table.from_batches(list(batches)).cast(SCHEMA), path, **options)

    monkeypatch.setattr(parquet, "write", write)
    store: EventStore = opened(warm_events=2)
    journal.append(*(made(number, age=100 - number) for number in range(30)))
    store.catch_up()
    store.commit()
    question = Question(account_id=ACCOUNT, region=REGION, category="Management", limit=20)
    assert [event.event_id for event in store.find(question)] == expected(journal.records)[:20]
