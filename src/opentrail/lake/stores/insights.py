"""Insights selectors of an event data store (reference of Lake, §9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy.engine import Connection

from opentrail.events.selectors import Kind, compiled
from opentrail.lake import faults
from opentrail.lake.event_data_store import PENDING_DELETION, EventDataStore
from opentrail.lake.families import Family
from opentrail.lake.stores import store
from opentrail.lake.stores.control import EventDataStores

CALL_RATE: Final = "ApiCallRateInsight"
ERROR_RATE: Final = "ApiErrorRateInsight"
TYPES: Final = (CALL_RATE, ERROR_RATE)
_ORDINARY: Final = "ec2.amazonaws.com"


def put(
    stores: EventDataStores, account_id: str, region: str, given: str, destination: str | None, selectors: Sequence[Mapping[str, Any]]
) -> EventDataStore:
    """Have the management events of a store analysed, and the Insights events collected in `destination`; none switches Insights off.

    Raises `InvalidParameterException`, `InvalidParameterCombinationException`, `InvalidInsightSelectorsException`,
    `NotOrganizationMasterAccountException`.
    """
    with stores.changing() as connection:
        source = _found(stores, connection, account_id, region, given)
        stores.organization.require_changeable(connection, source, account_id)
        if source.account_id != account_id:
            raise faults.NotOrganizationMasterAccountException(
                "Only the management account can enable Insights on an organization event data store."
            )
        kept = _checked(selectors, source)
        if kept and not destination:
            raise faults.InvalidParameterCombinationException("Specify InsightsDestination together with EventDataStore.")
        if destination:
            collects = _found(stores, connection, account_id, region, destination)
            if collects.family is not Family.INSIGHTS or collects.account_id != source.account_id:
                raise faults.InvalidParameterException(
                    f"InsightsDestination must be an event data store of the category Insight in the account {source.account_id}."
                )
            destination = collects.arn
        values = {"InsightSelectors": kept, "InsightsDestination": destination} if kept else None
        store.change(connection, source.id, {"insights": values, "updated_timestamp": stores.clock.time()})
        return stores.present(connection, source.id)


def get(stores: EventDataStores, account_id: str, region: str, given: str) -> EventDataStore:
    """The store with its Insights selectors. Raises `InvalidParameterException`, `InsightNotEnabledException`."""
    with stores.database.read() as connection:
        found = _found(stores, connection, account_id, region, given)
    if found.insights is None:
        raise faults.InsightNotEnabledException(f"The event data store {found.arn} does not have Insights enabled.")
    return found


def _found(stores: EventDataStores, connection: Connection, account_id: str, region: str, given: str) -> EventDataStore:
    """These two operations have no fault of their own for a store that is not there."""
    try:
        found = stores.finding.find(connection, account_id, region, given)
    except (faults.EventDataStoreARNInvalidException, faults.EventDataStoreNotFoundException) as fault:
        raise faults.InvalidParameterException(fault.message) from None
    if found.status == PENDING_DELETION:
        raise faults.InvalidParameterException(f"The event data store {found.arn} is pending deletion.")
    return found


def _checked(given: Sequence[Mapping[str, Any]], source: EventDataStore) -> list[dict[str, Any]]:
    kept: list[dict[str, Any]] = []
    for selector in given:
        kind = selector.get("InsightType")
        if kind not in TYPES:
            raise faults.InvalidInsightSelectorsException(f"Value {kind} for InsightType is invalid: use {' or '.join(TYPES)}.")
        if any(one["InsightType"] == kind for one in kept):
            raise faults.InvalidInsightSelectorsException(f"The insight type {kind} is specified more than once.")
        if list(selector.get("EventCategories") or ("Management",)) != ["Management"]:
            raise faults.InvalidInsightSelectorsException("Insights of event data stores analyse Management events only.")
        if not _logs(kind, source):
            raise faults.InvalidInsightSelectorsException(
                f"The event data store must collect {'write ' if kind == CALL_RATE else ''}management events for {kind}."
            )
        kept.append(dict(selector))
    return kept


def _logs(kind: str, source: EventDataStore) -> bool:
    if source.family is not Family.EVENTS:
        return False
    categories = compiled({"AdvancedEventSelectors": source.advanced_event_selectors})
    if any({field["Field"] for field in one["FieldSelectors"]} - {"eventCategory", "readOnly"} for one in source.advanced_event_selectors):
        return "Management" in categories.categories  # some of them: which, only the events will tell
    ways = (False,) if kind == CALL_RATE else (False, True)
    return any(categories.may(Kind(category="Management", source=_ORDINARY, name="", read_only=way)) for way in ways)
