"""Documents of service control policies and of the resource policy, on their way in."""

from __future__ import annotations

from opentrail.identity.organizations.faults import (
    ConstraintViolationException,
    InvalidInputException,
    MalformedPolicyDocumentException,
)
from opentrail.identity.policies import PolicyError, check_resource
from opentrail.identity.policies.grammar import check_resources, read

MAX_CONTENT = 10_240
"""Characters of a service control policy, white space included."""

DELEGABLE_READS = frozenset(
    {
        "DescribeAccount", "DescribeCreateAccountStatus", "DescribeOrganization", "DescribeOrganizationalUnit", "DescribePolicy",
        "DescribeResourcePolicy", "ListAWSServiceAccessForOrganization", "ListAccounts", "ListAccountsForParent", "ListChildren",
        "ListCreateAccountStatus", "ListDelegatedAdministrators", "ListDelegatedServicesForAccount", "ListHandshakesForOrganization",
        "ListOrganizationalUnitsForParent", "ListParents", "ListPolicies", "ListPoliciesForTarget", "ListRoots", "ListTagsForResource",
        "ListTargetsForPolicy",
    }
)  # fmt: skip
"""Operations that read the organization: the management account's and every delegated administrator's."""

DELEGABLE_WRITES = frozenset(
    {
        "AttachPolicy", "CreatePolicy", "DeletePolicy", "DetachPolicy", "DisablePolicyType", "EnablePolicyType", "TagResource",
        "UntagResource", "UpdatePolicy",
    }
)  # fmt: skip
"""Operations on policies, which a resource policy may hand to members."""

_ALSO_NAMED = frozenset({"DescribeEffectivePolicy", "ListEffectivePolicyValidationErrors", "ListAccountsWithInvalidEffectivePolicy"})
"""Actions that AWS's own examples of resource policies name, and that nothing here answers to yet."""

_KNOWN = frozenset(name.lower() for name in DELEGABLE_READS | DELEGABLE_WRITES | _ALSO_NAMED)


def service_control(text: str) -> str:
    """A service control policy, as it was given. Raises `MalformedPolicyDocumentException`, `ConstraintViolationException`."""
    if len(text) > MAX_CONTENT:
        raise ConstraintViolationException(
            f"You have exceeded the maximum policy size of {MAX_CONTENT} characters.", Reason="POLICY_CONTENT_LIMIT_EXCEEDED"
        )
    try:
        document = read(text)
        if not document.variables:
            raise PolicyError("Policy document must be version 2012-10-17 or greater.")
        if not document.statements:
            raise PolicyError("Missing required field Statement")
        for statement in document.statements:
            if statement.principal is not None:
                raise PolicyError("Has prohibited field Principal")
            if not statement.actions:
                raise PolicyError("Missing required field Action")
            if not statement.resources:
                raise PolicyError("Missing required field Resource")
            check_resources(statement.resources)
    except PolicyError as error:
        raise MalformedPolicyDocumentException(f"{MalformedPolicyDocumentException.__doc__} {error}") from None
    return text


def resource_policy(text: str) -> str:
    """A resource policy, as it was given. Raises `InvalidInputException` with the reason."""
    try:
        document = read(text)
        check_resource(document)
        if not document.variables:
            raise PolicyError("Policy document must be version 2012-10-17 or greater.")
    except PolicyError as error:
        raise InvalidInputException(
            f"You provided a resource policy that isn't valid: {error}", Reason="INVALID_RESOURCE_POLICY_JSON"
        ) from None
    for statement in document.statements:
        principal = statement.principal
        if principal != "*" and (not isinstance(principal, dict) or set(principal) != {"AWS"}):
            raise InvalidInputException(
                "You specified an invalid principal element in the policy: name AWS accounts, users or roles.", Reason="INVALID_PRINCIPAL"
            )
        if statement.not_action or not all(_delegable(action) for action in statement.actions):
            raise InvalidInputException(
                "You specified an action that a resource policy can't delegate.", Reason="UNSUPPORTED_ACTION_IN_RESOURCE_POLICY"
            )
        for resource in statement.resources or ():
            if resource != "*" and not resource.startswith("arn:aws:organizations::"):
                raise InvalidInputException(
                    f"You specified a resource that isn't one of Organizations: {resource}",
                    Reason="UNSUPPORTED_RESOURCE_IN_RESOURCE_POLICY",
                )
    return text


def _delegable(action: str) -> bool:
    vendor, _, name = action.partition(":")
    if vendor.lower() != "organizations":
        return False
    if "*" in name or "?" in name:
        return name.lower().startswith(("list", "describe"))
    return name.lower() in _KNOWN
