"""The record as bytes and as a view."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentrail.events import record as records

WRITE = {
    "eventVersion": "1.11",
    "userIdentity": {
        "type": "AssumedRole",
        "principalId": "AROAEXAMPLEROLE0001:deploy-7",
        "arn": "arn:aws:sts::111122223333:assumed-role/Deployer/deploy-7",
        "accountId": "111122223333",
        "accessKeyId": "ASIAEXAMPLEKEY000001",
        "sessionContext": {
            "sessionIssuer": {"type": "Role", "principalId": "AROAEXAMPLEROLE0001", "userName": "Deployer"},
            "attributes": {"creationDate": "2026-01-05T10:00:00Z", "mfaAuthenticated": "false"},
        },
    },
    "eventTime": "2026-01-05T10:11:12Z",
    "eventSource": "cloudtrail.amazonaws.com",
    "eventName": "StopLogging",
    "awsRegion": "us-east-1",
    "sourceIPAddress": "198.51.100.20",
    "requestParameters": {"name": "audit-trail"},
    "responseElements": None,
    "requestID": "r-1",
    "eventID": "e-1",
    "readOnly": False,
    "resources": [{"accountId": "111122223333", "type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::a"}],
    "managementEvent": True,
    "eventCategory": "Management",
    "aFieldOfTomorrow": {"x": [1]},
}


def test_the_view_has_what_followers_read() -> None:
    view = records.read(records.encode(WRITE))
    assert view.event_source == "cloudtrail.amazonaws.com"
    assert view.source_ip_address == "198.51.100.20"
    assert view.request_id == "r-1"
    assert view.event_id == "e-1"
    assert view.read_only is False
    assert json.loads(bytes(view.request_parameters)) == {"name": "audit-trail"}
    assert bytes(view.response_elements) == b"null"
    assert view.resources is not None
    assert view.resources[0].arn == "arn:aws:s3:::a"
    assert view.user_identity is not None
    assert view.user_identity.session_context is not None
    assert view.user_identity.session_context.session_issuer is not None
    assert view.user_identity.session_context.session_issuer.user_name == "Deployer"


@pytest.mark.parametrize(
    ("identity", "username"),
    [
        ({"type": "IAMUser", "userName": "ana"}, "ana"),
        ({"type": "Root", "arn": "arn:aws:iam::111122223333:root"}, "root"),
        ({"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/Deployer/deploy-7"}, "deploy-7"),
        ({"type": "FederatedUser", "arn": "arn:aws:sts::111122223333:federated-user/bo"}, "bo"),
        ({"type": "AWSService", "invokedBy": "ec2.amazonaws.com"}, "ec2.amazonaws.com"),
        ({"accountId": "111122223333", "invokedBy": "AWS Internal"}, "AWS Internal"),
        ({"type": "AWSAccount", "accountId": "111122223333"}, None),
        (None, None),
    ],
)
def test_username(identity: dict[str, str] | None, username: str | None) -> None:
    assert records.read(records.encode({"userIdentity": identity})).username == username


@pytest.mark.parametrize("text", [b"", b"[]", b"null", b"{", b'{"eventName":1}', b'{"userIdentity":[]}', b"\xff\xfe", b'{"a":' * 2000])
def test_what_is_no_record_is_said_to_be_none(text: bytes) -> None:
    with pytest.raises(ValueError, match="not an event record"):
        records.read(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": None, "b": True, "c": 1.5, "d": "é€😀"}, '{"a":null,"b":true,"c":1.5,"d":"é€😀"}'),
        ([float("nan"), float("inf"), -0.5], "[null,null,-0.5]"),
        (["a\ud800b", "\n"], '["a\ufffdb","\\n"]'),
        ([1 << 70, -(1 << 63), (1 << 64) - 1], '["1180591620717411303424",-9223372036854775808,18446744073709551615]'),
        ([b"secret"], "[null]"),
        ([Decimal("1.50"), Decimal("3"), Decimal("NaN"), 1 << 99], f'[1.5,3,null,"{1 << 99}"]'),
        ([datetime(2026, 1, 5, 10, 11, 12, 5, tzinfo=UTC)], '["2026-01-05T10:11:12Z"]'),
        ([datetime(2026, 1, 5, 12, 0, tzinfo=timezone(timedelta(hours=2))), 1 << 99], f'["2026-01-05T10:00:00Z","{1 << 99}"]'),
        ([date(2026, 1, 5), 1 << 99], f'["2026-01-05","{1 << 99}"]'),
        ({1: "a", None: "b"}, '{"1":"a","None":"b"}'),
        ([{"a", "b"}, (1, 2)], '[["a","b"],[1,2]]'),
    ],
)
def test_every_value_is_printed(value: Any, text: str) -> None:
    assert records.encode(value).decode() == text


def test_endless_nesting_is_cut() -> None:
    deep: list[Any] = []
    deep.append(deep)
    assert records.encode(deep).startswith(b"[[[[")


_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.binary() | st.datetimes() | st.decimals(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()) | st.integers(), inner) | st.tuples(inner),
    max_leaves=20,
)


@given(_anything)
def test_encode_never_fails_and_always_gives_json(value: Any) -> None:
    json.loads(records.encode(value))
