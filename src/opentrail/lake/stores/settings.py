"""What CreateEventDataStore and UpdateEventDataStore take (reference of Lake, §2.1, §2.4, §2.5). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from opentrail.events.selectors import SelectorError, checked_advanced
from opentrail.lake import names
from opentrail.lake.event_data_store import EXTENDABLE, FIXED, EventDataStore
from opentrail.lake.families import FAMILIES, Family
from opentrail.lake.faults import InvalidEventSelectorsException, InvalidKmsKeyIdException, InvalidParameterException

SHORTEST_RETENTION: Final = 7
"""Days."""
LONGEST_RETENTION: Final[Mapping[str, int]] = {EXTENDABLE: 3653, FIXED: 2557}
DEFAULT_RETENTION: Final[Mapping[str, int]] = {EXTENDABLE: 366, FIXED: 2557}
LONGEST_KEY_ID: Final = 350

DEFAULT_SELECTORS: Final = (
    {"Name": "Default management events", "FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]},
)
"""Those of a store that is made without any."""

LIVE: Final = (Family.EVENTS, Family.CONFIGURATION)
"""Families whose ingestion can be started and stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Members of a request; `None` for those that are not given."""

    name: str | None = None
    advanced_event_selectors: Sequence[Mapping[str, Any]] | None = None
    multi_region_enabled: bool | None = None
    organization_enabled: bool | None = None
    retention_period: int | None = None
    termination_protection_enabled: bool | None = None
    kms_key_id: str | None = None
    billing_mode: str | None = None


def for_new(wanted: Wanted) -> dict[str, Any]:
    """The columns of a new store, but for its key. Raises `InvalidParameterException`, `InvalidEventSelectorsException`,
    `InvalidKmsKeyIdException`."""
    assert wanted.name is not None
    check_name(wanted.name)
    billing_mode = EXTENDABLE if wanted.billing_mode is None else _billing_mode(wanted.billing_mode)
    retention = DEFAULT_RETENTION[billing_mode] if wanted.retention_period is None else wanted.retention_period
    _check_retention(retention, billing_mode)
    selectors, family = checked_selectors(wanted.advanced_event_selectors or DEFAULT_SELECTORS)
    organization_enabled = bool(wanted.organization_enabled)
    check_for_organization(family, organization_enabled)
    if wanted.kms_key_id is not None:
        check_kms_key_id(wanted.kms_key_id)
    return {
        "name": wanted.name,
        "family": family.value,
        "advanced_event_selectors": selectors,
        "multi_region_enabled": _multi_region(wanted.multi_region_enabled, family),
        "organization_enabled": organization_enabled,
        "retention_period": retention,
        "billing_mode": billing_mode,
        "termination_protection_enabled": wanted.termination_protection_enabled is not False,
    }


def for_change(wanted: Wanted, store: EventDataStore) -> dict[str, Any]:
    """The columns of `store` that change, but for key and organization. Raises as `for_new`."""
    if wanted == Wanted():
        raise InvalidParameterException("Specify at least one setting of the event data store to change.")
    values: dict[str, Any] = {}
    if wanted.name is not None:
        check_name(wanted.name)
        values["name"] = wanted.name
    if wanted.advanced_event_selectors is not None:
        selectors, family = checked_selectors(wanted.advanced_event_selectors)
        if family is not store.family:
            raise InvalidEventSelectorsException(
                "The category of events that an event data store collects cannot be changed: create another event data store for them."
            )
        values["advanced_event_selectors"] = selectors
    if wanted.multi_region_enabled is not None:
        values["multi_region_enabled"] = _multi_region(wanted.multi_region_enabled, store.family)
    if wanted.organization_enabled is not None:
        check_for_organization(store.family, wanted.organization_enabled)
    if wanted.termination_protection_enabled is not None:
        values["termination_protection_enabled"] = wanted.termination_protection_enabled
    if wanted.billing_mode is not None:
        values["billing_mode"] = _billing_mode(wanted.billing_mode)
        if store.billing_mode == EXTENDABLE and wanted.billing_mode == FIXED:
            raise InvalidParameterException(f"The billing mode {EXTENDABLE} cannot be changed to {FIXED}.")
    if wanted.retention_period is not None or wanted.billing_mode is not None:
        retention = store.retention_period if wanted.retention_period is None else wanted.retention_period
        _check_retention(retention, values.get("billing_mode", store.billing_mode))
        values["retention_period"] = retention
    if wanted.kms_key_id is not None:
        check_kms_key_id(wanted.kms_key_id)
    return values


def check_name(name: str) -> None:
    """Raises `InvalidParameterException` unless `name` may be a store's."""
    if not names.NAME.fullmatch(name):
        raise InvalidParameterException(
            f"The name {name[:200]!r} is not valid: it has between 3 and 128 letters, digits, periods, underscores and hyphens."
        )


def check_kms_key_id(key_id: str) -> None:
    """Raises `InvalidKmsKeyIdException` for what is no key id whatever keys there are."""
    if not 1 <= len(key_id) <= LONGEST_KEY_ID:
        raise InvalidKmsKeyIdException(
            f"The KMS key ID must have between 1 and {LONGEST_KEY_ID} characters. "
            "Use a key ID, a key ARN, an alias name or an alias ARN; a key that was set cannot be removed."
        )


def check_for_organization(family: Family, organization_enabled: bool) -> None:
    """Raises `InvalidParameterException` for an organization store of events that come from outside of AWS."""
    if organization_enabled and family is Family.ACTIVITY:
        raise InvalidParameterException("An event data store of the category ActivityAuditLog cannot be an organization event data store.")


def checked_selectors(given: Sequence[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], Family]:
    """The selectors as they are stored, and the one family of events that they select. Raises `InvalidEventSelectorsException`."""
    try:
        selectors = checked_advanced(given, owner="store")
    except SelectorError as error:
        raise InvalidEventSelectorsException(str(error)) from None
    (category, *_) = [field["Equals"][0] for field in selectors[0]["FieldSelectors"] if field["Field"] == "eventCategory"]
    return selectors, FAMILIES[category]


def _billing_mode(given: str) -> str:
    if given not in LONGEST_RETENTION:
        raise InvalidParameterException(f"The billing mode {given[:200]} is not valid: use {EXTENDABLE} or {FIXED}.")
    return given


def _check_retention(days: int, billing_mode: str) -> None:
    longest = LONGEST_RETENTION[billing_mode]
    if not SHORTEST_RETENTION <= days <= longest:
        raise InvalidParameterException(
            f"The retention period must be {SHORTEST_RETENTION} to {longest} days with the billing mode {billing_mode}, not {days}."
        )


def _multi_region(wanted: bool | None, family: Family) -> bool:
    """Events from outside of AWS come through a channel of one Region; everything else comes from all Regions unless told otherwise."""
    if family is not Family.ACTIVITY:
        return wanted is not False
    if wanted:
        raise InvalidParameterException("An event data store of the category ActivityAuditLog cannot collect events of several Regions.")
    return False
