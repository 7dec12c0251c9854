"""Disks that stay full, commits of others, catalogs that cannot be asked, journals that were trimmed: no event is lost, none doubled."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyiceberg.catalog.sql import SqlCatalog

from opentrail.clock import ManualClock
from opentrail.errors import JournalTrimmed
from opentrail.eventstore import EventStore, EventStoreSettings, Question, cold
from opentrail.eventstore.columns import Undecodable, epoch
from simulators.event_journal import ACCOUNT, NOW, REGION, EventJournal, expected, made

Opened = Callable[..., EventStore]


def ids(store: EventStore) -> list[str]:
    question = Question(account_id=ACCOUNT, region=REGION, category="Management", limit=10_000)
    return [event.event_id for event in store.find(question)]


def full(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_commit_of_somebody_else_loses_no_events(opened: Opened, journal: EventJournal, tmp_path: Path) -> None:
    store = opened(warm_events=1)
    journal.append(made(1), made(2))
    store.catch_up()
    store.commit()
    theirs = SqlCatalog(cold.CATALOG, uri=f"sqlite:///{tmp_path}/lake/catalog.db", warehouse=f"file://{tmp_path}/lake")
    with theirs.load_table(cold.HISTORY.table).transaction() as transaction, transaction.update_snapshot().fast_append():
        pass  # an empty snapshot does: the table is another one than ours now
    theirs.close()
    assert store.durable_position == 2
    journal.append(made(3), made(4))
    store.catch_up()
    for _ in range(3):  # whichever attempt succeeds
        try:
            store.commit()
        except Exception:
            assert store.durable_position == 2
    assert store.durable_position == 4
    journal.trim(5)
    assert ids(opened(warm_events=1)) == expected(journal.records)


@pytest.mark.parametrize("happened", [False, True])
@pytest.mark.parametrize("more", [0, 3])
def test_a_catalog_that_cannot_even_be_asked_is_asked_later(
    opened: Opened, journal: EventJournal, monkeypatch: pytest.MonkeyPatch, happened: bool, more: int
) -> None:
    store = opened(warm_events=1)
    journal.append(*(made(number) for number in range(4)))
    store.catch_up()
    committing = cold.SqlCatalog.commit_table

    def failing(*arguments: Any, **keywords: Any) -> Any:
        if happened:
            committing(*arguments, **keywords)
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(cold.SqlCatalog, "commit_table", failing)
        patched.setattr(cold.Table, "refresh", full)
        for _ in range(2):
            with pytest.raises(OSError, match=r"error|space"):
                store.commit()
    journal.append(*(made(number) for number in range(4, 4 + more)))
    store.catch_up()
    assert sorted(ids(store)) == sorted(expected(journal.records))
    store.commit()
    assert store.durable_position == 4 + more
    assert ids(store) == expected(journal.records)
    journal.trim(5 + more)
    store = opened(warm_events=1)
    assert ids(store) == expected(journal.records)
    assert store.status().cold_events == 4 + more


def test_while_commits_fail_memory_stays_bounded_and_what_is_there_is_found(
    opened: Opened, journal: EventJournal, monkeypatch: pytest.MonkeyPatch, clock: ManualClock
) -> None:
    store = opened(hot_rows=20, read_batch=5, commit_interval=60)
    with monkeypatch.context() as patched:
        patched.setattr(store._cold, "write", full)
        for number in range(50):
            journal.append(made(number))
            clock.advance(10)
            try:
                store.step()
            except OSError:
                assert len(journal.records) > 5
        assert store.status().hot_events <= 25
        assert ids(store) == expected(journal.records[: store.position])
    while store.step():
        pass
    assert ids(store) == expected(journal.records)


def test_a_question_does_not_wait_for_a_whole_backlog(opened: Opened, journal: EventJournal, clock: ManualClock) -> None:
    store = opened(read_batch=10)
    journal.append(*(made(number) for number in range(100)))
    reading = journal.read

    def slow(after: int, limit: int) -> Any:
        clock.advance(1.0)
        return reading(after, limit)

    journal.read = slow  # type: ignore[method-assign]
    assert not store.catch_up(100, patience=3.5)
    assert 30 <= store.position <= 50
    assert store.catch_up(20, patience=0.0)
    assert store.catch_up(100, patience=60.0)
    assert store.position == 100


def test_a_position_without_a_record_is_not_waited_for(opened: Opened, journal: EventJournal) -> None:
    store = opened()
    journal.append(made(1))
    assert store.catch_up(10, patience=5.0)  # a void at the end of the journal: there is nothing to take in
    assert ids(store) == ["event-1"]


def test_an_older_lake_goes_on_behind_the_gap_and_says_so(
    opened: Opened, journal: EventJournal, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened()
    journal.append(*(made(number) for number in range(9)))
    journal.trim(5)
    reading = journal.read

    def read(after: int, limit: int) -> Any:
        if after < journal.trimmed:
            raise JournalTrimmed
        return reading(after, limit)

    monkeypatch.setattr(journal, "read", read)
    with caplog.at_level(logging.ERROR):
        store._position = 2
        store.catch_up()
    assert "from 3 to 4" in caplog.text
    assert ids(store) == expected(journal.records[4:], lambda _: True)


def test_a_journal_that_was_trimmed_beyond_its_own_end_is_waited_for(opened: Opened, journal: EventJournal) -> None:
    store = opened()
    journal.append(made(1))

    def read(after: int, limit: int) -> Any:
        raise JournalTrimmed("the journal ends before")

    journal.read = read  # type: ignore[method-assign]
    with pytest.raises(JournalTrimmed, match="ends before"):
        store.catch_up()


def test_the_position_of_a_commit_is_told_before_it_is_made(tmp_path: Path, journal: EventJournal, clock: ManualClock) -> None:
    told: list[int] = []
    store = EventStore(tmp_path / "lake", journal, clock, EventStoreSettings(), before_commit=told.append)
    store.open()
    journal.append(made(1), made(2))
    store.catch_up()
    store.commit()
    assert told == [2]

    def refusing(position: int) -> None:
        raise OSError("the state database fails")

    store._before_commit = refusing
    journal.append(made(3))
    store.catch_up()
    with pytest.raises(OSError, match="state database"):
        store.commit()
    assert store.durable_position == 2
    store._before_commit = told.append
    store.commit()
    assert told == [2, 3]
    assert ids(store) == ["event-3", "event-2", "event-1"]
    store.close()


@pytest.mark.parametrize("time", ["9999-12-31T23:59:60Z"])
def test_a_second_after_the_last_day_is_no_time(time: str) -> None:
    with pytest.raises(Undecodable, match="after the last day"):
        epoch(time)


def test_events_of_the_far_future_and_past_are_kept_and_found_at_their_time(opened: Opened, journal: EventJournal) -> None:
    store = opened(warm_events=1)
    journal.append(made(1, eventTime="9999-12-31T23:59:59Z"), made(2), made(3, eventTime="1970-01-01T00:00:00Z"), made(4, age=5))
    store.catch_up()
    store.commit()
    assert ids(store) == ["event-1", "event-2", "event-4"]
    before = Question(account_id=ACCOUNT, region=REGION, category="Management", end=NOW)
    assert [event.event_id for event in store.find(before)] == ["event-2", "event-4"]
