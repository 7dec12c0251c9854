"""A question in words → a query, or the reason why there is none. Pure: nothing is run, nobody is asked."""

from __future__ import annotations

from datetime import date

from opentrail.lake.faults import GenerateResponseException
from opentrail.lake.questions import times
from opentrail.lake.questions.building import build
from opentrail.lake.questions.orders import is_order
from opentrail.lake.questions.reading import read
from opentrail.lake.questions.retrieval import fitting
from opentrail.lake.questions.text import Text

_MOST_TOLD = 8


def answer(question: str, store: str, today: date) -> str:
    """The query over the store with this ID. Raises `GenerateResponseException`, which says what was not understood."""
    if is_order(question):
        raise GenerateResponseException("Queries only look: ask which events there are, who made them, how many, when.")
    try:
        found = read(question, today)
        if found.understood and not found.left:
            return build(found.meaning, store)
        sample = _from_samples(question, store, today)
    except ValueError:
        raise GenerateResponseException("The question names a day that does not exist.") from None
    if sample is not None:
        return sample
    if found.left:
        told = ", ".join(repr(word) for word in dict.fromkeys(found.left[:_MOST_TOLD]))
        raise GenerateResponseException(f"No query could be made: it is not clear what these words mean for events: {told}.")
    raise GenerateResponseException(
        "No query could be made: say which events you mean, by user, service, API, error, Region, address or time."
    )


def _from_samples(question: str, store: str, today: date) -> str | None:
    text = Text(question)
    time = times.take(text, today)
    return fitting(" ".join(text.words()), time, store)
