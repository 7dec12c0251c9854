"""An event as it is written: within every limit of the schema, whatever an application puts into it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opentrail.events import activity
from opentrail.middleware import AuditEvent, Who
from opentrail.middleware.event import written

ACCOUNT = "123456789012"
ANA = Who(principal_id="ana")


def data_of(event: AuditEvent) -> dict[str, Any]:
    text = written(event, source="orders.example.com", version="1", now=1_767_607_872.5).complete(ACCOUNT)
    assert len(text.encode()) <= activity.MAX_EVENT
    data: dict[str, Any] = json.loads(text)
    assert activity.problem(data) is None
    return data


def test_a_whole_event() -> None:
    event = AuditEvent(
        name="RefundOrder",
        who=Who(principal_id="ana", type="Employee", details={"team": "orders"}),
        resource="order/17",
        parameters={"reason": "late"},
        response={"refund": 3},
        error_code="Declined",
        error_message="The bank said no.",
        additional={"durationMs": 12.5},
        source_ip="2001:db8::1",
        user_agent="curl/8",
        uid="u-1",
    )
    assert data_of(event) == {
        "version": "1",
        "userIdentity": {"type": "Employee", "principalId": "ana", "details": {"team": "orders"}},
        "eventSource": "orders.example.com",
        "eventName": "RefundOrder",
        "eventTime": "2026-01-05T10:11:12Z",
        "UID": "u-1",
        "userAgent": "curl/8",
        "requestParameters": {"resource": "order/17", "reason": "late"},
        "responseElements": {"refund": 3},
        "additionalEventData": {"durationMs": 12.5},
        "errorCode": "Declined",
        "errorMessage": "The bank said no.",
        "sourceIPAddress": "2001:db8::1",
        "recipientAccountId": ACCOUNT,
    }


def test_what_is_not_said_is_left_out() -> None:
    assert data_of(AuditEvent(name="N", who=ANA)).keys() == {
        "version", "userIdentity", "eventSource", "eventName", "eventTime", "UID", "recipientAccountId",
    }  # fmt: skip


def test_the_same_event_is_written_the_same_each_time() -> None:
    event = AuditEvent(name="N", who=ANA, time=0.0)
    assert written(event, source="x", version="1", now=1.0) == written(event, source="x", version="1", now=2.0)


def test_each_event_has_an_id_of_its_own() -> None:
    assert AuditEvent(name="N", who=ANA).uid != AuditEvent(name="N", who=ANA).uid


@pytest.mark.parametrize("uid", ["", "a b", "x" * 129, "ä"])
def test_an_id_that_is_none_is_refused(uid: str) -> None:
    with pytest.raises(ValueError, match="no id of an event"):
        written(AuditEvent(name="N", who=ANA, uid=uid), source="x", version="1", now=0.0)


def test_what_is_too_long_is_cut_and_what_is_too_large_replaced() -> None:
    event = AuditEvent(
        name="n" * 5000,
        who=Who(principal_id="p" * 5000, type="t" * 5000, details={"x": "y" * 300_000}),
        resource="r" * 200_000,
        response={"x": ["é" * 100_000]},
        additional={"x": "y" * 50_000, "z": 1},
        error_code="c" * 5000,
        error_message="m" * 5000,
        user_agent="a" * 5000,
        source="s" * 5000,
        source_ip="not an address",
    )
    data = data_of(event)
    assert len(data["eventName"]) == 1024
    assert data["requestParameters"]["omitted"] is True
    assert data["additionalEventData"] == {"reason": "additionalEventData too large", "omitted": True, "originalSize": 50014}
    assert data["userIdentity"]["details"]["omitted"] is True
    assert "sourceIPAddress" not in data


def test_empty_names_are_not_sent() -> None:
    data = data_of(AuditEvent(name="", who=Who(principal_id="", type="")))
    assert (data["eventName"], data["userIdentity"]) == ("Unknown", {"type": "User", "principalId": "anonymous"})


def test_what_json_cannot_say_is_said_as_nearly_as_possible() -> None:
    loop: dict[str, Any] = {}
    loop["self"] = loop
    details = {
        "time": datetime(2026, 1, 5, tzinfo=UTC),
        "price": Decimal("1.50"),
        "nan": float("nan"),
        "set": {1},
        "bytes": b"x",
        ("a", 1): 2,
        "broken": "\ud800",
        "loop": loop,
    }
    data = data_of(AuditEvent(name="N", who=ANA, additional=details))  # type: ignore[arg-type]
    additional = data["additionalEventData"]
    assert (additional["nan"], additional["set"], additional["broken"]) == (None, [1], "?")
    assert additional["price"] == "1.50"


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50) | st.binary(max_size=10) | st.datetimes(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4) | st.tuples(inner, inner),
    max_leaves=15,
)
OBJECT = st.dictionaries(st.text(max_size=10), ANYTHING, max_size=4)
TEXT = st.text(max_size=30)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(TEXT, TEXT, TEXT, OBJECT, OBJECT, st.none() | TEXT)
def test_any_event_fits_the_schema(name: str, who: str, kind: str, details: Any, more: Any, text: str | None) -> None:
    data_of(
        AuditEvent(
            name=name,
            who=Who(principal_id=who, type=kind, details=details),
            resource=text,
            parameters=more,
            response=details,
            additional=more,
            error_code=text,
            user_agent=text,
            source_ip=text,
        )
    )
