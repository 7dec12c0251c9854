"""Wildcard patterns of policies: `*`, `?` and `${variables}`, matched in bounded time.

A pattern is cut at its `*` into pieces of fixed length. The first and the last piece are anchored, those between are looked for from
left to right, each once, so matching never goes back. Pieces without `?` are found by `str.find`; pieces with `?` by shifting bits
(one step for each character of the text), so no pattern can be made to take exponential or even quadratic time.

Variables are put in when a request is matched, and what they stand for is literal: a `*` in a user name is no wildcard.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

Lookup = Callable[[str], Sequence[str] | None]
"""Values of a condition key, given in lower case; `None` when the request has none."""

Matcher = Callable[[str, Lookup], bool]

_TOKEN = re.compile(r"\$\{([^{}]{1,512})\}|\*+|\?")
_WILDCARD = re.compile(r"\*+|\?")
_DEFAULT = re.compile(r"^\s*([^,\s]+)\s*(?:,\s*'([^']*)'\s*)?$")


class Literal(NamedTuple):
    """Text that stands for itself."""

    text: str


class Variable(NamedTuple):
    """`${key}` or `${key, 'default'}`."""

    key: str
    default: str | None


class Many(NamedTuple):
    """`*`: any text, also none."""


class One(NamedTuple):
    """`?`: any one character."""


Token = Literal | Variable | Many | One


def tokens(text: str, *, variables: bool) -> list[Token]:
    """Cut a pattern into its parts. `${*}`, `${?}` and `${$}` are those characters themselves; without `variables` `${` is plain text."""
    found: list[Token] = []
    at = 0
    for match in (_TOKEN if variables else _WILDCARD).finditer(text):
        if match.start() > at:
            found.append(Literal(text[at : match.start()]))
        at = match.end()
        written = match.group()
        if written.startswith("$"):
            found.append(_variable(match.group(1), written))
        else:
            found.append(One() if written == "?" else Many())
    if at < len(text):
        found.append(Literal(text[at:]))
    return found


def _variable(name: str, written: str) -> Token:
    if name in ("*", "?", "$"):
        return Literal(name)
    match = _DEFAULT.match(name)
    return Variable(match.group(1).lower(), match.group(2)) if match else Literal(written)


def pattern(text: str, *, variables: bool = False) -> Matcher:
    """A matcher for the whole of a text. It compares exactly; for comparing without case lower both sides."""
    return _matcher(tokens(text, variables=variables))


def exact(text: str, *, variables: bool = False) -> Matcher:
    """A matcher for equality: `*` and `?` stand for themselves, variables are put in."""
    parts = tokens(text, variables=variables)
    if not any(isinstance(part, Variable) for part in parts):
        plain = "".join(_spelled(part) for part in parts)
        return lambda value, _lookup: value == plain

    def matches(value: str, lookup: Lookup) -> bool:
        resolved = _resolved(parts, lookup)
        return resolved is not None and value == "".join(_spelled(part) for part in resolved)

    return matches


def _spelled(part: Token) -> str:
    if isinstance(part, Literal):
        return part.text
    return "*" if isinstance(part, Many) else "?"


def arn_pattern(text: str, *, variables: bool = False) -> Matcher:
    """A matcher for ARNs: each of the six colon-separated parts by itself, so a wildcard never reaches over a colon (but in the last part).

    The last part of a pattern with fewer (`*`, `arn:aws:s3*`) is about all that is left.
    """
    parts = _arn_parts(tokens(text, variables=variables))
    if all(isinstance(token, Literal) for part in parts[:-1] for token in part):
        return pattern(text, variables=variables)
    matchers = [_matcher(part) for part in parts]
    cuts = len(parts) - 1

    def matches(value: str, lookup: Lookup) -> bool:
        pieces = value.split(":", cuts)
        return len(pieces) == len(matchers) and all(matcher(piece, lookup) for matcher, piece in zip(matchers, pieces, strict=True))

    return matches


def _arn_parts(all_tokens: Sequence[Token]) -> list[list[Token]]:
    parts: list[list[Token]] = [[]]
    for token in all_tokens:
        if not isinstance(token, Literal):
            parts[-1].append(token)
            continue
        pieces = token.text.split(":", 6 - len(parts)) if len(parts) < 6 else [token.text]
        for index, piece in enumerate(pieces):
            if index:
                parts.append([])
            if piece:
                parts[-1].append(Literal(piece))
    return parts


def _matcher(parts: Sequence[Token]) -> Matcher:
    if any(isinstance(part, Variable) for part in parts):

        def matches(value: str, lookup: Lookup) -> bool:
            resolved = _resolved(parts, lookup)
            return resolved is not None and _Glob(resolved).matches(value)

        return matches
    if all(isinstance(part, Literal) for part in parts):
        plain = "".join(part.text for part in parts if isinstance(part, Literal))
        return lambda value, _lookup: value == plain
    if len(parts) == 1 and isinstance(parts[0], Many):
        return lambda _value, _lookup: True
    if len(parts) == 2 and isinstance(parts[0], Literal) and isinstance(parts[1], Many):
        prefix = parts[0].text
        return lambda value, _lookup: value.startswith(prefix)
    glob = _Glob(parts)
    return lambda value, _lookup: glob.matches(value)


def _resolved(parts: Sequence[Token], lookup: Lookup) -> list[Token] | None:
    """The parts with variables put in; `None` when one has no single value and no default: such a pattern equals nothing."""
    resolved: list[Token] = []
    for part in parts:
        if isinstance(part, Variable):
            values = lookup(part.key)
            if values is not None and len(values) == 1:
                resolved.append(Literal(values[0]))
            elif part.default is not None:
                resolved.append(Literal(part.default))
            else:
                return None
        else:
            resolved.append(part)
    return resolved


class _Piece:
    """A stretch of pattern of fixed length: characters and `?` (kept as `None`)."""

    __slots__ = ("_masks", "length", "plain", "symbols")

    def __init__(self, symbols: Sequence[str | None]) -> None:
        self.symbols = symbols
        self.length = len(symbols)
        self.plain = None if None in symbols else "".join(symbol for symbol in symbols if symbol is not None)
        self._masks: tuple[dict[str, int], int] | None = None

    def at(self, text: str, position: int) -> bool:
        """Whether it matches the text at `position`, which leaves room for it."""
        if self.plain is not None:
            return text.startswith(self.plain, position)
        return all(symbol is None or symbol == text[position + index] for index, symbol in enumerate(self.symbols))

    def find(self, text: str, start: int, end: int) -> int:
        """The leftmost place in `text[start:end]` where it matches, or -1."""
        if self.plain is not None:
            return text.find(self.plain, start, end)
        masks, wild = self._bits()
        last = 1 << (self.length - 1)
        state = 0
        for index in range(start, end):
            state = ((state << 1) | 1) & masks.get(text[index], wild)
            if state & last:
                return index - self.length + 1
        return -1

    def _bits(self) -> tuple[dict[str, int], int]:
        if self._masks is None:
            wild = sum(1 << index for index, symbol in enumerate(self.symbols) if symbol is None)
            masks: dict[str, int] = {}
            for index, symbol in enumerate(self.symbols):
                if symbol is not None:
                    masks[symbol] = masks.get(symbol, wild) | (1 << index)
            self._masks = (masks, wild)
        return self._masks


class _Glob:
    """A pattern without variables, cut at its `*`."""

    __slots__ = ("_least", "_pieces")

    def __init__(self, parts: Sequence[Token]) -> None:
        pieces: list[list[str | None]] = [[]]
        for part in parts:
            if isinstance(part, Literal):
                pieces[-1].extend(part.text)
            elif isinstance(part, One):
                pieces[-1].append(None)
            elif pieces[-1] or len(pieces) == 1:
                pieces.append([])
        self._pieces = [_Piece(piece) for piece in pieces]
        self._least = sum(piece.length for piece in self._pieces)

    def matches(self, text: str) -> bool:
        if len(text) < self._least:
            return False
        first, *rest = self._pieces
        if not rest:
            return len(text) == first.length and first.at(text, 0)
        last = rest.pop()
        end = len(text) - last.length
        if not first.at(text, 0) or not last.at(text, end):
            return False
        position = first.length
        for piece in rest:
            found = piece.find(text, position, end)
            if found < 0:
                return False
            position = found + piece.length
        return True
