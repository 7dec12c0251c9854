"""What PutInsightSelectors takes for a trail (reference of history and Insights, §6 and §8). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from opentrail.events.selectors import Kind, compiled
from opentrail.trails.faults import InvalidInsightSelectorsException, InvalidParameterException

CALL_RATE: Final = "ApiCallRateInsight"
ERROR_RATE: Final = "ApiErrorRateInsight"
TYPES: Final = (CALL_RATE, ERROR_RATE)
CATEGORIES: Final = ("Management", "Data")
DEFAULT_CATEGORIES: Final = ("Management",)
"""Analysed where a selector names no category."""

_ORDINARY: Final = "ec2.amazonaws.com"
"""A source that no trail can leave out."""


def checked(given: Sequence[Mapping[str, Any]], event_selectors: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The selectors as they are stored, `None` when there are none: that switches Insights off.

    Raises `InvalidInsightSelectorsException` for an unknown or repeated type, and for a type whose events the trail with these
    `event_selectors` does not log; `InvalidParameterException` for event categories that there are not.
    """
    if not given:
        return None
    types = [selector.get("InsightType") for selector in given]
    for kind in types:
        if kind not in TYPES:
            raise InvalidInsightSelectorsException(f"Value {kind} for InsightType is invalid: use {' or '.join(TYPES)}.")
        if types.count(kind) > 1:
            raise InvalidInsightSelectorsException(f"The insight type {kind} is specified more than once.")
    kept = []
    for selector in given:
        kind, categories = selector["InsightType"], selector.get("EventCategories")
        if categories is not None:
            _check_categories(categories)
        for category in categories or DEFAULT_CATEGORIES:
            if not logs(kind, category, event_selectors):
                raise InvalidInsightSelectorsException(_LACKING[kind if category == "Management" else category])
        kept.append({"InsightType": kind, **({} if categories is None else {"EventCategories": list(categories)})})
    return {"InsightSelectors": kept}


_LACKING: Final = {
    CALL_RATE: f"The trail must log write management events for {CALL_RATE} on management events.",
    ERROR_RATE: f"The trail must log read or write management events for {ERROR_RATE} on management events.",
    "Data": "The trail must log data events for Insights on data events.",
}


def _check_categories(categories: Sequence[str]) -> None:
    if not categories:
        raise InvalidParameterException("EventCategories must have at least one value.")
    for category in categories:
        if category not in CATEGORIES:
            raise InvalidParameterException(f"Value {category} for EventCategories is invalid: use {' or '.join(CATEGORIES)}.")
        if list(categories).count(category) > 1:
            raise InvalidParameterException(f"The event category {category} is specified more than once.")


def logs(kind: str, category: str, event_selectors: Mapping[str, Any] | None) -> bool:
    """Whether a trail with these event selectors logs what Insights of the type `kind` analyse of events of `category`."""
    matcher = compiled(event_selectors)
    if category == "Data":
        return "Data" in matcher.categories
    written = matcher.may(_management(read_only=False))
    return written or (kind == ERROR_RATE and matcher.may(_management(read_only=True)))


def _management(*, read_only: bool) -> Kind:
    return Kind(category="Management", source=_ORDINARY, name="", read_only=read_only, types=frozenset())
