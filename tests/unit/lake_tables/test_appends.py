"""Files that somebody else has written become part of a table, once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from opentrail.clock import ManualClock
from opentrail.eventstore import cold
from opentrail.lake.columns import to_table, write
from opentrail.lake.families import Family
from opentrail.lake.faults import EventDataStoreNotFoundException
from opentrail.lake.tables import appends
from opentrail.lake.tables.tables import StoreTables
from simulators.event_journal import DAY, EventJournal, made
from simulators.store_tables import KnownStores, files_on_disk, ids, store_id

Opened = Callable[..., StoreTables]


def drafted(tables: StoreTables, store: str, records: Sequence[bytes]) -> Path:
    path = tables.draft(store)
    write(path, Family.EVENTS, to_table(Family.EVENTS, records, range(len(records))).table)
    return path


def test_a_token_works_once(opened: Opened, journal: EventJournal, stores: KnownStores, tmp_path: Path) -> None:
    store = stores.make()
    tables = opened()
    head = journal.append(made(0))
    assert not tables.has(store, "import-1/0")
    tables.append(store, [drafted(tables, store, [made(1), made(2)])], token="import-1/0")
    for _ in range(2):
        assert tables.has(store, "import-1/0")
        tables.append(store, [drafted(tables, store, [made(1), made(2)])], token="import-1/0")
        assert sorted(ids(tables, store, head)) == ["event-0", "event-1", "event-2"]
        tables = opened()
    tables.step()
    tables.commit()
    assert len(files_on_disk(tmp_path / "lake", store)) == 2  # what was given twice is gone


def test_the_position_of_ingestion_is_kept(opened: Opened, journal: EventJournal, stores: KnownStores) -> None:
    store = stores.make()
    tables = opened()
    journal.append(*(made(number) for number in range(3)))
    tables.step()
    tables.commit()
    tables.append(store, [drafted(tables, store, [made(9)])], token="a")
    journal.trim(4)
    tables = opened()
    assert tables.status().stores == {}
    assert sorted(ids(tables, store, 3)) == ["event-0", "event-1", "event-2", "event-9"]


def test_several_files_and_days_are_one_commit(opened: Opened, stores: KnownStores) -> None:
    store = stores.make(retention=30)
    tables = opened()
    mixed = drafted(tables, store, [made(number, age=number * DAY) for number in range(40)])
    one = drafted(tables, store, [made(100), made(101)])
    tables.append(store, [mixed, one], token="a")
    assert tables.status().stores[store].snapshots == 1
    # Of the mixed file a part for each day that is within the retention.
    assert sorted(ids(tables, store, 0)) == sorted([*(f"event-{number}" for number in range(31)), "event-100", "event-101"])
    assert not mixed.exists()


def test_files_without_young_events_leave_nothing_but_the_token(opened: Opened, stores: KnownStores, tmp_path: Path) -> None:
    store = stores.make(retention=7)
    tables = opened()
    tables.append(store, [drafted(tables, store, [made(0, age=8 * DAY)]), drafted(tables, store, [])], token="old")
    assert opened().has(store, "old")
    assert files_on_disk(tmp_path / "lake", store) == set()


def test_drafts_that_are_never_given_are_swept(opened: Opened, stores: KnownStores, tmp_path: Path) -> None:
    store = stores.make()
    tables = opened()
    drafted(tables, store, [made(0)])
    tables = opened()
    assert ids(tables, store, 0) == []
    assert files_on_disk(tmp_path / "lake", store) == set()


def test_tokens_outlive_the_snapshots_that_told_them(opened: Opened, stores: KnownStores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cold, "_MOST_SNAPSHOTS", 2)
    monkeypatch.setattr(cold, "_KEPT_SNAPSHOTS", 1)
    store = stores.make()
    tables = opened()
    noting = appends.Appends.note
    with monkeypatch.context() as patched:
        patched.setattr(appends.Appends, "note", lambda self, tokens: None)  # killed before it was noted
        tables.append(store, [drafted(tables, store, [made(0)])], token="a\nb")
    assert appends.Appends.note is noting
    tables = opened()
    for number in range(1, 6):
        tables.append(store, [drafted(tables, store, [made(number)])], token=f"t{number}")
    tables = opened()
    assert tables.status().stores == {}
    assert all(tables.has(store, token) for token in ("a\nb", "t1", "t5"))
    assert tables.status().stores[store].snapshots <= 2


def test_half_a_note_is_no_note(tmp_path: Path) -> None:
    notes = appends.Appends(tmp_path / "appends")
    notes.note(["one", "two"])
    with (tmp_path / "appends").open("ab") as file:
        file.write(b'"thr')
    notes = appends.Appends(tmp_path / "appends")
    notes.note(["four"])
    notes = appends.Appends(tmp_path / "appends")
    assert [token in notes for token in ("one", "two", "thr", "three", "four")] == [True, True, False, False, True]


def test_a_commit_that_fails_adds_nothing_and_can_be_tried_again(
    opened: Opened, stores: KnownStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = stores.make()
    tables = opened()

    def failing(*arguments: object, **keywords: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patched:
        patched.setattr(cold.SqlCatalog, "commit_table", failing)
        with pytest.raises(OSError, match="no space"):
            tables.append(store, [drafted(tables, store, [made(0)])], token="a")
    assert not tables.has(store, "a")
    tables.append(store, [drafted(tables, store, [made(0)])], token="a")
    assert ids(tables, store, 0) == ["event-0"]


def test_a_commit_that_only_seemed_to_fail_counts(opened: Opened, stores: KnownStores, monkeypatch: pytest.MonkeyPatch) -> None:
    store = stores.make()
    tables = opened()
    draft = drafted(tables, store, [made(0)])
    committing = cold.SqlCatalog.commit_table

    def seeming(*arguments: object, **keywords: object) -> None:
        committing(*arguments, **keywords)  # type: ignore[arg-type]
        raise OSError("the answer was lost")

    with monkeypatch.context() as patched:
        patched.setattr(cold.SqlCatalog, "commit_table", seeming)
        tables.append(store, [draft], token="a")
    assert tables.has(store, "a")
    assert ids(tables, store, 0) == ["event-0"]


def test_a_store_that_is_gone_takes_nothing(opened: Opened, stores: KnownStores, clock: ManualClock) -> None:
    store = stores.make()
    tables = opened()
    draft = drafted(tables, store, [made(0)])
    stores.remove(store)
    for call in (lambda: tables.append(store, [draft], token="a"), lambda: tables.draft(store_id(7)), lambda: tables.location(store_id(7))):
        with pytest.raises(EventDataStoreNotFoundException):
            call()
