"""What PutEventConfiguration takes for a trail: aggregation of its data events (reference of history and Insights, §12). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from opentrail.events.selectors import compiled
from opentrail.trails.faults import InvalidParameterCombinationException, InvalidParameterException

TEMPLATES: Final = ("API_ACTIVITY", "RESOURCE_ACCESS", "USER_ACTIONS")
MOST_TEMPLATES: Final = 50
_STORES_ONLY: Final = ("MaxEventSize", "ContextKeySelectors")


def checked(given: Mapping[str, Any], event_selectors: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The configuration as it is stored, `None` when nothing is aggregated: an empty list switches it off.

    Raises `InvalidParameterCombinationException` for what only event data stores have, and `InvalidParameterException`.
    """
    for member in _STORES_ONLY:
        if given.get(member) is not None:
            raise InvalidParameterCombinationException(f"{member} can be specified for an event data store only, not for a trail.")
    configurations = given.get("AggregationConfigurations")
    if configurations is None:
        raise InvalidParameterException("Specify AggregationConfigurations; an empty list ends the aggregation.")
    if not configurations:
        return None
    if len(configurations) > 1:
        raise InvalidParameterException("AggregationConfigurations has at most 1 item.")
    (one,) = configurations
    category, templates = one["EventCategory"], list(one["Templates"])
    if category != "Data":
        raise InvalidParameterException(f"Value {category} for EventCategory is invalid: only Data events are aggregated.")
    if not 1 <= len(templates) <= MOST_TEMPLATES:
        raise InvalidParameterException(f"Templates must have between 1 and {MOST_TEMPLATES} values.")
    for template in templates:
        if template not in TEMPLATES:
            raise InvalidParameterException(f"Value {template} for Templates is invalid: use {', '.join(TEMPLATES)}.")
        if templates.count(template) > 1:
            raise InvalidParameterException(f"The template {template} is specified more than once.")
    if "Data" not in compiled(event_selectors).categories:
        raise InvalidParameterException("The trail must log data events for them to be aggregated. Call PutEventSelectors first.")
    return {"AggregationConfigurations": [{"Templates": templates, "EventCategory": category}]}
