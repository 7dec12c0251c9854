"""Long-term access keys of users and of the root user, and when each was used last."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from opentrail.clock import Clock
from opentrail.identity import entities, ids
from opentrail.identity.entities import instant
from opentrail.identity.faults import LimitExceeded, NoSuchEntity
from opentrail.identity.store import Store, access_keys, last_uses
from opentrail.identity.store import entities as entity_table
from opentrail.identity.vault import Vault

MAX_KEYS = 2
"""Access keys that one user may have."""

Status = Literal["Active", "Inactive"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey:
    """One access key, without its secret."""

    access_key_id: str
    account_id: str
    user_name: str | None
    """`None`: the root user's."""
    status: Status
    created: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LastUse:
    """When and for what something was used last."""

    at: datetime
    service: str
    region: str


class AccessKeys:
    """The access keys of each account. `user_name=None` means the root user throughout."""

    def __init__(self, store: Store, clock: Clock, vault: Vault) -> None:
        self._store = store
        self._clock = clock
        self._vault = vault

    def create(self, account_id: str, user_name: str | None) -> tuple[AccessKey, str]:
        """A new active key and its secret, which is shown only now. Raises `NoSuchEntity`, `LimitExceeded`."""
        key_id = ids.access_key_id("AKIA", account_id)
        secret = ids.secret_access_key()
        now = self._clock.time()
        with self._store.write() as connection:
            user_id = _user_id(connection, account_id, user_name)
            if len(_rows(connection, account_id, user_id)) >= MAX_KEYS:
                raise LimitExceeded(f"Cannot exceed quota for AccessKeysPerUser: {MAX_KEYS}")
            connection.execute(
                insert(access_keys).values(
                    access_key_id=key_id,
                    account_id=account_id,
                    user_id=user_id,
                    sealed=self._vault.seal(secret, key_id),
                    status="Active",
                    created=now,
                )
            )
        return AccessKey(access_key_id=key_id, account_id=account_id, user_name=user_name, status="Active", created=instant(now)), secret

    def list(self, account_id: str, user_name: str | None) -> Sequence[AccessKey]:
        """The keys of a user, the oldest first. Raises `NoSuchEntity`."""
        with self._store.read() as connection:
            rows = _rows(connection, account_id, _user_id(connection, account_id, user_name))
        return [
            AccessKey(
                access_key_id=row.access_key_id,
                account_id=account_id,
                user_name=user_name,
                status=row.status,
                created=instant(row.created),
            )
            for row in rows
        ]

    def set_status(self, account_id: str, user_name: str | None, access_key_id: str, status: Status) -> None:
        """Switch a key on or off. Raises `NoSuchEntity`."""
        with self._store.write() as connection:
            user_id = _user_id(connection, account_id, user_name)
            changed = connection.execute(update(access_keys).where(*_same(account_id, user_id, access_key_id)).values(status=status))
            if changed.rowcount == 0:
                raise _no_key(access_key_id)

    def delete(self, account_id: str, user_name: str | None, access_key_id: str) -> None:
        """Take a key away: from now on it is unknown. Raises `NoSuchEntity`."""
        with self._store.write() as connection:
            user_id = _user_id(connection, account_id, user_name)
            if connection.execute(delete(access_keys).where(*_same(account_id, user_id, access_key_id))).rowcount == 0:
                raise _no_key(access_key_id)
            connection.execute(delete(last_uses).where(last_uses.c.subject == access_key_id))

    def owner(self, access_key_id: str) -> tuple[str, str | None] | None:
        """Account and user name of a key, `None` for an unknown one."""
        with self._store.read() as connection:
            row = connection.execute(
                select(access_keys.c.account_id, access_keys.c.user_id, entity_table.c.name)
                .select_from(access_keys.outerjoin(entity_table, entity_table.c.id == access_keys.c.user_id))
                .where(access_keys.c.access_key_id == access_key_id)
            ).first()
        return None if row is None else (row.account_id, row.name)


class LastUses:
    """When access keys and roles were used last: kept in memory, written down now and then (`save`)."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._pending: dict[str, tuple[float, str, str]] = {}
        self._lock = threading.Lock()

    def note(self, subject: str, service: str, region: str) -> None:
        """`subject` (access key id or role id) was used just now. Fast; touches no disk."""
        self._pending[subject] = (self._clock.time(), service, region)

    def save(self) -> None:
        """Write down what was noted since the last time; what a crash takes is at most that."""
        with self._lock:
            pending, self._pending = self._pending, {}
            if not pending:
                return
            with self._store.add() as connection:
                for subject, (at, service, region) in list(pending.items()):
                    connection.execute(delete(last_uses).where(last_uses.c.subject == subject))
                    connection.execute(insert(last_uses).values(subject=subject, at=at, service=service, region=region))

    def get(self, subject: str) -> LastUse | None:
        """The last use, or `None`."""
        noted = self._pending.get(subject)
        if noted is not None:
            return LastUse(at=instant(noted[0]), service=noted[1], region=noted[2])
        with self._store.read() as connection:
            row = connection.execute(select(last_uses).where(last_uses.c.subject == subject)).first()
        return None if row is None else LastUse(at=instant(row.at), service=row.service, region=row.region)


def _user_id(connection: Connection, account_id: str, user_name: str | None) -> str | None:
    return None if user_name is None else entities.find(connection, "user", account_id, user_name).id


def _rows(connection: Connection, account_id: str, user_id: str | None) -> Sequence[Any]:
    return connection.execute(
        select(access_keys)
        .where(access_keys.c.account_id == account_id, _owned_by(user_id))
        .order_by(access_keys.c.created, access_keys.c.access_key_id)
    ).all()


def _same(account_id: str, user_id: str | None, access_key_id: str) -> tuple[ColumnElement[bool], ...]:
    return (access_keys.c.access_key_id == access_key_id, access_keys.c.account_id == account_id, _owned_by(user_id))


def _owned_by(user_id: str | None) -> ColumnElement[bool]:
    return access_keys.c.user_id.is_(None) if user_id is None else access_keys.c.user_id == user_id


def _no_key(access_key_id: str) -> NoSuchEntity:
    return NoSuchEntity(f"The Access Key with id {access_key_id} cannot be found")
