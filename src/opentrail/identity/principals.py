"""Who makes a call: a frozen value, complete the moment a signature has been checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

PrincipalType = Literal[
    "Root", "IAMUser", "AssumedRole", "FederatedUser", "WebIdentityUser", "SAMLUser", "AWSService", "AWSAccount", "Unknown"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Temporary credentials: whom they were issued by and when (`userIdentity.sessionContext`)."""

    issuer_type: Literal["Root", "IAMUser", "Role"]
    issuer_id: str
    """`AROA…` of the role, `AIDA…` of the user, the account id of root."""
    issuer_arn: str
    issuer_account_id: str
    issuer_name: str | None
    """Role or user name; `None` for root."""
    created: datetime
    mfa: bool = False
    """They were asked for with an MFA code: policies see it, records show it."""
    assumed_with_mfa: bool = False
    """Who assumed the role had authenticated with MFA: records show it, policies do not see it (IAM user guide, "MFA-protected API")."""
    name: str = ""
    """Role session name or federated user name."""
    source_identity: str | None = None
    policies: tuple[str, ...] = ()
    """Session policies, as JSON text."""
    tags: Mapping[str, str] = field(default_factory=dict)
    federated_provider: str | None = None
    """Identity provider behind the session (`webIdFederationData.federatedProvider`): an issuer or the ARN of the provider."""
    federated_attributes: Mapping[str, str] = field(default_factory=dict)
    """`webIdFederationData.attributes`."""
    from_console: bool = False
    """The credentials were given out at a sign-in to the console."""
    ec2_role_delivery: str | None = None
    """How a machine got them: `1.0` or `2.0`, the version of its metadata service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """The caller of one call."""

    type: PrincipalType
    account_id: str
    """Owner of the identity; `""` for `AWSService`."""
    principal_id: str = ""
    arn: str = ""
    access_key_id: str = ""
    user_name: str | None = None
    session: Session | None = None
    invoked_by: str | None = None
    """Service principal, `cloudtrail.amazonaws.com`; with type `AWSService`."""
    identity_provider: str | None = None
    """With types `WebIdentityUser` and `SAMLUser`: who vouches for the user."""
    tags: Mapping[str, str] = field(default_factory=dict)


def service_principal(name: str) -> Principal:
    """The caller when OpenTrail acts as the AWS service `name` (`cloudtrail.amazonaws.com`)."""
    return Principal(type="AWSService", account_id="", principal_id=name, invoked_by=name)


def on_behalf_of(principal: Principal, service: str) -> Principal:
    """`principal`, when the AWS service `service` makes the call for it: with its permissions, and `invokedBy` in the record."""
    return replace(principal, invoked_by=service)


def seen_from_outside(principal: Principal) -> Principal:
    """`principal` as the record shows it in another account than its own: id and account, nothing more (`spec/records.md` §4)."""
    if principal.type in ("AWSService", "AWSAccount", "WebIdentityUser", "SAMLUser"):
        return principal
    return Principal(
        type="AWSAccount", account_id=principal.account_id, principal_id=principal.principal_id, invoked_by=principal.invoked_by
    )
