"""Rotation: new key material under the same key, by standing order or on demand (KMS developer guide, "rotating AWS KMS keys")."""

from __future__ import annotations

from sqlalchemy import Connection, func, select, update

from opentrail.clock import Clock
from opentrail.events.service_event import ServiceEvent
from opentrail.kms.faults import LimitExceededException, UnsupportedOperationException
from opentrail.kms.keys import Keys, rotation_columns
from opentrail.kms.store import Store, keys, materials, the_key
from opentrail.kms.values import DAY, Key, Material, RotationType
from opentrail.storage.outbox import Outbox

DEFAULT_DAYS = 365
MOST_ON_DEMAND = 25
"""On-demand rotations of one key (RotateKeyOnDemand)."""


class Rotations:
    """What is ordered, and what has been done. Thread-safe; every change is durable on return."""

    def __init__(self, store: Store, keys: Keys, outbox: Outbox, clock: Clock) -> None:
        self._store = store
        self._keys = keys
        self._outbox = outbox
        self._clock = clock

    def enable(self, key: Key, days: int | None) -> None:
        """EnableKeyRotation: every `days` (365 when that is not said), counted from now, or from where an order before began."""
        with self._store.write() as connection:
            now = the_key(connection, key)
            rotatable(now)
            now.must_be_enabled()
            days, since = days or DEFAULT_DAYS, self._clock.time()
            if now.rotation is not None:
                since = now.rotation.since if days == now.rotation.days else max(now.rotation.since, since - days * DAY)
            connection.execute(update(keys).where(keys.c.key_id == key.key_id).values(**rotation_columns(days, since)))

    def disable(self, key: Key) -> None:
        """DisableKeyRotation"""
        with self._store.write() as connection:
            now = the_key(connection, key)
            rotatable(now)
            now.must_be_enabled()
            connection.execute(update(keys).where(keys.c.key_id == key.key_id).values(**rotation_columns(None, 0)))

    def on_demand(self, key: Key) -> None:
        """RotateKeyOnDemand, at once; what was ordered stays as it is. Its event is in the outbox with the deed."""
        counted = select(func.count()).where(materials.c.key_id == key.key_id, materials.c.rotation == "ON_DEMAND")
        with self._store.write() as connection:
            now = the_key(connection, key)
            rotatable(now)
            now.must_be_enabled()
            if (connection.execute(counted).scalar() or 0) >= MOST_ON_DEMAND:
                raise LimitExceededException(f"{key.arn} has been rotated on demand {MOST_ON_DEMAND} times already.")
            self.carry_out(connection, now, "ON_DEMAND", self._clock.time())

    def carry_out(self, connection: Connection, key: Key, kind: RotationType, now: float) -> None:
        """Rotate `key`, as it is in this transaction, and leave the event."""
        self._keys.rotate(connection, key, kind, now)
        self._outbox.put(connection, event(key, "RotateKey", now, rotationType=kind))

    def materials(self, key: Key) -> list[Material]:
        """Every key material of `key`, the first one first."""
        query = select(materials).where(materials.c.key_id == key.key_id).order_by(materials.c.number)
        with self._store.read() as connection:
            return [
                Material(number=row.number, material_id=row.material_id, created=row.created, rotation=row.rotation)
                for row in connection.execute(query)
            ]


def rotatable(key: Key) -> None:
    """Raises `UnsupportedOperationException` for a key whose material stays what it is."""
    if not key.symmetric:
        raise UnsupportedOperationException(f"{key.arn} key spec is {key.spec.name} which is not valid for this operation.")


def event(key: Key, name: str, now: float, **details: str) -> ServiceEvent:
    """What KMS did to `key` by itself."""
    return ServiceEvent(
        event_source="kms.amazonaws.com",
        event_name=name,
        account_id=key.account_id,
        region=key.region,
        time=now,
        resources=({"accountId": key.account_id, "type": "AWS::KMS::Key", "ARN": key.arn},),
        details={**details, "keyId": key.key_id},
    )
