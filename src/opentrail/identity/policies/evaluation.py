"""May this caller do this? The decision of IAM, as a pure function.

Rules, in this order (IAM user guide, "policy evaluation logic"; Organizations user guide, "SCP evaluation"):

 1. An explicit deny in any policy wins.
 2. Every level of service control policies must allow. They bind principals of accounts only, and no service-linked roles. That they
    do not bind the management account is for the caller to know: it hands none.
 3. AWS services, anonymous callers and users of identity providers have only what a resource's policy gives them.
 4. Within one account, a resource's policy that names the caller closely enough suffices (`naming.Grant`). Trust policies of roles
    and policies of KMS keys must allow even so: what identity policies say is not enough without them.
 5. Otherwise identity policies must allow, within the permissions boundary and the session policies. Across accounts the
    resource's policy must allow as well.
 6. A grant on a KMS key counts like its policy, and suffices across accounts when it names more than the account.

The root user needs no identity policy. A federated user session without session policies has only what resources give to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from opentrail.identity.policies.context import Context
from opentrail.identity.policies.naming import OUTSIDE, Caller, Grant
from opentrail.identity.policies.patterns import Lookup
from opentrail.identity.policies.policy import Policy, Statement, Unknown
from opentrail.identity.principals import Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRequest:
    """What is asked."""

    principal: Principal
    action: str
    """`s3:GetObject`; letters are compared without case."""
    resource: str
    """ARN, or `*` for actions that have no resource."""
    resource_known: bool = True
    """`False`: the action has a resource that cannot be told (`resource` is `*`)."""
    context: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Condition keys known to endpoint and service; those of the caller are worked out here."""
    resource_account_id: str | None = None
    """Owner of the resource; `None`: the caller's account."""
    unknown: Unknown | None = None
    """Condition keys of which nothing is known; `None`: what is not in `context` is not there.

    Where something cannot be told, statements that deny count as fitting and statements that allow as not fitting.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySet:
    """The policies that a principal carries with it."""

    identity: tuple[Policy, ...] = ()
    boundary: Policy | None = None
    session: tuple[Policy, ...] = ()
    """Empty: the session is not limited. Otherwise one of them must allow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The answer."""

    allowed: bool
    explicit_deny: bool = False
    reason: str = ""
    """Why not, as AWS ends its messages: `because no identity-based policy allows the s3:GetObject action`. Empty when allowed."""


ALLOWED = Decision(allowed=True)
NO_POLICIES = PolicySet()


def spoken_reason(request: PolicyRequest, decision: Decision) -> str:
    """What the caller is told of the reason. STS does not tell why a role cannot be assumed, unless a deny forbids it: a role that is
    not there looks like one that does not trust the caller.
    """
    silent = request.action.lower().startswith("sts:assumerole") and not decision.explicit_deny
    return "" if silent else decision.reason


def denial(request: PolicyRequest, decision: Decision) -> str:
    """The message of `AccessDenied` in AWS's words."""
    who = request.principal.arn or request.principal.invoked_by or "anonymous"
    reason = spoken_reason(request, decision)
    return f"User: {who} is not authorized to perform: {request.action} on resource: {request.resource} {reason}".rstrip()


def evaluate(
    request: PolicyRequest,
    policies: PolicySet = NO_POLICIES,
    resource_policy: Policy | None = None,
    *,
    service_control: Sequence[Sequence[Policy]] = (),
    granted: Grant = Grant.NONE,
) -> Decision:
    """Decide one request. `service_control` holds the policies of each level, from the organization's root to the account.

    `granted` says how closely a grant on the resource (KMS) names the caller for this action: it counts like a statement of the
    resource's policy, and to a principal of another account it gives the permission without that account's leave.

    Never raises, never blocks; bounded by the size of the policies times that of the request.
    """
    return _Evaluation(request, policies, resource_policy, service_control, granted).decide()


