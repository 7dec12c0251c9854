"""Sample queries as answers to questions that the vocabulary does not cover. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from opentrail.lake.families import Family
from opentrail.lake.samples.collection import STORE, Sample
from opentrail.lake.samples.search import search
from opentrail.lake.samples.stemming import words

LEAST: Final = 0.6
"""Relevance below which a sample is no answer."""
FEWEST: Final = 3
"""Words that a question must have to be recognised among the samples."""
_WINDOW: Final = re.compile(r"eventTime > date_add\('day', -\d+, current_timestamp\)")
_EXAMPLE: Final = "in the place of the example"
"""Said by samples that hold a value which somebody must put in: no answers by themselves."""


def fitting(question: str, time: Sequence[str], store: str) -> str | None:
    """The sample that answers `question`, over `store` and the stretch of time of the conditions `time`; `None` when there is none.

    It must speak of everything that the question speaks of.
    """
    asked = set(words(question))
    if len(asked) < FEWEST:
        return None
    for found in search(question):
        if found.relevance < LEAST:
            return None
        sample = found.sample
        if sample.family is Family.EVENTS and _EXAMPLE not in sample.description and asked <= _spoken_of(sample):
            return _over(sample, time, store)
    return None


def _spoken_of(sample: Sample) -> set[str]:
    return set(words(f"{sample.name} {sample.description} {sample.words}"))


def _over(sample: Sample, time: Sequence[str], store: str) -> str | None:
    sql = sample.sql
    if time:
        if len(_WINDOW.findall(sql)) != 1:
            return None  # it compares two stretches of its own
        sql = _WINDOW.sub(lambda _: " AND ".join(time), sql)
    return sql.replace(STORE, store)
