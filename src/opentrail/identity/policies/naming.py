"""The `Principal` element: whether a statement names the caller, and how closely.

How closely matters, because permissions that a resource gives are limited differently (IAM user guide, "policy evaluation logic"):
a named user or session needs nothing else within its own account, a named role is still limited by its boundary and session
policies, and a named account only hands the decision to its identity policies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


class Caller:
    """All names under which policies can mean one principal."""

    __slots__ = ("_account", "_names", "_provider", "_service")

    def __init__(self, principal: Principal, provider: str | None = None) -> None:
        """`provider` is the identity provider of a federated caller (`aws:FederatedProvider`), when there is one."""
        self._names = _names(principal)
        self._service = principal.invoked_by if principal.type == "AWSService" else None
        self._account = principal.account_id
        self._provider = provider

    def as_aws(self, name: str) -> Grant:
        """How closely an entry below `AWS` names the caller."""
        return self._names.get(name, Grant.NONE)

    def is_service(self, name: str) -> bool:
        """Whether the caller is the service `name`."""
        return self._service is not None and self._service == name

    def is_federated_by(self, name: str) -> bool:
        """Whether the caller comes from the identity provider `name`."""
        return self._provider is not None and self._provider == name

    def as_canonical(self, name: str) -> Grant:
        """How closely a canonical user id names the caller: it stands for the account."""
        named = bool(self._account) and canonical_user_id(self._account) == name
        return self.as_aws(self._account) if named else Grant.NONE


def _names(principal: Principal) -> dict[str, Grant]:
    account = principal.account_id
    names: dict[str, Grant] = {}
    if principal.type in ("AWSService", "Unknown") or not account:
        return names
    partition = principal.arn.split(":", 2)[1] if principal.arn.startswith("arn:") else "aws"
    whole = Grant.DIRECT if principal.type == "Root" else Grant.ACCOUNT
    session = principal.session
    if session is not None and principal.type in ("AssumedRole", "FederatedUser"):
        behind = Grant.ROLE if principal.type == "AssumedRole" else Grant.ISSUER
        names[session.issuer_arn] = behind
        names[session.issuer_id] = behind
    names[account] = whole
    names[f"arn:{partition}:iam::{account}:root"] = whole
    if principal.type != "Root":
        names[principal.arn] = Grant.DIRECT
        names[principal.principal_id] = Grant.DIRECT
    return names


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
        """How closely the caller is meant.

        `NotPrincipal` means everybody but those it names; naming an account excepts only its root user, as in AWS.
        """
        named = self._named(caller)
        if self._negated:
            return Grant.NONE if named > Grant.ACCOUNT else Grant.DIRECT
        return named

    def _named(self, caller: Caller) -> Grant:
        if self._everyone:
            return Grant.DIRECT
        if self._services and any(name == "*" or caller.is_service(name) for name in self._services):
            return Grant.DIRECT
        if any(caller.is_federated_by(name) for name in self._federated):
            return Grant.DIRECT
        closest = max((caller.as_aws(name) for name in self._aws), default=Grant.NONE)
        return max((caller.as_canonical(name) for name in self._canonical), default=closest) if closest is Grant.NONE else closest
