"""Rotation through the API."""

from __future__ import annotations

from datetime import timedelta

import pytest

from simulators.kms import House
from simulators.kms_callers import Caller


def test_rotation_is_off_until_somebody_orders_it(root: Caller, house: House) -> None:
    key = root.key()
    key_id = key.rpartition("/")[2]
    assert root("GetKeyRotationStatus", KeyId=key) == {"KeyRotationEnabled": False, "KeyId": key_id}
    root("EnableKeyRotation", KeyId=key)
    assert root("GetKeyRotationStatus", KeyId=key) == {
        "KeyRotationEnabled": True,
        "KeyId": key_id,
        "RotationPeriodInDays": 365,
        "NextRotationDate": house.clock.now() + timedelta(days=365),
    }
    root("EnableKeyRotation", KeyId=key, RotationPeriodInDays=90)
    assert root("GetKeyRotationStatus", KeyId=key)["NextRotationDate"] == house.clock.now() + timedelta(days=90)
    root("DisableKeyRotation", KeyId=key)
    assert root("GetKeyRotationStatus", KeyId=key)["KeyRotationEnabled"] is False


@pytest.mark.parametrize("days", [89, 2561, 0, -1])
def test_periods_that_no_rotation_has(root: Caller, days: int) -> None:
    root.refused("ValidationException", "EnableKeyRotation", KeyId=root.key(), RotationPeriodInDays=days)


@pytest.mark.parametrize("days", [90, 2560])
def test_the_shortest_and_the_longest_period(root: Caller, days: int) -> None:
    key = root.key()
    root("EnableKeyRotation", KeyId=key, RotationPeriodInDays=days)
    assert root("GetKeyRotationStatus", KeyId=key)["RotationPeriodInDays"] == days


def test_a_pending_deletion_hides_the_order_and_cancelling_brings_it_back(root: Caller) -> None:
    key = root.key()
    root("EnableKeyRotation", KeyId=key)
    root("ScheduleKeyDeletion", KeyId=key)
    assert root("GetKeyRotationStatus", KeyId=key)["KeyRotationEnabled"] is False
    root("CancelKeyDeletion", KeyId=key)
    assert root("GetKeyRotationStatus", KeyId=key)["KeyRotationEnabled"] is True


def test_rotations_are_listed_with_their_kind(root: Caller, house: House) -> None:
    made = root("CreateKey")["KeyMetadata"]
    key, key_id, first = made["Arn"], made["KeyId"], made["CurrentKeyMaterialId"]
    root("EnableKeyRotation", KeyId=key, RotationPeriodInDays=90)
    blob = root("Encrypt", KeyId=key, Plaintext=b"text")["CiphertextBlob"]
    assert root("RotateKeyOnDemand", KeyId=key) == {"KeyId": key_id}
    on_demand = house.clock.now()
    house.clock.advance(90 * 86400)
    house.kms.keeper.work(house.clock.time())
    rotations = root("ListKeyRotations", KeyId=key)["Rotations"]
    current = root("DescribeKey", KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]
    assert [(item["RotationType"], item["RotationDate"], item["KeyMaterialState"]) for item in rotations] == [
        ("ON_DEMAND", on_demand, "NON_CURRENT"),
        ("AUTOMATIC", house.clock.now(), "CURRENT"),
    ]
    assert rotations[-1]["KeyMaterialId"] == current
    everything = root("ListKeyRotations", KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]
    assert everything == [{"KeyId": key_id, "KeyMaterialId": first, "KeyMaterialState": "NON_CURRENT"}, *rotations]
    page = root("ListKeyRotations", KeyId=key, Limit=1)
    assert page["Rotations"] == rotations[:1]
    assert root("ListKeyRotations", KeyId=key, Limit=1, Marker=page["NextMarker"])["Rotations"] == rotations[1:]
    # What was encrypted before says with which material; what is encrypted now uses the new one.
    assert root("Decrypt", CiphertextBlob=blob)["KeyMaterialId"] == first
    assert root("GenerateDataKey", KeyId=key, KeySpec="AES_256")["KeyMaterialId"] == current


def test_only_symmetric_keys_rotate(root: Caller) -> None:
    for parameters in ({"KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY"}, {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}):
        key = root.key(**parameters)
        for operation in ("EnableKeyRotation", "DisableKeyRotation", "GetKeyRotationStatus", "ListKeyRotations", "RotateKeyOnDemand"):
            root.refused("UnsupportedOperationException", operation, KeyId=key)


def test_on_demand_rotation_has_an_end(root: Caller) -> None:
    key = root.key()
    for _ in range(25):
        root("RotateKeyOnDemand", KeyId=key)
    root.refused("LimitExceededException", "RotateKeyOnDemand", KeyId=key)
