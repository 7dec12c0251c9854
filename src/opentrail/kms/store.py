"""The tables of KMS: keys, their material (sealed), aliases, grants.

`generation` is one number that grows with every change, so that what is asked for with every call need not be read with every call: as
long as the number is the same, whoever changes it, in this process or another, nothing has changed (`Store.recall`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    Select,
    String,
    Table,
    Text,
    and_,
    delete,
    insert,
    select,
    update,
)

from opentrail.kms.faults import NotFoundException
from opentrail.kms.names import key_arn
from opentrail.kms.specs import SPECS
from opentrail.kms.values import Key, Rotation
from opentrail.storage.database import Database

T = TypeVar("T")

MAX_REMEMBERED = 20_000
"""Answers that are kept in memory; beyond that all are forgotten and read again as needed."""

tables = MetaData()

generation = Table("kms_generation", tables, Column("id", Integer, primary_key=True), Column("value", Integer, nullable=False))

keys = Table(
    "kms_keys",
    tables,
    Column("key_id", String(36), primary_key=True),
    Column("account_id", String(12), nullable=False),
    Column("region", String(64), nullable=False),
    Column("created", Float, nullable=False),
    Column("description", Text, nullable=False),
    Column("usage", String(32), nullable=False),
    Column("spec", String(32), nullable=False),
    Column("manager", String(8), nullable=False),
    Column("state", String(16), nullable=False),
    Column("deletion", Float, index=True),
    Column("policy", Text, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("rotation_days", Integer),
    Column("rotation_since", Float),
    Column("rotation_due", Float, index=True),
    Column("number", Integer, nullable=False),
    Index("kms_keys_of_account", "account_id", "region", "key_id"),
)

materials = Table(
    "kms_materials",
    tables,
    Column("key_id", ForeignKey("kms_keys.key_id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("material_id", String(64), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created", Float, nullable=False),
    Column("rotation", String(16)),  # none: the first one
)

aliases = Table(
    "kms_aliases",
    tables,
    Column("account_id", String(12), primary_key=True),
    Column("region", String(64), primary_key=True),
    Column("name", String(256), primary_key=True),
    Column("key_id", ForeignKey("kms_keys.key_id"), nullable=False, index=True),
    Column("created", Float, nullable=False),
    Column("updated", Float, nullable=False),
)

grants = Table(
    "kms_grants",
    tables,
    Column("grant_id", String(64), primary_key=True),
    Column("key_id", ForeignKey("kms_keys.key_id"), nullable=False),
    Column("account_id", String(12), nullable=False),  # of the key, like the Region
    Column("region", String(64), nullable=False),
    Column("created", Float, nullable=False),
    Column("issuing_account", String(64), nullable=False),
    Column("grantee", String(256)),
    Column("grantee_service", String(128)),
    Column("retiring", String(256), index=True),
    Column("retiring_service", String(128)),
    Column("name", String(256)),
    Column("operations", JSON, nullable=False),
    Column("context_subset", JSON),
    Column("context_equals", JSON),
    Column("source_arn", String(512)),
    Index("kms_grants_of_grantee", "key_id", "grantee"),
)

_KEYS = select(keys, materials.c.material_id).join(
    materials, and_(materials.c.key_id == keys.c.key_id, materials.c.number == keys.c.number)
)


class Store:
    """Transactions on the tables above, and a memory of what they hold. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._generation = 0
        self._remembered: dict[Hashable, Any] = {}
        database.create(tables)
        with database.begin() as connection:
            if connection.execute(select(generation.c.value)).first() is None:
                connection.execute(insert(generation).values(id=1, value=1))

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that changes something."""
        with self._database.begin() as connection:
            yield connection
            connection.execute(update(generation).values(value=generation.c.value + 1))

    def recall(self, question: Hashable, read: Callable[[Connection], T]) -> T:
        """The answer to `question`, as it is now: remembered, or found by `read`. It must not be changed."""
        row = self._database.first("SELECT value FROM kms_generation", ())
        current = row[0] if row else 0
        with self._lock:
            if current != self._generation or len(self._remembered) >= MAX_REMEMBERED:
                self._generation, self._remembered = current, {}
            if question in self._remembered:
                known: T = self._remembered[question]
                return known
        with self.read() as connection:
            found = read(connection)
        with self._lock:
            if current == self._generation:  # otherwise this may be older than what the new number stands for
                self._remembered[question] = found
        return found

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent read."""
        with self._database.read() as connection:
            yield connection


def every_key() -> Select[Any]:
    """Rows for `key_of`; narrow it down."""
    return _KEYS


def key_of(row: Row[Any]) -> Key:
    """The key in a row of `every_key`."""
    rotation = None if row.rotation_days is None else Rotation(days=row.rotation_days, since=row.rotation_since)
    return Key(
        key_id=row.key_id,
        account_id=row.account_id,
        region=row.region,
        created=row.created,
        description=row.description,
        usage=row.usage,
        spec=SPECS[row.spec],
        manager=row.manager,
        state=row.state,
        deletion=row.deletion,
        policy=row.policy,
        tags=row.tags,
        rotation=rotation,
        number=row.number,
        material_id=row.material_id,
    )


def find_key(connection: Connection, key_id: str) -> Key | None:
    """The key of this id, in whatever account and Region."""
    row = connection.execute(_KEYS.where(keys.c.key_id == key_id)).first()
    return None if row is None else key_of(row)


def the_key(connection: Connection, key: Key) -> Key:
    """`key` as it is in this transaction. Raises `NotFoundException` when it has been deleted meanwhile."""
    found = find_key(connection, key.key_id)
    if found is None:
        raise no_such_key(key.account_id, key.region, key.key_id)
    return found


def no_such_key(account_id: str, region: str, key_id: str) -> NotFoundException:
    """The fault that says so."""
    return NotFoundException(f"Key '{key_arn(account_id, region, key_id)}' does not exist")


def erase(connection: Connection, key_id: str) -> None:
    """Remove a key and all that belongs to it; what SQLite frees by that is overwritten with zeros."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete = ON")
    for table in (grants, aliases, materials, keys):
        connection.execute(delete(table).where(table.c.key_id == key_id))
