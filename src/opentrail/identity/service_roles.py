"""Roles that an AWS service assumes for an account: by leave of the trust policy, and then with what the role may do.

    roles = ServiceRoles(identities, clock, service="events.amazonaws.com", session_name="EventBridge")
    session = roles.assume(role_arn, account_id, source_arn=rule_arn)
    session.judge("events:PutEvents", bus.arn, region=bus.region, account_id=bus.account_id, policy=bus.policy)

Everything is judged as it stands at that moment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from opentrail.clock import Clock
from opentrail.errors import OpenTrailError
from opentrail.identity.faults import NoSuchEntity
from opentrail.identity.identities import Identities
from opentrail.identity.policies import Decision, Policy, PolicyRequest, PolicySet, denial, evaluate, parsed, request_context
from opentrail.identity.principals import Principal, Session, service_principal


class NotAssumable(OpenTrailError):
    """The role is not there, or its trust policy does not let the service assume it."""

    def __init__(self, message: str, *, is_there: bool) -> None:
        super().__init__(message)
        self.is_there = is_there


class NotAllowed(OpenTrailError):
    """The role may not do that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleSession:
    """A role that a service has assumed."""

    principal: Principal
    policies: PolicySet
    service_control: Sequence[Sequence[Policy]]
    context: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Condition keys of every request: the moment, the organization."""

    def judge(
        self,
        action: str,
        resource: str,
        *,
        region: str,
        account_id: str,
        policy: str | None = None,
        context: Mapping[str, Sequence[str]] | None = None,
    ) -> Decision:
        """Whether the role may: what it may itself, and `policy`, that of the resource of `account_id`. Raises `NotAllowed`."""
        request = PolicyRequest(
            principal=self.principal,
            action=action,
            resource=resource,
            context={**self.context, "aws:RequestedRegion": (region,), **(context or {})},
            resource_account_id=account_id,
        )
        theirs = None if policy is None else parsed(policy)
        decision = evaluate(request, self.policies, theirs, service_control=self.service_control)
        if not decision.allowed:
            raise NotAllowed(denial(request, decision))
        return decision


class ServiceRoles:
    """Assumes roles as one service. Thread-safe."""

    def __init__(self, identities: Identities, clock: Clock, *, service: str, session_name: str) -> None:
        self._identities = identities
        self._clock = clock
        self._service = service
        self._session_name = session_name

    def assume(self, role_arn: str, account_id: str, *, source_arn: str) -> RoleSession:
        """The role of this ARN, which must be of `account_id`, for `source_arn` (a trail, a rule). Raises `NotAssumable`."""
        said = f"{self._service} cannot assume the role {role_arn}: check that it is there, and its trust relationships."
        self._identities.refresh()  # what follows a change of policies in time is judged by it, however soon it comes
        try:
            role = self._identities.roles.get(account_id, role_arn.rpartition("/")[2])
        except NoSuchEntity:
            raise NotAssumable(said, is_there=False) from None
        if role.arn != role_arn:
            raise NotAssumable(said, is_there=False)
        request = PolicyRequest(
            principal=service_principal(self._service),
            action="sts:AssumeRole",
            resource=role.arn,
            context={"aws:SourceArn": (source_arn,), "aws:SourceAccount": (account_id,)},
            resource_account_id=account_id,
        )
        if not evaluate(request, resource_policy=parsed(role.details["trust"])).allowed:
            raise NotAssumable(said, is_there=True)
        name = self._session_name
        principal = Principal(
            type="AssumedRole",
            account_id=account_id,
            principal_id=f"{role.id}:{name}",
            arn=f"arn:{role.arn.split(':')[1]}:sts::{account_id}:assumed-role/{role.name}/{name}",
            invoked_by=self._service,
            session=Session(
                issuer_type="Role",
                issuer_id=role.id,
                issuer_arn=role.arn,
                issuer_account_id=account_id,
                issuer_name=role.name,
                created=self._clock.now(),
                name=name,
            ),
        )
        context = request_context(source_ip="", secure=True, time=self._clock.now(), region="")
        del context["aws:SourceIp"]  # services call from no address
        return RoleSession(
            principal=principal,
            policies=self._identities.policies(principal),
            service_control=self._identities.service_control(account_id),
            context=context | dict(self._identities.organization_context(account_id)),
        )
