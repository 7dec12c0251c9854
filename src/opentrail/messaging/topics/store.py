"""The tables of topics: topics, subscriptions, messages that are still on their way, and where they go.

A message is kept as long as a delivery of it is. Whatever is done with them is one transaction: a publish with all its deliveries, the end
of a delivery with that of its message.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
    delete,
    exists,
    insert,
    select,
    update,
)

from opentrail.messaging.topics.faults import NotFoundException
from opentrail.messaging.topics.values import Delivery, Kind, Message, MessageAttribute, Subscription, Topic
from opentrail.storage.database import Database
from opentrail.storage.once import Once

tables = MetaData()

topics = Table(
    "sns_topics",
    tables,
    Column("arn", String(400), primary_key=True),
    Column("account_id", String(12), nullable=False),
    Column("region", String(64), nullable=False),
    Column("name", String(256), nullable=False),
    Column("attributes", JSON, nullable=False),
    Column("policy", Text, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("deleted", Integer, nullable=False),
    Index("sns_topics_of_account", "account_id", "region", "arn"),
)

subscriptions = Table(
    "sns_subscriptions",
    tables,
    Column("arn", String(440), primary_key=True),
    Column("topic_arn", String(400), nullable=False),
    Column("owner", String(12), nullable=False),
    Column("region", String(64), nullable=False),
    Column("protocol", String(16), nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attributes", JSON, nullable=False),
    Column("token", String(256), nullable=False, index=True),
    Column("token_expires", Float, nullable=False),
    Column("authenticated", Boolean, nullable=False),
    Column("protected", Boolean, nullable=False),
    UniqueConstraint("topic_arn", "protocol", "endpoint"),
    Index("sns_subscriptions_of_owner", "owner", "region", "arn"),
    Index("sns_subscriptions_that_expire", "state", "token_expires"),
)

messages = Table(
    "sns_messages",
    tables,
    Column("message_id", String(36), primary_key=True),
    Column("topic_arn", String(400), nullable=False),
    Column("published", Float, nullable=False),
    Column("body", Text, nullable=False),
    Column("structured", Boolean, nullable=False),
    Column("subject", Text),
    Column("attributes", JSON, nullable=False),  # name → [type, value]
)

deliveries = Table(
    "sns_deliveries",
    tables,
    Column("number", Integer, primary_key=True),
    Column("subscription_arn", String(440), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("message_id", String(36), index=True),
    Column("attempts", Integer, nullable=False),
    Column("first_attempt", Float),
    Column("due", Float, nullable=False, index=True),
    Column("failed", Text),  # why it was given up: what is left to do is to put it into the dead-letter queue
    Index("sns_deliveries_of_subscription", "subscription_arn", "due", "number"),
)


class Store:
    """Transactions on the tables above. Thread-safe, and safe beside another process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.create(tables)
        self.once = Once(database)
        """What others have published that keep it until they know that it was."""

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that changes something; durable when it has been left."""
        with self._database.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent read."""
        with self._database.read() as connection:
            yield connection

    def first_due(self) -> float:
        """When the next delivery is due; infinite when there is none. Asked often, answered in microseconds."""
        found = self._database.first("SELECT min(due) FROM sns_deliveries", ())
        return math.inf if found is None or found[0] is None else float(found[0])


def topic_of(row: Row[Any]) -> Topic:
    """The topic in a row of `topics`."""
    return Topic(
        arn=row.arn,
        account_id=row.account_id,
        region=row.region,
        name=row.name,
        attributes=row.attributes,
        policy=row.policy,
        tags=row.tags,
        deleted=row.deleted,
    )


def find_topic(connection: Connection, arn: str) -> Topic | None:
    """The topic of this ARN."""
    row = connection.execute(select(topics).where(topics.c.arn == arn)).first()
    return None if row is None else topic_of(row)


def the_topic(connection: Connection, arn: str) -> Topic:
    """The same; raises `NotFound`."""
    found = find_topic(connection, arn)
    if found is None:
        raise NotFoundException
    return found


