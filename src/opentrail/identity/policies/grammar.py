"""What holds for each kind of policy: of identities, roles' trust, resources, KMS keys, and service control policies.

A check takes a `Document` that `read` has made, and raises `PolicyError` with the message that the service gives. Services turn it into
their own fault: `MalformedPolicyDocument` (IAM), `MalformedPolicy` (S3), `MalformedPolicyDocumentException` (KMS, Organizations);
`PolicyTooLarge` into the one for sizes, where they have one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from opentrail.identity.policies.document import CURRENT_VERSION, Document, PolicyError, PolicyTooLarge, Statement, read

__all__ = [
    "Document",
    "PolicyError",
    "PolicyTooLarge",
    "Statement",
    "check_identity",
    "check_key_policy",
    "check_resource",
    "check_resources",
    "check_service_control",
    "check_trust",
    "read",
]

MAX_KEY_POLICY = 32 * 1024
"""Bytes of a key policy (KMS developer guide, "Resource quotas")."""

MAX_SERVICE_CONTROL = 10_240
"""Bytes of a service control policy, white space included (Organizations user guide, "Quotas")."""

_SID = re.compile(r"[0-9A-Za-z]*\Z")
_PARTITION = re.compile(r"aws(-[a-z0-9-]+)?\Z")
_WILDCARD = re.compile(r"[*?]")


def check_identity(document: Document) -> None:
    """What holds for policies of users, groups and roles, and for managed and session policies. Raises `PolicyError`."""
    if document.version != CURRENT_VERSION:
        raise PolicyError("Policy document must be version 2012-10-17 or greater.")
    if not document.statements:
        raise PolicyError("Syntax errors in policy. Statement is empty.")
    for statement in document.statements:
        if statement.principal is not None:
            raise PolicyError("Policy document should not specify a principal.")
        if not statement.actions:
            raise PolicyError("Policy statement must contain actions.")
        if not statement.resources:
            raise PolicyError("Policy statement must contain resources.")
        if statement.sid is not None and not _SID.match(statement.sid):
            raise PolicyError(
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"
            )
        check_resources(statement.resources)


def check_resources(resources: Sequence[str]) -> None:
    """Every entry is `*` or looks like an ARN. Raises `PolicyError`."""
    for resource in resources:
        if resource == "*":
            continue
        shown = resource[:200]
        parts = resource.split(":", 5)
        if parts[0] != "arn" or (len(parts) < 6 and not resource.endswith("*")) or len(parts) < 2:
            raise PolicyError(f'Resource {shown} must be in ARN format or "*".')
        if "*" not in parts[1] and not _PARTITION.match(parts[1]):
            raise PolicyError(f'Partition "{parts[1][:100]}" is not valid for resource "{shown}".')
        if len(parts) > 2 and _WILDCARD.search(parts[2]):
            raise PolicyError("Resource vendor must be fully qualified and cannot contain regexes.")


def check_trust(document: Document) -> None:
    """What holds for the trust policy of a role. Raises `PolicyError`."""
    if not document.statements:
        raise PolicyError("Missing required field Statement")
    for statement in document.statements:
        if statement.principal is None:
            raise PolicyError("Missing required field Principal")
        if statement.not_principal:
            raise PolicyError("Has prohibited field NotPrincipal")
        if statement.resources is not None:
            raise PolicyError(f"Has prohibited field {'NotResource' if statement.not_resource else 'Resource'}")
        if not statement.actions:
            raise PolicyError("Missing required field Action")
        for action in statement.actions:
            if not _is_trust_action(action.lower()):
                raise PolicyError("AssumeRole policy may only specify STS AssumeRole actions.")


def _is_trust_action(action: str) -> bool:
    return action.startswith("sts:") and not action.startswith(("sts:get", "sts:decode"))


def check_resource(document: Document) -> None:
    """What holds for policies of resources (buckets, topics, keys): somebody is named, something is acted upon. Raises `PolicyError`."""
    if not document.statements:
        raise PolicyError("Missing required field Statement")
    for statement in document.statements:
        if statement.principal is None:
            raise PolicyError("Missing required field Principal")
        if statement.not_principal and statement.effect == "Allow":
            raise PolicyError("NotPrincipal cannot be used with the effect Allow; name those who are allowed in Principal.")
        if not statement.actions:
            raise PolicyError("Missing required field Action")
        if not statement.resources:
            raise PolicyError("Missing required field Resource")


def check_key_policy(document: Document) -> None:
    """What holds for the policy of a KMS key. Raises `PolicyError`, `PolicyTooLarge` beyond `MAX_KEY_POLICY`.

    Whether it still lets somebody change it (the lockout check) is for the service to find out by evaluating it.
    """
    if document.size > MAX_KEY_POLICY:
        raise PolicyTooLarge(f"The key policy has {document.size} bytes; it may have {MAX_KEY_POLICY}.")
    check_resource(document)
    for statement in document.statements:
        if isinstance(statement.principal, dict) and "CanonicalUser" in statement.principal:
            raise PolicyError("Policy contains a statement with one or more invalid principals.")


def check_service_control(document: Document) -> None:
    """What holds for a service control policy: the whole policy language, but it names nobody (Organizations user guide, "SCP syntax").

    Raises `PolicyError`, `PolicyTooLarge` beyond `MAX_SERVICE_CONTROL`.
    """
    if document.size > MAX_SERVICE_CONTROL:
        raise PolicyTooLarge(f"The service control policy has {document.size} bytes; it may have {MAX_SERVICE_CONTROL}.")
    if document.version != CURRENT_VERSION:
        raise PolicyError("Policy document must be version 2012-10-17 or greater.")
    if not document.statements:
        raise PolicyError("Missing required field Statement")
    for statement in document.statements:
        if statement.principal is not None:
            raise PolicyError(f"Has prohibited field {'NotPrincipal' if statement.not_principal else 'Principal'}")
        if not statement.actions:
            raise PolicyError("Missing required field Action")
        if not statement.resources:
            raise PolicyError("Missing required field Resource")
        check_resources(statement.resources)
