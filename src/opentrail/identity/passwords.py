"""Login profiles: passwords of users, kept only as salted scrypt hashes."""

from __future__ import annotations

import hashlib
import hmac
import os
import string
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from opentrail.clock import Clock
from opentrail.identity import entities
from opentrail.identity.entities import Entity, instant
from opentrail.identity.faults import EntityAlreadyExists, NoSuchEntity, PasswordPolicyViolation
from opentrail.identity.store import Store, login_profiles

MIN_LENGTH = 8
_KINDS = (string.ascii_uppercase, string.ascii_lowercase, string.digits, "!@#$%^&*()_+-=[]{}|'")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginProfile:
    """That a user has a password."""

    user_name: str
    created: datetime
    reset_required: bool


class LoginProfiles:
    """The passwords of each account. Every method raises `NoSuchEntity` when the user is not there."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def create(self, account_id: str, user_name: str, password: str, *, reset_required: bool = False) -> LoginProfile:
        """Give a user a password. Raises `EntityAlreadyExists`, `PasswordPolicyViolation`."""
        _require_strong(password, user_name)
        salt, hashed = _hash(password)
        now = self._clock.time()
        with self._store.write() as connection:
            user = entities.find(connection, "user", account_id, user_name)
            if _row(connection, user) is not None:
                raise EntityAlreadyExists(f"Login Profile for user {user_name} already exists.")
            connection.execute(
                insert(login_profiles).values(user_id=user.id, salt=salt, hash=hashed, reset_required=int(reset_required), created=now)
            )
        return LoginProfile(user_name=user_name, created=instant(now), reset_required=reset_required)

    def get(self, account_id: str, user_name: str) -> LoginProfile:
        """Raises `NoSuchEntity` when the user has no password."""
        with self._store.read() as connection:
            row = _row(connection, entities.find(connection, "user", account_id, user_name))
        if row is None:
            raise _missing(user_name)
        return LoginProfile(user_name=user_name, created=instant(row.created), reset_required=bool(row.reset_required))

    def update(self, account_id: str, user_name: str, *, password: str | None = None, reset_required: bool | None = None) -> None:
        """Change the password, or whether it must be changed at the next sign-in."""
        values: dict[str, Any] = {}
        if password is not None:
            _require_strong(password, user_name)
            values["salt"], values["hash"] = _hash(password)
        if reset_required is not None:
            values["reset_required"] = int(reset_required)
        with self._store.write() as connection:
            user = entities.find(connection, "user", account_id, user_name)
            if _row(connection, user) is None:
                raise _missing(user_name)
            if values:
                connection.execute(update(login_profiles).where(login_profiles.c.user_id == user.id).values(values))

    def delete(self, account_id: str, user_name: str) -> None:
        """Take the password away."""
        with self._store.write() as connection:
            user = entities.find(connection, "user", account_id, user_name)
            if connection.execute(delete(login_profiles).where(login_profiles.c.user_id == user.id)).rowcount == 0:
                raise _missing(user_name)

    def verify(self, account_id: str, user_name: str, password: str) -> bool:
        """Whether this is the user's password; `False` as well for users that are not there. Takes tens of milliseconds, always."""
        with self._store.read() as connection:
            user = entities.lookup(connection, "user", account_id, user_name)
            row = None if user is None else _row(connection, user)
        salt = row.salt if row is not None else b"nobody's salt..."
        same = hmac.compare_digest(_scrypt(password, salt), row.hash if row is not None else b"")
        return same and row is not None


def _row(connection: Connection, user: Entity) -> Any:
    return connection.execute(select(login_profiles).where(login_profiles.c.user_id == user.id)).first()


def _hash(password: str) -> tuple[bytes, bytes]:
    salt = os.urandom(16)
    return salt, _scrypt(password, salt)


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=1 << 14, r=8, p=1)


def _require_strong(password: str, user_name: str) -> None:
    """AWS's default password policy: eight characters, three of four kinds, not the user's name."""
    if len(password) < MIN_LENGTH:
        raise PasswordPolicyViolation("Password should have a minimum length of 8")
    kinds = sum(any(character in kind for character in password) for kind in _KINDS)
    if kinds < 3:
        raise PasswordPolicyViolation(
            "Password should have at least three of these: uppercase letters, lowercase letters, numbers, non-alphanumeric characters"
        )
    if password.lower() == user_name.lower():
        raise PasswordPolicyViolation("Password should not be the user name")


def _missing(user_name: str) -> NoSuchEntity:
    return NoSuchEntity(f"Login Profile for User {user_name} cannot be found.")
