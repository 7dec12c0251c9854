"""Aliases: names that stand for keys, and can be made to stand for others (KMS developer guide, "aliases")."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update

from opentrail.clock import Clock
from opentrail.kms.faults import AlreadyExistsException, LimitExceededException, NotFoundException
from opentrail.kms.keys import MANAGED
from opentrail.kms.names import RESERVED
from opentrail.kms.store import Store, aliases, the_key
from opentrail.kms.values import Alias, Key
from opentrail.wire.faults import ValidationException

MOST = 50
"""Aliases of one key."""


class Aliases:
    """The aliases of every account and Region. Thread-safe; every change is durable on return. Names have been checked."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def create(self, name: str, key: Key) -> None:
        """CreateAlias. Raises `AlreadyExistsException`, `LimitExceededException`, `KMSInvalidStateException`."""
        alias = Alias(account_id=key.account_id, region=key.region, name=name, key_id=key.key_id)
        now = self._clock.time()
        with self._store.write() as connection:
            the_key(connection, key).must_not_be_pending()
            if connection.execute(select(aliases.c.name).where(_is(alias))).first() is not None:
                raise AlreadyExistsException(f"An alias with the name {alias.arn} already exists")
            counted = select(func.count()).select_from(aliases).where(aliases.c.key_id == key.key_id)
            if (connection.execute(counted).scalar() or 0) >= MOST:
                raise LimitExceededException(f"{key.arn} has {MOST} aliases already.")
            connection.execute(
                insert(aliases).values(
                    account_id=alias.account_id, region=alias.region, name=name, key_id=key.key_id, created=now, updated=now
                )
            )

    def move(self, name: str, before: Key, after: Key) -> None:
        """UpdateAlias: from `before` to `after`, a key of the same kind. Raises `NotFoundException`, `ValidationException`."""
        alias = Alias(account_id=after.account_id, region=after.region, name=name, key_id=before.key_id)
        with self._store.write() as connection:
            the_key(connection, after).must_not_be_pending()
            if _kind(before) != _kind(after):
                raise ValidationException(
                    f"Alias {alias.arn} stands for a key of spec {before.spec.name} for {before.usage}; it cannot be moved to one of spec "
                    f"{after.spec.name} for {after.usage}."
                )
            moved = connection.execute(
                update(aliases).where(_is(alias), aliases.c.key_id == before.key_id).values(key_id=after.key_id, updated=self._clock.time())
            )
            if moved.rowcount == 0:
                raise NotFoundException(f"Alias {alias.arn} is not found.")

    def delete(self, account_id: str, region: str, name: str) -> None:
        """DeleteAlias. Raises `NotFoundException`."""
        alias = Alias(account_id=account_id, region=region, name=name, key_id=None)
        with self._store.write() as connection:
            if connection.execute(delete(aliases).where(_is(alias))).rowcount == 0:
                raise NotFoundException(f"Alias {alias.arn} is not found.")

    def of(self, key: Key) -> Sequence[str]:
        """The names of a key's aliases."""
        query = select(aliases.c.name).where(aliases.c.key_id == key.key_id).order_by(aliases.c.name)
        return self._store.recall(("aliases", key.key_id), lambda connection: tuple(connection.execute(query).scalars()))

    def list(self, account_id: str, region: str, *, key: Key | None = None) -> list[Alias]:
        """The aliases of an account in a Region, or only those of `key`, by name; those of AWS managed keys that nobody needed yet too."""
        where = [aliases.c.account_id == account_id, aliases.c.region == region]
        if key is not None:
            where.append(aliases.c.key_id == key.key_id)
        with self._store.read() as connection:
            found = {row.name: _alias(row) for row in connection.execute(select(aliases).where(*where))}
        if key is None:
            for service in MANAGED:
                name = f"{RESERVED}{service}"
                found.setdefault(name, Alias(account_id=account_id, region=region, name=name, key_id=None))
        return [found[name] for name in sorted(found)]


def _alias(row: Row[Any]) -> Alias:
    return Alias(account_id=row.account_id, region=row.region, name=row.name, key_id=row.key_id, created=row.created, updated=row.updated)


def _is(alias: Alias) -> Any:
    here = (aliases.c.account_id == alias.account_id) & (aliases.c.region == alias.region)
    return here & (aliases.c.name == alias.name)


def _kind(key: Key) -> tuple[str, str]:
    """What the old and the new key of an alias must have in common: both symmetric, both asymmetric or both HMAC, for the same use."""
    return ("asymmetric" if key.spec.kind in ("rsa", "ecc") else key.spec.kind), key.usage
