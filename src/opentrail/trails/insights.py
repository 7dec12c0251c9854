"""Which trail has what analysed, and which trail an Insights event is for (reference of history and Insights, §6). Pure.

Insights on management events tell of the account and Region: every trail that asks for their type gets them, as the event history does.
Insights on data events tell of what one trail logs: only that trail gets them; they name it as their `insightSource`. What is found in an
event data store goes to another store, and to no trail.
"""

from __future__ import annotations

from opentrail.trails import insight_selectors
from opentrail.trails.facts import Facts, InsightDetails
from opentrail.trails.store import Trail

INSIGHT = "Insight"
"""`eventCategory` of Insights events."""


def asked(trail: Trail) -> frozenset[tuple[str, str]]:
    """Insight types and event categories that the trail asks for, as far as it logs what they need."""
    selectors = (trail.insight_selectors or {}).get("InsightSelectors", ())
    return frozenset(
        (selector["InsightType"], category)
        for selector in selectors
        for category in selector.get("EventCategories") or insight_selectors.DEFAULT_CATEGORIES
        if insight_selectors.logs(selector["InsightType"], category, trail.event_selectors)
    )


def is_for(details: InsightDetails, trail: Trail) -> bool:
    """Whether the trail gets this Insights event, if it serves its account and Region: into its bucket, its log group and onto the bus."""
    if details.insight_source != (trail.arn if details.source_event_category == "Data" else None):
        return False
    return (details.insight_type, details.source_event_category) in asked(trail)


def is_in_history(details: InsightDetails) -> bool:
    """Whether LookupEvents shows this Insights event: those on management events that trails asked for."""
    return details.insight_source is None


def takes(facts: Facts, trail: Trail) -> bool:
    """`is_for` of a record of whatever category; no for one that is no Insights event."""
    return facts.event_category == INSIGHT and facts.insight_details is not None and is_for(facts.insight_details, trail)
