"""No pattern and no event takes time that grows faster than they do: counted in operations, not in seconds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from opentrail.rules.faults import InvalidEventPatternException
from opentrail.rules.patterns import PatternSet, compiled
from opentrail.rules.patterns.conditions import Alternative, Condition
from opentrail.rules.patterns.consistency import together
from opentrail.rules.patterns.fields import Elements, Path
from opentrail.rules.patterns.index import MOST_COPIES, Node, Table
from opentrail.rules.patterns.parsing import LONGEST, MOST_BRANCHES
from opentrail.rules.patterns.texts import pieces, wildcard


class Counted(str):
    """A text that counts how often it is searched."""

    searches = 0

    def find(self, *given: Any) -> int:
        self.searches += 1
        return super().find(*given)


def refused(pattern: str) -> str:
    with pytest.raises(InvalidEventPatternException) as raised:
        compiled(pattern)
    return raised.value.message


def test_a_wildcard_searches_once_for_each_piece() -> None:
    text = Counted("a" * 100_000)
    assert not wildcard(pieces("*a" * 60 + "*b*a"))(text)
    assert text.searches == 61


def test_patterns_that_would_cost_too_much_are_too_complex() -> None:
    either = '"$or":[{"a":[1]},{"b":[1]}]'
    nested = '{"d%d":{%s}}'
    pairs = ",".join(nested[1:-1] % (number, either) for number in range(10))
    assert MOST_BRANCHES < 2**10
    assert "Reason: Rule is too complex at [" in refused("{" + pairs + "}")
    assert compiled("{" + ",".join(nested[1:-1] % (number, either) for number in range(9)) + "}").branches
    stars = json.dumps({"a": [{"wildcard": "*a" * 70}, {"anything-but": {"wildcard": "b*" * 70}}]})
    assert "Reason: Rule is too complex at [" in refused(stars)


def test_long_and_deep_patterns() -> None:
    fits = json.dumps({"a": ["x" * (LONGEST - 10)]}, separators=(",", ":"))
    assert len(fits) <= LONGEST
    assert compiled(fits).matches({"a": "x" * (LONGEST - 10)})
    assert f"at most {LONGEST}" in refused(json.dumps({"a": ["x" * LONGEST]}))
    assert "nesting depth" in refused('{"a":' * 600 + "[1]" + "}" * 600)
    assert "Match value must be" in refused('{"a":' + "[" * 3000)


def test_a_deep_event_is_read_without_recursion() -> None:
    deep: Any = 1
    for _ in range(20_000):
        deep = [deep]
    pattern = compiled('{"a":[1],"b":[{"exists":false}]}')
    assert pattern.matches({"a": deep})
    assert PatternSet({"it": pattern}).matching({"a": deep}) == ["it"]


def steps(size: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """How often an element is held against what was chosen, for three fields in sibling arrays of `size`, the last of which fails."""
    event = {name: [{"x": index, "y": index} for index in range(size)] for name in ("a", "b", "c")}
    elements = Elements()
    asked = []
    for path, found in (("a.x", "present"), ("b.x", "present"), ("b.y", "present"), ("c.x", "present"), ("c.y", "text")):
        condition = Condition(path, [Alternative(found, "none" if found == "text" else None), Alternative("absent")])
        asked.append((condition, Path(path).read(event, elements)))
    count = 0
    plain = Elements.within

    def within(self: Elements, element: int) -> list[int]:
        nonlocal count
        count += 1
        return plain(self, element)

    monkeypatch.setattr(Elements, "within", within)
    assert not together(asked, elements)
    monkeypatch.undo()
    return count


def test_arrays_of_objects_are_searched_in_step_with_their_size(monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = steps(50, monkeypatch), steps(500, monkeypatch)
    assert large <= 11 * small


def test_a_set_holds_a_bounded_number_of_places_for_a_pattern() -> None:
    lists = {name: [f"{name}{number}" for number in range(100)] for name in ("a", "b", "c")}
    found = PatternSet({number: compiled(json.dumps(lists | {"d": [number]})) for number in range(20)})
    nodes, places = [found._tree.root], 0
    while nodes:
        node = nodes.pop()
        places += sum(map(len, node.asked.values()))
        for table in node.tables:
            nodes += [*table.texts.values(), *table.numbers.values()]
    assert places <= 20 * MOST_COPIES
    assert found.matching({"a": "a5", "b": "b5", "c": "c5", "d": 7}) == [7]


def test_only_few_of_ten_thousand_patterns_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    detail = [{"eventName": ["Put"], "bucket": [{"prefix": f"b{number:04}"}]} for number in range(10_000)]
    texts = [json.dumps({"source": ["aws.s3"], "detail": one}) for one in detail]
    found = PatternSet(dict(enumerate(map(compiled, texts))))
    looked = 0
    plain = Table.lead

    def lead(self: Table, value: Any, to: list[Node]) -> None:
        nonlocal looked
        looked += 1
        plain(self, value, to)

    monkeypatch.setattr(Table, "lead", lead)
    assert found.matching({"source": "aws.s3", "detail": {"eventName": "Put", "bucket": "b0042-logs"}}) == [42]
    assert looked < 10
    for number in range(10_000):
        if number != 42:
            found.remove(number)
    assert len(found) == 1
    assert len(found._conditions) <= 3 + 64
