"""Patterns without variables, matched in bounded time.

A `Glob` is cut at its `*` into pieces of fixed length. The first and the last piece are anchored, those between are looked for from left
to right, each once, so matching never goes back. Pieces without `?` are found by `str.find`; pieces with `?` by shifting bits (one step
for each character of the text), so no pattern can be made to take exponential or even quadratic time.

An `Automaton` knows wildcards that stop at colons as well; for those, looking once from left to right is not enough.
"""

from __future__ import annotations

from collections.abc import Sequence

from opentrail.identity.policies.tokens import Literal, Many, ManyInPart, One, OneInPart, Token


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


class Glob:
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


class Automaton:
    """A pattern in which some wildcards stop at colons: its states are the bits of one number, so a character of text is one step."""

    __slots__ = ("_anything", "_exact", "_inner", "_last", "_stay", "_stay_inner")

    def __init__(self, parts: Sequence[Token]) -> None:
        self._exact: dict[str, int] = {}
        self._anything = self._inner = self._stay = self._stay_inner = 0
        bit = 1
        for part in parts:
            match part:
                case Many():
                    self._stay |= bit
                case ManyInPart():
                    self._stay_inner |= bit
                case One():
                    self._anything |= bit
                    bit <<= 1
                case OneInPart():
                    self._inner |= bit
                    bit <<= 1
                case Literal(text):
                    for character in text:
                        self._exact[character] = self._exact.get(character, 0) | bit
                        bit <<= 1
        self._last = bit

    def matches(self, text: str) -> bool:
        state = 1
        for character in text:
            step, stay = self._exact.get(character, 0) | self._anything, self._stay
            if character != ":":
                step |= self._inner
                stay |= self._stay_inner
            state = ((state & step) << 1) | (state & stay)
            if not state:
                return False
        return bool(state & self._last)
