"""Condition keys of KMS (KMS developer guide, "AWS KMS condition keys"). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opentrail.kms.context import Context
from opentrail.kms.values import Key, Terms

Conditions = dict[str, Sequence[str]]


def of_key(key: Key, aliases: Sequence[str]) -> Conditions:
    """What is known of the key that is acted upon."""
    known: Conditions = {
        "kms:KeySpec": (key.spec.name,),
        "kms:CustomerMasterKeySpec": (key.spec.name,),
        "kms:KeyUsage": (key.usage,),
        "kms:CustomerMasterKeyUsage": (key.usage,),
        "kms:KeyOrigin": ("AWS_KMS",),
        "kms:MultiRegion": ("false",),
    }
    known |= {f"aws:ResourceTag/{name}": (value,) for name, value in key.tags.items()}
    if aliases:
        known["kms:ResourceAliases"] = tuple(aliases)
    return known


def of_caller(account_id: str, via_service: str | None = None) -> Conditions:
    """Whose account calls, and through which service (`s3.us-east-1.amazonaws.com`)."""
    known: Conditions = {"kms:CallerAccount": (account_id,)} if account_id else {}
    if via_service is not None:
        known["kms:ViaService"] = (via_service,)
    return known


def of_context(context: Context) -> Conditions:
    """The encryption context: each pair, and the names of all."""
    if not context:
        return {}
    return {**{f"kms:EncryptionContext:{name}": (value,) for name, value in context.items()}, "kms:EncryptionContextKeys": tuple(context)}


def of_grant(terms: Terms) -> Conditions:
    """The grant that is to be made."""
    known: Conditions = {"kms:GrantOperations": tuple(terms.operations)}
    types: list[str] = []
    for name, value in (("EncryptionContextSubset", terms.context_subset), ("EncryptionContextEquals", terms.context_equals)):
        if value is not None:
            types.append(name)
            known |= of_context(value)
    if terms.source_arn is not None:
        types.append("SourceArn")
    if types:
        known["kms:GrantConstraintType"] = tuple(types)
    principals: Mapping[str, str | None] = {
        "kms:GranteePrincipal": terms.grantee or terms.grantee_service,
        "kms:RetiringPrincipal": terms.retiring or terms.retiring_service,
    }
    return known | {name: (value,) for name, value in principals.items() if value is not None}
