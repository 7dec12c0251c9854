"""Events by column: a hot tail in memory, Iceberg tables on disk, and questions to both at once.

    store = EventStore(folder, reader, clock, EventStoreSettings())
    store.open()
    store.catch_up()
    store.find(Question(account_id="111122223333", region="us-east-1", category="Management", limit=50))

Events come from the journal and stay there until `durable_position` has passed them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from opentrail.eventstore.event import Event
from opentrail.eventstore.query import Question
from opentrail.eventstore.settings import EventStoreSettings

if TYPE_CHECKING:
    from opentrail.eventstore.store import EventStore, EventStoreError, Reader, Status

__all__ = ["Event", "EventStore", "EventStoreError", "EventStoreSettings", "Question", "Reader", "Status"]

_STORE = frozenset({"EventStore", "EventStoreError", "Reader", "Status"})


def __getattr__(name: str) -> object:
    """Import the store when it is asked for: who only asks questions, as the front does, needs neither Arrow nor Iceberg nor DuckDB."""
    if name not in _STORE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("opentrail.eventstore.store"), name)
