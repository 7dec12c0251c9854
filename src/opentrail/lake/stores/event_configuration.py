"""The event configuration of a store: how large its events may be, and what they are enriched with (reference of Lake, §2.6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from opentrail.lake.event_data_store import PENDING_DELETION, EventDataStore
from opentrail.lake.families import Family
from opentrail.lake.faults import (
    InvalidEventDataStoreCategoryException,
    InvalidEventDataStoreStatusException,
    InvalidParameterCombinationException,
    InvalidParameterException,
)
from opentrail.lake.stores import store
from opentrail.lake.stores.control import EventDataStores

STANDARD: Final = "Standard"
LARGE: Final = "Large"
TAG_CONTEXT: Final = "TagContext"
REQUEST_CONTEXT: Final = "RequestContext"
MOST_SELECTORS: Final = 2
MOST_KEYS: Final = 50
LONGEST_KEY: Final = 128

_REQUEST_KEYS: Final = """
FederatedProvider TokenIssueTime MultiFactorAuthAge MultiFactorAuthPresent SourceIdentity PrincipalAccount PrincipalArn
PrincipalIsAWSService PrincipalOrgID PrincipalOrgPaths PrincipalServiceName PrincipalServiceNamesList PrincipalType userid username
RequestedRegion SecureTransport ViaAWSService CurrentTime EpochTime SourceAccount SourceOrgID
"""
REQUEST_KEYS: Final = frozenset(f"aws:{name}" for name in _REQUEST_KEYS.split())
"""Condition keys that events can be enriched with."""


def put(stores: EventDataStores, account_id: str, region: str, given: Mapping[str, Any]) -> EventDataStore:
    """Change the configuration of the store `EventDataStore`; what is not given stays. It holds for the events from now on.

    Raises what `Finding.active_to_change` raises; `InvalidEventDataStoreCategoryException`, `InvalidParameterException`,
    `InvalidParameterCombinationException`.
    """
    with stores.changing() as connection:
        present = stores.finding.active_to_change(connection, account_id, region, given["EventDataStore"])
        _require_events(present)
        size, selectors = checked(given, present)
        values = {"max_event_size": size, "context_key_selectors": selectors, "updated_timestamp": stores.clock.time()}
        store.change(connection, present.id, values)
        stores.organization.settle(connection, present.id)
        return stores.present(connection, present.id)


def get(stores: EventDataStores, account_id: str, region: str, given: str) -> EventDataStore:
    """The store with its configuration. Raises what `Finding.find` raises; `InvalidEventDataStoreCategoryException`,
    `InvalidEventDataStoreStatusException`."""
    found = stores.get(account_id, region, given)
    _require_events(found)
    if found.status == PENDING_DELETION:
        raise InvalidEventDataStoreStatusException(f"The event data store {found.arn} is pending deletion.")
    return found


def checked(given: Mapping[str, Any], present: EventDataStore) -> tuple[str, list[dict[str, Any]]]:
    """Size and selectors as they are stored. Pure. Raises `InvalidParameterException`, `InvalidParameterCombinationException`."""
    size, selectors = given.get("MaxEventSize"), given.get("ContextKeySelectors")
    if given.get("AggregationConfigurations") is not None:
        raise InvalidParameterCombinationException("AggregationConfigurations can be specified for a trail only.")
    if size is None and selectors is None:
        raise InvalidParameterException("Specify MaxEventSize or ContextKeySelectors, or both.")
    if size not in (None, STANDARD, LARGE):
        raise InvalidParameterException(f"Value {size} for MaxEventSize is invalid: use {STANDARD} or {LARGE}.")
    kept = [dict(one) for one in present.context_key_selectors] if selectors is None else _selectors(selectors)
    wanted = size or present.max_event_size
    if kept and wanted != LARGE:
        raise InvalidParameterException(f"ContextKeySelectors need MaxEventSize {LARGE}: enriched events do not fit into {STANDARD} ones.")
    return wanted, kept


def _selectors(given: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    if len(given) > MOST_SELECTORS:
        raise InvalidParameterException(f"ContextKeySelectors has at most {MOST_SELECTORS} items; these are {len(given)}.")
    kept: list[dict[str, Any]] = []
    for one in given:
        kind, keys = one["Type"], list(one["Equals"])
        if kind not in (TAG_CONTEXT, REQUEST_CONTEXT):
            raise InvalidParameterException(f"Value {kind} for Type is invalid: use {TAG_CONTEXT} or {REQUEST_CONTEXT}.")
        if any(other["Type"] == kind for other in kept):
            raise InvalidParameterException(f"The type {kind} is specified more than once.")
        if not 1 <= len(keys) <= MOST_KEYS:
            raise InvalidParameterException(f"A context key selector has between 1 and {MOST_KEYS} keys; that of {kind} has {len(keys)}.")
        for key in keys:
            if not 1 <= len(key) <= LONGEST_KEY:
                raise InvalidParameterException(f"A context key has between 1 and {LONGEST_KEY} characters.")
            if keys.count(key) > 1:
                raise InvalidParameterException(f"The key {key} is specified more than once.")
            if kind == REQUEST_CONTEXT and key not in REQUEST_KEYS:
                raise InvalidParameterException(f"The key {key} is invalid for {REQUEST_CONTEXT}: use {', '.join(sorted(REQUEST_KEYS))}.")
        kept.append({"Type": kind, "Equals": keys})
    return kept


def _require_events(of: EventDataStore) -> None:
    if of.family is not Family.EVENTS:
        raise InvalidEventDataStoreCategoryException("Only event data stores of CloudTrail events have an event configuration.")
