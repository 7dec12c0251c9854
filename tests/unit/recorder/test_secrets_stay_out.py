"""No secret is ever in a record: canaries through operations that take or give one (`secret_members.txt`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape

from opentrail.identity.principals import Principal
from opentrail.recorder import Observation, Recorder
from opentrail.wire.http import Headers
from opentrail.wire.models import Catalogue

CANARY = "hush-4f1d9c"
LINES = [
    tuple(line.split())
    for line in (Path(__file__).parent / "secret_members.txt").read_text().splitlines()
    if line and not line.startswith("#")
]
CALLER = Principal(type="Root", account_id="111122223333", principal_id="111122223333", access_key_id="AKIAEXAMPLE")


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue(keep=8)


@pytest.fixture(scope="module")
def recorder(catalogue: Catalogue) -> Recorder:
    return Recorder(catalogue)


def _holding(shape: Shape, path: list[str]) -> Any:
    """A value of `shape` with the canary at `path`; the model is followed, so that a row which is not in it fails."""
    if not path:
        assert shape.type_name in ("string", "blob"), shape.type_name
        return CANARY.encode() if shape.type_name == "blob" else CANARY
    step, rest = path[0], path[1:]
    if isinstance(shape, ListShape):
        assert step == "[]"
        return [_holding(shape.member, rest)]
    if isinstance(shape, MapShape):
        return {step.strip("{}"): _holding(shape.value, rest)}
    assert isinstance(shape, StructureShape)
    return {step: _holding(shape.members[step], rest)}


def _observed(service: str, operation: str, **outcome: Any) -> Observation:
    return Observation(
        service=service,
        operation=operation,
        principal=CALLER,
        account_id="111122223333",
        region="us-east-1",
        request_id="r-1",
        source_ip="198.51.100.20",
        user_agent="boto3",
        time=0.0,
        **outcome,
    )


def test_the_list_is_long() -> None:
    assert len({(service, operation) for service, operation, _, _ in LINES}) >= 60


@pytest.mark.parametrize(("service", "operation", "way", "path"), LINES)
def test_a_secret_stays_out(service: str, operation: str, way: str, path: str, recorder: Recorder, catalogue: Catalogue) -> None:
    model = catalogue.service(service).operation(operation).model
    shape = model.input_shape if way == "in" else model.output_shape
    assert shape is not None
    value = _holding(shape, path.split("."))
    outcome = {"parameters": value} if way == "in" else {"parameters": {}, "result": value}
    described = recorder.describe(_observed(service, operation, **outcome))
    assert described is not None
    assert CANARY.encode() not in described


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "field", "expected"),
    [
        ("ssm", "PutParameter", {"Name": "a", "Value": CANARY}, "value", "HIDDEN_DUE_TO_SECURITY_REASONS"),
        ("ssm", "SendCommand", {"DocumentName": "d", "Parameters": {"commands": [CANARY]}}, "parameters", "HIDDEN_DUE_TO_SECURITY_REASONS"),
        ("rds", "CreateDBInstance", {"MasterUserPassword": CANARY}, "masterUserPassword", "HIDDEN_DUE_TO_SECURITY_REASONS"),
        ("ec2", "RunInstances", {"ImageId": "ami-1", "UserData": CANARY}, "userData", "<sensitiveDataRemoved>"),
        ("lambda", "CreateFunction", {"Environment": {"Variables": {"A": CANARY}}}, "environment", {}),
    ],
)
def test_what_stands_in_its_place(
    service: str, operation: str, parameters: dict[str, Any], field: str, expected: Any, recorder: Recorder
) -> None:
    described = recorder.describe(_observed(service, operation, parameters=parameters))
    assert described is not None
    assert json.loads(described)["requestParameters"][field] == expected


def test_a_presigned_url_shows_no_signature(recorder: Recorder) -> None:
    secret = "&".join(f"{name}={CANARY}" for name in ("X-Amz-Credential", "X-Amz-Security-Token", "X-Amz-Signature"))
    query = f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=60&{secret}"
    described = recorder.describe(_observed("s3", "GetBucketAcl", parameters={"Bucket": "b"}, query=query, host="b.s3.amazonaws.com"))
    assert described is not None
    assert CANARY.encode() not in described
    assert b'"X-Amz-Expires":"60"' in described


def test_headers_are_not_copied(recorder: Recorder) -> None:
    headers = Headers([("Authorization", f"AWS4-HMAC-SHA256 Signature={CANARY}"), ("X-Amz-Security-Token", CANARY), ("x-amz-mfa", CANARY)])
    described = recorder.describe(
        _observed("s3", "PutBucketVersioning", parameters={"Bucket": "b", "MFA": f"serial {CANARY}"}, headers=headers)
    )
    assert described is not None
    assert CANARY.encode() not in described
