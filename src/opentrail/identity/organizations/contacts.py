"""E-mail and name of accounts. Every e-mail belongs to one account only; an account that nobody gave one has one made from its id.

The functions work within a transaction of the caller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from opentrail.identity.organizations.store import closures, contacts
from opentrail.identity.store import accounts

_PREFIX, _SUFFIX = "root@", ".opentrail.invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """How an account is called, and by whom it is owned."""

    email: str
    name: str


def of(connection: Connection, account_ids: Sequence[str]) -> dict[str, Contact]:
    """The contact of each account."""
    known: dict[str, Contact] = {}
    for start in range(0, len(account_ids), 500):
        rows = connection.execute(select(contacts).where(contacts.c.account_id.in_(account_ids[start : start + 500])))
        known |= {row.account_id: Contact(email=row.email, name=row.name) for row in rows}
    return {account: known.get(account) or Contact(email=f"{_PREFIX}{account}{_SUFFIX}", name=account) for account in account_ids}


def owner(connection: Connection, email: str) -> str | None:
    """The account that an e-mail belongs to; letters are compared without case."""
    folded = email.lower()
    found = connection.execute(select(contacts.c.account_id).where(contacts.c.folded == folded)).scalar()
    if found is not None:
        return str(found)
    made_from = folded.removeprefix(_PREFIX).removesuffix(_SUFFIX)
    if folded != f"{_PREFIX}{made_from}{_SUFFIX}" or not exists(connection, made_from):
        return None
    named = connection.execute(select(contacts.c.account_id).where(contacts.c.account_id == made_from)).first()
    return made_from if named is None else None


def give(connection: Connection, account_id: str, *, email: str, name: str) -> None:
    """Give a new account its e-mail and name; the caller has seen to it that the e-mail is free."""
    connection.execute(insert(contacts).values(account_id=account_id, email=email, folded=email.lower(), name=name))


def exists(connection: Connection, account_id: str) -> bool:
    """Whether there is such an account in this data folder."""
    return connection.execute(select(accounts.c.account_id).where(accounts.c.account_id == account_id)).first() is not None


def is_closed(connection: Connection, account_id: str) -> bool:
    """Whether the account is closed."""
    return connection.execute(select(closures.c.closed).where(closures.c.account_id == account_id)).first() is not None
