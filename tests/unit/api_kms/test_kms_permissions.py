"""Who may do what: key policies, identity policies, condition keys, and what a stranger never learns."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from opentrail.kms import policies
from simulators.kms import ACCOUNT, REGION
from simulators.kms_callers import OTHER, Caller

Users = Callable[..., Caller]
ANA = f"arn:aws:iam::{ACCOUNT}:user/ana"
NONE = "00000000-0000-4000-8000-000000000001"
STATEMENT = json.loads(policies.default(ACCOUNT))["Statement"][0]


def policy(*statements: dict[str, Any]) -> str:
    more = [{"Resource": "*", "Effect": "Allow", **statement} for statement in statements]
    return json.dumps({"Version": "2012-10-17", "Statement": [STATEMENT, *more]})


OPERATIONS = [
    ("DescribeKey", {}),
    ("Encrypt", {"Plaintext": b"x"}),
    ("GenerateDataKey", {"KeySpec": "AES_256"}),
    ("GenerateDataKeyWithoutPlaintext", {"KeySpec": "AES_256"}),
    ("GenerateDataKeyPair", {"KeyPairSpec": "ECC_NIST_P256"}),
    ("GenerateDataKeyPairWithoutPlaintext", {"KeyPairSpec": "ECC_NIST_P256"}),
    ("GetKeyPolicy", {}),
    ("PutKeyPolicy", {"Policy": policies.default(ACCOUNT)}),
    ("ListKeyPolicies", {}),
    ("TagResource", {"Tags": [{"TagKey": "a", "TagValue": "b"}]}),
    ("UntagResource", {"TagKeys": ["a"]}),
    ("ListResourceTags", {}),
    ("UpdateKeyDescription", {"Description": "x"}),
    ("EnableKeyRotation", {}),
    ("DisableKeyRotation", {}),
    ("GetKeyRotationStatus", {}),
    ("ListKeyRotations", {}),
    ("RotateKeyOnDemand", {}),
    ("CreateGrant", {"GranteePrincipal": ANA, "Operations": ["Decrypt"]}),
    ("ListGrants", {}),
    ("DisableKey", {}),
    ("EnableKey", {}),
    ("ScheduleKeyDeletion", {}),
]


@pytest.mark.parametrize(("operation", "parameters"), OPERATIONS)
def test_under_the_default_policy_the_identity_policies_decide(
    root: Caller, user: Users, operation: str, parameters: dict[str, Any]
) -> None:
    key = root.key()
    message = user("bob").refused("AccessDeniedException", operation, KeyId=key, **parameters)
    assert message == (
        f"User: arn:aws:iam::{ACCOUNT}:user/bob is not authorized to perform: kms:{operation} on resource: {key} "
        f"because no identity-based policy allows the kms:{operation} action"
    )
    user("ana", f"kms:{operation}")(operation, KeyId=key, **parameters)


@pytest.mark.parametrize(
    ("operation", "parameters", "actions"),
    [
        ("ListKeys", {}, ["kms:ListKeys"]),
        ("ListAliases", {}, ["kms:ListAliases"]),
        ("GenerateRandom", {"NumberOfBytes": 8}, ["kms:GenerateRandom"]),
        ("CreateKey", {}, ["kms:CreateKey"]),
        ("CreateKey", {"Tags": [{"TagKey": "a", "TagValue": "b"}]}, ["kms:CreateKey", "kms:TagResource"]),
        ("ListRetirableGrants", {"RetiringPrincipal": ANA}, ["kms:ListRetirableGrants"]),
    ],
)
def test_operations_without_a_key_take_identity_policies(
    user: Users, operation: str, parameters: dict[str, Any], actions: list[str]
) -> None:
    for number in range(len(actions)):
        user(f"bob{number}", *actions[:number]).refused("AccessDeniedException", operation, **parameters)
    user("ana", *actions)(operation, **parameters)


def test_a_key_policy_that_does_not_name_the_account_shuts_identity_policies_out(root: Caller, user: Users) -> None:
    ana = user("ana", "kms:*")
    only_ana = json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": ANA}, "Action": "kms:*", "Resource": "*"}]}
    )
    key = ana.key(Policy=only_ana)
    ana("Encrypt", KeyId=key, Plaintext=b"x")
    assert "no resource-based policy" in user("bob", "kms:*").refused("AccessDeniedException", "Encrypt", KeyId=key, Plaintext=b"x")
    root.refused("AccessDeniedException", "DescribeKey", KeyId=key)


def test_a_user_that_the_key_policy_names_needs_nothing_else(root: Caller, user: Users) -> None:
    ana = user("ana")
    key = root.key(Policy=policy({"Principal": {"AWS": ANA}, "Action": ["kms:Encrypt", "kms:Decrypt"]}))
    blob = ana("Encrypt", KeyId=key, Plaintext=b"text")["CiphertextBlob"]
    assert ana("Decrypt", CiphertextBlob=blob)["Plaintext"] == b"text"
    ana.refused("AccessDeniedException", "DescribeKey", KeyId=key)


def test_aliases_take_the_permission_on_alias_and_key(root: Caller, user: Users) -> None:
    key, other = root.key(), root.key()
    alias = f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/a"
    on_key = user("onkey", "kms:*Alias", Resource=key)
    on_alias = user("onalias", "kms:*Alias", Resource=alias)
    both = user("both", "kms:*Alias", Resource=[alias, key])
    for caller in (on_key, on_alias):
        caller.refused("AccessDeniedException", "CreateAlias", AliasName="alias/a", TargetKeyId=key)
    both("CreateAlias", AliasName="alias/a", TargetKeyId=key)
    both.refused("AccessDeniedException", "UpdateAlias", AliasName="alias/a", TargetKeyId=other)
    user("all", "kms:UpdateAlias", Resource=[alias, key, other])("UpdateAlias", AliasName="alias/a", TargetKeyId=other)
    for caller in (on_key, on_alias, both):
        caller.refused("AccessDeniedException", "DeleteAlias", AliasName="alias/a")
    root("UpdateAlias", AliasName="alias/a", TargetKeyId=key)
    both("DeleteAlias", AliasName="alias/a")


CONDITIONS: list[tuple[str, dict[str, Any], str, Any, bool]] = [
    # operation, parameters, condition key, value, whether it fits
    ("Encrypt", {"Plaintext": b"x", "EncryptionContext": {"a": "b"}}, "kms:EncryptionContext:a", "b", True),
    ("Encrypt", {"Plaintext": b"x", "EncryptionContext": {"a": "c"}}, "kms:EncryptionContext:a", "b", False),
    ("Encrypt", {"Plaintext": b"x"}, "kms:EncryptionContext:a", "b", False),
    ("Encrypt", {"Plaintext": b"x"}, "kms:CallerAccount", ACCOUNT, True),
    ("Encrypt", {"Plaintext": b"x"}, "kms:ViaService", f"s3.{REGION}.amazonaws.com", False),
    ("Encrypt", {"Plaintext": b"x"}, "kms:EncryptionAlgorithm", "SYMMETRIC_DEFAULT", True),
    ("Encrypt", {"Plaintext": b"x"}, "kms:KeySpec", "SYMMETRIC_DEFAULT", True),
    ("Encrypt", {"Plaintext": b"x"}, "kms:KeyUsage", "SIGN_VERIFY", False),
    ("Encrypt", {"Plaintext": b"x"}, "kms:KeyOrigin", "AWS_KMS", True),
    ("Encrypt", {"Plaintext": b"x"}, "kms:MultiRegion", "false", True),
    ("Encrypt", {"Plaintext": b"x"}, "aws:ResourceTag/team", "audit", True),
    ("Encrypt", {"Plaintext": b"x"}, "aws:ResourceTag/team", "other", False),
    ("Encrypt", {"Plaintext": b"x"}, "kms:RequestAlias", "alias/a", False),
    ("Encrypt", {"Plaintext": b"x", "KeyId": "alias/a"}, "kms:RequestAlias", "alias/a", True),
    ("GenerateDataKeyPair", {"KeyPairSpec": "ECC_NIST_P256"}, "kms:DataKeyPairSpec", "ECC_NIST_P256", True),
    ("ScheduleKeyDeletion", {"PendingWindowInDays": 7}, "kms:ScheduleKeyDeletionPendingWindowInDays", "30", False),
    ("ScheduleKeyDeletion", {}, "kms:ScheduleKeyDeletionPendingWindowInDays", "30", True),
    ("EnableKeyRotation", {"RotationPeriodInDays": 90}, "kms:RotationPeriodInDays", "90", True),
    ("TagResource", {"Tags": [{"TagKey": "a", "TagValue": "b"}]}, "aws:RequestTag/a", "b", True),
    ("UntagResource", {"TagKeys": ["a"]}, "aws:TagKeys", "b", False),
    ("PutKeyPolicy", {"Policy": policies.default(ACCOUNT)}, "kms:BypassPolicyLockoutSafetyCheck", "false", True),
    ("CreateGrant", {"GranteePrincipal": ANA, "Operations": ["Decrypt"]}, "kms:GranteePrincipal", ANA, True),
    ("CreateGrant", {"GranteePrincipal": ANA, "Operations": ["Decrypt"]}, "kms:GrantIsForAWSResource", "true", False),
    ("CreateGrant", {"GranteePrincipal": ANA, "Operations": ["Decrypt"], "RetiringPrincipal": ANA}, "kms:RetiringPrincipal", ANA, True),
    ("CreateGrant", {"GranteePrincipal": ANA, "Operations": ["Decrypt"]}, "kms:GrantConstraintType", "EncryptionContextEquals", False),
]  # fmt: skip


@pytest.mark.parametrize(("operation", "parameters", "name", "value", "fits"), CONDITIONS)
def test_condition_keys_of_a_call(
    root: Caller, user: Users, operation: str, parameters: dict[str, Any], name: str, value: str, fits: bool
) -> None:
    key = root.key(Tags=[{"TagKey": "team", "TagValue": "audit"}])
    root("CreateAlias", AliasName="alias/a", TargetKeyId=key)
    ana = user("ana", f"kms:{operation}", Condition={"StringEquals": {name: value}})
    given = {"KeyId": key, **parameters}
    if fits:
        ana(operation, **given)
    else:
        ana.refused("AccessDeniedException", operation, **given)


@pytest.mark.parametrize(
    ("parameters", "name", "value", "fits"),
    [
        ({}, "kms:KeySpec", "SYMMETRIC_DEFAULT", True),
        ({"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}, "kms:KeySpec", "SYMMETRIC_DEFAULT", False),
        ({"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}, "kms:KeyUsage", "SIGN_VERIFY", True),
        ({}, "kms:KeyOrigin", "EXTERNAL", False),
        ({}, "kms:MultiRegion", "false", True),
        ({}, "kms:BypassPolicyLockoutSafetyCheck", "false", True),
    ],
)
def test_condition_keys_of_create_key(user: Users, parameters: dict[str, Any], name: str, value: str, fits: bool) -> None:
    ana = user("ana", "kms:CreateKey", Condition={"StringEquals": {name: value}})
    if fits:
        ana("CreateKey", **parameters)
    else:
        ana.refused("AccessDeniedException", "CreateKey", **parameters)


def test_condition_keys_with_several_values(root: Caller, user: Users) -> None:
    key = root.key()
    only = {"ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["a", "b"]}, "Null": {"kms:EncryptionContextKeys": "false"}}
    ana = user("ana", "kms:Encrypt", Condition=only)
    ana("Encrypt", KeyId=key, Plaintext=b"x", EncryptionContext={"a": "1", "b": "2"})
    ana.refused("AccessDeniedException", "Encrypt", KeyId=key, Plaintext=b"x", EncryptionContext={"a": "1", "c": "2"})
    ana.refused("AccessDeniedException", "Encrypt", KeyId=key, Plaintext=b"x")
    bob = user("bob", "kms:CreateGrant", Condition={"ForAllValues:StringEquals": {"kms:GrantOperations": ["Decrypt", "Encrypt"]}})
    bob("CreateGrant", KeyId=key, GranteePrincipal=ANA, Operations=["Decrypt"])
    bob.refused("AccessDeniedException", "CreateGrant", KeyId=key, GranteePrincipal=ANA, Operations=["Decrypt", "DescribeKey"])
    by_alias = user("eve", "kms:Encrypt", Condition={"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/a"}})
    by_alias.refused("AccessDeniedException", "Encrypt", KeyId=key, Plaintext=b"x")
    root("CreateAlias", AliasName="alias/a", TargetKeyId=key)
    by_alias("Encrypt", KeyId=key, Plaintext=b"x")


def test_re_encrypting_on_the_same_key_is_a_condition(root: Caller, user: Users) -> None:
    key = root.key()
    blob = root("Encrypt", KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    ana = user("ana", "kms:ReEncrypt*", Condition={"Bool": {"kms:ReEncryptOnSameKey": "true"}})
    ana("ReEncrypt", CiphertextBlob=blob, DestinationKeyId=key)
    ana.refused("AccessDeniedException", "ReEncrypt", CiphertextBlob=blob, DestinationKeyId=root.key())


# other accounts

ABROAD = ("Encrypt", "Decrypt", "GenerateDataKey", "DescribeKey", "CreateGrant", "ListGrants", "RevokeGrant", "GetKeyRotationStatus")


def shared(root: Caller) -> str:
    """A key whose policy lets the other account do everything."""
    return root.key(Policy=policy({"Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"}, "Action": "kms:*"}))


def test_another_account_uses_a_key_whose_policy_and_its_own_policies_let_it(root: Caller, user: Users) -> None:
    key = shared(root)
    root("CreateAlias", AliasName="alias/shared", TargetKeyId=key)
    ana, bob = user("ana", "kms:*", account=OTHER), user("bob", account=OTHER)
    blob = ana("Encrypt", KeyId=key, Plaintext=b"text")["CiphertextBlob"]
    assert ana("Decrypt", CiphertextBlob=blob)["Plaintext"] == b"text"
    assert ana("DescribeKey", KeyId=f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/shared")["KeyMetadata"]["Arn"] == key
    bob.refused("AccessDeniedException", "Encrypt", KeyId=key, Plaintext=b"x")
    bob.refused("AccessDeniedException", "Decrypt", CiphertextBlob=blob)
    # By its bare id it is looked for in the caller's own account.
    ana.refused("NotFoundException", "Encrypt", KeyId=key.rpartition("/")[2], Plaintext=b"x")


@pytest.mark.parametrize("operation", ["DisableKey", "ScheduleKeyDeletion", "GetKeyPolicy", "EnableKeyRotation", "ListResourceTags"])
def test_keys_are_managed_from_their_own_account_only(root: Caller, user: Users, operation: str) -> None:
    user("ana", "kms:*", account=OTHER).refused("AccessDeniedException", operation, KeyId=shared(root))


def test_an_alias_of_ones_own_cannot_stand_for_anothers_key(root: Caller, stranger: Caller) -> None:
    stranger.refused("AccessDeniedException", "CreateAlias", AliasName="alias/a", TargetKeyId=shared(root))


CALLS: dict[str, dict[str, Any]] = {
    "Encrypt": {"Plaintext": b"x"},
    "Decrypt": {"CiphertextBlob": b"x"},
    "GenerateDataKey": {"KeySpec": "AES_256"},
    "CreateGrant": {"GranteePrincipal": ANA, "Operations": ["Decrypt"]},
    "RevokeGrant": {"GrantId": "0" * 64},
    "RetireGrant": {"GrantId": "0" * 64},
}
DENYING = {"Effect": "Deny", "Principal": "*", "Action": "kms:*", "Condition": {"StringEquals": {"kms:CallerAccount": OTHER}}}


@pytest.mark.parametrize("operation", [*ABROAD, "RetireGrant", "DisableKey", "GetKeyPolicy"])
def test_a_stranger_is_told_the_same_whether_a_key_exists_or_not(root: Caller, user: Users, operation: str) -> None:
    ana = user("ana", "kms:*", account=OTHER)
    bob = user("bob", account=OTHER)
    existing = {
        "plain": root.key(),
        "denying": root.key(Policy=policy(DENYING)),
        "off": root.key(),
        "pending": root.key(),
        "signing": root.key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY"),
        "shared": shared(root),
    }
    root("DisableKey", KeyId=existing["off"])
    root("ScheduleKeyDeletion", KeyId=existing["pending"])
    parameters = CALLS.get(operation, {})
    missing = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{NONE}"
    told = ana.refused("AccessDeniedException", operation, KeyId=missing, **parameters).replace(missing, "KEY")
    assert told.endswith("or a resource-based policy explicitly denies access")
    for name, key in existing.items():
        if name != "shared":
            assert ana.refused("AccessDeniedException", operation, KeyId=key, **parameters).replace(key, "KEY") == told
        # Whoever has no permission of its own account is told no more about a key that others there can use.
        assert bob.refused("AccessDeniedException", operation, KeyId=key, **parameters).replace(key, "KEY") == told.replace("/ana", "/bob")


def test_a_stranger_learns_nothing_from_aliases(root: Caller, stranger: Caller) -> None:
    key = root.key()
    root("CreateAlias", AliasName="alias/secret", TargetKeyId=key)
    told = set()
    for name in ("secret", "none", "aws/s3"):
        alias = f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/{name}"
        message = stranger.refused("AccessDeniedException", "DescribeKey", KeyId=alias)
        assert key not in message
        told.add(message.replace(alias, "ALIAS"))
    assert len(told) == 1


def test_a_stranger_learns_nothing_from_ciphertexts(root: Caller, stranger: Caller) -> None:
    key = root.key()
    blob = root("Encrypt", KeyId=key, Plaintext=b"text")["CiphertextBlob"]
    unknown = bytearray(blob)
    unknown[10] ^= 1
    told = {
        stranger.refused("AccessDeniedException", operation, CiphertextBlob=ciphertext, **more)
        for operation, more in (("Decrypt", {}), ("ReEncrypt", {"DestinationKeyId": stranger.key()}))
        for ciphertext in (blob, bytes(unknown))
    }
    (message,) = told
    assert message.startswith("The ciphertext refers to a KMS key that does not exist")


def test_a_principal_that_a_foreign_key_policy_names_still_needs_its_own_account(root: Caller, user: Users) -> None:
    bob = user("bob", account=OTHER)
    key = root.key(Policy=policy({"Principal": {"AWS": bob.principal.arn}, "Action": "kms:Encrypt"}))
    bob.refused("AccessDeniedException", "Encrypt", KeyId=key, Plaintext=b"x")
