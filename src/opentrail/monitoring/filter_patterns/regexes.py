"""The regular expressions of filter patterns, matched in time that is linear in the text. Pure.

The language has neither groups nor references back: an expression is alternatives, each a sequence of single characters with a
repetition. `a*a*a*b` alone would still keep an engine that goes back busy for hours, so these are matched by an automaton that reads each
character once (Glushkov's, one bit for a character of the expression, its states made to a table as they come up).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from opentrail.monitoring.filter_patterns.scanner import Scanner

MOST_POSITIONS: Final = 1000
"""Characters of an expression, a repetition with a bound counted as often as it repeats."""
MOST_STATES: Final = 2000
"""Rows of the table before it is begun anew."""
MOST_EDGES: Final = 50_000

_LITERAL: Final = re.compile(r"[A-Za-z0-9:_#=@/;,\-]")
_OPERATORS: Final = frozenset("^$?[]{}|\\*+.")
_BOUNDS: Final = re.compile(r"\{([0-9]{1,4})(,([0-9]{0,4}))?\}")
_HEX: Final = re.compile(r"x([0-9A-Fa-f]{2})")
_CLASSES: Final = {"d": "0-9", "D": "^0-9", "s": r" \t\n\r\f\v", "S": r"^ \t\n\r\f\v", "w": "A-Za-z0-9_", "W": "^A-Za-z0-9_"}

Allows = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class _Atom:
    """One character: which it may be, and whether it may be left out or come again."""

    allows: str
    """As an expression of Python for one character."""
    optional: bool = False
    repeats: bool = False


@dataclass(frozen=True, slots=True)
class _Sequence:
    """One alternative."""

    atoms: tuple[_Atom, ...]
    at_start: bool
    at_end: bool


def searcher(text: str) -> Callable[[str], bool]:
    """Whether `text` is found anywhere in a text. Raises `InvalidParameterException`."""
    sequences = _alternatives(Scanner(text))
    if not any(atom.optional or atom.repeats for sequence in sequences for atom in sequence.atoms):
        # Nothing repeats: Python's engine has nothing to go back to.
        written = "|".join(
            f"(?:{'^' if one.at_start else ''}{''.join(atom.allows for atom in one.atoms)}{chr(92) + 'Z' if one.at_end else ''})"
            for one in sequences
        )
        found = re.compile(written).search
        return lambda text: found(text) is not None
    return _Automaton(sequences).found_in


class _Automaton:
    """All alternatives, each character of the expression a bit; bit 0 stands for the beginning of every search."""

    def __init__(self, sequences: Iterable[_Sequence]) -> None:
        self._allows: list[Callable[[str], object]] = []
        self._always = 0
        """Characters with which a match can begin anywhere."""
        self._first = 0
        """Those with which it can begin where the text does."""
        self._accepts = 0
        """Characters after which it is found, whatever follows."""
        self._accepts_at_end = 0
        self._empty = self._empty_at_end = self._empty_text = False
        self._follow: list[int] = []
        self._letters: dict[str, int] = {}
        for sequence in sequences:
            self._add(sequence)
        self._forget()

    def _add(self, sequence: _Sequence) -> None:
        base, atoms = len(self._allows), sequence.atoms
        for atom in atoms:
            self._allows.append(re.compile(atom.allows).fullmatch)
            self._follow.append(0)
        # What can come next after the character at `index`: all that follow, up to the first that may not be left out.
        reach = 0
        for index in reversed(range(len(atoms))):
            bit = 1 << (base + index)
            self._follow[base + index] = reach | (bit if atoms[index].repeats else 0)
            reach = bit | (reach if atoms[index].optional else 0)
        self._first |= reach
        if not sequence.at_start:
            self._always |= reach
        last = 0
        for index in reversed(range(len(atoms))):
            last |= 1 << (base + index)
            if not atoms[index].optional:
                break
        if sequence.at_end:
            self._accepts_at_end |= last
        else:
            self._accepts |= last
        if all(atom.optional for atom in atoms):
            if sequence.at_start and sequence.at_end:
                self._empty_text = True
            else:
                self._empty = True  # at the start or at the end of any text

    def _forget(self) -> None:
        self._states: dict[int, dict[str, object]] = {}
        self._edges = 0

    def found_in(self, text: str) -> bool:
        """Whether any alternative is found in `text`."""
        if self._empty or (self._empty_text and not text):
            return True
        active, state = 0, self._row(0, start=True)
        for letter in text:
            following = state.get(letter)
            if following is None:
                following = self._step(state, letter)
            if following is True:
                return True
            state = following  # type: ignore[assignment]
        active = state[""]  # type: ignore[assignment]
        return bool(active & self._accepts_at_end)

    def _row(self, active: int, *, start: bool = False) -> dict[str, object]:
        key = -1 if start else active
        found = self._states.get(key)
        if found is None:
            found = self._states[key] = {"": active, "next": self._candidates(active, start)}
        return found

    def _candidates(self, active: int, start: bool) -> int:
        """Which characters of the expression may take the next one of the text."""
        found = self._first if start else self._always
        while active:
            low = active & -active
            found |= self._follow[low.bit_length() - 1]
            active ^= low
        return found

    def _step(self, state: dict[str, object], letter: str) -> object:
        taking = self._letters.get(letter)
        if taking is None:
            taking = sum(1 << index for index, allows in enumerate(self._allows) if allows(letter))
            if len(self._letters) < MOST_STATES:
                self._letters[letter] = taking
        active = int(state["next"]) & taking  # type: ignore[call-overload]
        if active & self._accepts:
            following: object = True
        else:
            if len(self._states) >= MOST_STATES or self._edges >= MOST_EDGES:
                self._forget()
            following = self._row(active)
        state[letter] = following
        self._edges += 1
        return following


def _alternatives(scanner: Scanner) -> list[_Sequence]:
    found = [_sequence(scanner)]
    while scanner.take("|"):
        found.append(_sequence(scanner))
    if sum(len(sequence.atoms) for sequence in found) > MOST_POSITIONS:
        raise scanner.wrong(f"a regular expression has at most {MOST_POSITIONS} characters, repetitions counted,")
    return found


def _sequence(scanner: Scanner) -> _Sequence:
    at_start, at_end = scanner.take("^") is not None, False
    atoms: list[_Atom] = []
    while scanner.at < len(scanner.text) and not scanner.peek("|"):
        if at_end or scanner.peek("^"):
            raise scanner.wrong("^ stands only at the beginning of an alternative and $ at its end (\\x5E and \\x24 are the characters),")
        if scanner.take("$"):
            at_end = True
        else:
            atoms.extend(_repeated(scanner, _character(scanner)))
    if not atoms and not at_start and not at_end:
        raise scanner.wrong("a regular expression or an alternative in it is empty")
    return _Sequence(tuple(atoms), at_start, at_end)


def _repeated(scanner: Scanner, allows: str) -> list[_Atom]:
    match scanner.take("*", "+", "?"):
        case "*":
            found = [_Atom(allows, optional=True, repeats=True)]
        case "+":
            found = [_Atom(allows, repeats=True)]
        case "?":
            found = [_Atom(allows, optional=True)]
        case _:
            found = _counted(scanner, allows)
    if scanner.peek("*", "+", "?", "{"):
        raise scanner.wrong("a repetition cannot be repeated")
    return found


def _counted(scanner: Scanner, allows: str) -> list[_Atom]:
    if not scanner.peek("{"):
        return [_Atom(allows)]
    bounds = _BOUNDS.match(scanner.text, scanner.at)
    if bounds is None:
        raise scanner.wrong("a repetition is {n}, {n,} or {n,m}")
    least = int(bounds[1])
    most = least if bounds[2] is None else int(bounds[3]) if bounds[3] else None
    if least > MOST_POSITIONS or (most is not None and not max(least, 1) <= most <= MOST_POSITIONS):
        raise scanner.wrong(f"a repetition's bounds go from the lower to the higher, at most {MOST_POSITIONS},")
    scanner.at = bounds.end()
    if most is None:
        tail = [_Atom(allows, optional=True, repeats=True)]
    else:
        tail = [_Atom(allows, optional=True)] * (most - least)
    return [_Atom(allows)] * least + tail


def _character(scanner: Scanner) -> str:
    """One character, or a choice of some, as an expression of Python."""
    if scanner.take("."):
        return "."
    if scanner.take("["):
        return _choice(scanner)
    escaped = _escaped(scanner)
    if escaped is not None:
        return f"[{escaped}]"
    return re.escape(_literal(scanner))


def _literal(scanner: Scanner) -> str:
    letter = scanner.match(_LITERAL)
    if letter is None:
        what = scanner.text[scanner.at : scanner.at + 1]
        if what in _OPERATORS:
            raise scanner.wrong(f"the operator {what} of the regular expression has nothing to work on")
        raise scanner.wrong(f"the regular expression cannot hold {what!r}; write it as \\xhh,")
    return letter


def _escaped(scanner: Scanner) -> str | None:
    """What a backslash makes of what follows, as the inside of a Python `[…]`."""
    if not scanner.take("\\"):
        return None
    code = _HEX.match(scanner.text, scanner.at)
    if code is not None:
        scanner.at = code.end()
        return re.escape(chr(int(code[1], 16)))
    letter = scanner.text[scanner.at : scanner.at + 1]
    if letter not in _CLASSES and (not letter or letter not in _OPERATORS | set(":_#=@/;,-")):
        raise scanner.wrong(f"the regular expression does not know \\{letter}")
    scanner.at += 1
    return _CLASSES.get(letter) or re.escape(letter)


def _choice(scanner: Scanner) -> str:
    """`[…]`, whose opening bracket is behind."""
    negated = scanner.take("^") is not None
    begin, members = scanner.at, []
    while not scanner.take("]"):
        if scanner.at >= len(scanner.text):
            scanner.at = begin
            raise scanner.wrong("a [ of the regular expression is not closed")
        members.append(_member(scanner))
    if not members:
        raise scanner.wrong("[] of the regular expression is empty")
    return f"{'(?!' if negated else '(?='}{'|'.join(members)})[\\s\\S]"


def _member(scanner: Scanner) -> str:
    """One member of a choice, as an expression of Python: a character, a class, a range."""
    low = _one(scanner)
    if scanner.peek("-") and not scanner.peek("-]"):
        scanner.take("-")
        high = _one(scanner)
        if len(low) != 1 or len(high) != 1 or low > high:
            raise scanner.wrong("a range of the regular expression goes from the lower to the higher character")
        return f"[{re.escape(low)}-{re.escape(high)}]"
    return low if len(low) > 1 else re.escape(low)


def _one(scanner: Scanner) -> str:
    """A character, or a class in brackets."""
    if scanner.peek("\\"):
        escaped = _escaped(scanner)
        assert escaped is not None
        plain = re.sub(r"\\(.)", r"\1", escaped, flags=re.DOTALL) if len(escaped) <= 2 else escaped
        return plain if len(plain) == 1 else f"[{escaped}]"
    letter = scanner.text[scanner.at : scanner.at + 1]
    if letter and letter in _OPERATORS and letter != "]":
        scanner.at += 1
        return letter
    return _literal(scanner)
