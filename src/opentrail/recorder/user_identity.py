"""`userIdentity`: the caller as records name it (`spec/records.md` §4), in the order of keys of delivered files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentrail.clock import iso_seconds
from opentrail.identity.principals import Principal, Session

ANONYMOUS = "ANONYMOUS_PRINCIPAL"


def user_identity(principal: Principal, *, alias: str | None = None) -> dict[str, Any]:
    """The `userIdentity` object of `principal`; `alias` is its account's alias, shown for root only."""
    if principal.type == "AWSService":
        return {"type": "AWSService", "invokedBy": principal.invoked_by or principal.principal_id}
    if principal.type == "AWSAccount":
        return {"type": "AWSAccount", "principalId": principal.principal_id, "accountId": principal.account_id or ANONYMOUS}
    named: dict[str, Any] = {"type": principal.type}
    if principal.principal_id:
        named["principalId"] = principal.principal_id
    if principal.arn:
        named["arn"] = principal.arn
    if principal.account_id:
        named["accountId"] = principal.account_id
    if principal.access_key_id:
        named["accessKeyId"] = principal.access_key_id
    if principal.type == "Root":
        if alias:
            named["userName"] = alias
    elif principal.type in ("IAMUser", "Unknown") and principal.user_name:
        named["userName"] = principal.user_name
    if principal.session is not None:
        named["sessionContext"] = _session_context(principal, principal.session)
    if principal.invoked_by:
        named["invokedBy"] = principal.invoked_by
    return named


def anonymous() -> dict[str, Any]:
    """Nobody: an unsigned call to S3."""
    return {"type": "AWSAccount", "principalId": "", "accountId": ANONYMOUS}


def _session_context(principal: Principal, session: Session) -> Mapping[str, Any]:
    context: dict[str, Any] = {}
    if principal.type in ("AssumedRole", "FederatedUser"):
        issuer: dict[str, Any] = {
            "type": session.issuer_type,
            "principalId": session.issuer_id,
            "arn": session.issuer_arn,
            "accountId": session.issuer_account_id,
        }
        if session.issuer_name:
            issuer["userName"] = session.issuer_name
        context["sessionIssuer"] = issuer
    context["attributes"] = {
        "creationDate": iso_seconds(session.created.timestamp()),
        "mfaAuthenticated": "true" if session.mfa else "false",
    }
    if session.source_identity:
        context["sourceIdentity"] = session.source_identity
    return context
