"""`userIdentity`: the caller as records name it (`spec/records.md` §4), in the order of keys of delivered files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentrail.clock import iso_seconds
from opentrail.identity.principals import Principal, Session

ANONYMOUS = "ANONYMOUS_PRINCIPAL"


def user_identity(principal: Principal) -> dict[str, Any]:
    """The `userIdentity` object of `principal`. A root user is called by the alias of its account."""
    if principal.type == "AWSService":
        return {"type": "AWSService", "invokedBy": principal.invoked_by or principal.principal_id}
    if principal.type == "AWSAccount":
        outside = {"type": "AWSAccount", "principalId": principal.principal_id, "accountId": principal.account_id or ANONYMOUS}
        return {**outside, "invokedBy": principal.invoked_by} if principal.invoked_by else outside
    named: dict[str, Any] = {"type": principal.type}
    if principal.principal_id:
        named["principalId"] = principal.principal_id
    if principal.arn:
        named["arn"] = principal.arn
    if principal.account_id:
        named["accountId"] = principal.account_id
    if principal.access_key_id:
        named["accessKeyId"] = principal.access_key_id
    name = principal.user_name
    if name and principal.type in ("Root", "IAMUser", "WebIdentityUser", "SAMLUser", "Unknown"):
        named["userName"] = name
    if principal.identity_provider:
        named["identityProvider"] = principal.identity_provider
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
        context["webIdFederationData"] = _federation(session)
    context["attributes"] = {
        "creationDate": iso_seconds(session.created.timestamp()),
        "mfaAuthenticated": "true" if session.mfa or session.assumed_with_mfa else "false",
    }
    if session.source_identity:
        context["sourceIdentity"] = session.source_identity
    if session.ec2_role_delivery:
        context["ec2RoleDelivery"] = session.ec2_role_delivery
    return context


def _federation(session: Session) -> Mapping[str, Any]:
    """Empty unless the session came of a web identity; a SAML provider is not shown here."""
    provider = session.federated_provider
    if provider is None or ":saml-provider/" in provider:
        return {}
    return {"federatedProvider": provider, "attributes": dict(session.federated_attributes)}
