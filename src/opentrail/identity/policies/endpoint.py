"""May this call pass a VPC endpoint? The policy of the endpoint, as a pure function.

It is one more limit beside those of `evaluation.py`: it must allow, its explicit deny wins, and it gives nobody anything that other
policies do not give (AWS PrivateLink guide, "Control access to VPC endpoints using endpoint policies"). It limits root users as well.
Statements name callers by `Principal`; naming an account means everybody in it.
"""

from __future__ import annotations

from opentrail.identity.policies.context import Context
from opentrail.identity.policies.evaluation import ALLOWED, Decision, PolicyRequest, nothing
from opentrail.identity.policies.naming import Caller, Grant
from opentrail.identity.policies.policy import Policy, Statement


def passes_endpoint(request: PolicyRequest, policy: Policy) -> Decision:
    """Whether the endpoint's `policy` lets `request` through; the reason is worded as AWS words it. Never raises, never blocks."""
    principal = request.principal
    lookup = Context(principal, request.context, request.resource_account_id or principal.account_id or None).get
    provider = lookup("aws:federatedprovider")
    caller = Caller(principal, provider[0] if provider else None)
    allows, denies = policy.about(request.action.lower())

    resource = request.resource if request.resource_known else None

    def fits(statement: Statement, *, deny: bool) -> bool:
        return statement.could_fit(resource, lookup, request.unknown or nothing, otherwise=deny)

    if any(one.naming is not None and one.naming.forbids(caller) and fits(one, deny=True) for one in denies):
        return Decision(allowed=False, explicit_deny=True, reason="with an explicit deny in a VPC endpoint policy")
    if any(one.naming is not None and one.naming.grant(caller) is not Grant.NONE and fits(one, deny=False) for one in allows):
        return ALLOWED
    return Decision(allowed=False, reason=f"because no VPC endpoint policy allows the {request.action} action")
