"""Keys: made, described, listed, switched off and on, deleted; policies and tags."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from opentrail.kms import policies
from simulators.kms import ACCOUNT, REGION, House
from simulators.kms_callers import Caller

NONE = "00000000-0000-4000-8000-000000000001"


def test_a_new_key_is_symmetric_and_enabled_and_lets_the_account_decide(root: Caller, house: House) -> None:
    made = root("CreateKey")["KeyMetadata"]
    material = made.pop("CurrentKeyMaterialId")
    assert len(material) == 64
    assert made == {
        "AWSAccountId": ACCOUNT,
        "KeyId": made["KeyId"],
        "Arn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{made['KeyId']}",
        "CreationDate": house.clock.now(),
        "Enabled": True,
        "Description": "",
        "KeyUsage": "ENCRYPT_DECRYPT",
        "KeyState": "Enabled",
        "Origin": "AWS_KMS",
        "KeyManager": "CUSTOMER",
        "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "KeySpec": "SYMMETRIC_DEFAULT",
        "MultiRegion": False,
        "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
    }
    policy = root("GetKeyPolicy", KeyId=made["KeyId"])
    assert policy == {"Policy": policies.default(ACCOUNT), "PolicyName": "default"}
    (statement,) = json.loads(policy["Policy"])["Statement"]
    assert (statement["Principal"], statement["Action"]) == ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "kms:*")


@pytest.mark.parametrize(
    ("spec", "usage", "member", "algorithms"),
    [
        ("RSA_2048", "ENCRYPT_DECRYPT", "EncryptionAlgorithms", 2),
        ("RSA_3072", "SIGN_VERIFY", "SigningAlgorithms", 6),
        ("ECC_NIST_P256", "SIGN_VERIFY", "SigningAlgorithms", 1),
        ("ECC_NIST_P384", "SIGN_VERIFY", "SigningAlgorithms", 1),
        ("ECC_NIST_P521", "SIGN_VERIFY", "SigningAlgorithms", 1),
        ("ECC_SECG_P256K1", "SIGN_VERIFY", "SigningAlgorithms", 1),
        ("HMAC_224", "GENERATE_VERIFY_MAC", "MacAlgorithms", 1),
        ("HMAC_512", "GENERATE_VERIFY_MAC", "MacAlgorithms", 1),
    ],
)
def test_keys_of_every_kind(root: Caller, spec: str, usage: str, member: str, algorithms: int) -> None:
    made = root("CreateKey", KeySpec=spec, KeyUsage=usage)["KeyMetadata"]
    assert (made["KeySpec"], made["CustomerMasterKeySpec"], made["KeyUsage"], len(made[member])) == (spec, spec, usage, algorithms)
    assert "CurrentKeyMaterialId" not in made
    assert root("CreateKey", CustomerMasterKeySpec=spec, KeyUsage=usage)["KeyMetadata"]["KeySpec"] == spec


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"KeySpec": "RSA_1024"}, "ValidationException"),
        ({"KeySpec": "RSA_2048"}, "ValidationException"),
        ({"KeySpec": "RSA_2048", "KeyUsage": "GENERATE_VERIFY_MAC"}, "ValidationException"),
        ({"KeySpec": "ECC_NIST_P256", "KeyUsage": "ENCRYPT_DECRYPT"}, "ValidationException"),
        ({"KeySpec": "HMAC_256", "KeyUsage": "SIGN_VERIFY"}, "ValidationException"),
        ({"KeyUsage": "SIGN_VERIFY"}, "ValidationException"),
        ({"KeySpec": "SYMMETRIC_DEFAULT", "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT"}, "ValidationException"),
        ({"KeySpec": "ECC_NIST_P256", "KeyUsage": "KEY_AGREEMENT"}, "ValidationException"),
        ({"KeySpec": "SM2", "KeyUsage": "SIGN_VERIFY"}, "UnsupportedOperationException"),
        ({"KeySpec": "ML_DSA_44", "KeyUsage": "SIGN_VERIFY"}, "UnsupportedOperationException"),
        ({"MultiRegion": True}, "UnsupportedOperationException"),
        ({"Origin": "EXTERNAL"}, "UnsupportedOperationException"),
        ({"CustomKeyStoreId": "cks-1"}, "UnsupportedOperationException"),
        ({"Description": "x" * 8193}, "ValidationException"),
        ({"Description": "\ud800"}, "ValidationException"),
        ({"Tags": [{"TagKey": "aws:x", "TagValue": ""}]}, "TagException"),
        ({"Tags": [{"TagKey": "a", "TagValue": ""}] * 2}, "TagException"),
        ({"Tags": [{"TagKey": "a"}]}, "ValidationException"),
        ({"Policy": "no policy"}, "MalformedPolicyDocumentException"),
        ({"Policy": "ж"}, "ValidationException"),
    ],
)
def test_keys_that_cannot_be_made(root: Caller, parameters: dict[str, object], code: str) -> None:
    root.refused(code, "CreateKey", **parameters)
    assert root("ListKeys")["Keys"] == []


def test_multi_region_false_and_the_usual_origin_may_be_said(root: Caller) -> None:
    root("CreateKey", MultiRegion=False, Origin="AWS_KMS")


def test_a_description_can_be_changed(root: Caller) -> None:
    key = root.key(Description="one")
    root("UpdateKeyDescription", KeyId=key, Description="two")
    assert root("DescribeKey", KeyId=key)["KeyMetadata"]["Description"] == "two"
    root("UpdateKeyDescription", KeyId=key, Description="")
    assert root("DescribeKey", KeyId=key)["KeyMetadata"]["Description"] == ""


def test_keys_are_listed_in_pages_and_by_region(root: Caller) -> None:
    arns = {root.key() for _ in range(5)}
    elsewhere = root.there("eu-west-1").key()
    seen, marker = [], {}
    while True:
        page = root("ListKeys", Limit=2, **marker)
        seen += page["Keys"]
        if not page["Truncated"]:
            break
        marker = {"Marker": page["NextMarker"]}
    assert [key["KeyArn"] for key in seen] == sorted(arns)
    assert [key["KeyArn"] for key in root.there("eu-west-1")("ListKeys")["Keys"]] == [elsewhere]
    root.refused("InvalidMarkerException", "ListKeys", Marker="no marker")
    root.refused("ValidationException", "ListKeys", Limit=1001)
    root.refused("ValidationException", "ListKeys", Limit=0)


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (NONE, "NotFoundException"),
        ("unknown", "NotFoundException"),
        (f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{NONE}", "NotFoundException"),
        (f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/{NONE}", "NotFoundException"),
        ("arn:aws:kms:nonsense", "InvalidArnException"),
        ("", "ValidationException"),
        ("x" * 2049, "ValidationException"),
        ("alias/none", "NotFoundException"),
    ],
)
def test_every_operation_on_a_key_needs_one(root: Caller, key: str, code: str) -> None:
    for operation in ("DescribeKey", "EnableKey", "GetKeyPolicy", "ListResourceTags", "GetKeyRotationStatus", "ListGrants"):
        root.refused(code, operation, KeyId=key)


def test_a_key_that_is_not_there_is_named_in_full(root: Caller) -> None:
    assert root.refused("NotFoundException", "DescribeKey", KeyId=NONE) == f"Key 'arn:aws:kms:{REGION}:{ACCOUNT}:key/{NONE}' does not exist"
    assert root.refused("NotFoundException", "DescribeKey", KeyId="unknown") == "Invalid keyId 'unknown'"


def test_a_key_is_not_in_another_region(root: Caller) -> None:
    key = root.key()
    root.there("eu-west-1").refused("NotFoundException", "DescribeKey", KeyId=key.rpartition("/")[2])
    assert root.there("eu-west-1").refused("NotFoundException", "DescribeKey", KeyId=key) == f"Invalid arn {REGION}"


def test_the_states_of_a_key(root: Caller, house: House) -> None:
    key = root.key()

    def state() -> tuple[str, bool]:
        metadata = root("DescribeKey", KeyId=key)["KeyMetadata"]
        return metadata["KeyState"], metadata["Enabled"]

    root("DisableKey", KeyId=key)
    assert state() == ("Disabled", False)
    assert root.refused("DisabledException", "Encrypt", KeyId=key, Plaintext=b"x") == f"{key} is disabled."
    root("EnableKey", KeyId=key)
    assert state() == ("Enabled", True)
    assert root.refused("KMSInvalidStateException", "CancelKeyDeletion", KeyId=key) == f"{key} is not pending deletion."
    scheduled = root("ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=7)
    deletion = house.clock.now() + timedelta(days=7)
    assert scheduled == {"KeyId": key, "DeletionDate": deletion, "KeyState": "PendingDeletion", "PendingWindowInDays": 7}
    assert state() == ("PendingDeletion", False)
    assert root("DescribeKey", KeyId=key)["KeyMetadata"]["DeletionDate"] == deletion
    assert root.refused("KMSInvalidStateException", "Encrypt", KeyId=key, Plaintext=b"x") == f"{key} is pending deletion."
    assert root("CancelKeyDeletion", KeyId=key) == {"KeyId": key}
    assert state() == ("Disabled", False)
    assert "DeletionDate" not in root("DescribeKey", KeyId=key)["KeyMetadata"]


def test_a_key_waits_between_7_and_30_days_for_its_deletion(root: Caller) -> None:
    key = root.key()
    for days in (6, 31):
        assert "7 and 30" in root.refused("ValidationException", "ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=days)
    root.refused("ValidationException", "ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=0)
    assert root("ScheduleKeyDeletion", KeyId=key)["PendingWindowInDays"] == 30


def test_a_deleted_key_does_not_exist(root: Caller, house: House) -> None:
    key = root.key()
    root("CreateAlias", AliasName="alias/a", TargetKeyId=key)
    root("ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=7)
    house.clock.advance(7 * 86400)
    house.kms.keeper.work(house.clock.time())
    root.refused("NotFoundException", "DescribeKey", KeyId=key)
    root.refused("NotFoundException", "DescribeKey", KeyId="alias/a")
    root.refused("NotFoundException", "CancelKeyDeletion", KeyId=key)
    assert root("ListKeys")["Keys"] == []


WAITING = [
    ("EnableKey", {}, "KMSInvalidStateException"),
    ("DisableKey", {}, "KMSInvalidStateException"),
    ("ScheduleKeyDeletion", {}, "KMSInvalidStateException"),
    ("UpdateKeyDescription", {"Description": "x"}, "KMSInvalidStateException"),
    ("TagResource", {"Tags": [{"TagKey": "a", "TagValue": "b"}]}, "KMSInvalidStateException"),
    ("UntagResource", {"TagKeys": ["a"]}, "KMSInvalidStateException"),
    ("EnableKeyRotation", {}, "KMSInvalidStateException"),
    ("DisableKeyRotation", {}, "KMSInvalidStateException"),
    ("RotateKeyOnDemand", {}, "KMSInvalidStateException"),
    ("Encrypt", {"Plaintext": b"x"}, "KMSInvalidStateException"),
    ("GenerateDataKey", {"KeySpec": "AES_256"}, "KMSInvalidStateException"),
    ("GenerateDataKeyPair", {"KeyPairSpec": "ECC_NIST_P256"}, "KMSInvalidStateException"),
    ("CreateGrant", {"GranteePrincipal": f"arn:aws:iam::{ACCOUNT}:root", "Operations": ["Decrypt"]}, "KMSInvalidStateException"),
    ("DescribeKey", {}, None),
    ("GetKeyPolicy", {}, None),
    ("PutKeyPolicy", {"Policy": policies.default(ACCOUNT)}, None),
    ("ListKeyPolicies", {}, None),
    ("ListGrants", {}, None),
    ("ListResourceTags", {}, None),
    ("GetKeyRotationStatus", {}, None),
    ("ListKeyRotations", {}, None),
]


@pytest.mark.parametrize(("operation", "parameters", "code"), WAITING)
def test_what_a_key_that_waits_for_its_deletion_can_still_do(
    root: Caller, operation: str, parameters: dict[str, object], code: str | None
) -> None:
    key = root.key()
    root("ScheduleKeyDeletion", KeyId=key)
    if code is None:
        root(operation, KeyId=key, **parameters)
    else:
        assert root.refused(code, operation, KeyId=key, **parameters) == f"{key} is pending deletion."


OFF = [
    ("Encrypt", {"Plaintext": b"x"}, "DisabledException"),
    ("GenerateDataKeyWithoutPlaintext", {"NumberOfBytes": 8}, "DisabledException"),
    ("EnableKeyRotation", {}, "DisabledException"),
    ("DisableKeyRotation", {}, "DisabledException"),
    ("RotateKeyOnDemand", {}, "DisabledException"),
    ("CreateGrant", {"GranteePrincipal": f"arn:aws:iam::{ACCOUNT}:root", "Operations": ["Decrypt"]}, "DisabledException"),
    ("UpdateKeyDescription", {"Description": "x"}, None),
    ("TagResource", {"Tags": [{"TagKey": "a", "TagValue": "b"}]}, None),
    ("ScheduleKeyDeletion", {}, None),
    ("GetKeyRotationStatus", {}, None),
    ("DisableKey", {}, None),
]


@pytest.mark.parametrize(("operation", "parameters", "code"), OFF)
def test_what_a_key_that_is_off_can_still_do(root: Caller, operation: str, parameters: dict[str, object], code: str | None) -> None:
    key = root.key()
    root("DisableKey", KeyId=key)
    if code is None:
        root(operation, KeyId=key, **parameters)
    else:
        assert root.refused(code, operation, KeyId=key, **parameters) == f"{key} is disabled."


# policies


def test_a_key_policy_can_be_replaced(root: Caller) -> None:
    key = root.key()
    policy = policies.default(ACCOUNT).replace("\n", " ")
    root("PutKeyPolicy", KeyId=key, Policy=policy, PolicyName="default")
    assert root("GetKeyPolicy", KeyId=key, PolicyName="default")["Policy"] == policy
    assert root("ListKeyPolicies", KeyId=key) == {"PolicyNames": ["default"], "Truncated": False}
    for operation, more in (("GetKeyPolicy", {}), ("PutKeyPolicy", {"Policy": policy})):
        root.refused("NotFoundException", operation, KeyId=key, PolicyName="other", **more)


def test_a_policy_that_shuts_its_author_out_needs_the_bypass(root: Caller) -> None:
    key = root.key()
    shut = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::444455556666:root"}, "Action": "kms:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [shut]})
    root.refused("MalformedPolicyDocumentException", "PutKeyPolicy", KeyId=key, Policy=policy)
    root.refused("MalformedPolicyDocumentException", "CreateKey", Policy=policy)
    assert root("GetKeyPolicy", KeyId=key)["Policy"] == policies.default(ACCOUNT)
    root("PutKeyPolicy", KeyId=key, Policy=policy, BypassPolicyLockoutSafetyCheck=True)
    # Now even the root user of the account is outside.
    root.refused("AccessDeniedException", "GetKeyPolicy", KeyId=key)
    root.refused("AccessDeniedException", "PutKeyPolicy", KeyId=key, Policy=policies.default(ACCOUNT))
    assert root("CreateKey", Policy=policy, BypassPolicyLockoutSafetyCheck=True)["KeyMetadata"]["KeyState"] == "Enabled"


def test_a_policy_that_is_too_long_or_wrong_changes_nothing(root: Caller) -> None:
    key = root.key()
    root.refused("LimitExceededException", "PutKeyPolicy", KeyId=key, Policy=policies.default(ACCOUNT) + " " * 32768)
    root.refused("MalformedPolicyDocumentException", "PutKeyPolicy", KeyId=key, Policy="{}")
    assert root("GetKeyPolicy", KeyId=key)["Policy"] == policies.default(ACCOUNT)


# tags


def test_tags_are_put_listed_and_taken_away(root: Caller) -> None:
    key = root.key(Tags=[{"TagKey": "team", "TagValue": "audit"}])
    root("TagResource", KeyId=key, Tags=[{"TagKey": "stage", "TagValue": "dev"}, {"TagKey": "team", "TagValue": ""}])
    tags = [{"TagKey": "stage", "TagValue": "dev"}, {"TagKey": "team", "TagValue": ""}]
    assert root("ListResourceTags", KeyId=key) == {"Tags": tags, "Truncated": False}
    page = root("ListResourceTags", KeyId=key, Limit=1)
    assert page["Tags"] == tags[:1]
    assert root("ListResourceTags", KeyId=key, Limit=1, Marker=page["NextMarker"]) == {"Tags": tags[1:], "Truncated": False}
    root("UntagResource", KeyId=key, TagKeys=["team", "never"])
    assert root("ListResourceTags", KeyId=key)["Tags"] == tags[:1]


def test_a_key_has_fifty_tags_at_most(root: Caller) -> None:
    key = root.key(Tags=[{"TagKey": f"k{number}", "TagValue": ""} for number in range(50)])
    root("TagResource", KeyId=key, Tags=[{"TagKey": "k7", "TagValue": "changed"}])
    root.refused("TagException", "TagResource", KeyId=key, Tags=[{"TagKey": "one more", "TagValue": ""}])
    root.refused("TagException", "CreateKey", Tags=[{"TagKey": f"k{number}", "TagValue": ""} for number in range(51)])
    assert len(root("ListResourceTags", KeyId=key)["Tags"]) == 50


# AWS managed keys


def test_describing_the_alias_of_an_aws_managed_key_makes_the_key(root: Caller, user: Callable[..., Caller]) -> None:
    before = {alias["AliasName"]: alias for alias in root("ListAliases")["Aliases"]}
    assert "TargetKeyId" not in before["alias/aws/s3"]
    user("bob").refused("AccessDeniedException", "DescribeKey", KeyId="alias/aws/s3")
    assert root("ListKeys")["Keys"] == []
    made = user("ana", "kms:DescribeKey")("DescribeKey", KeyId="alias/aws/s3")["KeyMetadata"]
    assert made["KeyManager"] == "AWS"
    assert root("DescribeKey", KeyId=f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/aws/s3")["KeyMetadata"] == made
    after = {alias["AliasName"]: alias for alias in root("ListAliases")["Aliases"]}
    assert after["alias/aws/s3"]["TargetKeyId"] == made["KeyId"]
    assert root("GetKeyRotationStatus", KeyId=made["KeyId"])["KeyRotationEnabled"] is True


def test_nobody_uses_or_changes_an_aws_managed_key_directly(root: Caller) -> None:
    key = root("DescribeKey", KeyId="alias/aws/s3")["KeyMetadata"]["Arn"]
    for operation, more in (
        ("Encrypt", {"Plaintext": b"x"}),
        ("DisableKey", {}),
        ("ScheduleKeyDeletion", {}),
        ("PutKeyPolicy", {"Policy": policies.default(ACCOUNT)}),
        ("DisableKeyRotation", {}),
        ("TagResource", {"Tags": [{"TagKey": "a", "TagValue": "b"}]}),
    ):
        root.refused("AccessDeniedException", operation, KeyId=key, **more)
    root.refused("NotFoundException", "DescribeKey", KeyId="alias/aws/nothing")
    root.refused("NotFoundException", "Encrypt", KeyId="alias/aws/sns", Plaintext=b"x")
