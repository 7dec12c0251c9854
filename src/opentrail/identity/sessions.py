"""Temporary credentials: sessions of roles, of users, of the root user and of federated users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import orjson
from sqlalchemy import delete, insert, select, update

from opentrail.clock import Clock
from opentrail.errors import OpenTrailError
from opentrail.identity import entities, ids
from opentrail.identity.store import Store, sessions
from opentrail.identity.vault import Vault

KEPT = 7 * 86400.0
"""Seconds that an ended session is remembered, so that its credentials answer `ExpiredToken` rather than `InvalidClientTokenId`."""

SessionKind = Literal["AssumedRole", "IAMUser", "Root", "FederatedUser"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TemporaryCredentials:
    """What STS hands out."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    expires: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionTerms:
    """What a session was asked for with."""

    name: str = ""
    policies: Sequence[str] = ()
    """Session policies, as JSON text."""
    tags: Mapping[str, str] = field(default_factory=dict)
    transitive: Sequence[str] = ()
    """Keys of the tags that go on to the next role."""
    source_identity: str | None = None
    mfa: bool = False
    federated_provider: str | None = None
    federated_attributes: Mapping[str, str] = field(default_factory=dict)
    from_console: bool = False
    assumed_with_mfa: bool = False
    ec2_role_delivery: str | None = None


class IssuerGone(OpenTrailError):
    """The role or user that a session was to be issued for has been deleted."""


class Sessions:
    """Makes temporary credentials; `Identities.credential` finds them again."""

    def __init__(self, store: Store, clock: Clock, vault: Vault) -> None:
        self._store = store
        self._clock = clock
        self._vault = vault

    def issue(self, kind: SessionKind, account_id: str, issuer_id: str, *, duration: int, terms: SessionTerms) -> TemporaryCredentials:
        """New credentials for `duration` seconds; durable on return.

        `issuer_id` is the unique id of the role or user, or the account id of the root user. Raises `IssuerGone` when the role or user
        has been deleted meanwhile: no credentials come into being that nobody stands behind.
        """
        key_id = ids.access_key_id("ASIA", account_id)
        secret = ids.secret_access_key()
        token = ids.session_token()
        created = float(int(self._clock.time()))
        expires = created + duration
        details = {
            "name": terms.name,
            "policies": list(terms.policies),
            "tags": dict(terms.tags),
            "transitive": list(terms.transitive),
            "source_identity": terms.source_identity,
            "mfa": terms.mfa,
            "federated_provider": terms.federated_provider,
            "federated_attributes": dict(terms.federated_attributes),
            "from_console": terms.from_console,
            "assumed_with_mfa": terms.assumed_with_mfa,
            "ec2_role_delivery": terms.ec2_role_delivery,
        }
        with self._store.add() as connection:
            if issuer_id != account_id and entities.by_id(connection, issuer_id) is None:
                raise IssuerGone
            connection.execute(delete(sessions).where(sessions.c.expires < created - KEPT))
            connection.execute(
                insert(sessions).values(
                    access_key_id=key_id,
                    account_id=account_id,
                    kind=kind,
                    issuer_id=issuer_id,
                    sealed=self._vault.seal(orjson.dumps([secret, token]).decode(), key_id),
                    created=created,
                    expires=expires,
                    details=details,
                )
            )
        return TemporaryCredentials(
            access_key_id=key_id,
            secret_access_key=secret,
            session_token=token,
            expires=datetime.fromtimestamp(expires, UTC),
        )

    def end(self, access_key_id: str) -> None:
        """End a session now: from here on its credentials are expired ones. Durable on return; one that has ended already stays so."""
        now = self._clock.time()
        with self._store.write() as connection:
            connection.execute(
                update(sessions).where(sessions.c.access_key_id == access_key_id, sessions.c.expires > now).values(expires=now)
            )

    def terms(self, access_key_id: str) -> SessionTerms | None:
        """What the session of these credentials was asked for with; `None` when they are not temporary."""
        with self._store.read() as connection:
            row = connection.execute(select(sessions.c.details).where(sessions.c.access_key_id == access_key_id)).first()
        return None if row is None else terms_of(row.details)


def terms_of(details: Mapping[str, Any]) -> SessionTerms:
    """The terms in a row of the table."""
    return SessionTerms(
        name=details["name"],
        policies=tuple(details["policies"]),
        tags=details["tags"],
        transitive=tuple(details["transitive"]),
        source_identity=details["source_identity"],
        mfa=details["mfa"],
        federated_provider=details["federated_provider"],
        federated_attributes=details["federated_attributes"],
        from_console=details["from_console"],
        assumed_with_mfa=details["assumed_with_mfa"],
        ec2_role_delivery=details["ec2_role_delivery"],
    )