class _Evaluation:
    __slots__ = ("_action", "_caller", "_granted", "_lookup", "_policies", "_request", "_resource_policy", "_service_control", "_sure")

    def __init__(
        self,
        request: PolicyRequest,
        policies: PolicySet,
        resource_policy: Policy | None,
        service_control: Sequence[Sequence[Policy]],
        granted: Grant,
    ) -> None:
        principal = request.principal
        self._granted = granted
        self._request = request
        self._policies = policies
        self._resource_policy = resource_policy
        self._service_control = service_control if _is_bound(principal) else ()
        self._action = request.action.lower()
        self._sure = request.resource_known and request.unknown is None
        owner = request.resource_account_id or principal.account_id or None
        self._lookup: Lookup = Context(principal, request.context, owner).get
        self._caller: Caller | None = None

    def decide(self) -> Decision:
        principal = self._request.principal
        denied = self._explicit_deny()
        if denied:
            return Decision(allowed=False, explicit_deny=True, reason=f"with an explicit deny in {denied}")
        for level in self._service_control:
            if not self._any_allows(level):
                return self._no("service control policy")
        grant = max(self._grant(), self._granted)
        if principal.type in OUTSIDE or not principal.account_id:
            return ALLOWED if grant is Grant.DIRECT else self._no(self._resource_kind)
        owner = self._request.resource_account_id
        if owner is not None and owner != principal.account_id:
            if grant is Grant.NONE:
                return self._no(self._resource_kind)
            return self._within_limits(by_identity=self._granted <= Grant.ACCOUNT)
        if grant is Grant.DIRECT:
            return ALLOWED
        if grant is Grant.NONE and self._resource_policy is not None and _must_be_named(self._action):
            return self._no(self._resource_kind)
        return self._within_limits(by_identity=grant is not Grant.ROLE and grant is not Grant.ISSUER)

    def _within_limits(self, *, by_identity: bool) -> Decision:
        principal, policies = self._request.principal, self._policies
        if by_identity and principal.type != "Root" and not self._any_allows(policies.identity):
            return self._no("identity-based policy")
        if policies.boundary is not None and not self._any_allows((policies.boundary,)):
            return self._no("permissions boundary")
        if (policies.session or principal.type == "FederatedUser") and not self._any_allows(policies.session):
            return self._no("session policy")
        return ALLOWED

    def _explicit_deny(self) -> str | None:
        policies = self._policies
        for level in self._service_control:
            if self._any_denies(level):
                return "a service control policy"
        if self._resource_policy is not None:
            for statement in self._resource_policy.about(self._action)[1]:
                naming = statement.naming
                if naming is not None and self._fits(statement, deny=True) and naming.forbids(self._named()):
                    return f"{'the' if self._is_trust else 'a'} {self._resource_kind}"
        if self._any_denies(policies.identity):
            return "an identity-based policy"
        if policies.boundary is not None and self._any_denies((policies.boundary,)):
            return "a permissions boundary"
        if self._any_denies(policies.session):
            return "a session policy"
        return None

    @property
    def _is_trust(self) -> bool:
        return self._action.startswith(_ASSUMING)

    @property
    def _resource_kind(self) -> str:
        return "role trust policy" if self._is_trust else "resource-based policy"

    def _grant(self) -> Grant:
        closest = Grant.NONE
        if self._resource_policy is None:
            return closest
        for statement in self._resource_policy.about(self._action)[0]:
            if statement.naming is None:
                continue
            grant = statement.naming.grant(self._named())
            if grant > closest and self._fits(statement, deny=False):
                closest = grant
                if closest is Grant.DIRECT:
                    break
        return closest

    def _named(self) -> Caller:
        """The caller by all its names, worked out when the first statement asks."""
        if self._caller is None:
            provider = self._lookup("aws:federatedprovider")
            bounded = self._policies.boundary is not None
            self._caller = Caller(self._request.principal, provider[0] if provider else None, bounded=bounded)
        return self._caller

    def _fits(self, statement: Statement, *, deny: bool) -> bool:
        request = self._request
        if self._sure:
            return statement.fits(request.resource, self._lookup)
        resource = request.resource if request.resource_known else None
        return statement.could_fit(resource, self._lookup, request.unknown or nothing, otherwise=deny)

    def _any_allows(self, policies: Iterable[Policy]) -> bool:
        for policy in policies:
            for statement in policy.about(self._action)[0]:
                if self._fits(statement, deny=False):
                    return True
        return False

    def _any_denies(self, policies: Iterable[Policy]) -> bool:
        for policy in policies:
            for statement in policy.about(self._action)[1]:
                if self._fits(statement, deny=True):
                    return True
        return False

    def _no(self, kind: str) -> Decision:
        return Decision(allowed=False, reason=f"because no {kind} allows the {self._request.action} action")


def nothing(_key: str) -> bool:
    """For a request of which every condition key is known."""
    return False


_ASSUMING: Final = ("sts:assumerole", "sts:tagsession", "sts:setsourceidentity", "sts:setcontext")
"""Beginnings of the actions that trust policies of roles are about."""


def _must_be_named(action: str) -> bool:
    """Whether the resource's policy must allow even within its own account: trust policies of roles, policies of KMS keys."""
    return action.startswith((*_ASSUMING, "kms:"))


def _is_bound(principal: Principal) -> bool:
    """Whether service control policies say anything about the caller."""
    if principal.type in OUTSIDE:
        return False
    session = principal.session
    return session is None or ":role/aws-service-role/" not in session.issuer_arn
