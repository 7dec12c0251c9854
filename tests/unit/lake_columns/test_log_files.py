"""Delivered log files to columns: sound ones whole, damaged ones as far as they go, and what is wrong with them."""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opentrail.lake.columns import import_file, logfiles, to_table
from opentrail.lake.families import Family

DELIVERED = Path(__file__).resolve().parents[4] / "shared/data/delivered-log-files"
RECORDS = [
    f'{{"eventVersion":"1.11","eventTime":"2026-01-05T10:11:{number:02}Z","eventID":"e-{number}","requestParameters":{{"n":[{number}]}}}}'
    for number in range(5)
]
TEXT = ('{"Records":[' + ",".join(RECORDS) + "]}").encode()


def _ids(body: bytes) -> tuple[list[str], tuple[str, ...]]:
    imported = import_file(body, Family.EVENTS)
    return imported.table["eventid"].to_pylist(), imported.damage


ALL = [f"e-{number}" for number in range(5)]


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(TEXT),
        TEXT,
        b"\xef\xbb\xbf" + TEXT,
        gzip.compress(TEXT[:100], mtime=0) + gzip.compress(TEXT[100:], mtime=0),
        gzip.compress(TEXT) + b"\0" * 512,
        b"[" + TEXT[len('{"Records":[') : -1],
        json.dumps(json.loads(TEXT), indent=2).encode(),
        b'{"more":1,' + TEXT[1:],
    ],
    ids=["gzip", "plain", "byte order mark", "two members", "padded", "bare", "indented", "other keys"],
)
def test_a_sound_file_is_read_whole(body: bytes) -> None:
    assert _ids(body) == (ALL, ())


def test_positions_are_places_in_the_file() -> None:
    odd = TEXT.replace(b'"eventTime":"2026-01-05T10:11:02Z"', b'"eventTime":"noon"')
    imported = import_file(gzip.compress(odd), Family.EVENTS, first=1_000)
    assert imported.table["position"].to_pylist() == [1_000, 1_001, 1_003, 1_004]
    assert [(refused.index, refused.reason) for refused in imported.refused] == [(2, 'eventTime "noon" is not a time')]
    assert imported.damage == ()


def test_the_record_is_kept_as_the_file_spells_it() -> None:
    assert import_file(gzip.compress(TEXT), Family.EVENTS).table["eventjson"].to_pylist() == RECORDS


@pytest.mark.parametrize("number", range(5))
def test_a_damaged_record_does_not_stop_the_others(number: int) -> None:
    place = TEXT.index(RECORDS[number].encode())
    damaged = TEXT.replace(f'{{"n":[{number}]}}'.encode(), b'{"n":[" oops')
    ids, damage = _ids(gzip.compress(damaged))
    assert ids == [id_ for id_ in ALL if id_ != f"e-{number}"]
    assert damage == (f"byte {place}: the record there is damaged",)


def test_a_record_within_a_record_is_no_record() -> None:
    inner = '[{"a":1},{"eventVersion":"1"},{"eventVersion":"2"}]'
    text = TEXT.replace(b"[1]", inner.encode()).replace(b"[3]", b"nope")
    imported = import_file(text, Family.EVENTS)
    assert imported.table["eventid"].to_pylist() == ["e-0", "e-1", "e-2", "e-4"]
    assert dict(imported.table["requestparameters"].to_pylist()[1]) == {"n": inner}


def test_half_a_surrogate_pair_in_one_record_is_no_damage() -> None:
    assert _ids(TEXT.replace(b'"e-1"', b'"\\ud800"')) == (["e-0", "\ufffd", *ALL[2:]], ())


def test_a_record_that_is_nested_too_deeply_is_damage() -> None:
    ids, damage = _ids(TEXT.replace(b"[3]", b"[" * 100_000 + b"]" * 100_000))
    assert ids == ["e-0", "e-1", "e-2", "e-4"]
    assert len(damage) == 1


