"""Tables over a journal in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from opentrail.clock import ManualClock
from opentrail.lake.tables.tables import StoreTables
from simulators.event_journal import NOW, EventJournal
from simulators.store_tables import Keys, KnownStores, opened_tables


@pytest.fixture
def journal() -> EventJournal:
    return EventJournal()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(at=float(NOW))


@pytest.fixture
def stores() -> KnownStores:
    return KnownStores()


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def opened(
    tmp_path: Path, journal: EventJournal, stores: KnownStores, clock: ManualClock, keys: Keys
) -> Iterator[Callable[..., StoreTables]]:
    """Opens the tables of this test, again and again; what is open before is closed."""
    current: list[StoreTables] = []

    def open_tables(**settings: Any) -> StoreTables:
        while current:
            current.pop().close()
        tables = opened_tables(tmp_path / "lake", journal, stores, clock, keys, **settings)
        current.append(tables)
        return tables

    yield open_tables
    while current:
        current.pop().close()
