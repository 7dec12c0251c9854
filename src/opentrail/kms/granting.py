"""What a grant allows, and whether one can be made of these terms (KMS developer guide, "grants"). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from opentrail.identity.policies import Grant as Closeness
from opentrail.identity.policies.naming import Caller
from opentrail.identity.principals import Principal
from opentrail.kms.context import Context
from opentrail.kms.names import check_principal
from opentrail.kms.values import Grant, Key, Terms
from opentrail.wire.faults import ValidationException

_WITH_CONTEXT: Final = frozenset(
    {
        "Decrypt",
        "Encrypt",
        "GenerateDataKey",
        "GenerateDataKeyPair",
        "GenerateDataKeyPairWithoutPlaintext",
        "GenerateDataKeyWithoutPlaintext",
        "ReEncryptFrom",
        "ReEncryptTo",
    }
)
"""Operations that carry an encryption context: those that constraints on it are about."""
_ALWAYS: Final = frozenset({"CreateGrant", "RetireGrant", "DescribeKey"})
_BY_USAGE: Final[Mapping[str, frozenset[str]]] = {
    "SIGN_VERIFY": frozenset({"Sign", "Verify", "GetPublicKey"}),
    "GENERATE_VERIFY_MAC": frozenset({"GenerateMac", "VerifyMac"}),
    "ENCRYPT_DECRYPT": frozenset({"Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GetPublicKey"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What a caller is about to do with a key."""

    operation: str
    """As grants spell it: `ReEncryptFrom`, not `ReEncrypt`."""
    context: Context = field(default_factory=dict)
    source_arn: str | None = None
    """The resource on whose behalf a service calls."""
    granting: Terms | None = None
    """With CreateGrant: the grant that is to be made."""


def closest(grants: Iterable[Grant], principal: Principal, use: Use) -> Closeness:
    """How closely a grant that allows `use` names `principal`; `NONE`: there is no such grant."""
    caller = Caller(principal)
    return max((_names(grant.terms, caller) for grant in grants if _allows(grant.terms, use)), default=Closeness.NONE)


def closest_to_retire(grant: Grant, principal: Principal) -> Closeness:
    """How closely `grant` names `principal` as one that may retire it: its retiring principal, or a grantee with `RetireGrant` in it."""
    caller, terms = Caller(principal), grant.terms
    retiring = Closeness.DIRECT if caller.is_service(terms.retiring_service or "") else caller.as_aws(terms.retiring or "")
    return max(retiring, closest([grant], principal, Use(operation="RetireGrant")))


def _names(terms: Terms, caller: Caller) -> Closeness:
    if terms.grantee_service is not None:
        return Closeness.DIRECT if caller.is_service(terms.grantee_service) else Closeness.NONE
    return caller.as_aws(terms.grantee or "")


def _allows(terms: Terms, use: Use) -> bool:
    if use.operation not in terms.operations:
        return False
    if terms.source_arn is not None and terms.source_arn != use.source_arn:
        return False
    if use.operation in _WITH_CONTEXT:
        if terms.context_equals is not None and dict(use.context) != dict(terms.context_equals):
            return False
        return terms.context_subset is None or terms.context_subset.items() <= use.context.items()
    return use.granting is None or _covers(terms, use.granting)


def _covers(parent: Terms, child: Terms) -> bool:
    """Whether somebody whose permission to grant comes from `parent` may give `child`: nothing more, under constraints no weaker."""
    if not set(child.operations) <= set(parent.operations):
        return False
    if parent.source_arn is not None and child.source_arn != parent.source_arn:
        return False
    if parent.context_equals is not None and child.context_equals != parent.context_equals:
        return False
    if parent.context_subset is None:
        return True
    asked = child.context_equals if child.context_equals is not None else child.context_subset
    return asked is not None and parent.context_subset.items() <= asked.items()


def check(terms: Terms, key: Key) -> None:
    """Whether `terms` make a grant on `key`. Raises `ValidationException`, `InvalidArnException`."""
    if (terms.grantee is None) == (terms.grantee_service is None):
        raise ValidationException("Specify either GranteePrincipal or GranteeServicePrincipal.")
    if terms.retiring is not None and terms.retiring_service is not None:
        raise ValidationException("Specify either RetiringPrincipal or RetiringServicePrincipal, not both.")
    for arn in (terms.grantee, terms.retiring):
        if arn is not None:
            check_principal(arn)
    if terms.grantee_service is not None:
        if terms.source_arn is None:
            raise ValidationException("A grant to a service principal needs the constraint SourceArn.")
        if terms.retiring is None and terms.retiring_service is None:
            raise ValidationException("A grant to a service principal needs a RetiringPrincipal or RetiringServicePrincipal.")
    if not terms.operations:
        raise ValidationException("A grant needs at least one operation.")
    for operation in terms.operations:
        if operation not in possible(key):
            raise ValidationException(f"The operation {operation} is not possible with {key.arn} ({key.spec.name}, {key.usage}).")
    if terms.context_subset is not None and terms.context_equals is not None:
        raise ValidationException("Specify either EncryptionContextSubset or EncryptionContextEquals, not both.")
    if (terms.context_subset is not None or terms.context_equals is not None) and not key.symmetric:
        raise ValidationException("Only grants on symmetric encryption keys can have constraints on the encryption context.")


def possible(key: Key) -> frozenset[str]:
    """The operations that a grant on `key` can allow."""
    if key.symmetric:
        return _ALWAYS | _WITH_CONTEXT
    return _ALWAYS | _BY_USAGE[key.usage]
