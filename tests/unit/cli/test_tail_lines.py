"""One line of `opentrail tail` for each kind of record."""

from __future__ import annotations

import json
from typing import Any

import pytest

from opentrail.cli import tail

ACTIVITY = {
    "userIdentity": {"type": "User", "principalId": "ana"},
    "eventSource": "orders.example.com",
    "eventName": "GET /orders/{id}",
    "sourceIPAddress": "198.51.100.7",
    "errorCode": "NotFound",
}
CALL = {
    "userIdentity": {"type": "IAMUser", "principalId": "AIDA1", "arn": "arn:aws:iam::1:user/ana"},
    "eventSource": "iam.amazonaws.com",
    "eventName": "CreateUser",
    "sourceIPAddress": "198.51.100.7",
}
LINES: list[tuple[dict[str, Any], str]] = [
    (CALL, "iam:CreateUser  arn:aws:iam::1:user/ana  198.51.100.7"),
    ({**CALL, "userIdentity": {"invokedBy": "AWS Internal"}}, "iam:CreateUser  AWS Internal  198.51.100.7"),
    ({"eventData": ACTIVITY}, "orders.example.com:GET /orders/{id}  ana  198.51.100.7  NotFound"),
]


@pytest.mark.parametrize(("record", "line"), LINES)
def test_a_record_is_one_line(record: dict[str, Any], line: str) -> None:
    whole = {"eventTime": "2026-01-05T10:11:12Z", "awsRegion": "us-east-1", **record}
    assert tail._line(json.dumps(whole).encode()) == f"2026-01-05T10:11:12Z  us-east-1  {line}"