def subscription_of(row: Row[Any]) -> Subscription:
    """The subscription in a row of `subscriptions`."""
    return Subscription(
        arn=row.arn,
        topic_arn=row.topic_arn,
        owner=row.owner,
        protocol=row.protocol,
        endpoint=row.endpoint,
        state=row.state,
        attributes=row.attributes,
        token=row.token,
        token_expires=row.token_expires,
        authenticated=row.authenticated,
        protected=row.protected,
    )


def find_subscription(connection: Connection, arn: str) -> Subscription | None:
    """The subscription of this ARN, also one that waits for confirmation or was cancelled."""
    row = connection.execute(select(subscriptions).where(subscriptions.c.arn == arn)).first()
    return None if row is None else subscription_of(row)


def the_subscription(connection: Connection, arn: str) -> Subscription:
    """The subscription of this ARN. Raises `NotFound`, also for one that was cancelled."""
    found = find_subscription(connection, arn)
    if found is None or found.state == "cancelled":
        raise NotFoundException("Subscription does not exist")
    return found


def change_subscription(connection: Connection, arn: str, values: Mapping[str, Any]) -> None:
    """Put `values` into the columns of a subscription."""
    connection.execute(update(subscriptions).where(subscriptions.c.arn == arn).values(**values))


def remove_subscriptions(connection: Connection, arns: Iterable[str]) -> None:
    """Remove subscriptions with what is on its way to them."""
    for arn in arns:
        forget_deliveries(connection, arn)
        connection.execute(delete(subscriptions).where(subscriptions.c.arn == arn))


def forget_deliveries(connection: Connection, subscription_arn: str) -> None:
    """Have nothing delivered to a subscription any more that is on its way now."""
    of_subscription = deliveries.c.subscription_arn == subscription_arn
    ids = connection.execute(select(deliveries.c.message_id).where(of_subscription)).scalars().all()
    connection.execute(delete(deliveries).where(of_subscription))
    forget_messages(connection, ids)


def keep_message(connection: Connection, message: Message) -> None:
    """Keep a message until all its deliveries are done."""
    connection.execute(
        insert(messages).values(
            message_id=message.message_id,
            topic_arn=message.topic_arn,
            published=message.published,
            body=message.body,
            structured=message.structured,
            subject=message.subject,
            attributes={name: [attribute.data_type, attribute.value] for name, attribute in message.attributes.items()},
        )
    )


def keep_delivery(connection: Connection, subscription_arn: str, kind: Kind, message_id: str | None, due: float) -> None:
    """Have something delivered from `due` on."""
    connection.execute(insert(deliveries).values(subscription_arn=subscription_arn, kind=kind, message_id=message_id, attempts=0, due=due))


def find_message(connection: Connection, message_id: str) -> Message | None:
    """A message that is still on its way."""
    row = connection.execute(select(messages).where(messages.c.message_id == message_id)).first()
    if row is None:
        return None
    return Message(
        message_id=row.message_id,
        topic_arn=row.topic_arn,
        published=row.published,
        body=row.body,
        structured=row.structured,
        subject=row.subject,
        attributes={name: MessageAttribute(kind, value) for name, (kind, value) in row.attributes.items()},
    )


def forget_messages(connection: Connection, ids: Iterable[str | None]) -> None:
    """Forget those of the messages that have no delivery left."""
    for message_id in {one for one in ids if one is not None}:
        waiting = exists().where(deliveries.c.message_id == message_id)
        connection.execute(delete(messages).where(messages.c.message_id == message_id, ~waiting))


def delivery_of(row: Row[Any]) -> Delivery:
    """The delivery in a row of `deliveries`."""
    return Delivery(
        number=row.number,
        subscription_arn=row.subscription_arn,
        kind=row.kind,
        message_id=row.message_id,
        attempts=row.attempts,
        first_attempt=row.first_attempt,
        due=row.due,
        failed=row.failed,
    )
