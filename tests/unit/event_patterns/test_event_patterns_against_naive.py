"""Any pattern on any event: the same verdict as a matcher that knows no index, no memory and no hurry."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from opentrail.rules.faults import InvalidEventPatternException
from opentrail.rules.patterns import PatternSet, compiled
from simulators import naive_event_patterns as naive

NAMES = st.sampled_from(["a", "b", "c", "a.b", "b.c"])
TEXTS = st.one_of(
    st.sampled_from(
        ["", "x", "xy", "Xy", "yx", "x*y", "\\", "ß", "SS", "5", "null", "10.0.0.1", "10.0.0.9", "::1", "0:0::1", "::ffff:a00:1", "\n"]
    ),
    st.text("xyß*\\K", max_size=6),
)
NUMBERS = st.one_of(st.integers(-3, 3), st.sampled_from([0.0, -0.0, 1.0, 2.5, 1e300, 10**20]))
SCALARS = st.one_of(TEXTS, NUMBERS, st.booleans(), st.none())
EVENTS = st.dictionaries(
    NAMES,
    st.recursive(SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)), max_leaves=12),
    max_size=4,
)
WILDCARDS = st.lists(st.sampled_from(["*", "x", "y", "ß", "\\*", "\\\\", "?", "["]), max_size=5).filter(
    lambda parts: "**" not in "".join("*" if part == "*" else "." for part in parts)
)
WILDCARD = WILDCARDS.map("".join)
BOUNDS = st.sampled_from([-3, -1, 0, 1, 2.5, 3])


def one_or_more(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(values, st.lists(values, min_size=1, max_size=3))


ALTERNATIVES = st.one_of(
    SCALARS,
    SCALARS,
    st.fixed_dictionaries({"prefix": TEXTS}),
    st.fixed_dictionaries({"suffix": TEXTS}),
    st.fixed_dictionaries({"exactly": TEXTS}),
    st.fixed_dictionaries({"equals-ignore-case": TEXTS}),
    st.sampled_from(["prefix", "suffix"]).flatmap(lambda name: TEXTS.map(lambda text: {name: {"equals-ignore-case": text}})),
    st.fixed_dictionaries({"wildcard": WILDCARD}),
    st.fixed_dictionaries({"exists": st.booleans()}),
    st.fixed_dictionaries({"cidr": st.sampled_from(["10.0.0.0/24", "10.0.0.0/29", "::/64", "::/0", "0.0.0.0/0"])}),
    st.tuples(st.sampled_from(["=", "<", "<=", ">", ">="]), BOUNDS).map(lambda pair: {"numeric": list(pair)}),
    st.tuples(st.sampled_from([">", ">="]), BOUNDS, st.sampled_from(["<", "<="]), BOUNDS)
    .filter(lambda members: members[1] < members[3])
    .map(lambda members: {"numeric": list(members)}),
    one_or_more(TEXTS).map(lambda texts: {"anything-but": texts}),
    one_or_more(BOUNDS).map(lambda numbers: {"anything-but": numbers}),
    st.sampled_from(["prefix", "suffix"]).flatmap(
        lambda name: one_or_more(TEXTS.filter(bool)).map(lambda texts: {"anything-but": {name: texts}})
    ),
    one_or_more(TEXTS).map(lambda texts: {"anything-but": {"equals-ignore-case": texts}}),
    one_or_more(WILDCARD).map(lambda texts: {"anything-but": {"wildcard": texts}}),
)
LISTS = st.lists(ALTERNATIVES, min_size=1, max_size=2)


def objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    plain = st.dictionaries(NAMES, inner, min_size=1, max_size=2)
    either = st.lists(plain, min_size=2, max_size=2)
    return st.one_of(plain, st.tuples(plain, either).map(lambda both: {**both[0], "$or": both[1]}))


PATTERNS = objects(st.one_of(LISTS, LISTS, objects(LISTS))).map(json.dumps).filter(lambda text: len(text) <= 2000)


@settings(max_examples=200, deadline=None)
@given(PATTERNS, st.lists(EVENTS, min_size=1, max_size=4))
def test_a_pattern_says_what_the_naive_matcher_says(pattern: str, events: list[dict[str, Any]]) -> None:
    ours = compiled(pattern)
    assert [ours.matches(event) for event in events] == [naive.matches(pattern, event) for event in events]


@settings(max_examples=60, deadline=None)
@given(st.lists(PATTERNS, max_size=12), st.lists(EVENTS, min_size=1, max_size=4), st.data())
def test_a_set_finds_what_its_patterns_say(patterns: list[str], events: list[dict[str, Any]], data: st.DataObject) -> None:
    each = {number: compiled(pattern) for number, pattern in enumerate(patterns)}
    at_once = PatternSet(each)
    one_by_one = PatternSet()
    for number, pattern in each.items():
        one_by_one.add(number, pattern)
    gone = data.draw(st.sets(st.sampled_from(sorted(each)))) if each else set()
    for number in gone:
        one_by_one.remove(number)
    for event in events:
        expected = {number for number, pattern in each.items() if pattern.matches(event)}
        found = at_once.matching(event)
        assert len(found) == len(set(found))
        assert set(found) == expected
        assert set(one_by_one.matching(event)) == expected - gone


WORDS = """{ } [ ] , : "a" "$or" "prefix" "anything-but" "numeric" "cidr" "wildcard" "exists" "=" "<" 5 -1e400 1. 0x1 true null
"x**" "\\ "\\ud800" \x00 1e-9999999999 "10.0.0.0/8" é"""
TOKENS = st.sampled_from(WORDS.split(" "))


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(TOKENS, max_size=30).map("".join), st.tuples(PATTERNS, st.integers(0, 200), TOKENS).map(
    lambda made: made[0][: made[1]] + made[2] + made[0][made[1] + 1 :]
)))  # fmt: skip
def test_any_text_is_a_pattern_or_a_fault_with_a_place(text: str) -> None:
    reason = ""
    try:
        pattern = compiled(text)
    except InvalidEventPatternException as fault:
        reason = fault.message
    if reason:
        assert reason.startswith("Event pattern is not valid. Reason: ")
        assert "; line: " in reason
    else:
        assert pattern.matches({"a": 1}) in (True, False)
