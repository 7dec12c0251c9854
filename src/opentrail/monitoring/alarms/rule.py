"""The rule of a composite alarm: `ALARM("a") AND NOT (OK(b) OR TRUE)`. Pure.

NOT binds tighter than AND, AND tighter than OR. Names may stand in quotes, and must where they hold a bracket, a comma or a blank.
An alarm that does not exist is in no state: whatever is asked of it is false.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from opentrail.monitoring.metrics.faults import ValidationError

MOST_NAMES: Final = 100
"""Alarms that one rule may name."""
DEEPEST: Final = 50
"""Brackets and NOTs within each other."""
_TOKEN: Final = re.compile(r'\s*(?:(\(|\))|"((?:[^"\\]|\\.)*)"|([^\s()",]+))')
_STATES: Final = ("ALARM", "OK", "INSUFFICIENT_DATA")


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that has been read."""

    names: frozenset[str]
    """Names or ARNs of the alarms it asks for."""
    holds: Callable[[Mapping[str, str]], bool]
    """Whether it holds, given the states of alarms by name as the rule spells it."""


def rule(text: str) -> Rule:
    """Read a rule. Raises `ValidationError`."""
    reader = _Reader(_tokens(text))
    holds = reader.either(0)
    if reader.place != len(reader.tokens):
        raise _wrong(f"unexpected {reader.tokens[reader.place][1]}")
    if len(reader.names) > MOST_NAMES:
        raise _wrong(f"it names more than {MOST_NAMES} alarms")
    return Rule(frozenset(reader.names), holds)


Test = Callable[[Mapping[str, str]], bool]


class _Reader:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.tokens = tokens
        self.place = 0
        self.names: set[str] = set()

    def either(self, depth: int) -> Test:
        tests = [self._both(depth)]
        while self._word("OR"):
            tests.append(self._both(depth))
        return tests[0] if len(tests) == 1 else lambda states: any(test(states) for test in tests)

    def _both(self, depth: int) -> Test:
        tests = [self._one(depth)]
        while self._word("AND"):
            tests.append(self._one(depth))
        return tests[0] if len(tests) == 1 else lambda states: all(test(states) for test in tests)

    def _one(self, depth: int) -> Test:
        if depth > DEEPEST:
            raise _wrong(f"it goes deeper than {DEEPEST} brackets")
        if self._word("NOT"):
            test = self._one(depth + 1)
            return lambda states: not test(states)
        if self._sign("("):
            test = self.either(depth + 1)
            self._expect(")")
            return test
        for word, value in (("TRUE", True), ("FALSE", False)):
            if self._word(word):
                return lambda states, value=value: value  # type: ignore[misc]
        for state in _STATES:
            if self._word(state):
                self._expect("(")
                name = self._name()
                self._expect(")")
                self.names.add(name)
                return lambda states, name=name, state=state: states.get(name) == state  # type: ignore[misc]
        raise _wrong(f"{self._here()} where ALARM(…), OK(…), INSUFFICIENT_DATA(…), NOT, TRUE, FALSE or a bracket is expected")

    def _name(self) -> str:
        kind, text = self.tokens[self.place] if self.place < len(self.tokens) else ("end", "")
        if kind not in ("quoted", "word") or not text:
            raise _wrong(f"{self._here()} where the name of an alarm is expected")
        self.place += 1
        return text

    def _word(self, word: str) -> bool:
        if self.place < len(self.tokens) and self.tokens[self.place] == ("word", word):
            self.place += 1
            return True
        return False

    def _sign(self, sign: str) -> bool:
        if self.place < len(self.tokens) and self.tokens[self.place] == ("sign", sign):
            self.place += 1
            return True
        return False

    def _expect(self, sign: str) -> None:
        if not self._sign(sign):
            raise _wrong(f"{self._here()} where {sign} is expected")

    def _here(self) -> str:
        return self.tokens[self.place][1] if self.place < len(self.tokens) else "it ends"


def _tokens(text: str) -> list[tuple[str, str]]:
    found, place = [], 0
    end = len(text.rstrip())
    while place < end:
        match = _TOKEN.match(text, place)
        if match is None:
            raise _wrong(f"it cannot be read from {text[place : place + 20]!r} on")
        if match[1]:
            found.append(("sign", match[1]))
        elif match[2] is not None:
            found.append(("quoted", re.sub(r"\\(.)", r"\1", match[2])))
        else:
            found.append(("word", match[3]))
        place = match.end()
    return found


def _wrong(why: str) -> ValidationError:
    return ValidationError(f"AlarmRule is not valid: {why}.")
