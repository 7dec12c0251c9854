"""May the caller do this? Each `Need` of a call against every policy that has a say."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from functools import lru_cache

from opentrail.api.call import Call, Need
from opentrail.identity import Identities
from opentrail.identity.policies import Decision, Policy, PolicyError, PolicyRequest, evaluate, request_context, spoken_reason
from opentrail.wire import refusals
from opentrail.wire.faults import Fault
from opentrail.wire.faults import fault as make_fault


class Authorisation:
    """Evaluates identity, session, boundary and resource policies for a call."""

    def __init__(self, *, identities: Identities) -> None:
        self._identities = identities

    def check(self, call: Call, needs: Sequence[Need], *, protocol: str) -> None:
        """Raise the service's own `AccessDenied` fault for the first of `needs` that the caller does not have."""
        if not needs:
            return
        context = request_context(
            source_ip=call.source_ip,
            secure=call.secure or is_local(call.source_ip),
            time=call.time,
            region=call.region,
            user_agent=call.user_agent,
            referer=call.request.headers.get("referer"),
        )
        context |= self._identities.organization_context(call.caller.account_id)
        policies = self._identities.policies(call.caller)
        service_control = self._identities.service_control(call.caller.account_id)
        for need in needs:
            request = PolicyRequest(
                principal=call.caller,
                action=need.action,
                resource=need.resource,
                resource_known=need.resource_known,
                context=context | dict(need.context),
                resource_account_id=need.resource_account_id,
                unknown=need.unknown,
            )
            resource_policy = _parsed(need.resource_policy) if need.resource_policy else None
            decision = evaluate(request, policies, resource_policy, service_control=service_control)
            if not decision.allowed:
                raise denied(call, request, decision, protocol)


def denied(call: Call, request: PolicyRequest, decision: Decision, protocol: str) -> Fault:
    """`AccessDenied` in the words of the service that was called. It names the kind of policy, never what a policy says.

    S3 tells no more than "Access Denied" to anybody outside the account of the bucket (S3 user guide, "Troubleshoot access denied errors").
    """
    caller = request.principal
    refused = refusals.AccessDenied(
        arn=caller.arn or caller.invoked_by or "anonymous",
        action=request.action,
        resource=request.resource,
        reason=spoken_reason(request, decision),
    )
    found = refusals.fault(refused, service=call.service, protocol=protocol)
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
