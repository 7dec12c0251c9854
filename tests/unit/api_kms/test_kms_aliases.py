"""Aliases: names that can be moved from key to key."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opentrail.clock import ManualClock
from simulators.kms import ACCOUNT, REGION, House
from simulators.kms_callers import Caller

A = f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/a"


def named(caller: Caller, **more: object) -> list[str]:
    return [alias["AliasName"] for alias in caller("ListAliases", **more)["Aliases"] if not alias["AliasName"].startswith("alias/aws/")]


def test_an_alias_stands_for_its_key_wherever_keys_are_used(root: Caller) -> None:
    key = root.key()
    root("CreateAlias", AliasName="alias/a", TargetKeyId=key)
    for name in ("alias/a", A):
        assert root("DescribeKey", KeyId=name)["KeyMetadata"]["Arn"] == key
        blob = root("Encrypt", KeyId=name, Plaintext=b"text")["CiphertextBlob"]
        assert root("Decrypt", KeyId=name, CiphertextBlob=blob) == root("Decrypt", CiphertextBlob=blob)
        root("GenerateDataKey", KeyId=name, KeySpec="AES_128")


def test_an_alias_is_no_key_where_keys_are_managed(root: Caller) -> None:
    root("CreateAlias", AliasName="alias/a", TargetKeyId=root.key())
    for operation in ("DisableKey", "ScheduleKeyDeletion", "GetKeyPolicy", "ListGrants", "EnableKeyRotation", "ListAliases"):
        assert root.refused("NotFoundException", operation, KeyId="alias/a") == "Invalid keyId 'alias/a'"
        root.refused("InvalidArnException", operation, KeyId=A)


def test_an_alias_can_be_moved_to_a_key_of_the_same_kind(root: Caller, house: House) -> None:
    one, two = root.key(), root.key()
    root("CreateAlias", AliasName="alias/a", TargetKeyId=one)
    blob = root("Encrypt", KeyId="alias/a", Plaintext=b"text")["CiphertextBlob"]
    made = house.clock.now()
    house.clock.advance(60)
    root("UpdateAlias", AliasName="alias/a", TargetKeyId=two)
    assert root("DescribeKey", KeyId="alias/a")["KeyMetadata"]["Arn"] == two
    (alias,) = root("ListAliases", KeyId=two)["Aliases"]
    assert alias == {
        "AliasName": "alias/a",
        "AliasArn": A,
        "TargetKeyId": two.rpartition("/")[2],
        "CreationDate": made,
        "LastUpdatedDate": house.clock.now(),
    }
    assert root("Decrypt", CiphertextBlob=blob)["KeyId"] == one
    root.refused("IncorrectKeyException", "Decrypt", CiphertextBlob=blob, KeyId="alias/a")


@pytest.mark.parametrize(
    "other",
    [
        {"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"},
        {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"},
    ],
)
def test_an_alias_cannot_be_moved_to_a_key_of_another_kind(root: Caller, other: dict[str, str]) -> None:
    root("CreateAlias", AliasName="alias/a", TargetKeyId=root.key())
    root.refused("ValidationException", "UpdateAlias", AliasName="alias/a", TargetKeyId=root.key(**other))


def test_between_asymmetric_keys_the_usage_must_stay(root: Caller) -> None:
    root("CreateAlias", AliasName="alias/a", TargetKeyId=root.key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY"))
    root("UpdateAlias", AliasName="alias/a", TargetKeyId=root.key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY"))
    other = root.key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")
    root.refused("ValidationException", "UpdateAlias", AliasName="alias/a", TargetKeyId=other)


def test_a_deleted_alias_is_gone_and_its_key_is_not(root: Caller) -> None:
    key = root.key()
    root("CreateAlias", AliasName="alias/a", TargetKeyId=key)
    root("DeleteAlias", AliasName="alias/a")
    assert root.refused("NotFoundException", "DescribeKey", KeyId="alias/a") == f"Alias {A} is not found."
    root.refused("NotFoundException", "DeleteAlias", AliasName="alias/a")
    root("DescribeKey", KeyId=key)


def test_an_alias_is_made_once_in_an_account_and_region(root: Caller, stranger: Caller) -> None:
    root("CreateAlias", AliasName="alias/a", TargetKeyId=root.key())
    message = root.refused("AlreadyExistsException", "CreateAlias", AliasName="alias/a", TargetKeyId=root.key())
    assert message == f"An alias with the name {A} already exists"
    for elsewhere in (root.there("eu-west-1"), stranger):
        elsewhere("CreateAlias", AliasName="alias/a", TargetKeyId=elsewhere.key())
        assert named(elsewhere) == ["alias/a"]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("a", "ValidationException"),
        ("alias/", "ValidationException"),
        ("alias/my:alias", "ValidationException"),
        ("alias/my alias", "ValidationException"),
        ("alias/" + "a" * 251, "ValidationException"),
        ("alias/aws/mine", "InvalidAliasNameException"),
        ("alias/aws/s3", "InvalidAliasNameException"),
    ],
)
def test_names_that_no_alias_can_have(root: Caller, name: str, code: str) -> None:
    key = root.key()
    root.refused(code, "CreateAlias", AliasName=name, TargetKeyId=key)
    root.refused(code, "UpdateAlias", AliasName=name, TargetKeyId=key)
    root.refused(code, "DeleteAlias", AliasName=name)


@pytest.mark.parametrize("name", ["alias/" + "a" * 250, "alias/a/b_c-D9", "alias/-"])
def test_names_that_an_alias_can_have(root: Caller, name: str) -> None:
    root("CreateAlias", AliasName=name, TargetKeyId=root.key())
    assert named(root) == [name]


def test_an_alias_stands_for_a_key_not_for_an_alias(root: Caller) -> None:
    root("CreateAlias", AliasName="alias/a", TargetKeyId=root.key())
    assert root.refused("ValidationException", "CreateAlias", AliasName="alias/b", TargetKeyId="alias/a") == (
        "Aliases must refer to keys. Not aliases"
    )
    root.refused("NotFoundException", "CreateAlias", AliasName="alias/b", TargetKeyId="00000000-0000-4000-8000-000000000001")
    root.refused("NotFoundException", "UpdateAlias", AliasName="alias/none", TargetKeyId=root.key())


def test_an_alias_cannot_be_put_on_a_key_that_waits_for_its_deletion_but_taken_off(root: Caller) -> None:
    key = root.key()
    root("CreateAlias", AliasName="alias/a", TargetKeyId=key)
    root("CreateAlias", AliasName="alias/b", TargetKeyId=key)
    root("ScheduleKeyDeletion", KeyId=key)
    root.refused("KMSInvalidStateException", "CreateAlias", AliasName="alias/c", TargetKeyId=key)
    root("DeleteAlias", AliasName="alias/a")
    root("UpdateAlias", AliasName="alias/b", TargetKeyId=root.key())


def test_a_key_has_fifty_aliases_at_most(root: Caller) -> None:
    key = root.key()
    for number in range(50):
        root("CreateAlias", AliasName=f"alias/a{number:02}", TargetKeyId=key)
    root.refused("LimitExceededException", "CreateAlias", AliasName="alias/b", TargetKeyId=key)
    page = root("ListAliases", KeyId=key, Limit=30)
    rest = root("ListAliases", KeyId=key, Marker=page["NextMarker"])
    assert [alias["AliasName"] for alias in page["Aliases"] + rest["Aliases"]] == [f"alias/a{number:02}" for number in range(50)]


def test_what_the_record_says_about_aliases(root: Caller) -> None:
    key = root.key()
    alias = {"accountId": ACCOUNT, "type": "AWS::KMS::Alias", "ARN": A}
    root("CreateAlias", AliasName="alias/a", TargetKeyId=key)
    assert root.recorded == {"resources": [alias]}  # the key is named by a parameter
    root("DeleteAlias", AliasName="alias/a")
    assert root.recorded == {"resources": [alias, {"accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": key}]}


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["create", "move", "delete"]), st.sampled_from("abc"), st.integers(0, 2)), max_size=15))
def test_aliases_behave_like_a_table_of_names(tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, int]]) -> None:
    house = House(tmp_path_factory.mktemp("house"), ManualClock())
    root = Caller(house, house.identities.root(ACCOUNT))
    keys = [root.key() for _ in range(3)]
    model: dict[str, str] = {}
    for step, letter, number in steps:
        name, key = f"alias/{letter}", keys[number]
        if step == "create" and name in model:
            root.refused("AlreadyExistsException", "CreateAlias", AliasName=name, TargetKeyId=key)
        elif step == "create":
            root("CreateAlias", AliasName=name, TargetKeyId=key)
            model[name] = key
        elif name not in model:
            operation, more = ("UpdateAlias", {"TargetKeyId": key}) if step == "move" else ("DeleteAlias", {})
            root.refused("NotFoundException", operation, AliasName=name, **more)
        elif step == "move":
            root("UpdateAlias", AliasName=name, TargetKeyId=key)
            model[name] = key
        else:
            root("DeleteAlias", AliasName=name)
            del model[name]
    assert named(root) == sorted(model)
    for name, key in model.items():
        assert root("DescribeKey", KeyId=name)["KeyMetadata"]["Arn"] == key
    for key in keys:
        assert named(root, KeyId=key) == sorted(name for name, target in model.items() if target == key)
    house.database.close()
