"""The API beside botocore's model: names of operations and faults, and whatever else a client can send."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opentrail.api.kms import KMS
from opentrail.clock import ManualClock
from opentrail.kms import faults
from opentrail.wire.faults import Fault
from opentrail.wire.http import Request
from simulators.front_door import FrontDoor
from simulators.kms import House
from simulators.kms_callers import MODEL, Caller

ABSENT = {
    # custom key stores
    "ConnectCustomKeyStore", "CreateCustomKeyStore", "DeleteCustomKeyStore", "DescribeCustomKeyStores", "DisconnectCustomKeyStore",
    "UpdateCustomKeyStore",
    # key material from elsewhere
    "DeleteImportedKeyMaterial", "GetParametersForImport", "ImportKeyMaterial",
    # several Regions
    "ReplicateKey", "UpdatePrimaryRegion",
    # agreeing on secrets
    "Decapsulate", "DeriveSharedSecret", "Encapsulate",
    "GetKeyLastUsage",
}  # fmt: skip


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrontDoor]:
    """The whole walk, with KMS behind it."""
    folder = tmp_path_factory.mktemp("door")
    house = House(folder, ManualClock())
    made = FrontDoor(folder, services=[KMS(house.kms, MODEL)])
    yield made
    made.close()


def asked(door: FrontDoor, operation: str, parameters: Any) -> Request:
    body = parameters if isinstance(parameters, bytes) else json.dumps(parameters).encode()
    headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": f"TrentService.{operation}"}
    return door.signed("kms", headers=headers, body=body)


def test_every_operation_of_the_model_is_served_or_known_to_be_absent(root: Caller) -> None:
    assert set(root.service.operations) | ABSENT == set(MODEL.operation_names)
    assert not set(root.service.operations) & ABSENT


@pytest.mark.parametrize("operation", sorted(ABSENT))
def test_what_is_not_served_says_so_by_name(door: FrontDoor, operation: str) -> None:
    answer = door.ask(asked(door, operation, {}))
    assert answer.status == 501
    assert f"kms:{operation}" in answer.text


def test_faults_are_called_as_in_the_model() -> None:
    ours = {name for name, value in vars(faults).items() if isinstance(value, type) and issubclass(value, Fault) and value is not Fault}
    assert ours - {"AccessDeniedException"} <= {shape for shape in MODEL.shape_names if shape.endswith("Exception")}


values = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 5000) | st.text(max_size=10) | st.sampled_from(["alias/a", "AES_256", "AAAA", "RSA_2048"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_request_whatever_it_holds_makes_the_service_stumble(door: FrontDoor, data: st.DataObject) -> None:
    operation = data.draw(st.sampled_from(sorted(set(MODEL.operation_names) - ABSENT)))
    shape = MODEL.operation_model(operation).input_shape
    assert shape is not None
    parameters = data.draw(st.fixed_dictionaries({}, optional=dict.fromkeys(shape.members, values)))
    answer = door.ask(asked(door, operation, parameters))
    assert answer.status in (200, 400), answer.text
    assert door.records[-1]["eventName"] == operation
    door.journal.records.clear()


@settings(max_examples=60, deadline=None)
@given(blob=st.binary(min_size=1, max_size=200), context=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2))
def test_decrypt_refuses_any_blob_with_a_clear_error(door: FrontDoor, blob: bytes, context: dict[str, str]) -> None:
    parameters = {"CiphertextBlob": base64.b64encode(blob).decode(), "EncryptionContext": context}
    answer = door.ask(asked(door, "Decrypt", parameters))
    assert answer.status == 400
    assert json.loads(answer.body)["__type"] == "InvalidCiphertextException"
    door.journal.records.clear()


def test_text_that_is_no_unicode_is_refused(door: FrontDoor) -> None:
    for body in (b'{"Description": "\\ud800"}', b'{"Tags": [{"TagKey": "\\udfff", "TagValue": ""}]}'):
        answer = door.ask(asked(door, "CreateKey", body))
        assert answer.status == 400
        assert "Exception" in json.loads(answer.body)["__type"]


def test_the_record_names_the_key_behind_an_alias_and_holds_no_secret(tmp_path: Path) -> None:
    house = House(tmp_path, ManualClock())
    door = FrontDoor(tmp_path, services=[KMS(house.kms, MODEL)])
    key = json.loads(door.ask(asked(door, "CreateKey", {})).body)["KeyMetadata"]["Arn"]
    door.ask(asked(door, "CreateAlias", {"AliasName": "alias/a", "TargetKeyId": key}))
    sealed = json.loads(door.ask(asked(door, "Encrypt", {"KeyId": "alias/a", "Plaintext": "U0VDUkVULUNBTkFSWQ=="})).body)
    door.ask(asked(door, "Decrypt", {"CiphertextBlob": sealed["CiphertextBlob"]}))
    other = json.loads(door.ask(asked(door, "CreateKey", {})).body)["KeyMetadata"]["Arn"]
    door.ask(asked(door, "ReEncrypt", {"CiphertextBlob": sealed["CiphertextBlob"], "DestinationKeyId": other}))
    grant = {"KeyId": key, "GranteePrincipal": "arn:aws:iam::123456789012:user/ana", "Operations": ["Decrypt"]}
    given = json.loads(door.ask(asked(door, "CreateGrant", grant)).body)
    door.ask(asked(door, "DeleteAlias", {"AliasName": "alias/a"}))
    found = {record["eventName"]: record for record in door.records}
    arns = {name: [entry["ARN"] for entry in record.get("resources", ())] for name, record in found.items()}
    alias = "arn:aws:kms:us-east-1:123456789012:alias/a"
    assert arns == {
        "CreateKey": [other],
        "CreateAlias": [key, alias],
        "Encrypt": [key],
        "Decrypt": [key],
        "ReEncrypt": [key, other],
        "CreateGrant": [key],
        "DeleteAlias": [alias, key],
    }
    assert [found[name]["readOnly"] for name in ("Encrypt", "ReEncrypt", "CreateGrant")] == [True, True, False]
    assert found["CreateGrant"]["responseElements"] == {"grantId": given["GrantId"]}
    written = b"".join(door.journal.records)
    for secret in (b"SECRET-CANARY", b"U0VDUkVULUNBTkFSWQ", sealed["CiphertextBlob"].encode(), given["GrantToken"].encode()):
        assert secret not in written
    door.close()


def test_the_record_of_a_failure_names_the_key_too(tmp_path: Path) -> None:
    house = House(tmp_path, ManualClock())
    door = FrontDoor(tmp_path, services=[KMS(house.kms, MODEL)])
    key = json.loads(door.ask(asked(door, "CreateKey", {})).body)["KeyMetadata"]["Arn"]
    door.ask(asked(door, "CreateAlias", {"AliasName": "alias/a", "TargetKeyId": key}))
    sealed = json.loads(door.ask(asked(door, "Encrypt", {"KeyId": "alias/a", "Plaintext": "eA=="})).body)["CiphertextBlob"]
    door.journal.records.clear()
    door.ask(asked(door, "Decrypt", {"CiphertextBlob": sealed, "EncryptionContext": {"an": "other"}}))
    door.ask(asked(door, "DisableKey", {"KeyId": key}))
    door.ask(asked(door, "Encrypt", {"KeyId": "alias/a", "Plaintext": "eA=="}))
    door.ask(asked(door, "Decrypt", {"CiphertextBlob": "eHh4"}))
    told = [(record["eventName"], record.get("errorCode"), record.get("resources", [])) for record in door.records]
    assert [(name, code, [entry["ARN"] for entry in entries]) for name, code, entries in told] == [
        ("Decrypt", "InvalidCiphertextException", [key]),
        ("DisableKey", None, [key]),
        ("Encrypt", "DisabledException", [key]),
        ("Decrypt", "InvalidCiphertextException", []),
    ]
    door.close()
