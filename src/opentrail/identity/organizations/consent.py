"""The change to all features needs the consent of every invited account: one handshake for the change, one below it for each account.

`ENABLE_ALL_FEATURES` is REQUESTED until every account has accepted its `APPROVE_ALL_FEATURES`, then OPEN: the management account may
accept it, and the change is made. Within a transaction of the caller.
"""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from opentrail.identity.organizations.store import handshakes
from opentrail.identity.organizations.tree import count

ENABLE, APPROVE = "ENABLE_ALL_FEATURES", "APPROVE_ALL_FEATURES"
PENDING = ("REQUESTED", "OPEN")


def asked(connection: Connection, organization_id: str, now: float) -> str | None:
    """Id of the handshake by which the change to all features is under way."""
    return connection.execute(
        select(handshakes.c.id).where(
            handshakes.c.organization_id == organization_id,
            handshakes.c.action == ENABLE,
            handshakes.c.state.in_(PENDING),
            handshakes.c.expires > now,
        )
    ).scalar()


def weigh(connection: Connection, parent_id: str) -> None:
    """Open the change for the management account once nobody's consent is missing."""
    missing = count(connection, handshakes.c.parent_id == parent_id, handshakes.c.state.not_in(("ACCEPTED", "CANCELED")))
    if not missing:
        connection.execute(update(handshakes).where(handshakes.c.id == parent_id, handshakes.c.state == "REQUESTED").values(state="OPEN"))


def withdraw(connection: Connection, organization_id: str, account_id: str, now: float) -> None:
    """An account leaves: its consent is not needed any more."""
    parent = asked(connection, organization_id, now)
    if parent is not None:
        connection.execute(
            update(handshakes)
            .where(handshakes.c.parent_id == parent, handshakes.c.party_id == account_id)
            .values(state="CANCELED", ended=now)
        )
        weigh(connection, parent)
