"""Login profiles: passwords of users, kept only as salted scrypt hashes."""

from __future__ import annotations

import hashlib
import hmac
import os
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from opentrail.clock import Clock
from opentrail.identity import entities, password_policies
from opentrail.identity.entities import Entity, instant
from opentrail.identity.faults import EntityAlreadyExists, NoSuchEntity, PasswordPolicyViolation
from opentrail.identity.store import Store, login_profiles, old_passwords

DAY = 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginProfile:
    """That a user has a password."""

    user_name: str
    created: datetime
    reset_required: bool
    changed: datetime
    """When the password was set last."""
    expires: datetime | None = None
    """When the account's policy makes it expire."""
    locked: bool = False
    """It has expired, and the account's policy does not let the user change it then (`HardExpiry`)."""


class LoginProfiles:
    """The passwords of each account. Every method raises `NoSuchEntity` when the user is not there."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def create(self, account_id: str, user_name: str, password: str, *, reset_required: bool = False) -> LoginProfile:
        """Give a user a password. Raises `EntityAlreadyExists`, `PasswordPolicyViolation`."""
        salt, hashed = _hash(password)
        now = self._clock.time()
        with self._store.write() as connection:
            user = entities.find(connection, "user", account_id, user_name)
            if _row(connection, user) is not None:
                raise EntityAlreadyExists(f"Login Profile for user {user_name} already exists.")
            _require_fit(connection, user, password)
            connection.execute(
                insert(login_profiles).values(user_id=user.id, salt=salt, hash=hashed, reset_required=int(reset_required), created=now)
            )
            _remember(connection, user, salt, hashed, now)
            return self._profile(connection, user)

    def get(self, account_id: str, user_name: str) -> LoginProfile:
        """Raises `NoSuchEntity` when the user has no password."""
        with self._store.read() as connection:
            return self._profile(connection, entities.find(connection, "user", account_id, user_name))

    def update(self, account_id: str, user_name: str, *, password: str | None = None, reset_required: bool | None = None) -> None:
        """Change the password, or whether it must be changed at the next sign-in. Raises `PasswordPolicyViolation`."""
        values: dict[str, Any] = {}
        if password is not None:
            self._require_unused(account_id, user_name, password)
            values["salt"], values["hash"] = _hash(password)
        if reset_required is not None:
            values["reset_required"] = int(reset_required)
        with self._store.write() as connection:
            user = entities.find(connection, "user", account_id, user_name)
            if _row(connection, user) is None:
                raise _missing(user_name)
            if password is not None:
                _require_fit(connection, user, password)
                _remember(connection, user, values["salt"], values["hash"], self._clock.time())
            if values:
                connection.execute(update(login_profiles).where(login_profiles.c.user_id == user.id).values(values))

    def delete(self, account_id: str, user_name: str) -> None:
        """Take the password away."""
        with self._store.write() as connection:
            user = entities.find(connection, "user", account_id, user_name)
            if connection.execute(delete(login_profiles).where(login_profiles.c.user_id == user.id)).rowcount == 0:
                raise _missing(user_name)
            connection.execute(delete(old_passwords).where(old_passwords.c.user_id == user.id))

    def verify(self, account_id: str, user_name: str, password: str) -> bool:
        """Whether this is the user's password; `False` as well for users that are not there. Takes tens of milliseconds, always."""
        with self._store.read() as connection:
            user = entities.lookup(connection, "user", account_id, user_name)
            row = None if user is None else _row(connection, user)
        salt = row.salt if row is not None else b"nobody's salt..."
        same = hmac.compare_digest(_scrypt(password, salt), row.hash if row is not None else b"")
        return same and row is not None

    def _require_unused(self, account_id: str, user_name: str, password: str) -> None:
        """Raises `PasswordPolicyViolation` for a password used before. In no transaction of the caller: it takes up to a second."""
        with self._store.read() as connection:
            policy = password_policies.of_account(connection, account_id)
            if policy is None or not policy.remembered:
                return
            user = entities.find(connection, "user", account_id, user_name)
            earlier = connection.execute(
                select(old_passwords.c.salt, old_passwords.c.hash)
                .where(old_passwords.c.user_id == user.id)
                .order_by(old_passwords.c.number.desc())
                .limit(policy.remembered)
            ).all()
        if any(hmac.compare_digest(_scrypt(password, row.salt), row.hash) for row in earlier):
            raise PasswordPolicyViolation("Password does not conform to the account password policy: it was used before")

    def _profile(self, connection: Connection, user: Entity) -> LoginProfile:
        row = _row(connection, user)
        if row is None:
            raise _missing(user.name)
        changed = (
            connection.execute(select(func.max(old_passwords.c.since)).where(old_passwords.c.user_id == user.id)).scalar() or row.created
        )
        policy = password_policies.of_account(connection, user.account_id)
        end = changed + policy.max_age * DAY if policy is not None and policy.max_age else None
        return LoginProfile(
            user_name=user.name,
            created=instant(row.created),
            reset_required=bool(row.reset_required),
            changed=instant(changed),
            expires=None if end is None else instant(end),
            locked=policy is not None and policy.hard_expiry and end is not None and end <= self._clock.time(),
        )


def _row(connection: Connection, user: Entity) -> Any:
    return connection.execute(select(login_profiles).where(login_profiles.c.user_id == user.id)).first()


def _hash(password: str) -> tuple[bytes, bytes]:
    salt = os.urandom(16)
    return salt, _scrypt(password, salt)


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=1 << 14, r=8, p=1)


def _require_fit(connection: Connection, user: Entity, password: str) -> None:
    """Raises `PasswordPolicyViolation` for a password that the account does not take."""
    policy = password_policies.of_account(connection, user.account_id)
    if policy is None:
        password_policies.require_default(password, user.name)
        return
    policy.require(password)


def _remember(connection: Connection, user: Entity, salt: bytes, hashed: bytes, now: float) -> None:
    latest = connection.execute(select(func.max(old_passwords.c.number)).where(old_passwords.c.user_id == user.id)).scalar() or 0
    connection.execute(insert(old_passwords).values(user_id=user.id, number=latest + 1, salt=salt, hash=hashed, since=now))
    too_old = latest + 1 - password_policies.MAX_REMEMBERED
    connection.execute(delete(old_passwords).where(old_passwords.c.user_id == user.id, old_passwords.c.number <= too_old))


def _missing(user_name: str) -> NoSuchEntity:
    return NoSuchEntity(f"Login Profile for User {user_name} cannot be found.")
