"""Single values: numbers, flags, base64, times in each spelling, CBOR items, XML and form text."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opentrail.wire import cbor, form, timestamps, xmltree
from opentrail.wire.malformed import Malformed
from opentrail.wire.parse_rest import split_header
from opentrail.wire.scalars import blob_text, boolean_text, float_text, float_value, integer_text, integer_value
from opentrail.wire.serialise_xml import escape

MOMENT = datetime(2014, 4, 29, 18, 30, 38, tzinfo=UTC)

READ: list[tuple[Callable[[Any], Any], Any, Any]] = [
    (integer_text(32), "-2147483648", -2147483648),
    (integer_text(64), "+9223372036854775807", 9223372036854775807),
    (float_text, "1e3", 1000.0),
    (float_text, ".5", 0.5),
    (float_text, "-Infinity", float("-inf")),
    (float_value, 3, 3.0),
    (integer_value(32), 3.0, 3),
    (boolean_text, "TRUE", True),
    (blob_text, "AAE=\n", b"\x00\x01"),
    (blob_text, "", b""),
    (timestamps.from_iso, "2014-04-29T18:30:38Z", MOMENT),
    (timestamps.from_iso, "2014-04-29T20:30:38.000000000+02:00", MOMENT),
    (timestamps.from_iso, "2014-04-29T18:30:38", MOMENT),
    (timestamps.from_iso, "2014-04-29", datetime(2014, 4, 29, tzinfo=UTC)),
    (timestamps.from_http_date, "Tue, 29 Apr 2014 18:30:38 GMT", MOMENT),
    (timestamps.from_http_date, "Tue, 29 Apr 2014 18:30:38.250 GMT", MOMENT + timedelta(microseconds=250000)),
    (timestamps.from_http_date, "Tue, 29 Apr 2014 20:30:38 +0200", MOMENT),
    (lambda text: timestamps.from_text(text, "rfc822"), "1398796238", MOMENT),
    (lambda text: timestamps.from_text(text, "unixtimestamp"), "1398796238.5", MOMENT + timedelta(seconds=0.5)),
    (lambda text: timestamps.from_text(text, "iso8601"), "Tue, 29 Apr 2014 18:30:38 GMT", MOMENT),
    (split_header, 'a, "b,c" ,d', ["a", "b,c", "d"]),
    (split_header, r'"a\"b",c', ['a"b', "c"]),
    (split_header, "", []),
    (split_header, '"open,b', ['"open', "b"]),
    (split_header, "a,", ["a", ""]),
]


@pytest.mark.parametrize(("read", "text", "wanted"), READ)
def test_value(read: Callable[[Any], Any], text: Any, wanted: Any) -> None:
    found = read(text)
    assert found == wanted
    assert type(found) is type(wanted)


REFUSED: list[tuple[Callable[[Any], Any], Any]] = [
    (integer_text(32), "2147483648"),
    (integer_text(64), "9223372036854775808"),
    (integer_text(64), "9" * 5000),
    (integer_text(32), ""),
    (integer_text(32), " 1"),
    (integer_text(32), "1.0"),
    (integer_value(32), True),
    (integer_value(64), 2.0**63),
    (float_text, "nan"),
    (float_text, "1_0"),
    (float_text, "0x1"),
    (float_text, ""),
    (float_value, "1.0"),
    (boolean_text, "yes"),
    (boolean_text, ""),
    (blob_text, "A"),
    (blob_text, "AAE"),
    (blob_text, "A*E="),
    (blob_text, "AAE=é"),
    (timestamps.from_iso, "2014-13-01T00:00:00Z"),
    (timestamps.from_iso, "9999-12-31T23:59:59-23:59"),
    (timestamps.from_iso, "2014-W01-1"),
    (timestamps.from_http_date, "Tue, 31 Feb 2014 18:30:38 GMT"),
    (timestamps.from_http_date, "Tue, 29 Foo 2014 18:30:38 GMT"),
    (timestamps.from_epoch, 1e20),
    (timestamps.from_epoch, float("nan")),
    (lambda text: timestamps.from_text(text, "iso8601"), "9" * 400),
]


@pytest.mark.parametrize(("read", "text"), REFUSED)
def test_value_that_cannot_be_read(read: Callable[[Any], Any], text: Any) -> None:
    with pytest.raises(Malformed):
        read(text)


WRITTEN: list[tuple[Callable[[Any], Any], Any, Any]] = [
    (timestamps.to_epoch, MOMENT, 1398796238),
    (timestamps.to_epoch, MOMENT + timedelta(microseconds=999), 1398796238),
    (timestamps.to_epoch, MOMENT + timedelta(milliseconds=497), 1398796238.497),
    (timestamps.to_epoch, MOMENT.replace(tzinfo=None), 1398796238),
    (timestamps.to_iso, MOMENT, "2014-04-29T18:30:38Z"),
    (timestamps.to_iso, MOMENT.astimezone(timezone(timedelta(hours=9))), "2014-04-29T18:30:38Z"),
    (timestamps.to_iso, MOMENT + timedelta(milliseconds=5), "2014-04-29T18:30:38.005Z"),
    (timestamps.to_iso, 0, "1970-01-01T00:00:00Z"),
    (timestamps.to_iso_millis, MOMENT, "2014-04-29T18:30:38.000Z"),
    (timestamps.to_http_date, MOMENT, "Tue, 29 Apr 2014 18:30:38 GMT"),
    (escape, 'a<b>&"\r\x00\ud800', 'a&lt;b&gt;&amp;"&#13;\ufffd\ufffd'),
]


@pytest.mark.parametrize(("write", "value", "wanted"), WRITTEN)
def test_text_written(write: Callable[[Any], Any], value: Any, wanted: Any) -> None:
    assert write(value) == wanted


@pytest.mark.parametrize("value", ["2014-04-29", None, True, float("inf")])
def test_what_is_no_time_is_a_mistake_of_ours(value: Any) -> None:
    with pytest.raises(TypeError):
        timestamps.as_datetime(value)


def times(first: int = 0) -> st.SearchStrategy[datetime]:
    return st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC))


@given(times())
def test_times_survive_to_the_precision_of_their_spelling(moment: datetime) -> None:
    millis = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    assert timestamps.from_epoch(timestamps.to_epoch(moment)) == millis
    assert timestamps.from_iso(timestamps.to_iso(moment)) == millis
    assert timestamps.from_http_date(timestamps.to_http_date(moment)) == moment.replace(microsecond=0)
    assert cbor.loads(cbor.dumps(moment)) == moment


# -- CBOR: examples of RFC 8949, appendix A ---------------------------------------------------------------------------

EXAMPLES = [
    ("00", 0),
    ("17", 23),
    ("1818", 24),
    ("1903e8", 1000),
    ("1a000f4240", 1000000),
    ("1bffffffffffffffff", 18446744073709551615),
    ("20", -1),
    ("3903e7", -1000),
    ("f90000", 0.0),
    ("f93c00", 1.0),
    ("fb3ff199999999999a", 1.1),
    ("fa47c35000", 100000.0),
    ("f97c00", float("inf")),
    ("f4", False),
    ("f5", True),
    ("f6", None),
    ("f7", None),
    ("c11a514b67b0", datetime(2013, 3, 21, 20, 4, tzinfo=UTC)),
    ("40", b""),
    ("4401020304", b"\x01\x02\x03\x04"),
    ("60", ""),
    ("6449455446", "IETF"),
    ("62c3bc", "ü"),
    ("80", []),
    ("83010203", [1, 2, 3]),
    ("a0", {}),
    ("a26161016162820203", {"a": 1, "b": [2, 3]}),
    ("5f42010243030405ff", b"\x01\x02\x03\x04\x05"),
    ("7f657374726561646d696e67ff", "streaming"),
    ("9fff", []),
    ("9f018202039f0405ffff", [1, [2, 3], [4, 5]]),
    ("bf61610161629f0203ffff", {"a": 1, "b": [2, 3]}),
]


@pytest.mark.parametrize(("encoded", "value"), EXAMPLES)
def test_cbor_examples(encoded: str, value: Any) -> None:
    assert cbor.loads(bytes.fromhex(encoded)) == value


@pytest.mark.parametrize(
    "encoded",
    [
        "",
        "ff",
        "18",
        "1c",
        "61",
        "62c3",
        "61ff",
        "81",
        "a1",
        "a10101",
        "a161",
        "8101ff",
        "5f01ff",
        "5f5f00ffff",
        "9f",
        "bf6161ff",
        "c0",
        "c074",
        "c160",
        "f8ff",
        "fc",
        "c249010000000000000000",
        "9bffffffffffffffff",
        "bbffffffffffffffff",
        "7bffffffffffffffff",
        "0000",
    ],
)
def test_broken_cbor(encoded: str) -> None:
    with pytest.raises(Malformed):
        cbor.loads(bytes.fromhex(encoded))


def values() -> st.SearchStrategy[Any]:
    scalars = st.none() | st.booleans() | st.integers(-(2**64), 2**64 - 1) | st.floats(allow_nan=False) | st.text() | st.binary()
    return st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=20)


@given(values())
def test_cbor_round_trip(value: Any) -> None:
    assert cbor.loads(cbor.dumps(value)) == value


@given(st.binary(max_size=200))
def test_any_bytes_as_cbor(data: bytes) -> None:
    place = "read"
    try:
        cbor.loads(data)
    except Malformed as error:
        place = error.place
    assert place in ("read", "body", "value")


# -- forms and XML ---------------------------------------------------------------------------


def test_fields_and_tree() -> None:
    pairs = form.fields("a=1&b.2.c=x+y&b.1.c=%26&&d&a=2")
    assert pairs == [("a", "1"), ("b.2.c", "x y"), ("b.1.c", "&"), ("d", ""), ("a", "2")]
    assert form.tree(pairs) == {"a": "1", "b": {"2": {"c": "x y"}, "1": {"c": "&"}}, "d": ""}


def test_too_many_fields() -> None:
    with pytest.raises(Malformed, match="fields"):
        form.fields("a&" * form.MAX_FIELDS + "a")


@given(st.text(), st.text())
def test_unquote_of_any_text(text: str, other: str) -> None:
    for candidate in (text, f"%{other}", f"{text}%E2%98%83"):
        try:
            assert isinstance(form.unquote(candidate, plus=True), str)
        except Malformed:
            continue


@settings(max_examples=200)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_xml_text_survives_escaping(text: str) -> None:
    found = xmltree.read(f"<a>{escape(text)}</a>".encode())
    assert found.text == "".join(one if one in "\t\n\r" or (one >= " " and one not in "\ufffe\uffff") else "\ufffd" for one in text)


@given(st.binary(max_size=200))
def test_any_bytes_as_xml(data: bytes) -> None:
    for body in (data, b"<a>" + data + b"</a>"):
        place = "body"
        try:
            xmltree.read(body)
        except Malformed as error:
            place = error.place
        assert place == "body"
