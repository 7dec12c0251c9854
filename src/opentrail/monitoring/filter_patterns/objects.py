"""`{ $.eventName = "X" && $.a NOT EXISTS }`: patterns for messages that are JSON. Pure.

`!=` says "it is not so": it holds also where the selector finds nothing (CIS 4.2 asks `MFAUsed != "Yes"` of records without it), but
not where it finds an object or an array. With `*` in a selector one element that satisfies is enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from opentrail.monitoring.filter_patterns.expressions import AllOf, AnyOf, Expression, expression
from opentrail.monitoring.filter_patterns.message import Message
from opentrail.monitoring.filter_patterns.scanner import Scanner
from opentrail.monitoring.filter_patterns.selectors import ABSENT, Selector, all_finder, finder, selector
from opentrail.monitoring.filter_patterns.values import Comparison, Test, comparison, shown, test_of_json

MOST_REGEXES: Final = 2
MOST_STARS: Final = 3
"""Selectors with `*` in one pattern."""

_STATES: Final[dict[str, Test]] = {
    "IS NULL": lambda found: found is None,
    "IS TRUE": lambda found: found is True,
    "IS FALSE": lambda found: found is False,
    "NOT EXISTS": lambda found: found is ABSENT,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """What one selector must find."""

    selector: Selector
    asked: Comparison | str
    """A comparison, or one of `IS NULL`, `IS TRUE`, `IS FALSE`, `NOT EXISTS`."""

    @property
    def exact(self) -> str | None:
        """The only text that satisfies, if there is just one and nothing else does."""
        if self.selector.wild or isinstance(self.asked, str) or self.asked.operator != "=":
            return None
        value = self.asked.value
        return None if value.kind == "bare" and value.text in ("true", "false") else value.exact


class Objects:
    """A JSON pattern, compiled."""

    def __init__(self, scanner: Scanner) -> None:
        """Reads the whole pattern. Raises `InvalidParameterException`."""
        scanner.expect("{")
        self.expression: Expression[Condition] = expression(scanner, _condition)
        scanner.expect("}")
        if not scanner.done:
            raise scanner.wrong("nothing may follow }")
        conditions = list(conditions_of(self.expression))
        self.regexes = sum(isinstance(one.asked, Comparison) and one.asked.value.kind == "regex" for one in conditions)
        if self.regexes > MOST_REGEXES:
            raise scanner.wrong(f"a JSON pattern has at most {MOST_REGEXES} regular expressions; one more stands")
        if sum(one.selector.wild for one in conditions) > MOST_STARS:
            raise scanner.wrong(f"a JSON pattern has at most {MOST_STARS} selectors with *; one more stands")
        self._test = _compiled(self.expression)
        selectors = {one.selector.text: one.selector for one in conditions}
        self.references = tuple(selectors)
        self._finders = {text: all_finder(one.steps) if one.wild else _listed(one) for text, one in selectors.items()}

    def matches(self, message: Message) -> bool:
        """Whether the message is JSON, and as the pattern wants it."""
        document = message.document
        return document is not ABSENT and self._test(document)

    def extracted(self, message: Message) -> dict[str, str]:
        """What each selector finds, as text; without those that find nothing, an object or an array."""
        values = {}
        for text, find in self._finders.items():
            found = next((value for value in find(message.document) if _is_scalar(value)), ABSENT)
            if found is not ABSENT:
                values[text] = shown(found)
        return values

    def reader(self, reference: str) -> Callable[[Message], str | None]:
        """What lies at the selector `reference`, which need not stand in the pattern. Raises `InvalidParameterException`."""
        scanner = Scanner(reference)
        chosen = selector(scanner)
        if not scanner.done or chosen.wild or not chosen.steps:
            raise scanner.wrong(f"{reference} is no selector of one value, such as $.field: something else stands")
        find = finder(chosen.steps)

        def read(message: Message) -> str | None:
            found = find(message.document)
            return shown(found) if _is_scalar(found) and found is not None else None

        return read


def conditions_of(node: Expression[Condition]) -> Iterator[Condition]:
    """Every condition, as it stands."""
    if isinstance(node, AllOf | AnyOf):
        for part in node.parts:
            yield from conditions_of(part)
    else:
        yield node


def _condition(scanner: Scanner) -> Condition:
    chosen = selector(scanner)
    scanner.blanks()
    for state in _STATES:
        first, second = state.split()
        begin = scanner.at
        if scanner.take(first):
            scanner.blanks()
            if scanner.take(second):
                return Condition(chosen, state)
            scanner.at = begin
    if scanner.peek("IS", "NOT", "EXISTS"):
        raise scanner.wrong(f"one of {', '.join(_STATES)} is expected")
    return Condition(chosen, comparison(scanner, ends="()}"))


def _compiled(node: Expression[Condition]) -> Test:
    if isinstance(node, AllOf):
        every = [_compiled(part) for part in node.parts]
        return lambda document: all(test(document) for test in every)
    if isinstance(node, AnyOf):
        some = _alternatives(node)
        return some[0] if len(some) == 1 else lambda document: any(test(document) for test in some)
    return _test(node)


def _alternatives(node: AnyOf[Condition]) -> list[Test]:
    """The tests of the parts; those that ask one selector for one exact text each are a single look into a set."""
    texts: dict[tuple[Any, ...], set[str]] = {}
    found = []
    for part in node.parts:
        exact = part.exact if isinstance(part, Condition) else None
        if isinstance(part, Condition) and exact is not None:
            texts.setdefault(part.selector.steps, set()).add(exact)
        else:
            found.append(_compiled(part))
    return [*(_one_of(steps, frozenset(wanted)) for steps, wanted in texts.items()), *found]


def _one_of(steps: tuple[Any, ...], wanted: frozenset[str]) -> Test:
    find = finder(steps)

    def test(document: Any) -> bool:
        found = find(document)
        return type(found) is str and found in wanted

    return test


def _test(condition: Condition) -> Test:
    exact = condition.exact
    if exact is not None:
        return _one_of(condition.selector.steps, frozenset((exact,)))
    holds = _holds(condition.asked)
    if condition.selector.wild:
        find_all = all_finder(condition.selector.steps)
        return lambda document: any(holds(found) for found in find_all(document))
    find = finder(condition.selector.steps)
    return lambda document: holds(find(document))


def _holds(asked: Comparison | str) -> Test:
    if isinstance(asked, str):
        return _STATES[asked]
    compares, absent = test_of_json(asked), asked.operator == "!="

    def holds(found: Any) -> bool:
        if found is ABSENT:
            return absent
        return _is_scalar(found) and compares(found)

    return holds


def _is_scalar(found: Any) -> bool:
    return found is not ABSENT and type(found) is not dict and type(found) is not list


def _listed(chosen: Selector) -> Callable[[Any], list[Any]]:
    find = finder(chosen.steps)
    return lambda document: [find(document)]
