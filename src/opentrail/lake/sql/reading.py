"""Reading words one by one, for the two halves of the grammar. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from opentrail.lake.sql.scanning import Refused, Word
from opentrail.lake.sql.tree import Name

DEEPEST: Final = 48
"""Parentheses, sub-queries, lambdas and CASEs inside each other; more is no question that somebody asks."""
LONGEST_CHAIN: Final = 200
"""Operators of one kind in a row: `a || b || c …`."""

RESERVED: Final = frozenset(
    """
    ALTER AND AS BETWEEN BY CASE CAST CONSTRAINT CREATE CROSS CUBE CURRENT_CATALOG CURRENT_DATE CURRENT_PATH CURRENT_ROLE
    CURRENT_SCHEMA CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER DEALLOCATE DELETE DESCRIBE DISTINCT DROP ELSE END ESCAPE EXCEPT
    EXECUTE EXISTS EXTRACT FALSE FOR FROM FULL GROUP GROUPING HAVING IN INNER INSERT INTERSECT INTO IS JOIN JSON_ARRAY
    JSON_EXISTS JSON_OBJECT JSON_QUERY JSON_TABLE JSON_VALUE LEFT LIKE LISTAGG LOCALTIME LOCALTIMESTAMP NATURAL NORMALIZE NOT
    NULL ON OR ORDER OUTER PREPARE RECURSIVE RIGHT ROLLUP SELECT SKIP TABLE THEN TRIM TRUE UESCAPE UNION UNNEST USING VALUES WHEN
    WHERE WITH
    """.split()  # noqa: SIM905
)
"""Trino's reserved words: names only in double quotes."""


class Reader:
    """The words of a statement, and how far they are read."""

    def __init__(self, words: list[Word]) -> None:
        self._words = words
        self._next = 0
        self._depth = 0

    @property
    def word(self) -> Word:
        """The next word."""
        return self._words[self._next]

    def after(self, count: int = 1) -> Word:
        """The word `count` after the next."""
        return self._words[min(self._next + count, len(self._words) - 1)]

    def take(self) -> Word:
        """Read on by one word."""
        word = self._words[self._next]
        self._next = min(self._next + 1, len(self._words) - 1)
        return word

    def sees(self, *keywords: str) -> bool:
        """Whether the next words are these keywords or signs."""
        return all(self.after(count).upper == keyword for count, keyword in enumerate(keywords))

    def takes(self, *keywords: str) -> bool:
        """As `sees`, and reads them if so."""
        if not self.sees(*keywords):
            return False
        for _ in keywords:
            self.take()
        return True

    def expect(self, keyword: str, where: str) -> Word:
        """Read `keyword`; raises `Refused` when something else stands there."""
        if self.word.upper != keyword:
            raise self.unexpected(f"{keyword} is expected {where}")
        return self.take()

    def unexpected(self, expected: str) -> Refused:
        """What to raise when the next word does not fit."""
        word = self.word
        if word.kind == "end":
            return Refused(f"the query ends too early: {expected}", word.at)
        return Refused(f"{word.text[:60]!r} does not fit here: {expected}", word.at)

    def name(self, what: str) -> Name:
        """Read a name; raises `Refused` for reserved words."""
        word = self.word
        if word.kind == "quoted" or (word.kind == "word" and word.upper not in RESERVED):
            if not word.text:
                raise Refused('a name in double quotes is not empty: ""', word.at)
            self.take()
            return Name(word.text, word.at)
        raise self.unexpected(f"{what} is expected")

    def names(self, what: str) -> tuple[Name, ...]:
        """Read `(name, …)`."""
        self.expect("(", f"before {what}")
        found = [self.name(what)]
        while self.takes(","):
            found.append(self.name(what))
        self.expect(")", f"after {what}")
        return tuple(found)

    def number(self, what: str) -> int:
        """Read a whole number."""
        word = self.word
        if word.kind != "number" or not word.text.isdigit() or len(word.text) > 18:
            raise self.unexpected(f"a whole number is expected {what}")
        self.take()
        return int(word.text)

    @contextmanager
    def deeper(self) -> Iterator[None]:
        """One level of nesting."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise Refused(f"more than {DEEPEST} levels are nested here: write parts of the query as WITH queries", self.word.at)
        yield
        self._depth -= 1
