"""The `Principal` element: whether a statement names the caller, and how closely.

How closely matters, because permissions that a resource gives are limited differently (IAM user guide, "policy evaluation logic"):
a named user or session needs nothing else within its own account, a named role is still limited by its boundary and session
policies, and a named account only hands the decision to its identity policies.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import IntEnum
from typing import Any

from opentrail.identity.policies.context import canonical_user_id
from opentrail.identity.principals import Principal


class Grant(IntEnum):
    """How closely a statement names the caller; the larger, the closer."""

    NONE = 0
    ACCOUNT = 1
    """The account of the caller: its identity policies decide."""
    ISSUER = 2
    """The user behind a federated session."""
    ROLE = 3
    """The role behind a session."""
    DIRECT = 4
    """The caller itself, or everybody."""


OUTSIDE = ("AWSService", "Unknown", "WebIdentityUser", "SAMLUser")
"""Types of callers that belong to no account: they carry no policies."""


class Caller:
    """All names under which policies can mean one principal."""

    __slots__ = ("_account", "_chain", "_providers", "_service", "bounded")

    def __init__(self, principal: Principal, provider: str | None = None, *, bounded: bool = False) -> None:
        """`provider` is what IAM knows the identity provider of a federated caller by (`aws:FederatedProvider`), when there is one;
        `bounded` says that the caller has a permissions boundary.
        """
        inside = principal.type not in OUTSIDE and bool(principal.account_id)
        self._account = principal.account_id if inside else ""
        self._chain = _chain(principal) if inside else ()
        self._service = principal.invoked_by if principal.type == "AWSService" else None
        self._providers = tuple(filter(None, (provider, principal.identity_provider)))
        self.bounded = bounded

    def as_aws(self, name: str) -> Grant:
        """How closely an entry below `AWS` names the caller."""
        for grant, names in reversed(self._chain):
            if name in names:
                return grant
        return Grant.NONE

    def is_wholly_in(self, names: Collection[str], canonical: Collection[str] = ()) -> bool:
        """Whether entries below `AWS` and `CanonicalUser` name the caller and all it is part of: account, and role behind a session."""
        return bool(self._chain) and all(
            any(name in names for name in link) or (self._account in link and any(map(self.as_canonical, canonical)))
            for _, link in self._chain
        )

    def is_service(self, name: str) -> bool:
        """Whether the caller is the service `name` (`*`: any)."""
        return self._service is not None and name in ("*", self._service)

    def as_federated(self, name: str) -> Grant:
        """How closely an identity provider (`*`: any) names a caller who comes from it; a role session no closer than its role would."""
        if not self._providers or (name != "*" and name not in self._providers):
            return Grant.NONE
        return Grant.ROLE if self._chain else Grant.DIRECT

    def as_canonical(self, name: str) -> Grant:
        """How closely a canonical user id names the caller: it stands for the account."""
        named = bool(self._account) and canonical_user_id(self._account) == name
        return self.as_aws(self._account) if named else Grant.NONE


def _chain(principal: Principal) -> tuple[tuple[Grant, tuple[str, ...]], ...]:
    """What the caller is part of, from the account to itself, each with the names it has below `AWS`."""
    account = principal.account_id
    partition = principal.arn.split(":", 2)[1] if principal.arn.startswith("arn:") else "aws"
    of_account = (account, f"arn:{partition}:iam::{account}:root")
    if principal.type == "Root":
        return ((Grant.DIRECT, of_account),)
    links = [(Grant.ACCOUNT, of_account)]
    session = principal.session
    if session is not None and principal.type == "AssumedRole":
        links.append((Grant.ROLE, (session.issuer_arn, session.issuer_id)))
    elif session is not None and principal.type == "FederatedUser" and session.issuer_type != "Root":
        links.append((Grant.ISSUER, (session.issuer_arn, session.issuer_id)))
    return (*links, (Grant.DIRECT, (principal.arn, principal.principal_id)))


class Naming:
    """One compiled `Principal` or `NotPrincipal` element."""

    __slots__ = ("_aws", "_canonical", "_everyone", "_federated", "_negated", "_services")

    def __init__(self, principal: str | Mapping[str, Any], *, negated: bool) -> None:
        kinds: Mapping[str, Sequence[str]] = {"AWS": ("*",)} if isinstance(principal, str) else principal
        self._aws = tuple(kinds.get("AWS", ()))
        self._everyone = "*" in self._aws
        self._services = tuple(kinds.get("Service", ()))
        self._canonical = tuple(kinds.get("CanonicalUser", ()))
        self._federated = tuple(kinds.get("Federated", ()))
        self._negated = negated

    def grant(self, caller: Caller) -> Grant:
        """How closely an `Allow` means the caller. With `NotPrincipal` it means everybody but those it names in any way."""
        named = self._named(caller)
        if self._negated:
            return Grant.DIRECT if named is Grant.NONE else Grant.NONE
        return named

    def forbids(self, caller: Caller) -> bool:
        """Whether a `Deny` means the caller.

        `NotPrincipal` excepts only whom it names wholly: a user together with its account, a session together with its role and account;
        and nobody who has a permissions boundary (IAM user guide, "NotPrincipal").
        """
        if not self._negated:
            return self._named(caller) is not Grant.NONE
        if self._everyone:
            return False
        return caller.bounded or not (self._from_outside(caller) or caller.is_wholly_in(self._aws, self._canonical))

    def _named(self, caller: Caller) -> Grant:
        if self._everyone:
            return Grant.DIRECT
        closest = self._from_outside(caller)
        for name in self._aws:
            grant = caller.as_aws(name)
            if grant > closest:
                closest = grant
        for name in self._canonical:
            closest = max(closest, caller.as_canonical(name))
        return closest

    def _from_outside(self, caller: Caller) -> Grant:
        for name in self._services:
            if caller.is_service(name):
                return Grant.DIRECT
        closest = Grant.NONE
        for name in self._federated:
            closest = max(closest, caller.as_federated(name))
        return closest
