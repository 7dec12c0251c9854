"""SNS of our own: topics, subscriptions, and messages that are delivered at least once.

    messages = Notifications(Database.at(folder.messages), clock)
    topic = messages.topics.create(names.new_topic("news", region=region, account_id=account), {}, {})
    messages.publishing.publish(topic.arn, [draft({"Message": "hello"})])

Who may do what is decided before: by the door for calls (`api/sns`), by `ServicePublisher` for services of the house. What was published
is delivered by the `Dispatcher`, in another process.
"""

from __future__ import annotations

from opentrail.clock import Clock
from opentrail.messaging.topics.publishing import Publishing
from opentrail.messaging.topics.service_publisher import ServicePublisher
from opentrail.messaging.topics.store import Store
from opentrail.messaging.topics.subscriptions import Subscriptions
from opentrail.messaging.topics.topics import Topics
from opentrail.storage.database import Database


class Notifications:
    """The topics of one data folder, put together."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """`database` is `DataFolder.messages`."""
        self.store = Store(database)
        self.topics = Topics(self.store)
        self.subscriptions = Subscriptions(self.store, clock)
        self.publishing = Publishing(self.store, clock)


__all__ = ["Notifications", "ServicePublisher"]
