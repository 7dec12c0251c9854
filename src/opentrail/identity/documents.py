"""Policy documents on their way in: checked, measured, refused with IAM's faults."""

from __future__ import annotations

from collections.abc import Callable

from opentrail.identity.faults import LimitExceeded, MalformedPolicyDocument
from opentrail.identity.policies import Policy, PolicyError, check_identity, check_trust
from opentrail.identity.policies.grammar import Document

MAX_TRUST_SIZE = 2048
"""Characters of a trust policy, without white space (IAM's default quota)."""


def size(text: str) -> int:
    """The length that counts against quotas: white space is free."""
    return len("".join(text.split()))


def identity_document(text: str) -> str:
    """A policy for users, groups, roles or sessions, as it was given. Raises `MalformedPolicyDocument`."""
    return _checked(text, check_identity)


def trust_document(text: str) -> str:
    """A trust policy, as it was given. Raises `MalformedPolicyDocument` and `LimitExceeded`."""
    _checked(text, check_trust)
    if size(text) > MAX_TRUST_SIZE:
        raise LimitExceeded(f"Cannot exceed quota for ACLSizePerRole: {MAX_TRUST_SIZE}")
    return text


def _checked(text: str, check: Callable[[Document], None]) -> str:
    try:
        Policy.parse(text, check=check)
    except PolicyError as error:
        raise MalformedPolicyDocument(str(error)) from None
    return text
