"""Which key an operation is about, and how its parameters say so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from opentrail.api.call import Call, Result
from opentrail.kms import KeyManagement
from opentrail.kms.keys import MANAGED
from opentrail.kms.names import RESERVED, Reference, reference
from opentrail.kms.specs import SYMMETRIC
from opentrail.kms.values import Key, Terms

Operation = Callable[[Call], Result]
"""How an operation is carried out; every one of KMS may block."""

BY_ALIAS: Final = frozenset(
    {
        "Decrypt",
        "DescribeKey",
        "Encrypt",
        "GenerateDataKey",
        "GenerateDataKeyPair",
        "GenerateDataKeyPairWithoutPlaintext",
        "GenerateDataKeyWithoutPlaintext",
        "GenerateMac",
        "GetPublicKey",
        "ReEncrypt",
        "Sign",
        "Verify",
        "VerifyMac",
    }
)
"""Operations that take an alias in the place of a key."""


def named(call: Call, member: str = "KeyId") -> Reference:
    """What a parameter of `call` names. Raises as `kms.names.reference`."""
    return reference(call.parameters[member], call.account_id, call.region, aliases=call.operation in BY_ALIAS)


def key_of(kms: KeyManagement, call: Call, member: str = "KeyId") -> Key:
    """The key that a parameter of `call` names. Raises `NotFoundException` too."""
    return kms.keys.get(named(call, member))


def managed_service(alias: str | None) -> str | None:
    """The service whose AWS managed key `alias` is or will be."""
    service = (alias or "").removeprefix(RESERVED)
    return service if alias == RESERVED + service and service in MANAGED else None


def terms_of(given: Mapping[str, Any]) -> Terms:
    """The terms in the parameters of CreateGrant."""
    constraints = given.get("Constraints") or {}
    return Terms(
        operations=tuple(dict.fromkeys(given["Operations"])),
        grantee=given.get("GranteePrincipal"),
        grantee_service=given.get("GranteeServicePrincipal"),
        retiring=given.get("RetiringPrincipal"),
        retiring_service=given.get("RetiringServicePrincipal"),
        name=given.get("Name"),
        context_subset=constraints.get("EncryptionContextSubset"),
        context_equals=constraints.get("EncryptionContextEquals"),
        source_arn=constraints.get("SourceArn"),
    )


def without_ciphertext(given: Mapping[str, Any]) -> bool:
    """Whether Decrypt or ReEncrypt only asks whether it may (`DryRunModifiers` `IGNORE_CIPHERTEXT`)."""
    return bool(given.get("DryRun")) and "IGNORE_CIPHERTEXT" in (given.get("DryRunModifiers") or ())


def algorithm_of(given: Mapping[str, Any], member: str = "EncryptionAlgorithm") -> str:
    """The encryption algorithm of a request; symmetric keys need not name theirs."""
    return str(given.get(member) or SYMMETRIC)
