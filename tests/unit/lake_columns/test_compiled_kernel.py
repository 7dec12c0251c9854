"""The compiled kernel: what it takes and what it leaves, that it is held to its sources, and that no bytes bring it down."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opentrail.lake.columns import compiled, import_file, to_table
from opentrail.lake.columns.native import build
from opentrail.lake.families import Family

HERE = Path(__file__).parent
GOLDEN = HERE.parents[1] / "golden" / "lake_columns" / "records.jsonl"
TIME = b'"eventTime":"2026-01-05T10:11:12Z"'
RECORDS = [pair["record"].encode() for pair in map(json.loads, GOLDEN.read_text().splitlines()) if pair["family"] == "events"]
TEXT = b'{"Records":[' + b",".join(RECORDS) + b"]}"


@pytest.fixture(scope="module", autouse=True)
def _way() -> None:
    """Once: these tests say themselves which way they go."""


@pytest.mark.parametrize(
    "members",
    [
        b'"newMember":{"a":[1]}',
        b'"requestParameters":{"a":[1, {"b": "c d"}],"e":null,"n":1.50}',
        b'"userIdentity":{"sessionContext":{"attributes":{"creationDate":"2026-01-05T10:11:12Z"}}}',
        b'"eventContext":{"tagContext":{"resourceTags":[{"arn":"a","tags":{"k":"v"}},null]}}',
        b'"eventName":"\\u00e9\\ud83d\\ude00\\n","errorMessage":"\xc3\xa9"',
        b'"eventName":null,"eventname":"a"',
    ],
)
def test_what_cloudtrail_writes_is_taken(kernel: compiled.Kernel, members: bytes) -> None:
    record = b"{" + TIME + b"," + members + b"}"
    assert list(kernel.records([record], range(1)).taken) == [0]


@pytest.mark.parametrize(
    "record",
    [
        b"{}",
        b"null",
        b' {"eventTime":"2026-01-05T10:11:12Z"}',
        b'{"eventTime":"2026-01-05T10:11:60Z"}',
        b'{"eventTime":"2026-02-29T10:11:12Z"}',
        b'{"eventTime":"2026-01-05T10:11:12.5Z"}',
        b"{" + TIME + b',"eventName":"a","EventName":"b"}',
        b"{" + TIME + b',"\\u0065ventName":"a"}',
        b"{" + TIME + b',"\xe2\x84\xaa":"a"}',
        b"{" + TIME + b',"eventName":"\\ud800"}',
        b"{" + TIME + b',"eventName":"\xed\xa0\x80"}',
        b"{" + TIME + b',"readOnly":"true"}',
        b"{" + TIME + b',"requestParameters":{"a":1,"a":2}}',
        b"{" + TIME + b',"requestParameters":"{}"}',
        b"{" + TIME + b',"requestParameters":' + json.dumps({str(number): 1 for number in range(65)}).encode() + b"}",
        b"{" + TIME + b',"resources":{}}',
        b"{" + TIME + b',"newMember":' + b"[" * 70 + b"]" * 70 + b"}",
        b"{" + TIME + b',"newMember":01}',
        b"{" + TIME + b"} ",
    ],
)
def test_what_is_unusual_is_left_with_nothing_of_it_behind(kernel: compiled.Kernel, record: bytes) -> None:
    usual = b"{" + TIME + b',"eventName":"a","requestParameters":{"k":"v"},"resources":[{"ARN":"r"}]}'
    found = kernel.records([usual, record, usual], [3, 4, 5])
    assert list(found.taken) == [0, 2]
    assert found.others == [(1, record)]
    assert found.table.equals(kernel.records([usual, usual], [3, 5]).table)


def test_sums_are_right_whatever_the_length(kernel: compiled.Kernel) -> None:
    records = [b"{" + TIME + b',"eventName":"' + b"x" * length + b'"}' for length in (*range(200), 4_000, 1 << 20)]
    table = kernel.records(records, range(len(records))).table
    assert table["eventjsonchecksum"].to_pylist() == [base64.b64encode(hashlib.sha256(record).digest()).decode() for record in records]


@pytest.mark.parametrize("text", [b"", b"[]", b'{"Records":[{}]', b'{"Records":[{},]}', b'{"more":1,"Records":[]}', b'{"Records":[]}x'])
def test_a_file_that_is_not_quite_one_is_left_whole(kernel: compiled.Kernel, text: bytes) -> None:
    assert kernel.file(text, 0) is None


def test_a_large_text_before_leaves_nothing_to_a_small_one(kernel: compiled.Kernel) -> None:
    small = kernel.records(RECORDS, range(len(RECORDS))).table
    big = b"{" + TIME + b',"requestParameters":{"a":"' + b"x" * (64 << 20) + b'"}}'
    assert list(kernel.records([big], range(1)).taken) == []  # more than it takes at a time
    assert list(kernel.records([big[: 33 << 20] + b'"}}'], range(1)).taken) == [0]
    assert kernel.records(RECORDS, range(len(RECORDS))).table.equals(small)


@settings(deadline=None)
@given(
    place=st.integers(len('{"Records":['), len(TEXT) - 1),
    length=st.integers(0, 3),
    piece=st.sampled_from([b"", b'"', b"\\", b"{", b"}", b"]", b",", b"null", b"\\ud83d", b"\xff", b'"eventName":"x",', b'"a":[1, 2],']),
)
def test_a_changed_file_gives_the_rows_that_it_gives_in_python(kernel: compiled.Kernel, place: int, length: int, piece: bytes) -> None:
    text = TEXT[:place] + piece + TEXT[place + length :]
    found = []
    for way in (kernel, None):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(compiled, "kernel", way)
            found.append(import_file(text, Family.EVENTS))
    assert found[0].table.to_pylist() == found[1].table.to_pylist()
    assert (found[0].refused, found[0].damage) == (found[1].refused, found[1].damage)


def test_no_bytes_bring_it_down(kernel: compiled.Kernel, tmp_path: Path) -> None:
    command, flags = build.compiler(), ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-O1", "-std=c11", "-D_GNU_SOURCE"]
    assert command is not None
    program = [*command, *flags, f"-I{build.FOLDER}", "-o", str(tmp_path / "fuzz"), str(HERE / "kernel_fuzz.c")]
    made = subprocess.run(program, capture_output=True, text=True, check=False)
    if made.returncode and "san" in made.stderr:
        pytest.skip("the C compiler has no sanitizers")
    assert made.returncode == 0, made.stderr
    (tmp_path / "columns").write_text(kernel.columns())
    (tmp_path / "corpus").write_bytes(b"".join(record.replace(b"\n", b" ") + b"\n" for record in RECORDS))
    words = [str(tmp_path / "fuzz"), str(tmp_path / "columns"), str(tmp_path / "corpus"), "3000", "1"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 100  # it did not merely refuse everything


def test_a_kernel_of_other_sources_is_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = build.library(tmp_path)
    changed = tmp_path / "sources"
    changed.mkdir()
    for name in build.SOURCES:
        (changed / name).write_bytes((build.FOLDER / name).read_bytes() + b"\n")
    monkeypatch.setattr(build, "FOLDER", changed)
    assert build.library(tmp_path) != before


def test_building_it_again_is_nothing_and_removes_older_ones(kernel: compiled.Kernel, tmp_path: Path) -> None:
    (tmp_path / "kernel-0123456789abcdef.so").write_bytes(b"")
    assert build.build(tmp_path) == "Built the kernel for imports."
    assert list(tmp_path.iterdir()) == [build.library(tmp_path)]
    assert build.build(tmp_path) == "The kernel for imports is built."


@pytest.mark.parametrize(
    ("command", "says"), [("no-such-compiler", "could not be built"), ("false", "could not be built"), (None, "No C compiler")]
)
def test_without_a_compiler_it_is_left_out(command: str | None, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if command is None:
        monkeypatch.delenv("CC", raising=False)
        monkeypatch.setattr(build, "COMPILERS", ())
    else:
        monkeypatch.setenv("CC", command)
    assert says in build.build(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert compiled.loaded(tmp_path) is None


def test_a_library_that_is_none_is_left_out(tmp_path: Path) -> None:
    build.library(tmp_path).write_bytes(b"not a library")
    assert compiled.loaded(tmp_path) is None


def test_many_nulls_within_a_list_are_as_many(kernel: compiled.Kernel) -> None:
    record = b"{" + TIME + b',"resources":[' + b",".join([b"null"] * 1000 + [b'{"ARN":"a"}']) + b"]}"
    table = to_table(Family.EVENTS, [record], range(1)).table
    assert kernel.records([record], range(1)).table.to_pylist() == table.to_pylist()
