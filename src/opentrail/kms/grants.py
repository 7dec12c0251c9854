"""Grants on keys: made, listed, revoked, retired."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, func, insert, select

from opentrail.clock import Clock
from opentrail.identity.principals import Principal
from opentrail.identity.vault import Vault, VaultError
from opentrail.kms.faults import InvalidGrantTokenException, LimitExceededException, NotFoundException
from opentrail.kms.store import Store, grants, the_key
from opentrail.kms.values import Grant, Key, Terms

MOST = 50_000
"""Grants on one key."""
_TOKEN = "kms grant token"
_MAX_TOKEN = 1024


class Grants:
    """The grants on every key. Thread-safe; every change is durable, and in force, on return."""

    def __init__(self, store: Store, vault: Vault, clock: Clock) -> None:
        self._store = store
        self._vault = vault
        self._clock = clock

    def create(self, key: Key, terms: Terms, issuing_account: str) -> Grant:
        """CreateGrant; `terms` have been checked. One with a name and otherwise equal terms that is there already is given back."""
        with self._store.write() as connection:
            the_key(connection, key).must_be_enabled()
            if terms.name is not None:
                named = select(grants).where(grants.c.key_id == key.key_id, grants.c.name == terms.name)
                for row in connection.execute(named):
                    if _grant(row).terms == terms:
                        return _grant(row)
            count = connection.execute(select(func.count()).where(grants.c.key_id == key.key_id)).scalar() or 0
            if count >= MOST:
                raise LimitExceededException(f"{key.arn} has {MOST} grants already.")
            grant_id = secrets.token_hex(32)
            connection.execute(
                insert(grants).values(
                    grant_id=grant_id,
                    key_id=key.key_id,
                    account_id=key.account_id,
                    region=key.region,
                    created=self._clock.time(),
                    issuing_account=issuing_account,
                    grantee=terms.grantee,
                    grantee_service=terms.grantee_service,
                    retiring=terms.retiring,
                    retiring_service=terms.retiring_service,
                    name=terms.name,
                    operations=list(terms.operations),
                    context_subset=None if terms.context_subset is None else dict(terms.context_subset),
                    context_equals=None if terms.context_equals is None else dict(terms.context_equals),
                    source_arn=terms.source_arn,
                )
            )
            return _grant(connection.execute(select(grants).where(grants.c.grant_id == grant_id)).one())

    def of_caller(self, key: Key, principal: Principal) -> Sequence[Grant]:
        """The grants on `key` that may name `principal`: few of possibly many."""
        session = principal.session
        names = (principal.arn, f"arn:aws:iam::{principal.account_id}:root", session.issuer_arn if session else "")
        named: ColumnElement[bool] = grants.c.grantee.in_([name for name in names if name])
        if principal.type == "AWSService":
            names = (principal.invoked_by or "", "", "")
            named = grants.c.grantee_service == principal.invoked_by
        query = select(grants).where(grants.c.key_id == key.key_id, named)
        return self._store.recall(("grants", key.key_id, names), lambda connection: tuple(_grant(row) for row in connection.execute(query)))

    def on_key(self, key: Key, *, grant_id: str | None, grantee: str | None, after: str, limit: int) -> list[Grant]:
        """Up to `limit` grants on `key` with ids above `after`, in their order; of one id or to one grantee, when that is given."""
        where = [grants.c.key_id == key.key_id, grants.c.grant_id > after]
        if grant_id is not None:
            where.append(grants.c.grant_id == grant_id)
        if grantee is not None:
            where.append(grants.c.grantee == grantee)
        return self._page(where, limit)

    def retirable(self, principal: str, region: str, *, after: str, limit: int) -> list[Grant]:
        """Up to `limit` grants in `region` that `principal` (an ARN) may retire, with ids above `after`, in their order."""
        return self._page([grants.c.retiring == principal, grants.c.region == region, grants.c.grant_id > after], limit)

    def _page(self, where: Sequence[ColumnElement[bool]], limit: int) -> list[Grant]:
        with self._store.read() as connection:
            return [_grant(row) for row in connection.execute(select(grants).where(*where).order_by(grants.c.grant_id).limit(limit))]

    def find(self, grant_id: str, key: Key | None = None) -> Grant | None:
        """The grant of this id, on `key` when that is given."""
        where = [grants.c.grant_id == grant_id]
        if key is not None:
            where.append(grants.c.key_id == key.key_id)
        with self._store.read() as connection:
            row = connection.execute(select(grants).where(*where)).first()
        return None if row is None else _grant(row)

    def delete(self, grant: Grant) -> None:
        """RevokeGrant, RetireGrant: nobody has anything by this grant any more. Raises `NotFoundException`."""
        with self._store.write() as connection:
            if connection.execute(delete(grants).where(grants.c.grant_id == grant.grant_id)).rowcount == 0:
                raise NotFoundException(f"Grant {grant.grant_id} is not found.")

    def token(self, grant: Grant) -> str:
        """A grant token: a name for the grant, new each time, that only this service can make."""
        return base64.b64encode(self._vault.seal(grant.grant_id, _TOKEN)).decode()

    def by_token(self, token: str) -> str:
        """The grant id that a token names; the grant may be gone. Raises `InvalidGrantTokenException`."""
        try:
            return self._vault.unseal(base64.b64decode(token[: _MAX_TOKEN + 1], validate=True), _TOKEN)
        except (binascii.Error, ValueError, VaultError):
            raise InvalidGrantTokenException from None


def _grant(row: Row[Any]) -> Grant:
    return Grant(
        grant_id=row.grant_id,
        key_id=row.key_id,
        account_id=row.account_id,
        created=row.created,
        issuing_account=row.issuing_account,
        terms=Terms(
            operations=tuple(row.operations),
            grantee=row.grantee,
            grantee_service=row.grantee_service,
            retiring=row.retiring,
            retiring_service=row.retiring_service,
            name=row.name,
            context_subset=row.context_subset,
            context_equals=row.context_equals,
            source_arn=row.source_arn,
        ),
    )
