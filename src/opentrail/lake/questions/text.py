"""A question while it is taken apart: what has been understood is crossed out, what remains shows whether all of it was. Pure."""

from __future__ import annotations

import re
from re import Match, Pattern
from typing import Final

_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9'_-]*|\d+")


class Text:
    """The words of a question, of which some are crossed out."""

    def __init__(self, question: str) -> None:
        self._rest = " ".join(question.replace("\n", " ").split())
        self.understood = 0
        """Pieces that were taken and say something of the subject."""

    def take(self, pattern: Pattern[str]) -> Match[str] | None:
        """The first place that fits `pattern`, which is crossed out."""
        found = pattern.search(self._rest)
        if found is not None:
            self._cross_out(found.start(), found.end())
        return found

    def take_group(self, pattern: Pattern[str], group: int) -> Match[str] | None:
        """The same, of which only a part is crossed out."""
        found = pattern.search(self._rest)
        if found is not None:
            self._cross_out(found.start(group), found.end(group))
        return found

    def take_all(self, pattern: Pattern[str]) -> list[Match[str]]:
        """Every place that fits."""
        found: list[Match[str]] = []
        while (one := self.take(pattern)) is not None:
            found.append(one)
        return found

    def find(self, pattern: Pattern[str]) -> Match[str] | None:
        """The first place that fits, left as it is."""
        return pattern.search(self._rest)

    def words(self) -> list[str]:
        """What is not crossed out, word by word, in lower case."""
        return [word.lower() for word in _WORD.findall(self._rest)]

    def _cross_out(self, start: int, end: int) -> None:
        self.understood += 1
        self._rest = f"{self._rest[:start]} ; {self._rest[end:]}"


def literal(value: str) -> str:
    """`value` as a string of SQL."""
    return "'" + value.replace("'", "''") + "'"
