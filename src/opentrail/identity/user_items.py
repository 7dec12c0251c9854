"""What else users have: SSH public keys, signing certificates, service-specific credentials. All are kept and listed in the same way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, delete, insert, select, update

from opentrail.clock import Clock
from opentrail.identity import entities
from opentrail.identity.entities import Entity, instant
from opentrail.identity.faults import LimitExceeded, NoSuchEntity
from opentrail.identity.store import Store, user_items
from opentrail.identity.store import entities as entity_table

Kind = Literal["ssh-public-key", "signing-certificate", "service-specific-credential"]
Status = Literal["Active", "Inactive"]

_MISSING: Mapping[Kind, str] = {
    "ssh-public-key": "The Public Key with id {} cannot be found.",
    "signing-certificate": "The Certificate with id {} cannot be found.",
    "service-specific-credential": "No such credential {} exists",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class UserItem:
    """One of them; `details` holds what its kind has."""

    id: str
    user_name: str
    status: Status
    created: datetime
    details: Mapping[str, Any]


class UserItems:
    """The items of each account's users. Every method raises `NoSuchEntity` when the user is not there."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def add(
        self, account_id: str, user_name: str, kind: Kind, item_id: str, details: Mapping[str, Any], *, quota: tuple[str, int]
    ) -> UserItem:
        """Keep a new, active one. Raises `LimitExceeded` beyond `quota` (name and number) of those with the same `service`, if any."""
        now = self._clock.time()
        name, most = quota
        with self._store.write() as connection:
            user = entities.find(connection, "user", account_id, user_name)
            present = [row for row in _rows(connection, user, kind) if row.details.get("service") == details.get("service")]
            if len(present) >= most:
                raise LimitExceeded(f"Cannot exceed quota for {name}: {most}")
            connection.execute(
                insert(user_items).values(id=item_id, user_id=user.id, kind=kind, status="Active", created=now, details=dict(details))
            )
        return UserItem(id=item_id, user_name=user_name, status="Active", created=instant(now), details=details)

    def list(self, account_id: str, user_name: str, kind: Kind) -> Sequence[UserItem]:
        """Those of a user, the oldest first."""
        with self._store.read() as connection:
            rows = _rows(connection, entities.find(connection, "user", account_id, user_name), kind)
        return [_item(row, user_name) for row in rows]

    def get(self, account_id: str, user_name: str, kind: Kind, item_id: str) -> UserItem:
        """One of them. Raises `NoSuchEntity`."""
        for item in self.list(account_id, user_name, kind):
            if item.id == item_id:
                return item
        raise _missing(kind, item_id)

    def owner_of(self, account_id: str, kind: Kind, same: Mapping[str, Any]) -> str | None:
        """The user of the account who has one whose details hold `same`."""
        with self._store.read() as connection:
            rows = connection.execute(
                select(user_items.c.details, entity_table.c.name)
                .select_from(user_items.join(entity_table, entity_table.c.id == user_items.c.user_id))
                .where(entity_table.c.account_id == account_id, user_items.c.kind == kind)
            ).all()
        return next((row.name for row in rows if all(row.details.get(key) == value for key, value in same.items())), None)

    def change(
        self,
        account_id: str,
        user_name: str,
        kind: Kind,
        item_id: str,
        *,
        status: Status | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """Switch one on or off, or replace its details. Raises `NoSuchEntity`."""
        values: dict[str, Any] = {} if status is None else {"status": status}
        if details is not None:
            values["details"] = dict(details)
        with self._store.write() as connection:
            user = entities.find(connection, "user", account_id, user_name)
            if connection.execute(update(user_items).where(*_same(user, kind, item_id)).values(values)).rowcount == 0:
                raise _missing(kind, item_id)

    def delete(self, account_id: str, user_name: str, kind: Kind, item_id: str) -> None:
        """Take one away. Raises `NoSuchEntity`."""
        with self._store.write() as connection:
            user = entities.find(connection, "user", account_id, user_name)
            if connection.execute(delete(user_items).where(*_same(user, kind, item_id))).rowcount == 0:
                raise _missing(kind, item_id)


def _rows(connection: Connection, user: Entity, kind: Kind) -> Sequence[Any]:
    return connection.execute(
        select(user_items).where(user_items.c.user_id == user.id, user_items.c.kind == kind).order_by(user_items.c.created, user_items.c.id)
    ).all()


def _same(user: Entity, kind: Kind, item_id: str) -> tuple[Any, ...]:
    return (user_items.c.id == item_id, user_items.c.user_id == user.id, user_items.c.kind == kind)


def _item(row: Any, user_name: str) -> UserItem:
    return UserItem(id=row.id, user_name=user_name, status=row.status, created=instant(row.created), details=row.details)


def _missing(kind: Kind, item_id: str) -> NoSuchEntity:
    return NoSuchEntity(_MISSING[kind].format(item_id))
