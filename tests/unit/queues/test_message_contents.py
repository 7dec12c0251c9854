"""What messages may hold, and the MD5 sums that SDKs verify. The judge of the sums is moto's own calculation."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.sqs.models import Message as MotoMessage

from opentrail.messaging.queues import Attribute, contents
from opentrail.messaging.queues.faults import InvalidMessageContents, InvalidParameterValue, MissingParameter, UnsupportedOperation

NAMES = st.from_regex(r"[A-Za-z0-9_-]{1,20}", fullmatch=True).filter(lambda name: name.isascii() and not name.lower().startswith("aws"))
TEXTS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xD7FF), min_size=1, max_size=30)
VALUES = st.one_of(
    TEXTS.map(lambda text: {"DataType": "String", "StringValue": text}),
    st.integers().map(lambda number: {"DataType": "Number.int", "StringValue": str(number)}),
    st.binary(min_size=1, max_size=30).map(lambda octets: {"DataType": "Binary", "BinaryValue": octets}),
)


@given(st.dictionaries(NAMES, VALUES, min_size=1, max_size=10))
def test_the_md5_of_attributes_is_moto_s(given: dict[str, dict[str, Any]]) -> None:
    judge = MotoMessage("id", "body")
    judge.message_attributes.update(given)
    assert contents.md5_of_attributes(contents.attributes(given)) == judge.attribute_md5


def test_the_md5_of_a_body_is_that_of_its_utf_8() -> None:
    assert contents.md5_of("This is a test message") == "fafb00f5732ab283681e124bf8747ed1"
    assert contents.md5_of_attributes({}) is None
    assert contents.md5_of_trace_header(None) is None
    assert contents.md5_of_trace_header("x") == contents.md5_of_attributes({"AWSTraceHeader": Attribute("String", "x")})


def test_characters_that_xml_has_not_are_refused() -> None:
    contents.check_body("\t\n\r aé\ud7ff\ue000\ufffd\U0001f600")
    for text in ("\0", "a\x0b", "\ufffe", "\uffff", "\x1f"):
        with pytest.raises(InvalidMessageContents):
            contents.check_body(text)
    with pytest.raises(MissingParameter):
        contents.check_body("")


STRING = {"DataType": "String", "StringValue": "x"}


@pytest.mark.parametrize("name", ["", ".a", "a.", "a..b", "AWS.a", "amazon.x", "a b", "é", "a" * 257])
def test_bad_attribute_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidParameterValue):
        contents.attributes({name: STRING})


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"DataType": "Text", "StringValue": "x"},
        {"DataType": "String"},
        {"DataType": "String", "StringValue": ""},
        {"DataType": "String", "BinaryValue": b"x"},
        {"DataType": "String", "StringValue": "x", "BinaryValue": b"x"},
        {"DataType": "Binary", "BinaryValue": b""},
        {"DataType": "Number", "StringValue": "one"},
        {"DataType": "String." + "a" * 300, "StringValue": "x"},
    ],
)
def test_bad_attribute_values_are_refused(value: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameterValue):
        contents.attributes({"a": value})


def test_lists_of_values_are_not_supported() -> None:
    with pytest.raises(UnsupportedOperation):
        contents.attributes({"a": {"DataType": "String", "StringListValues": ["x"]}})


def test_at_most_ten_attributes() -> None:
    assert len(contents.attributes({f"a{number}": STRING for number in range(10)})) == 10
    with pytest.raises(InvalidParameterValue, match=r"\[11\]"):
        contents.attributes({f"a{number}": STRING for number in range(11)})


def test_a_trace_header_is_the_only_system_attribute() -> None:
    assert contents.trace_header({"AWSTraceHeader": STRING}) == "x"
    assert contents.trace_header({}) is None
    for bad in ({"Other": STRING}, {"AWSTraceHeader": {"DataType": "Binary", "BinaryValue": b"x"}}):
        with pytest.raises(InvalidParameterValue):
            contents.trace_header(bad)


def test_the_size_counts_names_types_and_values() -> None:
    assert contents.size("é", {"ab": Attribute("String", "é"), "c": Attribute("Binary", None, b"123")}) == 2 + (2 + 6 + 2) + (1 + 6 + 3)


def test_attributes_are_chosen_by_name_prefix_or_all() -> None:
    known = {name: Attribute("String", name) for name in ("a.one", "a.two", "b")}
    assert set(contents.selected(known, ["b"])) == {"b"}
    assert set(contents.selected(known, ["a.*"])) == {"a.one", "a.two"}
    assert contents.selected(known, ["All"]) == contents.selected(known, [".*"]) == known
    assert contents.selected(known, []) == contents.selected(known, ["c", "*"]) == {}
