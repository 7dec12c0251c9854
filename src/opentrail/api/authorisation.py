"""May the caller do this? Each `Need` of a call against every policy that has a say."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from functools import lru_cache

from opentrail.api.call import Call, Need
from opentrail.identity import Identities
from opentrail.identity.policies import (
    Decision,
    Policy,
    PolicyError,
    PolicyRequest,
    evaluate,
    passes_endpoint,
    request_context,
    spoken_reason,
)
from opentrail.wire import refusals
from opentrail.wire.faults import Fault
from opentrail.wire.faults import fault as make_fault


class RefusedByEndpoint(Fault):
    """The policy of the VPC endpoint does not let the call through. The client is told what `fault` says."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


class Authorisation:
    """Evaluates identity, session, boundary and resource policies for a call."""

    def __init__(self, *, identities: Identities) -> None:
        self._identities = identities

    def check(self, call: Call, needs: Sequence[Need], *, protocol: str) -> None:
        """Raise the service's own `AccessDenied` fault for the first of `needs` that the caller does not have."""
        if not needs:
            return
        context = self._context(call)
        policies = self._identities.policies(call.caller)
        service_control = self._identities.service_control(call.caller.account_id)
        for need in needs:
            request = self._request(call, need, context)
            resource_policy = _parsed(need.resource_policy) if need.resource_policy else None
            decision = evaluate(request, policies, resource_policy, service_control=service_control, granted=need.granted)
            if not decision.allowed:
                if need.stranger is not None and _is_stranger(request, decision):
                    raise need.stranger
                raise denied(call, request, decision, protocol, words=need.refusal)

    def check_endpoint(self, call: Call, needs: Sequence[Need], *, protocol: str) -> None:
        """Raise `RefusedByEndpoint` for the first of `needs` that the policy of the VPC endpoint does not let through.

        Asked last: a call that other policies refuse has got through the endpoint. What needs no permission (GetCallerIdentity) must
        pass all the same."""
        endpoint = call.vpc_endpoint
        if endpoint is None or endpoint.policy is None:
            return
        context = self._context(call)
        policy = _parsed(endpoint.policy)
        for need in needs or (Need(action=f"{call.service}:{call.operation}"),):
            request = self._request(call, need, context)
            decision = passes_endpoint(request, policy)
            if not decision.allowed:
                raise RefusedByEndpoint(denied(call, request, decision, protocol))

    def _request(self, call: Call, need: Need, context: dict[str, Sequence[str]]) -> PolicyRequest:
        resource_owner = self._identities.resource_organization_context(need.resource_account_id or call.caller.account_id)
        return PolicyRequest(
            principal=call.caller,
            action=need.action,
            resource=need.resource,
            resource_known=need.resource_known,
            context=context | dict(resource_owner) | dict(need.context),
            resource_account_id=need.resource_account_id,
            unknown=need.unknown,
        )

    def _context(self, call: Call) -> dict[str, Sequence[str]]:
        context: dict[str, Sequence[str]] = request_context(
            source_ip=call.source_ip,
            secure=call.secure or is_local(call.source_ip),
            time=call.time,
            region=call.region,
            user_agent=call.user_agent,
            referer=call.request.headers.get("referer"),
        )
        if call.vpc_endpoint is not None:
            # The address is one of a private network: it is known by another name (IAM user guide, "aws:SourceIp").
            context["aws:VpcSourceIp"] = context.pop("aws:SourceIp")
            context["aws:SourceVpce"] = (call.vpc_endpoint.id,)
        context |= self._identities.organization_context(call.caller.account_id)
        return context


def _is_stranger(request: PolicyRequest, decision: Decision) -> bool:
    """Whether it is the policy of the resource, of another account, that does not let the caller in."""
    across = request.resource_account_id not in (None, request.principal.account_id)
    return across and "resource-based policy" in decision.reason


def denied(call: Call, request: PolicyRequest, decision: Decision, protocol: str, *, words: str | None = None) -> Fault:
    """`AccessDenied` in the words of the service that was called. It names the kind of policy, never what a policy says.

    S3 tells no more than "Access Denied" to anybody outside the account of the bucket (S3 user guide, "Troubleshoot access denied errors").
    `words` stand in for the usual message where that would tell too much.
    """
    caller = request.principal
    refused = refusals.AccessDenied(
        arn=caller.arn or caller.invoked_by or "anonymous",
        action=request.action,
        resource=request.resource,
        reason=spoken_reason(request, decision),
    )
    found = refusals.fault(refused, service=call.service, protocol=protocol)
    if words is not None:
        return make_fault(found.code, words, status=found.status)
    if caller.type in ("WebIdentityUser", "SAMLUser"):
        return make_fault(found.code, f"Not authorized to perform {request.action}", status=found.status)
    stranger = not caller.arn or request.resource_account_id not in (None, caller.account_id)
    if call.service == "s3" and stranger:
        return make_fault(found.code, "Access Denied", status=found.status)
    return found


def is_local(address: str) -> bool:
    """Whether a request never left this machine: as good as encrypted for `aws:SecureTransport`."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


@lru_cache(maxsize=1024)
def _parsed(text: str) -> Policy:
    try:
        return Policy.parse(text)
    except PolicyError:
        # It was checked when it was put. One that cannot be read now may have held a deny: nobody gets in by it.
        return _NOBODY


_NOBODY = Policy.parse('{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}]}')
