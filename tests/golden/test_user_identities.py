"""`userIdentity` of every kind of caller: `user_identity.jsonl` holds principals and what records say of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from opentrail.identity.principals import Principal, on_behalf_of, seen_from_outside, service_principal
from opentrail.recorder import Observation, Recorder
from opentrail.recorder.user_identity import user_identity
from opentrail.wire.models import Catalogue

ROWS = [json.loads(line) for line in Path(__file__).with_name("user_identity.jsonl").read_text().splitlines()]


def principal_of(row: dict[str, Any]) -> Principal:
    return msgspec.convert(row["principal"], Principal)


@pytest.fixture(scope="module")
def recorder() -> Recorder:
    return Recorder(Catalogue())


@pytest.mark.parametrize("row", ROWS, ids=[row["claim"] for row in ROWS])
def test_records_name_each_kind_of_caller(row: dict[str, Any], recorder: Recorder) -> None:
    text = recorder.describe(
        Observation(
            service="sts",
            operation="GetCallerIdentity",
            principal=principal_of(row),
            account_id="111122223333",
            region="eu-west-1",
            request_id="r-1",
            source_ip="198.51.100.20",
            user_agent="example-client/1.0",
            time=0.0,
        )
    )
    assert text is not None
    printed = json.loads(text)["userIdentity"]
    assert json.dumps(printed) == json.dumps(row["userIdentity"])  # the order of keys too


@pytest.mark.parametrize("row", ROWS, ids=[row["claim"] for row in ROWS])
def test_other_accounts_learn_id_and_account_only(row: dict[str, Any]) -> None:
    outside = user_identity(seen_from_outside(principal_of(row)))
    if row["principal"]["type"] in ("AWSService", "AWSAccount", "WebIdentityUser", "SAMLUser"):
        assert outside == row["userIdentity"]
    else:
        assert outside.keys() <= {"type", "principalId", "accountId", "invokedBy"}
        assert outside["type"] == "AWSAccount"


def test_a_service_that_calls_for_somebody_is_named() -> None:
    (user,) = [principal_of(row) for row in ROWS if row["claim"] == "user with a long-term key"]
    assert user_identity(on_behalf_of(user, "athena.amazonaws.com")) == {**user_identity(user), "invokedBy": "athena.amazonaws.com"}
    assert user_identity(service_principal("athena.amazonaws.com")) == {"type": "AWSService", "invokedBy": "athena.amazonaws.com"}
