"""May this caller do this? The decision of IAM, as a pure function.

Rules, in this order (IAM user guide, "policy evaluation logic"):

 1. An explicit deny in any policy wins.
 2. Every level of service control policies must allow.
 3. AWS services and anonymous callers have only what a resource's policy gives them.
 4. Within one account, a resource's policy that names the caller closely enough suffices (`naming.Grant`). Trust policies of roles
    and policies of KMS keys must allow even so: what identity policies say is not enough without them.
 5. Otherwise identity policies must allow, within the permissions boundary and the session policies. Across accounts the
    resource's policy must allow as well.
 6. A grant on a KMS key counts like its policy, and suffices across accounts when it names more than the account.

The root user needs no identity policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from opentrail.identity.policies.context import Context
from opentrail.identity.policies.naming import Caller, Grant
from opentrail.identity.policies.patterns import Lookup
from opentrail.identity.policies.policy import Policy, Statement
from opentrail.identity.principals import Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRequest:
    """What is asked."""

    principal: Principal
    action: str
    """`s3:GetObject`; letters are compared without case."""
    resource: str
    """ARN, or `*` for actions that have no resource."""
    context: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Condition keys known to endpoint and service; those of the caller are worked out here."""
    resource_account_id: str | None = None
    """Owner of the resource; `None`: the caller's account."""


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


def denial(request: PolicyRequest, decision: Decision) -> str:
    """The message of `AccessDenied` in AWS's words; STS does not tell why a role cannot be assumed, unless a deny forbids it."""
    who = request.principal.arn or request.principal.invoked_by or "anonymous"
    silent = request.action.lower().startswith("sts:assumerole") and not decision.explicit_deny
    reason = "" if silent else decision.reason
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
    __slots__ = ("_action", "_caller", "_granted", "_lookup", "_policies", "_request", "_resource_policy", "_service_control")

    def __init__(
        self,
        request: PolicyRequest,
        policies: PolicySet,
        resource_policy: Policy | None,
        service_control: Sequence[Sequence[Policy]],
        granted: Grant,
    ) -> None:
        self._granted = granted
        self._request = request
        self._policies = policies
        self._resource_policy = resource_policy
        self._service_control = service_control
        self._action = request.action.lower()
        owner = request.resource_account_id or request.principal.account_id or None
        self._lookup: Lookup = Context(request.principal, request.context, owner).get
        self._caller: Caller | None = None
        if resource_policy is not None:
            provider = self._lookup("aws:federatedprovider")
            self._caller = Caller(request.principal, provider[0] if provider else None)

    def decide(self) -> Decision:
        principal = self._request.principal
        denied = self._explicit_deny()
        if denied:
            return Decision(allowed=False, explicit_deny=True, reason=f"with an explicit deny in {denied}")
        if principal.type != "AWSService":
            for level in self._service_control:
                if not self._any_allows(level):
                    return self._no("service control policy")
        grant = max(self._grant(), self._granted)
        if principal.type in ("AWSService", "Unknown") or not principal.account_id:
            return ALLOWED if grant is Grant.DIRECT else self._no("resource-based policy")
        owner = self._request.resource_account_id
        if owner is not None and owner != principal.account_id:
            if grant is Grant.NONE:
                return self._no("resource-based policy")
            return self._within_limits(by_identity=self._granted <= Grant.ACCOUNT)
        if grant is Grant.DIRECT:
            return ALLOWED
        if grant is Grant.NONE and self._resource_policy is not None and _must_be_named(self._action):
            return self._no("resource-based policy")
        return self._within_limits(by_identity=grant is not Grant.ROLE and grant is not Grant.ISSUER)

    def _within_limits(self, *, by_identity: bool) -> Decision:
        policies = self._policies
        if by_identity and self._request.principal.type != "Root" and not self._any_allows(policies.identity):
            return self._no("identity-based policy")
        if policies.boundary is not None and not self._any_allows((policies.boundary,)):
            return self._no("permissions boundary")
        if policies.session and not self._any_allows(policies.session):
            return self._no("session policy")
        return ALLOWED

    def _explicit_deny(self) -> str | None:
        policies = self._policies
        for level in self._service_control:
            if self._request.principal.type != "AWSService" and self._any_denies(level):
                return "a service control policy"
        if self._resource_policy is not None and self._caller is not None:
            for statement in self._resource_policy.denies:
                named = statement.naming is not None and statement.naming.grant(self._caller) is not Grant.NONE
                if named and self._applies(statement):
                    return "a resource-based policy"
        if self._any_denies(policies.identity):
            return "an identity-based policy"
        if policies.boundary is not None and self._any_denies((policies.boundary,)):
            return "a permissions boundary"
        if self._any_denies(policies.session):
            return "a session policy"
        return None

    def _grant(self) -> Grant:
        closest = Grant.NONE
        if self._resource_policy is None or self._caller is None:
            return closest
        for statement in self._resource_policy.allows:
            if statement.naming is None:
                continue
            grant = statement.naming.grant(self._caller)
            if grant > closest and self._applies(statement):
                closest = grant
                if closest is Grant.DIRECT:
                    break
        return closest

    def _applies(self, statement: Statement) -> bool:
        return statement.applies(self._action, self._request.resource, self._lookup)

    def _any_allows(self, policies: Iterable[Policy]) -> bool:
        return any(self._applies(statement) for policy in policies for statement in policy.allows)

    def _any_denies(self, policies: Iterable[Policy]) -> bool:
        return any(self._applies(statement) for policy in policies for statement in policy.denies)

    def _no(self, kind: str) -> Decision:
        return Decision(allowed=False, reason=f"because no {kind} allows the {self._request.action} action")


def _must_be_named(action: str) -> bool:
    """Whether the resource's policy must allow even within its own account: trust policies of roles, policies of KMS keys."""
    return action.startswith(("sts:assumerole", "sts:tagsession", "sts:setsourceidentity", "kms:"))
