"""An event store over a journal in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from opentrail.clock import ManualClock
from opentrail.eventstore import EventStore, EventStoreSettings
from simulators.event_journal import NOW, EventJournal


@pytest.fixture
def journal() -> EventJournal:
    return EventJournal()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(at=float(NOW))


@pytest.fixture
def opened(tmp_path: Path, journal: EventJournal, clock: ManualClock) -> Iterator[Callable[..., EventStore]]:
    """Opens the store of this test, again and again; what is open before is closed."""
    current: list[EventStore] = []

    def open_store(**settings: Any) -> EventStore:
        while current:
            current.pop().close()
        store = EventStore(tmp_path / "lake", journal, clock, EventStoreSettings(**settings))
        store.open()
        current.append(store)
        return store

    yield open_store
    while current:
        current.pop().close()
