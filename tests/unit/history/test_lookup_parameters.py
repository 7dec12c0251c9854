"""Which LookupEvents requests are understood, and what the others are told."""

from __future__ import annotations

import base64
import contextlib
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentrail.history import Lookup, faults
from opentrail.history.lookup import ATTRIBUTES
from opentrail.wire.faults import Fault

NOW = datetime(2026, 1, 5, 10, 11, 12, tzinfo=UTC)
AT = int(NOW.timestamp())


def lookup(**parameters: Any) -> Lookup:
    return Lookup.from_parameters(parameters, "111122223333", "us-east-1", NOW, secret=b"s")


def by(key: Any, value: Any) -> list[dict[str, Any]]:
    return [{"AttributeKey": key, "AttributeValue": value}]


REFUSED: list[tuple[dict[str, Any], type[Fault], str]] = [
    ({"LookupAttributes": by("EventId", "a") * 2}, faults.InvalidLookupAttributesException, "only use one"),
    ({"LookupAttributes": by("eventId", "a")}, faults.InvalidLookupAttributesException, "use one of EventId"),
    ({"LookupAttributes": by("Nope", "a")}, faults.InvalidLookupAttributesException, "use one of EventId"),
    ({"LookupAttributes": by("EventId", "")}, faults.InvalidLookupAttributesException, "1 to 2000"),
    ({"LookupAttributes": by("EventName", "a" * 2001)}, faults.InvalidLookupAttributesException, "1 to 2000"),
    ({"LookupAttributes": by("EventName", "_" * 1001)}, faults.InvalidLookupAttributesException, "count twice"),
    ({"LookupAttributes": by("EventName", ", \n_" * 251)}, faults.InvalidLookupAttributesException, "count twice"),
    ({"LookupAttributes": [{"AttributeKey": "EventId"}]}, faults.InvalidLookupAttributesException, "both"),
    ({"LookupAttributes": [{"AttributeValue": "EventId"}]}, faults.InvalidLookupAttributesException, "both"),
    ({"LookupAttributes": ["EventId"]}, faults.InvalidLookupAttributesException, "both"),
    ({"LookupAttributes": by("Username", "a"), "EventCategory": "insight"}, faults.InvalidLookupAttributesException, "Insights events"),
    ({"StartTime": NOW, "EndTime": NOW - timedelta(seconds=1)}, faults.InvalidTimeRangeException, "after the end"),
    ({"StartTime": "yesterday"}, faults.InvalidTimeRangeException, "not a time"),
    ({"MaxResults": 0}, faults.InvalidMaxResultsException, "1 to 50"),
    ({"MaxResults": 51}, faults.InvalidMaxResultsException, "1 to 50"),
    ({"MaxResults": -1}, faults.InvalidMaxResultsException, "1 to 50"),
    ({"MaxResults": True}, faults.InvalidMaxResultsException, "1 to 50"),
    ({"MaxResults": "5"}, faults.InvalidMaxResultsException, "1 to 50"),
    ({"EventCategory": "Insight"}, faults.InvalidEventCategoryException, "use insight"),
    ({"EventCategory": ""}, faults.InvalidEventCategoryException, "use insight"),
    ({"EventCategory": "management"}, faults.InvalidEventCategoryException, "use insight"),
    ({"NextToken": ""}, faults.InvalidNextTokenException, "same parameters"),
    ({"NextToken": "x" * 5000}, faults.InvalidNextTokenException, "same parameters"),
    ({"NextToken": "é"}, faults.InvalidNextTokenException, "same parameters"),
    ({"NextToken": base64.b64encode(b"\1" + bytes(40)).decode()}, faults.InvalidNextTokenException, "same parameters"),
]


@pytest.mark.parametrize(("parameters", "kind", "says"), REFUSED)
def test_a_bad_request_is_told_what_to_change(parameters: dict[str, Any], kind: type[Fault], says: str) -> None:
    with pytest.raises(kind) as refused:
        lookup(**parameters)
    assert type(refused.value) is kind
    assert says in refused.value.message


def test_the_faults_are_those_of_the_model() -> None:
    model = botocore.session.Session().get_service_model("cloudtrail").operation_model("LookupEvents")
    modelled = {shape.name for shape in model.error_shapes}
    ours = {name for name in vars(faults) if name.endswith("Exception")}
    assert ours == modelled - {"OperationNotPermittedException", "UnsupportedOperationException"}
    keys = model.input_shape.members["LookupAttributes"].member.members["AttributeKey"].enum
    assert set(keys) == set(ATTRIBUTES)


