"""GetSessionToken and GetFederationToken: temporary credentials that users and the root user get for themselves, or for others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from opentrail.api.call import Call, Need, Result
from opentrail.api.iam.permissions import tag_context
from opentrail.api.sts import mfa
from opentrail.api.sts.terms import Terms, Wanted, terms
from opentrail.identity import Identities
from opentrail.identity.faults import AccessDenied, InvalidClientTokenId
from opentrail.identity.sessions import IssuerGone, SessionTerms, TemporaryCredentials

ROOT_LIMIT = 3600
"""Seconds that the root user is given at most."""

DEFAULT_DURATION = 43200
"""Seconds when nothing is said."""


class UserTokens:
    """See the module."""

    def __init__(self, identities: Identities) -> None:
        self._identities = identities
        self.operations: Mapping[str, Callable[[Call], Result]] = {
            "GetSessionToken": self.get_session_token,
            "GetFederationToken": self.get_federation_token,
        }

    def needs(self, call: Call) -> Sequence[Need]:
        """GetSessionToken takes no permission; who has keys may have temporary ones."""
        if call.operation == "GetSessionToken":
            return ()
        context = tag_context(call.parameters.get("Tags", ()))
        resource = f"arn:aws:sts::{call.account_id}:federated-user/{call.parameters.get('Name', '')}"
        actions = ["sts:GetFederationToken", *(["sts:TagSession"] if context else [])]
        return [Need(action=action, resource=resource, context=context) for action in actions]

    def get_session_token(self, call: Call) -> Result:
        """GetSessionToken"""
        _require_long_term(call)
        asked = Terms(terms=SessionTerms(mfa=mfa.given(call) is not None))
        mfa.use(self._identities, call)
        return asked.shown(self._issue(call, call.caller.type, asked))

    def get_federation_token(self, call: Call) -> Result:
        """GetFederationToken"""
        _require_long_term(call)
        account_id, name = call.caller.account_id, call.parameters["Name"]
        asked = terms(self._identities, call, Wanted(name=name, tags=call.parameters.get("Tags", ())), account_id)
        user = {"FederatedUserId": f"{account_id}:{name}", "Arn": f"arn:aws:sts::{account_id}:federated-user/{name}"}
        return {**asked.shown(self._issue(call, "FederatedUser", asked)), "FederatedUser": user}

    def _issue(self, call: Call, kind: Any, asked: Terms) -> TemporaryCredentials:
        caller = call.caller
        duration: int = call.parameters.get("DurationSeconds", DEFAULT_DURATION)
        if caller.type == "Root":
            duration = min(duration, ROOT_LIMIT)
        try:
            return self._identities.sessions.issue(kind, caller.account_id, caller.principal_id, duration=duration, terms=asked.terms)
        except IssuerGone:
            raise InvalidClientTokenId from None


def _require_long_term(call: Call) -> None:
    caller = call.caller
    if caller.session is not None or caller.type not in ("IAMUser", "Root"):
        raise AccessDenied(f"Cannot call {call.operation} with session credentials")
