"""MFA devices: the virtual ones, which show a new code every thirty seconds. A code is good once.

What is written down of a device is the latest time step whose code was used; that step and all before it are spent. Only one thing takes
it back: a clock that was set back leaves spent steps in the future, and bringing the device into step again (`resync`) mends that.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from opentrail.clock import Clock
from opentrail.identity import entities, totp
from opentrail.identity.entities import Entity, instant
from opentrail.identity.faults import (
    AccessDenied,
    DeleteConflict,
    EntityAlreadyExists,
    InvalidAuthenticationCode,
    LimitExceeded,
    NoSuchEntity,
)
from opentrail.identity.store import Store, mfa_devices
from opentrail.identity.store import entities as entity_table
from opentrail.identity.vault import Vault

MAX_DEVICES = 8
"""MFA devices that one user may have."""

MAX_WRONG = 10
"""Wrong codes in a row after which a device is not believed for `PAUSE` seconds: six digits can be guessed by who may try for long."""
PAUSE = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MfaDevice:
    """One virtual MFA device."""

    serial_number: str
    """Its ARN."""
    owner_id: str | None
    """Unique id of the user, or account id of the root user; `None`: it is nobody's yet."""
    user: Entity | None
    enabled: datetime | None
    tags: Mapping[str, str] = field(default_factory=dict)


class MfaDevices:
    """The MFA devices of each account. `user_name=None` means the root user throughout."""

    def __init__(self, store: Store, clock: Clock, vault: Vault) -> None:
        self._store = store
        self._clock = clock
        self._vault = vault
        self._wrong: dict[str, tuple[int, float]] = {}
        self._lock = threading.Lock()

    def create(self, account_id: str, name: str, *, path: str = "/", tags: Mapping[str, str] | None = None) -> tuple[MfaDevice, str]:
        """A new device and its seed (base32), which is shown only now. Raises `EntityAlreadyExists`, `LimitExceeded`."""
        seed = totp.new_seed()
        with self._store.write() as connection:
            entity = entities.add(connection, "mfa", account_id, name, now=self._clock.time(), path=path, tags=tags)
            connection.execute(
                insert(mfa_devices).values(
                    device_id=entity.id, sealed=self._vault.seal(seed, entity.id), owner_id=None, enabled=None, drift=0, used=0
                )
            )
        return MfaDevice(serial_number=entity.arn, owner_id=None, user=None, enabled=None, tags=entity.tags), seed

    def get(self, account_id: str, serial_number: str) -> MfaDevice:
        """One device. Raises `NoSuchEntity`."""
        with self._store.read() as connection:
            entity = _find(connection, account_id, serial_number)
            return _device(connection, entity, _row(connection, entity))

    def list(self, account_id: str, *, assigned: bool | None = None) -> Sequence[MfaDevice]:
        """The devices of an account by name; only those that are somebody's, or nobody's, where `assigned` says so."""
        with self._store.read() as connection:
            page = entities.page(connection, "mfa", account_id, limit=entities.QUOTAS["mfa"][1])
            found = [_device(connection, entity, _row(connection, entity)) for entity in page.items]
        return [device for device in found if assigned is None or (device.owner_id is not None) == assigned]

    def of_user(self, account_id: str, user_name: str | None) -> Sequence[MfaDevice]:
        """The devices of a user, in the order they were enabled. Raises `NoSuchEntity`."""
        with self._store.read() as connection:
            owner = _owner(connection, account_id, user_name)
            rows = connection.execute(select(mfa_devices).where(mfa_devices.c.owner_id == owner).order_by(mfa_devices.c.enabled)).all()
            found = [(entities.by_id(connection, row.device_id), row) for row in rows]
            return [_device(connection, entity, row) for entity, row in found if entity is not None]

    def enable(self, account_id: str, user_name: str | None, serial_number: str, first: str, second: str) -> None:
        """Give the device to a user who shows two codes in a row.

        Raises `NoSuchEntity`, `EntityAlreadyExists`, `LimitExceeded`, `InvalidAuthenticationCode`.
        """
        with self._store.write() as connection:
            owner = _owner(connection, account_id, user_name)
            entity = _find(connection, account_id, serial_number)
            row = _row(connection, entity)
            if row.owner_id is not None:
                raise EntityAlreadyExists("MFA Device is already in use.")
            if len(connection.execute(select(mfa_devices.c.device_id).where(mfa_devices.c.owner_id == owner)).all()) >= MAX_DEVICES:
                raise LimitExceeded(f"Cannot exceed quota for MFADevicesPerUser: {MAX_DEVICES}")
            values = self._in_step(row, first, second)
            connection.execute(
                update(mfa_devices).where(mfa_devices.c.device_id == entity.id).values(owner_id=owner, enabled=self._clock.time(), **values)
            )

    def resync(self, account_id: str, user_name: str | None, serial_number: str, first: str, second: str) -> None:
        """Find out how far the device's clock is off, by two codes in a row. Raises `NoSuchEntity`, `InvalidAuthenticationCode`."""
        with self._store.write() as connection:
            entity, row = _owned(connection, account_id, user_name, serial_number)
            values = self._in_step(row, first, second)
            connection.execute(update(mfa_devices).where(mfa_devices.c.device_id == entity.id).values(values))

    def deactivate(self, account_id: str, user_name: str | None, serial_number: str) -> None:
        """Take the device from its user; it stays, and can be enabled again. Raises `NoSuchEntity`."""
        with self._store.write() as connection:
            entity, _ = _owned(connection, account_id, user_name, serial_number)
            connection.execute(update(mfa_devices).where(mfa_devices.c.device_id == entity.id).values(owner_id=None, enabled=None))

    def delete(self, account_id: str, serial_number: str) -> None:
        """Take a device away. Raises `NoSuchEntity`, `DeleteConflict` while it is somebody's."""
        with self._store.write() as connection:
            entity = _find(connection, account_id, serial_number)
            if _row(connection, entity).owner_id is not None:
                raise DeleteConflict("MFA VirtualDevice in use. Must deactivate first.")
            connection.execute(delete(mfa_devices).where(mfa_devices.c.device_id == entity.id))
            entities.remove(connection, entity)

    def check(self, account_id: str, owner_id: str, serial_number: str, code: str) -> None:
        """Raises `AccessDenied` unless `code` is right and unused; it stays unused."""
        with self._store.read() as connection:
            self._step(connection, account_id, owner_id, serial_number, code)

    def use(self, account_id: str, owner_id: str, serial_number: str, code: str) -> None:
        """Use up a code. Raises `AccessDenied` when it is wrong or used; of two who use the same one at once, one gets in."""
        with self._store.add() as connection:
            device_id, step = self._step(connection, account_id, owner_id, serial_number, code)
            connection.execute(update(mfa_devices).where(mfa_devices.c.device_id == device_id).values(used=step))
        with self._lock:
            self._wrong.pop(device_id, None)

    def tag(self, account_id: str, serial_number: str, tags: Mapping[str, str]) -> None:
        """Add or replace tags."""
        with self._store.write() as connection:
            entities.set_tags(connection, _find(connection, account_id, serial_number), tags)

    def untag(self, account_id: str, serial_number: str, keys: Sequence[str]) -> None:
        """Take tags away."""
        with self._store.write() as connection:
            entities.drop_tags(connection, _find(connection, account_id, serial_number), keys)

    def _in_step(self, row: Any, first: str, second: str) -> dict[str, int]:
        now = self._clock.time()
        step = totp.find_pair(self._seed(row), first, second, at=now)
        here = int(now) // totp.STEP
        clock_was_set_back = row.used > here + totp.SEARCH
        if step is None or (step <= row.used and not clock_was_set_back):
            raise InvalidAuthenticationCode("Authentication code for device is not valid.")
        return {"drift": step - here, "used": step}

    def _step(self, connection: Connection, account_id: str, owner_id: str, serial_number: str, code: str) -> tuple[str, int]:
        try:
            entity = _find(connection, account_id, serial_number)
        except NoSuchEntity:
            raise _unknown_device() from None
        row = _row(connection, entity)
        if row.owner_id != owner_id:
            raise _unknown_device()
        with self._lock:
            wrong, last = self._wrong.get(entity.id, (0, 0.0))
        now = self._clock.monotonic()
        paused = wrong >= MAX_WRONG and now - last < PAUSE
        step = totp.find(self._seed(row), code, at=self._clock.time(), drift=row.drift)
        if paused or step is None or step <= row.used:
            if not paused:
                with self._lock:
                    self._wrong[entity.id] = (1 if wrong >= MAX_WRONG else wrong + 1, now)
            raise AccessDenied("MultiFactorAuthentication failed with invalid MFA one time pass code. ")
        return entity.id, step

    def _seed(self, row: Any) -> str:
        return self._vault.unseal(row.sealed, row.device_id)


