"""`{"Records":[…]}`: written by joining, read back as the same bytes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentrail.events import logfile

ONE = b'{"eventID":"1","requestParameters":{"a":1.0E9}}'
TWO = '{"eventID":"2","userAgent":"é"}'.encode()


def test_records_keep_their_bytes() -> None:
    text = logfile.write([ONE, TWO])
    assert text == b'{"Records":[' + ONE + b"," + TWO + b"]}"
    assert logfile.read(text) == [ONE, TWO]
    assert [(entry, view.event_id) for entry, view in logfile.views(text)] == [(ONE, "1"), (TWO, "2")]


@pytest.mark.parametrize("entries", [[], [ONE], [ONE, TWO, ONE]])
def test_size_is_known_before_writing(entries: list[bytes]) -> None:
    assert logfile.size([len(entry) for entry in entries]) == len(logfile.write(entries))


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (b'{"Records":[]}', 0),
        (b'\xef\xbb\xbf{"Records":[{}]}', 1),
        (b' {\n "version": 2, "Records" : [ {"a":1} , {} ]\n}\n', 2),
        (b'[{"eventId":"a"},{}]', 2),
    ],
)
def test_other_writers_files_are_read(text: bytes, count: int) -> None:
    assert len(logfile.read(text)) == count


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"\x1f\x8b\x08rest", "gzip"),
        (b'{"records":[]}', "Records"),
        (b'{"Records":{}}', "Records"),
        (b'{"Records":[{]}', "not"),
        (b'{"Records":[{}', "not"),
        (b'{"Records":[1]}', r"Records\[0\]"),
        (b'{"Records":[{},"a"]}', r"Records\[1\]"),
        (b'"Records"', "not"),
        (b"\xff\xff", "not"),
    ],
)
def test_what_is_no_log_file_is_explained(text: bytes, complaint: str) -> None:
    with pytest.raises(logfile.LogFileError, match=complaint):
        logfile.read(text)


def test_the_record_that_cannot_be_read_is_named() -> None:
    with pytest.raises(logfile.LogFileError, match=r"Records\[1\]"):
        list(logfile.views(logfile.write([ONE, b'{"eventName":7}'])))


@given(st.lists(st.dictionaries(st.text(), st.text() | st.integers() | st.booleans() | st.none())))
def test_any_records_come_back(entries: list[dict[str, object]]) -> None:
    raw = [json.dumps(entry).encode() for entry in entries]
    assert logfile.read(logfile.write(raw)) == raw


@given(st.binary(max_size=60))
def test_garbage_is_refused_or_read_but_never_breaks(text: bytes) -> None:
    try:
        logfile.read(text)
    except logfile.LogFileError:
        return
    assert text.strip()
