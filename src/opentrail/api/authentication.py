"""Who makes this call? From the signature of a request to a `Principal`, or to a refusal.

What a signature claims is not believed before it has been checked; a refusal is still recorded, under a caller of type `Unknown`
that carries the access key id the request named.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from opentrail.clock import Clock
from opentrail.identity import Identities
from opentrail.identity.principals import Principal
from opentrail.wire import sigv4
from opentrail.wire.http import Request
from opentrail.wire.refusals import ExpiredToken, MissingAuthentication, Refused, UnknownAccessKey, WrongScope
from opentrail.wire.scope import Scope, Verified

_REGION = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
"""What a Region looks like. Not only AWS's: other endpoints have names of their own (`garage`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticated:
    """The outcome: who it is, and why not where it was refused (`refused`); the checked signature where there was one."""

    principal: Principal
    verified: Verified | None = None
    refused: Refused | None = None


class Authentication:
    """Checks the signature of each request against the keys of `identities`."""

    def __init__(self, *, identities: Identities, clock: Clock, account_id: str, open_door: bool = False) -> None:
        """`open_door` (development only): keys that nobody knows act as root of `account_id`, and no signature is checked for them."""
        self._identities = identities
        self._clock = clock
        self._account_id = account_id
        self._open_door = open_door

    def knows(self, access_key_id: str) -> bool:
        """Whether a signature by this key can be checked at all (or need not be: `open_door`)."""
        return self._open_door or self._identities.credential(access_key_id) is not None

    def check(
        self,
        request: Request,
        scope: Scope | None,
        *,
        streamed: bool,
        signing_names: Collection[str] | None,
        may_be_unsigned: bool,
        resource: str | None = None,
    ) -> Authenticated:
        """Name the caller of `request`. Never raises for anything a client can send.

        `streamed`, `signing_names` and `resource` as in `sigv4.verify`; `may_be_unsigned`: the operation is open to callers without
        a signature (they have what the resource's policy gives to everyone).
        """
        if scope is None:
            if may_be_unsigned and "authorization" not in request.headers:
                return Authenticated(principal=Principal(type="Unknown", account_id=""))
            refused: Refused = MissingAuthentication()
            try:
                sigv4.verify(request, secret="", session_token=None, now=self._clock.time(), streamed=streamed)
            except Refused as why:
                refused = why
            return Authenticated(principal=self._stranger(""), refused=refused)
        credential = self._identities.credential(scope.access_key_id)
        if credential is None:
            if self._open_door:
                return Authenticated(principal=self._root(scope.access_key_id))
            return Authenticated(principal=self._stranger(scope.access_key_id), refused=UnknownAccessKey(scope.access_key_id))
        if scope.region and not _REGION.fullmatch(scope.region):
            refused = WrongScope(f"Credential should be scoped to a valid Region, not {scope.region[:64]!r}.")
            return Authenticated(principal=self._stranger(scope.access_key_id, credential.principal.account_id), refused=refused)
        now = self._clock.time()
        try:
            verified = sigv4.verify(
                request,
                secret=credential.secret_access_key,
                session_token=credential.session_token,
                now=now,
                streamed=streamed,
                signing_names=signing_names,
                resource=resource,
            )
        except Refused as why:
            owner = credential.principal.account_id
            return Authenticated(principal=self._stranger(scope.access_key_id, owner), refused=why)
        if credential.expires is not None and credential.expires <= now:
            return Authenticated(principal=credential.principal, refused=ExpiredToken())
        return Authenticated(principal=credential.principal, verified=verified)

    def _stranger(self, access_key_id: str, account_id: str | None = None) -> Principal:
        return Principal(type="Unknown", account_id=account_id or self._account_id, access_key_id=access_key_id)

    def _root(self, access_key_id: str) -> Principal:
        account = self._account_id
        return Principal(
            type="Root", account_id=account, principal_id=account, arn=f"arn:aws:iam::{account}:root", access_key_id=access_key_id
        )
