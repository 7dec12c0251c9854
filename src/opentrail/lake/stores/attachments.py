"""Tags and resource policies, by the ARN of what carries them: an event data store, a channel, a dashboard. In the state database.

Who removes one of these calls `forget` in the same transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Column, MetaData, String, Table, delete, select
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine import Connection

from opentrail.lake.event_data_store import EventDataStore

METADATA = MetaData()

TAGS = Table(
    "lake_tags",
    METADATA,
    Column("arn", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("value", String, nullable=False),
)
POLICIES = Table("lake_resource_policies", METADATA, Column("arn", String, primary_key=True), Column("policy", String, nullable=False))

_MANY = 500
"""ARNs that one query asks for."""


def tags(connection: Connection, arn: str) -> dict[str, str]:
    """The tags of a resource, by key."""
    found = connection.execute(select(TAGS.c.key, TAGS.c.value).where(TAGS.c.arn == arn).order_by(TAGS.c.key))
    return {row.key: row.value for row in found}


def put_tags(connection: Connection, arn: str, given: Mapping[str, str]) -> None:
    """Add tags; a key that is there gets the new value."""
    for key, value in given.items():
        row = upsert(TAGS).values(arn=arn, key=key, value=value)
        connection.execute(row.on_conflict_do_update(index_elements=["arn", "key"], set_={"value": value}))


def remove_tags(connection: Connection, arn: str, keys: Iterable[str]) -> None:
    """Remove tags by key; keys that are not there are passed over."""
    connection.execute(delete(TAGS).where(TAGS.c.arn == arn, TAGS.c.key.in_(list(keys))))


def policy(connection: Connection, arn: str) -> str | None:
    """The policy that was put for a resource, as written."""
    found: str | None = connection.scalar(select(POLICIES.c.policy).where(POLICIES.c.arn == arn))
    return found


def put_policy(connection: Connection, arn: str, text: str) -> None:
    """Keep the policy of a resource in place of the one before."""
    row = upsert(POLICIES).values(arn=arn, policy=text)
    connection.execute(row.on_conflict_do_update(index_elements=["arn"], set_={"policy": text}))


def remove_policy(connection: Connection, arn: str) -> None:
    """Forget the policy of a resource."""
    connection.execute(delete(POLICIES).where(POLICIES.c.arn == arn))


def forget(connection: Connection, arn: str) -> None:
    """The resource is no more."""
    remove_policy(connection, arn)
    connection.execute(delete(TAGS).where(TAGS.c.arn == arn))


def with_attachments(connection: Connection, stores: Sequence[EventDataStore]) -> list[EventDataStore]:
    """The stores with their tags and policies."""
    arns = [store.arn for store in stores]
    tagged: dict[str, dict[str, str]] = {}
    policies: dict[str, str] = {}
    for first in range(0, len(arns), _MANY):
        asked = arns[first : first + _MANY]
        for row in connection.execute(select(TAGS).where(TAGS.c.arn.in_(asked)).order_by(TAGS.c.key)):
            tagged.setdefault(row.arn, {})[row.key] = row.value
        policies |= {row.arn: row.policy for row in connection.execute(select(POLICIES).where(POLICIES.c.arn.in_(asked)))}
    return [replace(store, tags=tagged.get(store.arn, {}), resource_policy=policies.get(store.arn)) for store in stores]
