"""Queries on the versions of objects; the tables are in `store`."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from opentrail.buckets.store import NULL, OBJECT_COLUMNS, OBJECTS, stored
from opentrail.buckets.values import StoredObject
from opentrail.storage.database import Database

_SEQUENCE_NOW = "SELECT 1 FROM bucket_objects WHERE sequence = ?"


def newest(connection: Connection, bucket: str, key: str, count: int) -> Sequence[StoredObject]:
    """The newest `count` versions of a key, markers among them."""
    query = select(*OBJECT_COLUMNS).where(_key(bucket, key)).order_by(OBJECTS.c.version).limit(count)
    return [stored(row) for row in connection.execute(query)]


def find_version(connection: Connection, bucket: str, key: str, version_id: str) -> StoredObject | None:
    """The version that clients know as `version_id`."""
    which = NULL if version_id == "null" else and_(OBJECTS.c.version == version_id, OBJECTS.c.is_null == 0)
    row = connection.execute(select(*OBJECT_COLUMNS).where(_key(bucket, key), which)).first()
    return None if row is None else stored(row)


def is_there(database: Database, sequence: int) -> bool:
    """Whether a committed state still stands, asked in no transaction."""
    return database.first(_SEQUENCE_NOW, (sequence,)) is not None


def scan_versions(
    connection: Connection, bucket: str, *, start: bytes, inclusive: bool, after: str | None, end: bytes | None, limit: int
) -> list[StoredObject]:
    """Up to `limit` versions by key, newest first, from the key `start`; at `start` itself only those behind the version `after`, if given,
    else all (`inclusive`) or none."""
    query = select(*OBJECT_COLUMNS).where(OBJECTS.c.bucket == bucket)
    if inclusive:
        query = query.where(OBJECTS.c.key >= start)
    elif after is None:
        query = query.where(OBJECTS.c.key > start)
    else:
        # The first condition follows from the second, but an index can begin with it.
        query = query.where(OBJECTS.c.key >= start, or_(OBJECTS.c.key > start, OBJECTS.c.version > after))
    if end is not None:
        query = query.where(OBJECTS.c.key < end)
    return [stored(row) for row in connection.execute(query.order_by(OBJECTS.c.key, OBJECTS.c.version).limit(limit))]


def by_sequence(connection: Connection, sequence: int) -> StoredObject | None:
    """A committed state, if it still stands."""
    row = connection.execute(select(*OBJECT_COLUMNS).where(OBJECTS.c.sequence == sequence)).first()
    return None if row is None else stored(row)


def newer_noncurrent(connection: Connection, old: StoredObject) -> int:
    """How many noncurrent versions of the same key are newer; markers count."""
    newer = (_key(old.bucket, old.key), OBJECTS.c.version < old.version, OBJECTS.c.superseded.is_not(None))
    return connection.execute(select(func.count()).select_from(OBJECTS).where(*newer)).scalar_one()


def alone(connection: Connection, one: StoredObject) -> bool:
    """Whether there is no other version of the same key."""
    return len(newest(connection, one.bucket, one.key, 2)) == 1


def _key(bucket: str, key: str) -> ColumnElement[bool]:
    return and_(OBJECTS.c.bucket == bucket, OBJECTS.c.key == key.encode())
