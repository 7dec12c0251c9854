"""From an access key id to the secret and the principal behind it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import Connection, select

from opentrail.identity import entities
from opentrail.identity.accounts import alias_of
from opentrail.identity.entities import Entity
from opentrail.identity.principals import Principal, Session
from opentrail.identity.sessions import SessionTerms, terms_of
from opentrail.identity.store import access_keys, sessions
from opentrail.identity.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """An access key that may sign, and for whom."""

    access_key_id: str
    secret_access_key: str
    principal: Principal
    session_token: str | None = None
    """Must come with the request; `None` for long-term keys."""
    expires: float | None = None
    """Epoch seconds from which on it is no good (`ExpiredToken`)."""

    def __repr__(self) -> str:
        return f"Credential({self.access_key_id!r}, {self.principal.arn!r})"  # no secrets in logs


def load(connection: Connection, vault: Vault, access_key_id: str) -> Credential | None:
    """The credential as the tables have it. `None`: unknown, switched off, or its role or user is gone."""
    row = connection.execute(select(access_keys).where(access_keys.c.access_key_id == access_key_id)).first()
    if row is not None:
        if row.status != "Active":
            return None
        principal = _of_key(connection, row)
        if principal is None:
            return None
        return Credential(access_key_id=access_key_id, secret_access_key=vault.unseal(row.sealed, access_key_id), principal=principal)
    row = connection.execute(select(sessions).where(sessions.c.access_key_id == access_key_id)).first()
    if row is None:
        return None
    principal = _of_session(connection, row)
    if principal is None:
        return None
    secret, token = orjson.loads(vault.unseal(row.sealed, access_key_id))
    return Credential(access_key_id=access_key_id, secret_access_key=secret, principal=principal, session_token=token, expires=row.expires)


def root_principal(account_id: str, *, access_key_id: str = "", alias: str | None = None, session: Session | None = None) -> Principal:
    """The root user of an account; `user_name` is the account's alias (records.md §4)."""
    return Principal(
        type="Root",
        account_id=account_id,
        principal_id=account_id,
        arn=f"arn:aws:iam::{account_id}:root",
        access_key_id=access_key_id,
        user_name=alias,
        session=session,
    )


def _of_key(connection: Connection, row: Any) -> Principal | None:
    if row.user_id is None:
        return root_principal(row.account_id, access_key_id=row.access_key_id, alias=alias_of(connection, row.account_id))
    user = entities.by_id(connection, row.user_id)
    return None if user is None else _user_principal(user, row.access_key_id, None)


def _user_principal(user: Entity, access_key_id: str, session: Session | None) -> Principal:
    return Principal(
        type="IAMUser",
        account_id=user.account_id,
        principal_id=user.id,
        arn=user.arn,
        access_key_id=access_key_id,
        user_name=user.name,
        session=session,
        tags=user.tags,
    )


def _of_session(connection: Connection, row: Any) -> Principal | None:
    terms = terms_of(row.details)
    account_id: str = row.account_id
    created = datetime.fromtimestamp(row.created, UTC)
    if row.issuer_id == account_id:
        session = Session(
            issuer_type="Root",
            issuer_id=account_id,
            issuer_arn=f"arn:aws:iam::{account_id}:root",
            issuer_account_id=account_id,
            issuer_name=None,
            created=created,
            mfa=terms.mfa,
            name=terms.name,
            policies=tuple(terms.policies),
            tags=terms.tags,
            from_console=terms.from_console,
        )
        if row.kind == "Root":
            return root_principal(account_id, access_key_id=row.access_key_id, alias=alias_of(connection, account_id), session=session)
        return _federated(account_id, row.access_key_id, session)
    issuer = entities.by_id(connection, row.issuer_id)
    if issuer is None:
        return None
    session = _session(issuer, terms, created)
    if row.kind == "IAMUser":
        return _user_principal(issuer, row.access_key_id, session)
    if row.kind == "FederatedUser":
        return _federated(account_id, row.access_key_id, session)
    return Principal(
        type="AssumedRole",
        account_id=account_id,
        principal_id=f"{issuer.id}:{terms.name}",
        arn=f"arn:aws:sts::{account_id}:assumed-role/{issuer.name}/{terms.name}",
        access_key_id=row.access_key_id,
        session=session,
        tags=issuer.tags,
    )


def _session(issuer: Entity, terms: SessionTerms, created: datetime) -> Session:
    return Session(
        issuer_type="Role" if issuer.kind == "role" else "IAMUser",
        issuer_id=issuer.id,
        issuer_arn=issuer.arn,
        issuer_account_id=issuer.account_id,
        issuer_name=issuer.name,
        created=created,
        mfa=terms.mfa,
        name=terms.name,
        source_identity=terms.source_identity,
        policies=tuple(terms.policies),
        tags=terms.tags,
        federated_provider=terms.federated_provider,
        federated_attributes=terms.federated_attributes,
        from_console=terms.from_console,
        assumed_with_mfa=terms.assumed_with_mfa,
        ec2_role_delivery=terms.ec2_role_delivery,
    )


def _federated(account_id: str, access_key_id: str, session: Session) -> Principal:
    return Principal(
        type="FederatedUser",
        account_id=account_id,
        principal_id=f"{account_id}:{session.name}",
        arn=f"arn:aws:sts::{account_id}:federated-user/{session.name}",
        access_key_id=access_key_id,
        session=session,
    )
