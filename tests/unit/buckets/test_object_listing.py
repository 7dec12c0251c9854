"""Lists agree with a naive model, for any keys, prefix, delimiter and page size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentrail.buckets.faults import InvalidArgument, NoSuchBucket
from opentrail.buckets.listing import Position, behind, page

KEYS = st.lists(st.text(st.sampled_from("ab/é\U0001f600\uffff~"), min_size=1, max_size=6), max_size=40, unique=True)


@dataclass(frozen=True)
class Entry:
    key: str


def listed(keys: Sequence[str], *, prefix: str, delimiter: str, after: str) -> list[str]:
    """Everything at once: keys and common prefixes, each once, in UTF-8 order."""
    items = []
    for key in sorted(keys, key=str.encode):
        if not key.startswith(prefix):
            continue
        rest = key[len(prefix) :]
        whole = prefix + rest[: rest.index(delimiter) + len(delimiter)] if delimiter and delimiter in rest else key
        if key.encode() <= after.encode() or whole == after:
            continue
        if whole not in items:
            items.append(whole)
    return items


class Rows:
    def __init__(self, keys: Sequence[str]) -> None:
        self.rows = [Entry(key) for key in sorted(keys, key=str.encode)]
        self.read = 0

    def scan(self, start: bytes, inclusive: bool, _last: Entry | None, end: bytes | None, limit: int) -> list[Entry]:
        found = [
            row
            for row in self.rows
            if (row.key.encode() >= start if inclusive else row.key.encode() > start) and (end is None or row.key.encode() < end)
        ][:limit]
        self.read += len(found)
        return found


@given(
    KEYS,
    st.text(st.sampled_from("ab/é"), max_size=2),
    st.sampled_from(["", "/", "a", "//", "é"]),
    st.integers(1, 7),
    st.one_of(st.just(""), st.text(st.sampled_from("ab/"), max_size=3)),
)
def test_pages_together_are_the_whole_list(keys: list[str], prefix: str, delimiter: str, limit: int, after: str) -> None:
    rows = Rows(keys)
    position = Position(after) if after else None
    got: list[str] = []
    while True:
        found = page(rows.scan, prefix=prefix, delimiter=delimiter, after=position, limit=limit)
        items = sorted([*(entry.key for entry in found.entries), *found.prefixes], key=str.encode)
        assert len(items) == found.count
        assert found.count == limit or found.next is None
        got += items
        if found.next is None:
            break
        position = Position.of_token(found.next.token())
    assert got == listed(keys, prefix=prefix, delimiter=delimiter, after=after)


def test_common_prefixes_are_jumped_over() -> None:
    rows = Rows([f"{folder:03}/{file:04}" for folder in range(60) for file in range(100)])
    found = page(rows.scan, delimiter="/", limit=1000)
    assert found.prefixes == [f"{folder:03}/" for folder in range(60)]
    assert rows.read < 1200  # of 6,000


@pytest.mark.parametrize(("prefix", "next_one"), [(b"a", b"b"), (b"a\xff", b"b"), (b"\xff", None), (b"", None), (b"a/", b"a0")])
def test_what_lies_behind_a_prefix(prefix: bytes, next_one: bytes | None) -> None:
    assert behind(prefix) == next_one


@pytest.mark.parametrize("token", ["", "x", "!!!!", "eA==", "ü", "a/8="])
def test_a_token_of_somebody_elses_making_is_refused(token: str) -> None:
    with pytest.raises(InvalidArgument):
        Position.of_token(token)


def test_a_bucket_is_listed_in_utf8_order(simulated) -> None:
    keys = ["b", "a/b", "a", "é", "\U0001f600", "\uffff", "Z", "~", "a-b"]
    for key in keys:
        simulated.put(key, b"x")
    assert [stored.key for stored in simulated.buckets.list("example-logs").entries] == sorted(keys, key=str.encode)
    with pytest.raises(NoSuchBucket):
        simulated.buckets.list("no-such-bucket")
