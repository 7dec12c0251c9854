"""Sample queries by a phrase in plain English (reference of Lake, §6.4)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

from opentrail.lake.samples.collection import Sample, samples
from opentrail.lake.samples.ranking import Ranking
from opentrail.lake.samples.stemming import words

_NAME: Final = 3
_DESCRIPTION: Final = 1
_WORDS: Final = 2
"""How often the words of each part count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A sample and how well it fits, 0 to 1."""

    sample: Sample
    relevance: float


def search(phrase: str) -> list[Found]:
    """The samples that have something to do with `phrase`, the most relevant first."""
    return [Found(sample=samples()[place], relevance=relevance) for relevance, place in _ranking().relevances(words(phrase))]


@cache
def _ranking() -> Ranking:
    return Ranking([_document(sample) for sample in samples()])


def _document(sample: Sample) -> list[str]:
    return [*words(sample.name) * _NAME, *words(sample.description) * _DESCRIPTION, *words(sample.words) * _WORDS, *words(sample.sql)]