def test_of_many_damages_the_first_are_told() -> None:
    ids, damage = _ids(b'{"Records":[' + b",".join([b'{"eventVersion":nope}'] * 30) + b"]}")
    assert ids == []
    assert len(damage) == 11
    assert damage[-1] == "20 more such places"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "the file is empty"),
        (gzip.compress(b" \n", mtime=0), "the file is empty"),
        (b"<html>no such key</html>", "byte 0: this is not"),
        (b'{"Records":{}}', "byte 0: this is not"),
        (b'{"Records":[1,2', "byte 0: this is not"),
        (b"\x1f\x8b", "broken off after 0 bytes"),
        (b"\x1f\x8b" + b"x" * 40, "gzip is damaged after 0 bytes"),
    ],
)
def test_what_is_no_log_file_is_told(body: bytes, says: str) -> None:
    ids, damage = _ids(body)
    assert ids == []
    assert says in damage[0]


def test_no_records_are_no_damage() -> None:
    assert _ids(gzip.compress(b'{"Records":[]}')) == ([], ())


def test_a_file_broken_off_gives_what_was_there() -> None:
    big = b'{"Records":[' + b",".join(record.encode() for record in RECORDS * 400) + b"]}"
    body = gzip.compress(big)
    imported = import_file(body[: len(body) * 2 // 3], Family.EVENTS)
    assert 0 < imported.table.num_rows < 2_000
    assert "broken off" in imported.damage[0]
    assert imported.table["eventjson"].to_pylist() == (RECORDS * 400)[: imported.table.num_rows]


def test_a_wrong_check_sum_is_told_and_the_records_taken() -> None:
    body = bytearray(gzip.compress(TEXT))
    body[-6] ^= 1
    ids, damage = _ids(bytes(body))
    assert ids == ALL
    assert "gzip is damaged" in damage[0]


def test_bytes_behind_the_file_are_told() -> None:
    ids, damage = _ids(gzip.compress(TEXT) + b"evil")
    assert ids == ALL
    assert damage == ("4 bytes behind the gzip file that are none",)


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logfiles, "LARGEST", 1 << 20)
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(b" " * (1 << 20)) for _ in range(8)) + packer.flush()
    for body in (bomb, bomb[:-4] + b"\1\0\0\0", b" " * ((1 << 20) + 1)):
        imported = import_file(body, Family.EVENTS)
        assert imported.table.num_rows == 0
        assert "nothing of it was taken" in imported.damage[0]


@settings(deadline=None)
@given(st.binary(max_size=200), st.sampled_from(Family))
def test_any_bytes_are_read_or_told(body: bytes, family: Family) -> None:
    imported = import_file(body, family)
    assert imported.table.num_rows or imported.damage or imported.refused


@settings(deadline=None)
@given(st.integers(0, len(TEXT) - 1), st.integers(0, 255))
def test_any_one_wrong_byte_costs_two_records_at_most(place: int, value: int) -> None:
    text = TEXT[:place] + bytes([value]) + TEXT[place + 1 :]
    if place < len('{"Records":[{"eventVersion":'):  # what tells where records begin
        import_file(text, Family.EVENTS)
        return
    assert import_file(text, Family.EVENTS).table.num_rows >= 3


@pytest.mark.skipif(not DELIVERED.is_dir(), reason="the delivered log files are not here")
def test_real_files_are_read_whole() -> None:
    for path in sorted(DELIVERED.glob("*.json")):
        imported = import_file(gzip.compress(path.read_bytes(), 1), Family.EVENTS)
        assert imported.refused == imported.damage == ()
        assert imported.table["eventid"].to_pylist() == [record["eventID"] for record in json.loads(path.read_text())["Records"]]


def test_the_same_rows_as_one_by_one() -> None:
    imported = import_file(TEXT, Family.EVENTS)
    assert imported.table.equals(to_table(Family.EVENTS, [record.encode() for record in RECORDS], range(5)).table)