def owned_by(connection: Connection, owner_id: str) -> bool:
    """Whether a user (or root user) has an MFA device."""
    return connection.execute(select(mfa_devices.c.device_id).where(mfa_devices.c.owner_id == owner_id)).first() is not None


def counts(connection: Connection, account_id: str) -> tuple[int, int]:
    """How many devices an account has, and how many of them are in use."""
    rows = connection.execute(
        select(mfa_devices.c.owner_id)
        .select_from(mfa_devices.join(entity_table, entity_table.c.id == mfa_devices.c.device_id))
        .where(entity_table.c.account_id == account_id)
    ).all()
    return len(rows), sum(row.owner_id is not None for row in rows)


def _owner(connection: Connection, account_id: str, user_name: str | None) -> str:
    return account_id if user_name is None else entities.find(connection, "user", account_id, user_name).id


def _find(connection: Connection, account_id: str, serial_number: str) -> Entity:
    if not serial_number.startswith(f"arn:aws:iam::{account_id}:mfa/"):
        raise entities.missing("mfa", serial_number)  # also what is no ARN: the serial number of a device made of metal
    return entities.find_arn(connection, "mfa", account_id, serial_number)


def _row(connection: Connection, entity: Entity) -> Any:
    return connection.execute(select(mfa_devices).where(mfa_devices.c.device_id == entity.id)).one()


def _owned(connection: Connection, account_id: str, user_name: str | None, serial_number: str) -> tuple[Entity, Any]:
    owner = _owner(connection, account_id, user_name)
    entity = _find(connection, account_id, serial_number)
    row = _row(connection, entity)
    if row.owner_id != owner:
        raise NoSuchEntity(f"MFA Device {serial_number} is not assigned to {user_name or 'the root user'}.")
    return entity, row


def _device(connection: Connection, entity: Entity, row: Any) -> MfaDevice:
    user = None if row.owner_id is None or row.owner_id == entity.account_id else entities.by_id(connection, row.owner_id)
    enabled = None if row.enabled is None else instant(row.enabled)
    return MfaDevice(serial_number=entity.arn, owner_id=row.owner_id, user=user, enabled=enabled, tags=entity.tags)


def _unknown_device() -> AccessDenied:
    return AccessDenied(
        "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with "
        "this user."
    )
