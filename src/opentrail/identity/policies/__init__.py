"""Policies: grammar, compilation, evaluation. Pure: opens no file, asks for no time.

policy = Policy.parse(text, check=check_identity)
decision = evaluate(PolicyRequest(principal=caller, action="s3:GetObject", resource=arn), PolicySet(identity=(policy,)))
"""

from opentrail.identity.policies.context import canonical_user_id, request_context
from opentrail.identity.policies.document import PolicyError, PolicyTooLarge
from opentrail.identity.policies.endpoint import passes_endpoint
from opentrail.identity.policies.evaluation import Decision, PolicyRequest, PolicySet, denial, evaluate, spoken_reason
from opentrail.identity.policies.grammar import (
    check_identity,
    check_key_policy,
    check_resource,
    check_service_control,
    check_trust,
)
from opentrail.identity.policies.naming import Grant
from opentrail.identity.policies.policy import Policy, parsed

__all__ = [
    "Decision",
    "Grant",
    "Policy",
    "PolicyError",
    "PolicyRequest",
    "PolicySet",
    "PolicyTooLarge",
    "canonical_user_id",
    "check_identity",
    "check_key_policy",
    "check_resource",
    "check_service_control",
    "check_trust",
    "denial",
    "evaluate",
    "parsed",
    "passes_endpoint",
    "request_context",
    "spoken_reason",
]
