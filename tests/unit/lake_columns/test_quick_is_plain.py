"""The quick way gives the rows of the plain one, whatever the records are."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opentrail.lake.columns import ARROW, convert, outside, quick, to_table
from opentrail.lake.columns.plain import to_row
from opentrail.lake.columns.text import NotJSON
from opentrail.lake.families import Family
from simulators.audit_events import event_data

TIME = "2026-01-05T10:11:12Z"
_TEXT = st.text(st.characters(exclude_categories=()), max_size=6) | st.sampled_from(
    ["null", "true", '"', '""', "\\", "{ }", "[1, 2]", "\0", " ", '{"a": 1}']
)
_SCALAR = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXT
_JSON = st.recursive(_SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3), max_leaves=8)
_OBJECT = st.dictionaries(_TEXT, _JSON, max_size=4)
_RESOURCES = st.lists(
    st.dictionaries(st.sampled_from(["ARN", "type", "accountId", "ARNPrefix"]), _TEXT | st.none(), max_size=4), max_size=3
)
_IDENTITY = st.fixed_dictionaries(
    {}, optional={"type": _TEXT, "userName": _TEXT, "sessionContext": st.fixed_dictionaries({}, optional={"sourceIdentity": _TEXT})}
)
_USUAL: dict[str, st.SearchStrategy[Any]] = {
    "eventName": _TEXT,
    "eventVersion": _TEXT | st.floats(1, 2),
    "userAgent": _TEXT | st.none(),
    "requestParameters": _OBJECT | st.none(),
    "responseElements": _OBJECT | st.none(),
    "readOnly": st.booleans() | st.none(),
    "userIdentity": _IDENTITY,
    "tlsDetails": st.just({"tlsVersion": "TLSv1.3"}),
    "resources": _RESOURCES | st.none(),
}
_ODD: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(
        ("eventName", "requestParameters", "readOnly", "userIdentity", "resources", "eventTime", "eventname", "newMember"), _JSON
    ),
    "resources": _RESOURCES | st.lists(_JSON, max_size=2),
}
_RECORD = st.tuples(st.fixed_dictionaries({}, optional=_USUAL), st.just({}) | st.fixed_dictionaries({}, optional=_ODD)).map(
    lambda pair: {"eventTime": TIME, **pair[0], **pair[1]}
)


def _encoded(record: dict[str, Any], ascii_only: bool, indent: int | None) -> bytes:
    text = json.dumps(record, ensure_ascii=ascii_only, indent=indent, separators=None if indent else (",", ":"))
    return text.encode(errors="surrogatepass" if len(text) % 7 == 0 else "replace")


_RECORDS = st.lists(st.builds(_encoded, _RECORD, st.booleans(), st.sampled_from([None, None, 1])), max_size=6)


def _plainly(records: list[bytes], family: Family = Family.EVENTS) -> tuple[pa.Table, list[tuple[int, str]]]:
    rows, refused = [], []
    for index, record in enumerate(records):
        try:
            rows.append(to_row(family, record) | {"position": index})
        except NotJSON as error:
            refused.append((index, str(error)))
    return pa.Table.from_pylist(rows, schema=ARROW[family]), refused


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(records=_RECORDS)
def test_the_quick_way_gives_the_rows_of_the_plain_one(records: list[bytes]) -> None:
    converted = to_table(Family.EVENTS, records, range(len(records)))
    table, refused = _plainly(records)
    converted.table.validate(full=True)
    assert converted.table.to_pylist() == table.to_pylist()
    assert [(one.index, one.reason) for one in converted.refused] == refused


def test_a_usual_record_goes_the_quick_way_and_an_unusual_one_does_not() -> None:
    usual = b'{"eventTime":"2026-01-05T10:11:12Z","eventVersion":1.11,"readOnly":true,"resources":[{"ARN":"a"}]}'
    assert list(quick.usual([usual, usual])[0]) == [0, 1]
    for odd in (b'{"newMember":1,', b'{"readOnly":"true",', b'{"requestParameters":[],', b'{"EventName":"a",'):
        assert list(quick.usual([usual, odd + usual[1:], usual])[0]) == [0, 2]


_WHO = st.fixed_dictionaries({}, optional={"type": _TEXT, "principalId": _TEXT | st.none(), "details": _OBJECT | st.none()})
_SAID: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("version", "UID", "eventName", "eventTime", "errorCode", "sourceIPAddress"), _TEXT | st.none()),
    **dict.fromkeys(("requestParameters", "responseElements", "additionalEventData"), _OBJECT | st.none()),
    "userIdentity": _WHO | st.none(),
}
_ODDLY: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("requestParameters", "userIdentity", "uid", "tenant", "eventName"), _JSON),
    "userIdentity": st.dictionaries(st.sampled_from(["type", "TYPE", "details", "team"]), _JSON, max_size=3),
}
_FROM_OUTSIDE = st.tuples(
    st.fixed_dictionaries({}, optional=_SAID),
    st.just({}) | st.fixed_dictionaries({}, optional=_ODDLY),
    st.fixed_dictionaries(
        {},
        optional={
            "eventID": _TEXT,
            "metadata": st.fixed_dictionaries({}, optional={"ingestionTime": _TEXT, "channelARN": _TEXT | st.none()}) | st.none(),
            "addendum": st.fixed_dictionaries({}, optional={"reason": _TEXT, "originalUID": _TEXT}) | _JSON,
            "eventData": _JSON,
            "newMember": _JSON,
        },
    ),
).map(lambda parts: {"eventTime": TIME, "eventData": {**parts[0], **parts[1]}, **parts[2]})
_FROM_OUTSIDE_USUALLY = st.fixed_dictionaries({}, optional=_SAID).map(lambda said: {"eventTime": TIME, "eventID": "e", "eventData": said})


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    records=st.lists(
        st.builds(_encoded, _FROM_OUTSIDE | _FROM_OUTSIDE_USUALLY, st.booleans(), st.sampled_from([None, None, 1])), max_size=6
    )
)
def test_the_quick_way_of_events_from_outside_gives_the_rows_of_the_plain_one(records: list[bytes]) -> None:
    converted = to_table(Family.ACTIVITY, records, range(len(records)))
    table, refused = _plainly(records, Family.ACTIVITY)
    converted.table.validate(full=True)
    assert converted.table.to_pylist() == table.to_pylist()
    assert [(one.index, one.reason) for one in converted.refused] == refused


def test_what_putauditevents_takes_goes_the_quick_way() -> None:
    usual = json.dumps({"eventTime": TIME, "metadata": {"channelARN": "arn"}, "eventData": event_data(7)}).encode()
    assert list(outside.usual([usual, usual])[0]) == [0, 1]
    for odd in ({**event_data(1), "tenant": "blue"}, {**event_data(1), "requestParameters": []}, {**event_data(1), "uid": "again"}):
        assert list(outside.usual([usual, json.dumps({"eventTime": TIME, "eventData": odd}).encode(), usual])[0]) == [0, 2]


def test_order_and_places_hold_across_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convert, "BATCH", 3)
    kinds = [f'{{"eventTime":"{TIME}"}}', f'{{"eventTime":"{TIME}","x":1}}', "broken"]
    records = [kinds[(number * 7 // 3) % 3].encode() for number in range(20)]
    converted = to_table(Family.EVENTS, records, range(20))
    table, refused = _plainly(records)
    assert converted.table.to_pylist() == table.to_pylist()
    assert [(one.index, one.reason) for one in converted.refused] == refused


def test_each_record_needs_a_position() -> None:
    with pytest.raises(ValueError, match="position"):
        to_table(Family.EVENTS, [b"{}"], range(2))
