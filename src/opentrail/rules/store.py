"""The tables of event buses: buses, rules, targets, connections, API destinations, and the events that have come in.

They lie in `DataFolder.rules`, used by the front (control plane, PutEvents) and the watch (delivery) at once. Whatever changes buses,
rules, targets or connections raises `rules_generation`, so the other process sees that by one cheap look (`Store.generation`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    insert,
    select,
    update,
)

from opentrail.storage.database import Database
from opentrail.storage.writer import Writer

tables = MetaData()

buses = Table(
    "event_buses",
    tables,
    Column("arn", String(400), primary_key=True),
    Column("account_id", String(12), nullable=False),
    Column("region", String(64), nullable=False),
    Column("name", String(256), nullable=False),
    Column("description", Text),
    Column("kms_key", Text),
    Column("dead_letter_arn", Text),
    Column("log_config", JSON),
    Column("policy", Text),
    Column("tags", JSON, nullable=False),
    Column("created", Float, nullable=False),
    Column("modified", Float, nullable=False),
    Index("event_buses_of_account", "account_id", "region", "name"),
)
"""A default bus has a row only once somebody has changed it."""

rules = Table(
    "event_rules",
    tables,
    Column("arn", String(512), primary_key=True),
    Column("bus_arn", String(400), nullable=False),
    Column("account_id", String(12), nullable=False),
    Column("region", String(64), nullable=False),
    Column("bus", String(256), nullable=False),
    Column("name", String(64), nullable=False),
    Column("pattern", Text),
    Column("schedule", Text),
    Column("state", String(64), nullable=False),
    Column("description", Text),
    Column("role_arn", Text),
    Column("managed_by", Text),
    Column("created_by", String(12), nullable=False),
    Column("created", Float, nullable=False),
    Column("tags", JSON, nullable=False),
    UniqueConstraint("bus_arn", "name"),
)

targets = Table(
    "event_targets",
    tables,
    Column("rule_arn", String(512), primary_key=True),
    Column("target_id", String(64), primary_key=True),
    Column("bus_arn", String(400), nullable=False),
    Column("arn", Text, nullable=False),
    Column("role_arn", Text),
    Column("input", Text),
    Column("input_path", Text),
    Column("transformer", JSON),  # [template, paths]
    Column("attempts", Integer, nullable=False),
    Column("max_age", Integer, nullable=False),
    Column("retry_given", Boolean, nullable=False),
    Column("dead_letter_arn", Text),
    Column("http", JSON),  # [path values, headers, query]
    Column("message_group_id", Text),
    Column("created", Float, nullable=False),
    Index("event_targets_by_arn", "bus_arn", "arn"),
)

connections = Table(
    "event_connections",
    tables,
    Column("arn", String(512), primary_key=True),
    Column("account_id", String(12), nullable=False),
    Column("region", String(64), nullable=False),
    Column("name", String(64), nullable=False),
    Column("description", Text),
    Column("authorization_type", String(32), nullable=False),
    Column("state", String(32), nullable=False),
    Column("secret_arn", Text, nullable=False),
    Column("shown", JSON, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created", Float, nullable=False),
    Column("modified", Float, nullable=False),
    Column("authorized", Float),
    UniqueConstraint("account_id", "region", "name"),
)

destinations = Table(
    "event_api_destinations",
    tables,
    Column("arn", String(512), primary_key=True),
    Column("account_id", String(12), nullable=False),
    Column("region", String(64), nullable=False),
    Column("name", String(64), nullable=False),
    Column("description", Text),
    Column("connection_arn", String(512), nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("method", String(8), nullable=False),
    Column("rate_limit", Integer),
    Column("created", Float, nullable=False),
    Column("modified", Float, nullable=False),
    UniqueConstraint("account_id", "region", "name"),
)

events = Table(
    "bus_events",
    tables,
    Column("position", Integer, primary_key=True, autoincrement=True),
    Column("bus_arn", String(400), nullable=False),
    Column("event_id", String(64), nullable=False),
    Column("event", Text, nullable=False),  # JSON
    Column("arrived", Float, nullable=False),
    UniqueConstraint("bus_arn", "event_id"),
    sqlite_autoincrement=True,  # a position is never given out again, also when the newest events are forgotten
)

generation = Table("rules_generation", tables, Column("id", Integer, primary_key=True), Column("value", Integer, nullable=False))


class Store:
    """Transactions on the tables above. Thread-safe, and safe beside another process."""

    def __init__(self, database: Database) -> None:
        self.database = database
        database.create(tables)
        with database.begin() as connection:
            if connection.execute(select(generation.c.value)).first() is None:
                connection.execute(insert(generation).values(id=1, value=1))

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that changes buses, rules, targets or connections; raises the generation."""
        with self.database.begin() as connection:
            yield connection
            connection.execute(update(generation).values(value=generation.c.value + 1))

    @contextmanager
    def add(self) -> Iterator[Connection]:
        """A transaction that takes or forgets events."""
        with self.database.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent read."""
        with self.database.read() as connection:
            yield connection

    def writer(self, name: str) -> Writer:
        """What takes events for many callers, in transactions like those of `add`."""
        return Writer(self.database, name=name)

    def generation(self) -> int:
        """Another number when buses, rules, targets or connections may have changed. Asked often, answered in microseconds."""
        found = self.database.first("SELECT value FROM rules_generation", ())
        return 0 if found is None else int(found[0])

    def newest_event(self) -> int:
        """Position of the newest event that a bus has taken, 0 when there was never one. As cheap."""
        found = self.database.first("SELECT seq FROM sqlite_sequence WHERE name = 'bus_events'", ())
        return 0 if found is None else int(found[0])
