"""Keys, aliases and grants as KMS's API shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from opentrail.kms.values import Alias, Grant, Key, Material

_ALGORITHMS = {"ENCRYPT_DECRYPT": "EncryptionAlgorithms", "SIGN_VERIFY": "SigningAlgorithms", "GENERATE_VERIFY_MAC": "MacAlgorithms"}


def instant(at: float) -> datetime:
    """Epoch seconds as results carry times."""
    return datetime.fromtimestamp(at, UTC)


def algorithms(key: Key) -> dict[str, Sequence[str]]:
    """What the key can compute, below the name that its usage asks for."""
    return {_ALGORITHMS[key.usage]: list(key.algorithms)}


def metadata(key: Key) -> dict[str, Any]:
    """`KeyMetadata`"""
    shown: dict[str, Any] = {
        "AWSAccountId": key.account_id,
        "KeyId": key.key_id,
        "Arn": key.arn,
        "CreationDate": instant(key.created),
        "Enabled": key.state == "Enabled",
        "Description": key.description,
        "KeyUsage": key.usage,
        "KeyState": key.state,
        "Origin": "AWS_KMS",
        "KeyManager": key.manager,
        "CustomerMasterKeySpec": key.spec.name,
        "KeySpec": key.spec.name,
        "MultiRegion": False,
        **algorithms(key),
    }
    if key.deletion is not None:
        shown["DeletionDate"] = instant(key.deletion)
    if key.symmetric:
        shown["CurrentKeyMaterialId"] = key.material_id
    return shown


def alias(of: Alias) -> dict[str, Any]:
    """`AliasListEntry`"""
    shown: dict[str, Any] = {"AliasName": of.name, "AliasArn": of.arn}
    if of.key_id is not None:
        shown["TargetKeyId"] = of.key_id
    if of.created is not None and of.updated is not None:
        shown |= {"CreationDate": instant(of.created), "LastUpdatedDate": instant(of.updated)}
    return shown


def grant(of: Grant, key_arn: str) -> dict[str, Any]:
    """`GrantListEntry`"""
    terms = of.terms
    constraints: Mapping[str, Any] = {
        "EncryptionContextSubset": terms.context_subset,
        "EncryptionContextEquals": terms.context_equals,
        "SourceArn": terms.source_arn,
    }
    shown: dict[str, Any] = {
        "KeyId": key_arn,
        "GrantId": of.grant_id,
        "Name": terms.name or "",
        "CreationDate": instant(of.created),
        "IssuingAccount": of.issuing_account,
        "Operations": list(terms.operations),
        "GranteePrincipal": terms.grantee,
        "GranteeServicePrincipal": terms.grantee_service,
        "RetiringPrincipal": terms.retiring,
        "RetiringServicePrincipal": terms.retiring_service,
        "Constraints": {name: value for name, value in constraints.items() if value is not None} or None,
    }
    return {name: value for name, value in shown.items() if value is not None}


def material(of: Material, key: Key) -> dict[str, Any]:
    """`RotationsListEntry`"""
    shown: dict[str, Any] = {
        "KeyId": key.key_id,
        "KeyMaterialId": of.material_id,
        "KeyMaterialState": "CURRENT" if of.number == key.number else "NON_CURRENT",
    }
    if of.rotation is not None:
        shown |= {"RotationDate": instant(of.created), "RotationType": of.rotation}
    return shown