@pytest.mark.parametrize("value", ["a" * 2000, "_" * 1000, " " * 1000, "ab_" * 500])
def test_values_up_to_the_limit_are_taken(value: str) -> None:
    assert lookup(LookupAttributes=by("EventName", value)).value == value


def test_defaults() -> None:
    plain = lookup()
    assert plain == lookup(LookupAttributes=[], MaxResults=50)
    question = plain.question(7)
    assert (question.category, question.attribute, question.start, question.end, question.limit, question.up_to) == (
        "Management",
        None,
        None,
        None,
        51,
        7,
    )
    assert lookup(EventCategory="insight").question(7).category == "Insight"


def test_times_are_inclusive_and_events_have_whole_seconds() -> None:
    asked = lookup(StartTime=NOW + timedelta(milliseconds=1), EndTime=NOW + timedelta(seconds=3, milliseconds=999))
    assert (asked.start, asked.end) == (AT + 1, AT + 3)
    elsewhere = NOW.astimezone(timezone(timedelta(hours=9)))
    assert lookup(StartTime=elsewhere, EndTime=elsewhere).start == AT
    assert lookup(StartTime=NOW.replace(tzinfo=None)).start == AT


@pytest.mark.parametrize(("value", "asked"), [("true", True), ("false", False), ("True", None), ("yes", None)])
def test_read_only_is_a_word(value: str, asked: bool | None) -> None:
    assert lookup(LookupAttributes=by("ReadOnly", value)).question(1).value is asked


def test_a_lookup_travels_as_plain_values() -> None:
    asked = lookup(LookupAttributes=by("EventId", "é"), StartTime=NOW, MaxResults=3)
    assert Lookup.from_dict(json.loads(json.dumps(asked.as_dict()))) == asked


OTHERS: list[dict[str, Any]] = [
    {"MaxResults": 6},
    {"LookupAttributes": by("EventName", "B")},
    {"LookupAttributes": by("EventSource", "A")},
    {"LookupAttributes": None},
    {"StartTime": NOW},
    {"EndTime": NOW},
    {"EventCategory": "insight"},
]


@pytest.mark.parametrize("change", OTHERS)
def test_a_token_belongs_to_its_request(change: dict[str, Any]) -> None:
    parameters: dict[str, Any] = {"LookupAttributes": by("EventName", "A"), "MaxResults": 5}
    token = lookup(**parameters).next_token(AT, 7, 9, b"s")
    following = lookup(**parameters, NextToken=token)
    assert (following.after_time, following.after_position, following.up_to) == (AT, 7, 9)
    with pytest.raises(faults.InvalidNextTokenException):
        lookup(**{**parameters, **change}, NextToken=token)


def test_a_token_belongs_to_its_account_region_and_maker() -> None:
    token = lookup().next_token(AT, 7, 9, b"s")
    others = [("444455556666", "us-east-1", b"s"), ("111122223333", "eu-west-1", b"s"), ("111122223333", "us-east-1", b"")]
    for account, region, secret in others:
        with pytest.raises(faults.InvalidNextTokenException):
            Lookup.from_parameters({"NextToken": token}, account, region, NOW, secret=secret)


@given(st.integers(0, 40), st.integers(1, 255))
def test_a_changed_token_is_refused(index: int, change: int) -> None:
    raw = bytearray(base64.b64decode(lookup().next_token(AT, 7, 9, b"s")))
    raw[index % len(raw)] ^= change
    with pytest.raises(faults.InvalidNextTokenException):
        lookup(NextToken=base64.b64encode(raw).decode())


MEMBERS = st.sampled_from(["LookupAttributes", "MaxResults", "NextToken", "EventCategory"])


@given(st.dictionaries(MEMBERS, st.text() | st.integers() | st.lists(st.none())))
def test_anything_is_understood_or_refused(parameters: dict[str, Any]) -> None:
    with contextlib.suppress(
        faults.InvalidLookupAttributesException,
        faults.InvalidMaxResultsException,
        faults.InvalidNextTokenException,
        faults.InvalidEventCategoryException,
    ):
        assert 1 <= lookup(**parameters).max_results <= 50
