"""The event store over the journal itself."""

from __future__ import annotations

import asyncio
from pathlib import Path

from opentrail.clock import ManualClock
from opentrail.config import JournalSettings
from opentrail.eventstore import EventStore, EventStoreSettings, Question
from opentrail.journal import Journal, Reader, trim
from simulators.event_journal import ACCOUNT, NOW, REGION, made


def test_records_are_followed_trimmed_and_followed_on(tmp_path: Path) -> None:
    path, clock = tmp_path / "journal.db", ManualClock(at=float(NOW))
    everything = Question(account_id=ACCOUNT, region=REGION, category="Management", limit=100)

    async def story() -> None:
        journal = Journal.open(path, settings=JournalSettings(), clock=clock)
        store = EventStore(tmp_path / "lake", Reader(path), clock, EventStoreSettings(warm_events=4, read_batch=3))
        store.open()
        for first in (0, 10, 20):
            position = await journal.append([made(number, age=30 - number) for number in range(first, first + 10)])
            assert store.catch_up(position)
            found = [event.event_id for event in store.find(everything)]
            assert found == [f"event-{number}" for number in reversed(range(first + 10))]
            store.commit()
            trim(path, store.durable_position + 1)
            store.close()
            store = EventStore(tmp_path / "lake", Reader(path), clock, EventStoreSettings(warm_events=4, read_batch=3))
            store.open()
        assert store.catch_up()
        assert store.position == 30
        store.close()
        journal.close()

    asyncio.run(story())


def test_data_and_network_activity_events_are_passed_over_and_hold_nothing_back(tmp_path: Path) -> None:
    path, clock = tmp_path / "journal.db", ManualClock(at=float(NOW))

    async def story() -> None:
        journal = Journal.open(path, settings=JournalSettings(), clock=clock)
        store = EventStore(tmp_path / "lake", Reader(path), clock, EventStoreSettings())
        store.open()
        kinds = ("Data", "NetworkActivity", "Management", "Data")
        position = 0
        for number, kind in enumerate(kinds):
            position = await journal.append([made(number, eventCategory=kind)])
        position = await journal.append([made(number, eventCategory="Data") for number in range(10, 500)])
        assert store.catch_up(position)
        for category, ids in (("Management", ["event-2"]), ("Data", []), ("NetworkActivity", [])):
            question = Question(account_id=ACCOUNT, region=REGION, category=category, limit=100)
            assert [event.event_id for event in store.find(question)] == ids
        store.commit()
        assert store.durable_position == position
        position = await journal.append([made(1000, eventCategory="Data")])
        assert store.catch_up(position)
        store.commit()
        assert store.durable_position == position, "nothing but data events has come, and the journal may forget them"
        assert trim(path, store.durable_position + 1) == position + 1
        store.close()
        journal.close()

    asyncio.run(story())
