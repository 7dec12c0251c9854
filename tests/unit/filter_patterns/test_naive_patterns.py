"""Compiled patterns against a plain reading of the same rules; parsers against anything; time against what is made to take long."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from opentrail.monitoring.faults import InvalidParameterException
from opentrail.monitoring.filter_patterns import Message, PatternSet, compiled
from opentrail.monitoring.filter_patterns.regexes import searcher

NAMES = ("a", "b", "c")
TEXTS = ("x", "xy", "yx", "", "5")
_MISSING = object()

scalars = st.sampled_from([*TEXTS, 5, 6, -1.5, True, False, None])
documents = st.dictionaries(st.sampled_from(NAMES), scalars | st.dictionaries(st.sampled_from(NAMES), scalars), max_size=3)
paths = st.lists(st.sampled_from(NAMES), min_size=1, max_size=2).map(tuple)
conditions = (
    st.tuples(paths, st.sampled_from(["=", "!="]), st.sampled_from(["x", "xy", "x*", "*y", "*", "x*y"]))
    | st.tuples(paths, st.sampled_from(["=", "!=", "<", ">", "<=", ">="]), st.sampled_from([5, 6, -1.5]))
    | st.tuples(paths, st.sampled_from(["IS NULL", "IS TRUE", "IS FALSE", "NOT EXISTS"]), st.none())
)
trees = st.recursive(
    conditions, lambda inner: st.tuples(st.sampled_from(["&&", "||"]), st.lists(inner, min_size=2, max_size=3)), max_leaves=6
)


def _written(tree: Any) -> str:
    if tree[0] in ("&&", "||"):
        return "(" + f" {tree[0]} ".join(_written(part) for part in tree[1]) + ")"
    path, operator, value = tree
    given = "" if value is None else json.dumps(value)
    return f"${''.join('.' + name for name in path)} {operator} {given}"


def _holds(tree: Any, document: Any) -> bool:
    if tree[0] in ("&&", "||"):
        return (all if tree[0] == "&&" else any)(_holds(part, document) for part in tree[1])
    path, operator, value = tree
    for name in path:
        document = document.get(name, _MISSING) if isinstance(document, dict) else _MISSING
    if value is None:
        wanted = {"IS NULL": None, "IS TRUE": True, "IS FALSE": False, "NOT EXISTS": _MISSING}[operator]
        return document is wanted
    if document is _MISSING or isinstance(document, dict):
        return operator == "!=" and document is _MISSING
    if operator == "!=":
        return not _equal(value, document)
    if operator == "=":
        return _equal(value, document)
    if isinstance(document, bool) or not isinstance(document, int | float):
        return False
    return {"<": document < value, ">": document > value, "<=": document <= value, ">=": document >= value}[operator]


def _equal(value: Any, found: Any) -> bool:
    if isinstance(value, str):
        if value == "*":
            return found is not None
        return isinstance(found, str) and re.fullmatch(re.escape(value).replace(r"\*", ".*"), found, re.DOTALL) is not None
    return not isinstance(found, bool | str) and found == value


@given(trees, documents)
def test_a_json_pattern_holds_as_it_reads(tree: Any, document: dict[str, Any]) -> None:
    assert compiled("{ " + _written(tree) + " }").matches(Message(json.dumps(document))) is _holds(tree, document)


@given(st.lists(trees, min_size=1, max_size=8), documents)
def test_a_set_finds_the_same_as_each_pattern(many: list[Any], document: dict[str, Any]) -> None:
    patterns = {number: compiled("{ " + _written(tree) + " }") for number, tree in enumerate(many)}
    found = PatternSet(patterns).matching(Message(json.dumps(document)))
    assert sorted(found) == [number for number, tree in enumerate(many) if _holds(tree, document)]


_ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\d", r"\w", r"\s", r"\x61", r"\.", "[a-c1]"])
_ENDINGS = st.sampled_from(["", "", "*", "+", "?", "{2}", "{1,2}", "{0,2}", "{2,}"])
_PIECES = st.lists(st.tuples(_ATOMS, _ENDINGS).map("".join), min_size=1, max_size=5).map("".join)
_ALTERNATIVES = st.tuples(st.sampled_from(["", "^"]), _PIECES, st.sampled_from(["", "$"])).map("".join)


@settings(max_examples=500)
@given(st.lists(_ALTERNATIVES, min_size=1, max_size=3).map("|".join), st.text("abc1. \n", max_size=12))
def test_a_regular_expression_finds_what_python_finds(expression: str, text: str) -> None:
    theirs = re.compile(expression.replace("$", r"\Z"), re.ASCII)
    ours = searcher(expression)
    assert ours(text) is (theirs.search(text) is not None)
    assert ours(text) is ours(text), "the table that the first search has made says the same"


def test_no_regular_expression_goes_back() -> None:
    """Each of these keeps an engine that goes back busy for longer than anybody would wait."""
    text = "a" * 200_000
    for expression in ("a*" * 100 + "b", "a?" * 300 + "a{300}b", "a+a+a+b$", "^x|.*a.*a.*b", "[ab]{0,400}c"):
        assert not searcher(expression)(text)


def test_no_wildcard_goes_back() -> None:
    pattern = compiled('{ $.a = "' + "*a" * 200 + '*b" }')
    assert not pattern.matches(Message(json.dumps({"a": "a" * 500_000})))


def test_no_line_takes_long_to_part() -> None:
    assert not compiled("[a, b, c]").matches(Message('"[ ' * 200_000))
    assert len(Message('"[ ' * 200_000).fields) > 1


def test_the_table_of_an_expression_stays_bounded() -> None:
    """Every text makes it a new state; the answer stays right when the table was begun anew."""
    search = searcher("a.{14}b")
    assert search("a" * 15 + "b")
    slow = searcher("a.{0,14}c$")
    text = "".join("ab"[number * number // 7 % 2] for number in range(100_000))
    assert not slow(text)
    assert slow(text + "ac")


_PIECE = st.sampled_from([*"{}[]()$.*\"'%\\&|=!<>,-?+^ ab1", "NOT EXISTS", "IS TRUE", "...", "&&", "||", "$.a"])
_LETTERS = st.lists(_PIECE, max_size=40).map("".join)


@settings(max_examples=1000)
@given(st.sampled_from(["", "{ $.a", "[a", "%", "{ $.a = "]), _LETTERS, st.sampled_from(["", " }", "]", "%"]), st.text(max_size=20))
def test_anything_is_a_pattern_or_refused(begin: str, middle: str, end: str, message: str) -> None:
    try:
        pattern = compiled(begin + middle + end)
    except InvalidParameterException:
        return
    for text in (message, '{"a": 1}', '{"a": "x"}', "a b 1", ""):
        seen = Message(text)
        assert pattern.matches(seen) in (True, False)
        assert all(isinstance(value, str) for value in pattern.extracted(seen).values())


@given(st.text(max_size=60))
def test_any_message_can_be_asked(text: str) -> None:
    message = Message(text)
    assert len(message.fields) == len(message.spans)
    for pattern in ("", "a", "{ $.a != 1 }", "[...]", "[, b]"):
        assert compiled(pattern).matches(message) in (True, False)


def test_json_that_is_nested_too_deeply_is_no_json() -> None:
    assert not compiled("{ $.a != 1 }").matches(Message("[" * 100_000))
    assert not compiled("{ $.a != 1 }").matches(Message("[" * 100_000 + "]" * 100_000))
