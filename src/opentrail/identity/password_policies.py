"""What an account asks of the passwords of its users."""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, delete, insert, select, update

from opentrail.identity.faults import NoSuchEntity, PasswordPolicyViolation
from opentrail.identity.store import Store, password_policies

SYMBOLS = "!@#$%^&*()_+-=[]{}|'"
"""The characters that count as symbols."""

_KINDS = (string.ascii_uppercase, string.ascii_lowercase, string.digits, SYMBOLS)

MAX_REMEMBERED = 24
"""Earlier passwords that can be forbidden at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordPolicy:
    """An account's own password policy. The defaults are those of UpdateAccountPasswordPolicy for what is left out."""

    minimum_length: int = 6
    symbols: bool = False
    numbers: bool = False
    uppercase: bool = False
    lowercase: bool = False
    users_may_change: bool = False
    max_age: int = 0
    """Days after which a password expires; 0: never."""
    remembered: int = 0
    """Earlier passwords that may not be taken again."""
    hard_expiry: bool = False
    """Who has let the password expire cannot change it without an administrator."""

    def require(self, password: str) -> None:
        """Raises `PasswordPolicyViolation` with what is missing."""
        missing = []
        if len(password) < self.minimum_length:
            missing.append(f"a minimum length of {self.minimum_length}")
        for wanted, kind, name in (
            (self.symbols, SYMBOLS, "symbol"),
            (self.numbers, string.digits, "number"),
            (self.uppercase, string.ascii_uppercase, "uppercase letter"),
            (self.lowercase, string.ascii_lowercase, "lowercase letter"),
        ):
            if wanted and not any(character in kind for character in password):
                missing.append(f"at least one {name}")
        if missing:
            raise PasswordPolicyViolation("Password does not conform to the account password policy: it should have " + ", ".join(missing))


def require_default(password: str, user_name: str) -> None:
    """AWS's default policy, for accounts without one of their own: eight characters, three of four kinds, not the user's name.

    Raises `PasswordPolicyViolation`.
    """
    if len(password) < 8:
        raise PasswordPolicyViolation("Password should have a minimum length of 8")
    kinds = sum(any(character in kind for character in password) for kind in _KINDS)
    if kinds < 3:
        raise PasswordPolicyViolation(
            "Password should have at least three of these: uppercase letters, lowercase letters, numbers, non-alphanumeric characters"
        )
    if password.lower() == user_name.lower():
        raise PasswordPolicyViolation("Password should not be the user name")


class PasswordPolicies:
    """The password policies of accounts that have one of their own."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, account_id: str) -> PasswordPolicy | None:
        """The account's own policy, if it has one."""
        with self._store.read() as connection:
            return of_account(connection, account_id)

    def put(self, account_id: str, policy: PasswordPolicy) -> None:
        """Replace the policy as a whole."""
        values: Mapping[str, object] = asdict(policy)
        with self._store.write() as connection:
            same = password_policies.c.account_id == account_id
            if connection.execute(update(password_policies).where(same).values(policy=values)).rowcount == 0:
                connection.execute(insert(password_policies).values(account_id=account_id, policy=values))

    def delete(self, account_id: str) -> None:
        """Go back to AWS's default policy. Raises `NoSuchEntity` when the account has none of its own."""
        with self._store.write() as connection:
            if connection.execute(delete(password_policies).where(password_policies.c.account_id == account_id)).rowcount == 0:
                raise missing(account_id)


def of_account(connection: Connection, account_id: str) -> PasswordPolicy | None:
    """The account's own policy, if it has one."""
    found = connection.execute(select(password_policies.c.policy).where(password_policies.c.account_id == account_id)).scalar()
    return None if found is None else PasswordPolicy(**found)


def missing(account_id: str) -> NoSuchEntity:
    """The fault for an account without a policy of its own."""
    return NoSuchEntity(f"The Password Policy with domain name {account_id} cannot be found.")
