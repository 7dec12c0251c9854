"""BM25 over a few documents that fit in memory. Pure.

S. Robertson and H. Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Final

K1: Final = 1.2
"""How soon a word that is repeated stops adding."""
B: Final = 0.5
"""How much longer documents count less."""


class Ranking:
    """Documents as lists of words, by their place in the list."""

    def __init__(self, documents: Sequence[Sequence[str]]) -> None:
        self._counts = [Counter(words) for words in documents]
        self._lengths = [len(words) for words in documents]
        self._average = sum(self._lengths) / max(1, len(self._lengths))
        self._in = Counter(word for counts in self._counts for word in counts)

    def relevances(self, question: Sequence[str]) -> list[tuple[float, int]]:
        """Relevance (0 to 1, both exclusive of nothing found) and place of each document that has a word of the question, the best first.

        1 would be a document that has every word of the question again and again; words that no document has count as the rarest.
        """
        asked = set(question)
        best = sum(self._weight(word) * (K1 + 1) for word in asked)
        found = ((self._score(asked, place) / best, place) for place in range(len(self._counts)) if best)
        return sorted(((round(score, 6), place) for score, place in found if score > 0), key=lambda one: (-one[0], one[1]))

    def _score(self, asked: set[str], place: int) -> float:
        counts = self._counts[place]
        length = 1 - B + B * self._lengths[place] / self._average
        return sum(self._weight(word) * counts[word] * (K1 + 1) / (counts[word] + K1 * length) for word in asked if counts[word])

    def _weight(self, word: str) -> float:
        having = self._in[word]
        return math.log(1 + (len(self._counts) - having + 0.5) / (having + 0.5))
