"""Events by column: a hot tail in memory, Iceberg tables on disk, and questions to both at once.

    store = EventStore(folder, reader, clock, EventStoreSettings())
    store.open()
    store.catch_up()
    store.find(Question(account_id="111122223333", region="us-east-1", category="Management", limit=50))

Events come from the journal and stay there until `durable_position` has passed them.
"""

from opentrail.eventstore.columns import Event
from opentrail.eventstore.query import Question
from opentrail.eventstore.settings import EventStoreSettings
from opentrail.eventstore.store import EventStore, EventStoreError, Reader, Status

__all__ = ["Event", "EventStore", "EventStoreError", "EventStoreSettings", "Question", "Reader", "Status"]
