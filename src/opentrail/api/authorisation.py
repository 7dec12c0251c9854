"""May the caller do this? Each `Need` of a call against every policy that has a say."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from functools import lru_cache

from opentrail.api.call import Call, Need
from opentrail.identity import Identities
from opentrail.identity.policies import Policy, PolicyError, PolicyRequest, denial, evaluate, request_context
from opentrail.wire.faults import Fault
from opentrail.wire.faults import fault as make_fault
from opentrail.wire.refusals import AccessDenied
from opentrail.wire.refusals import fault as refusal_fault


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
                context=context | dict(need.context),
                resource_account_id=need.resource_account_id,
            )
            resource_policy = _parsed(need.resource_policy) if need.resource_policy else None
            decision = evaluate(request, policies, resource_policy, service_control=service_control)
            if not decision.allowed:
                raise denied(call, denial(request, decision), protocol)


def denied(call: Call, message: str, protocol: str) -> Fault:
    """`AccessDenied` in the words of the service that was called."""
    worded = AccessDenied(arn=call.caller.arn, action="", resource="")
    plain = refusal_fault(worded, service=call.service, protocol=protocol)
    if not call.caller.arn and call.service == "s3":
        message = "Access Denied"
    elif call.caller.type in ("WebIdentityUser", "SAMLUser"):
        message = f"Not authorized to perform {call.service}:{call.operation}"
    return make_fault(plain.code, message, status=plain.status)


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
