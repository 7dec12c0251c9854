"""Retention, compaction and removal: what goes, when, and that nobody loses a file that is being read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from opentrail.clock import ManualClock
from opentrail.lake.tables.tables import StoreTables
from simulators.event_journal import DAY, NOW, EventJournal, made
from simulators.store_tables import KnownStores, files_on_disk, ids, rows

Opened = Callable[..., StoreTables]
HOUR = 3600


def round_of(tables: StoreTables, clock: ManualClock, seconds: float = 61) -> None:
    clock.advance(seconds)
    tables.step()


def oldest_on_disk(folder: Path, store: str) -> int:
    times = [time for path in files_on_disk(folder, store) for time in pq.read_table(path, columns=["eventtime"])["eventtime"].to_pylist()]
    return min(int((moment - moment.__class__(1970, 1, 1)).total_seconds()) for moment in times)


def test_an_event_leaves_the_moment_it_is_too_old(opened: Opened, journal: EventJournal, stores: KnownStores, clock: ManualClock) -> None:
    store = stores.make(retention=7)
    tables = opened()
    head = journal.append(made(0, age=7 * DAY - 10), made(1, age=7 * DAY + 1), made(2))
    assert ids(tables, store, head) == ["event-0", "event-2"]  # hot
    tables.commit()
    assert ids(tables, store, head) == ["event-0", "event-2"]  # cold
    clock.advance(10)
    assert ids(tables, store, head) == ["event-0", "event-2"]
    clock.advance(1)
    assert ids(tables, store, head) == ["event-2"]


def test_what_is_too_old_leaves_the_disk(
    opened: Opened, journal: EventJournal, stores: KnownStores, clock: ManualClock, tmp_path: Path
) -> None:
    store = stores.make(retention=7)
    tables = opened()
    head = journal.append(*(made(number, age=number * HOUR) for number in range(6 * 24)))
    tables.step()
    tables.commit()
    for _ in range(3 * 24):
        round_of(tables, clock, HOUR)
    bound = NOW + 3 * DAY - 7 * DAY
    assert oldest_on_disk(tmp_path / "lake", store) >= bound - 7 * HOUR
    assert len(ids(tables, store, head)) == sum(1 for number in range(6 * 24) if NOW - number * HOUR >= bound)
    for _ in range(8 * 24):
        round_of(tables, clock, HOUR)
    assert files_on_disk(tmp_path / "lake", store) == set()
    assert ids(tables, store, head) == []
    head = journal.append(made(999, age=-11 * DAY))
    assert ids(tables, store, head) == ["event-999"]


def test_a_shorter_retention_acts_at_once(
    opened: Opened, journal: EventJournal, stores: KnownStores, clock: ManualClock, tmp_path: Path
) -> None:
    store = stores.make(retention=90)
    tables = opened()
    head = journal.append(*(made(number, age=number * DAY) for number in range(60)))
    tables.step()
    tables.commit()
    round_of(tables, clock)
    snapshot = tables.snapshot([store], at_least=head, patience=10.0)
    stores.keep(store, 7)
    assert len(ids(tables, store, head)) == 7
    round_of(tables, clock)
    assert tables.status().stores[store].cold_events == 7
    assert len(rows(snapshot.sources[0])) == 60  # a query that runs goes on
    snapshot.release()
    for _ in range(3):
        round_of(tables, clock, HOUR)
    assert len(files_on_disk(tmp_path / "lake", store)) == 7


def test_small_files_are_merged_in_order(
    opened: Opened, journal: EventJournal, stores: KnownStores, clock: ManualClock, tmp_path: Path
) -> None:
    store = stores.make()
    tables = opened(compaction_files=4)
    head = 0
    for number in range(4):
        head = journal.append(*(made(number + 4 * step, age=(step * 7 + number) % 40) for step in range(20)))
        tables.step()
        tables.commit()
    before = ids(tables, store, head)
    round_of(tables, clock)
    assert tables.status().stores[store].cold_files == 1
    assert ids(tables, store, head) == before
    snapshot = tables.snapshot([store], at_least=head, patience=10.0)
    (path,) = snapshot.sources[0].files
    table = pq.read_table(path, columns=["eventtime", "position", "eventid"])
    assert table["eventid"].to_pylist() == before
    snapshot.release()


def test_a_pinned_file_outlives_compaction_retention_and_the_removal_of_its_store(
    opened: Opened, journal: EventJournal, stores: KnownStores, clock: ManualClock, tmp_path: Path
) -> None:
    removed: list[str] = []
    store = stores.make()
    tables = opened(compaction_files=2, removed=removed.append)
    head = 0
    for number in range(2):
        head = journal.append(made(number))
        tables.step()
        tables.commit()
    head = journal.append(made(2))
    snapshot = tables.snapshot([store], at_least=head, patience=10.0)
    assert len(snapshot.sources[0].hot) == 1
    round_of(tables, clock)
    assert tables.status().stores[store].hot_events == 0
    stores.remove(store)
    round_of(tables, clock)
    assert [row["eventid"] for row in rows(snapshot.sources[0])] == ["event-0", "event-1", "event-2"]
    assert removed == []
    snapshot.release()
    snapshot.release()
    round_of(tables, clock)
    assert removed == [store]
    assert not (tmp_path / "lake/stores" / store).exists()


def test_a_store_whose_deletion_is_pending_keeps_its_table(
    opened: Opened, journal: EventJournal, stores: KnownStores, clock: ManualClock, tmp_path: Path
) -> None:
    store = stores.make()
    tables = opened()
    head = journal.append(made(0))
    tables.step()
    stores.stop(store, head)
    round_of(tables, clock)
    stores.read_to(tables.durable_position)
    journal.append(made(1))
    round_of(tables, clock)
    assert tables.durable_position == 2
    assert ids(opened(), store, head) == ["event-0"]


def test_hot_files_of_queries_that_died_are_swept(opened: Opened, journal: EventJournal, stores: KnownStores, tmp_path: Path) -> None:
    store = stores.make()
    tables = opened()
    head = journal.append(made(0))
    tables.snapshot([store], at_least=head, patience=10.0)
    hot = tmp_path / "lake/stores" / store / "hot"
    assert len(list(hot.iterdir())) == 1
    tables = opened()
    tables.step()
    assert list(hot.iterdir()) == []
    assert ids(tables, store, head) == ["event-0"]


def test_the_hot_tail_is_written_for_queries_only_where_it_has_grown(opened: Opened, journal: EventJournal, stores: KnownStores) -> None:
    store = stores.make()
    tables = opened()
    seen: set[Path] = set()
    for number in range(30):
        head = journal.append(made(number))
        first, second = (tables.snapshot([store], at_least=head, patience=10.0) for _ in range(2))
        assert first.sources[0].hot == second.sources[0].hot
        assert len(set(first.sources[0].hot) - seen) == 1
        seen.update(first.sources[0].hot)
        assert len(first.sources[0].hot) <= 8
        assert len(rows(first.sources[0])) == number + 1
        first.release()
        second.release()
    assert len(list(next(iter(seen)).parent.iterdir())) <= 8


def test_trouble_with_one_table_stops_no_other(
    opened: Opened, journal: EventJournal, stores: KnownStores, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = stores.make(1), stores.make(2)
    tables = opened(hot_rows=40, read_batch=5)
    tables.step()
    table = tables._shelf.of(bad)
    swap = table._cold.swap

    def failing(**keywords: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(table._cold, "swap", failing)
    head = journal.append(*(made(number) for number in range(100)))
    tables.step()
    assert tables.position == 100
    assert len(ids(tables, good, head)) == 100
    assert tables.durable_position == 0
    monkeypatch.setattr(table._cold, "swap", swap)
    clock.advance(11)
    assert sorted(ids(tables, bad, head)) == sorted(f"event-{number}" for number in range(100))
    tables.commit()
    assert tables.durable_position == 100
