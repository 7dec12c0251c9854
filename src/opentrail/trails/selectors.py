"""What a trail takes from the stream: basic and advanced event selectors, checked when put, compiled once (reference of trails, §6-§7).

Management events are selected by everything the reference names. Data events and network activity events are not recorded yet, so a
selector that asks for them is refused by name rather than accepted and never obeyed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from opentrail.trails.faults import InvalidEventSelectorsException, UnsupportedOperationException

MOST_SELECTORS = 5
MOST_VALUES = 500
EXCLUDABLE = ("kms.amazonaws.com", "rdsdata.amazonaws.com")
DATA_TYPES = ("AWS::S3::Object", "AWS::Lambda::Function", "AWS::DynamoDB::Table")
OPERATORS = ("Equals", "StartsWith", "EndsWith", "NotEquals", "NotStartsWith", "NotEndsWith")
GLOBAL_SOURCES = frozenset(
    f"{name}.amazonaws.com" for name in ("iam", "cloudfront", "organizations", "route53", "route53domains", "waf", "globalaccelerator")
)
"""Sources of global service events; `sts.amazonaws.com` too, when its global endpoint was called (reference of trails, §5)."""

DEFAULT: Mapping[str, Any] = {
    "ReadWriteType": "All",
    "IncludeManagementEvents": True,
    "DataResources": [],
    "ExcludeManagementEventSources": [],
}
"""The selector of a trail that was never given one."""


class RequestDetails(msgspec.Struct, gc=False, rename="camel"):
    """`additionalEventData.RequestDetails` of an STS record."""

    endpoint_type: str | None = None


class AdditionalEventData(msgspec.Struct, gc=False):
    """As much of `additionalEventData` as tells a global STS call."""

    details: RequestDetails | None = msgspec.field(default=None, name="RequestDetails")


class Facts(msgspec.Struct, gc=False, rename="camel"):
    """The few fields of a record by which delivery decides; everything else stays bytes."""

    recipient_account_id: str
    aws_region: str
    event_time: str
    event_category: str = ""
    event_source: str = ""
    read_only: bool | None = None
    request_id: str | None = msgspec.field(default=None, name="requestID")
    additional_event_data: msgspec.Raw = msgspec.Raw(b"null")

    @property
    def is_global(self) -> bool:
        """Whether this is a global service event."""
        if self.event_source in GLOBAL_SOURCES:
            return True
        if self.event_source != "sts.amazonaws.com":
            return False
        try:
            extra = _extra.decode(self.additional_event_data)
        except msgspec.MsgspecError:
            return False
        return extra is not None and extra.details is not None and extra.details.endpoint_type == "global"


Selector = Callable[[Facts], bool]

_extra = msgspec.json.Decoder(AdditionalEventData | None)
_facts = msgspec.json.Decoder(Facts)


def facts(record: bytes) -> Facts | None:
    """What delivery has to know of `record`; `None` when it is not a record of any account and Region."""
    try:
        return _facts.decode(record)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def checked_basic(selectors: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Basic selectors with all four members filled in.

    Raises `InvalidEventSelectorsException`, or `UnsupportedOperationException` for data events.
    """
    if not 1 <= len(selectors) <= MOST_SELECTORS:
        raise InvalidEventSelectorsException(f"Specify between 1 and {MOST_SELECTORS} event selectors.")
    return [_checked_basic(selector) for selector in selectors]


def _checked_basic(selector: Mapping[str, Any]) -> dict[str, Any]:
    kind = selector.get("ReadWriteType", "All")
    management = selector.get("IncludeManagementEvents", True)
    resources = [dict(resource) for resource in selector.get("DataResources") or ()]
    excluded = list(selector.get("ExcludeManagementEventSources") or ())
    if kind not in ("ReadOnly", "WriteOnly", "All"):
        raise InvalidEventSelectorsException(f"Value {kind} for ReadWriteType is invalid.")
    if not management and not resources:
        raise InvalidEventSelectorsException(
            "Invalid combination of parameters in EventSelectors. When includeManagementEvents is false, DataResources must not be empty."
        )
    if any(source not in EXCLUDABLE for source in excluded) or (excluded and not management):
        raise InvalidEventSelectorsException("Event selector ExcludeManagementEventSources is not valid")
    for resource in resources:
        if resource.get("Type") not in DATA_TYPES:
            raise InvalidEventSelectorsException(f"Value {resource.get('Type')} for DataResources.Type is invalid.")
        if resource.get("Values"):
            raise UnsupportedOperationException("OpenTrail does not record data events yet; leave DataResources.Values empty.")
    return {
        "ReadWriteType": kind,
        "IncludeManagementEvents": management,
        "DataResources": [{"Type": resource["Type"], "Values": []} for resource in resources],
        "ExcludeManagementEventSources": excluded,
    }


def checked_advanced(selectors: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Advanced selectors as they are stored. Raises as `checked_basic` does."""
    if not selectors:
        raise InvalidEventSelectorsException("Specify at least one advanced event selector.")
    values = sum(len(field.get(operator) or ()) for one in selectors for field in one.get("FieldSelectors", ()) for operator in OPERATORS)
    if values > MOST_VALUES:
        raise InvalidEventSelectorsException(f"Advanced event selectors have at most {MOST_VALUES} values; these have {values}.")
    return [_checked_advanced(selector) for selector in selectors]


def _checked_advanced(selector: Mapping[str, Any]) -> dict[str, Any]:
    fields: dict[str, dict[str, Any]] = {}
    for given in selector.get("FieldSelectors", ()):
        name = given["Field"]
        if name in fields:
            raise InvalidEventSelectorsException(f"Field {name} is specified more than once in one advanced event selector.")
        fields[name] = {"Field": name, **{operator: list(given[operator]) for operator in OPERATORS if given.get(operator)}}
        if len(fields[name]) == 1:
            raise InvalidEventSelectorsException(f"Field {name} has no operator with a value.")
    category = fields.get("eventCategory", {})
    if set(category) != {"Field", "Equals"} or len(category["Equals"]) != 1:
        raise InvalidEventSelectorsException(
            "Every advanced event selector must have the field eventCategory with exactly one Equals value."
        )
    if category["Equals"][0] in ("Data", "NetworkActivity"):
        raise UnsupportedOperationException(
            f"OpenTrail does not record {category['Equals'][0]} events yet; eventCategory can only be Management."
        )
    if category["Equals"][0] != "Management":
        raise InvalidEventSelectorsException(f"Value {category['Equals'][0]} for eventCategory is invalid for a trail.")
    for name, field in fields.items():
        _check_management_field(name, field)
    stored: dict[str, Any] = {"FieldSelectors": list(fields.values())}
    return {"Name": selector["Name"], **stored} if selector.get("Name") else stored


def _check_management_field(name: str, field: Mapping[str, Any]) -> None:
    operators = set(field) - {"Field"}
    if name == "eventCategory":
        return
    if name == "readOnly":
        if operators != {"Equals"} or len(field["Equals"]) != 1 or field["Equals"][0] not in ("true", "false"):
            raise InvalidEventSelectorsException("Field readOnly takes the operator Equals with the value true or false.")
    elif name == "eventSource":
        if operators != {"NotEquals"} or any(value not in EXCLUDABLE for value in field["NotEquals"]):
            raise InvalidEventSelectorsException(
                f"Field eventSource of management events takes the operator NotEquals with the values {' and '.join(EXCLUDABLE)}."
            )
    else:
        raise InvalidEventSelectorsException(f"Field {name} is not valid for management events of a trail.")


def compiled(stored: Mapping[str, Any] | None) -> Selector:
    """One closure for the stored selectors of a trail: `{"EventSelectors": […]}`, `{"AdvancedEventSelectors": […]}` or `None`."""
    if stored is None:
        parts = [_basic(DEFAULT)]
    elif "AdvancedEventSelectors" in stored:
        parts = [_advanced(one) for one in stored["AdvancedEventSelectors"]]
    else:
        parts = [_basic(one) for one in stored["EventSelectors"]]
    if len(parts) == 1:
        return parts[0]
    return lambda facts: any(part(facts) for part in parts)


def _basic(selector: Mapping[str, Any]) -> Selector:
    if not selector["IncludeManagementEvents"]:
        return lambda _: False
    return _management({"ReadOnly": True, "WriteOnly": False}.get(selector["ReadWriteType"]), selector["ExcludeManagementEventSources"])


def _advanced(selector: Mapping[str, Any]) -> Selector:
    fields = {field["Field"]: field for field in selector["FieldSelectors"]}
    read_only = fields["readOnly"]["Equals"][0] == "true" if "readOnly" in fields else None
    return _management(read_only, fields.get("eventSource", {}).get("NotEquals", ()))


def _management(read_only: bool | None, excluded: Sequence[str]) -> Selector:
    left_out = frozenset(excluded)
    if read_only is None and not left_out:
        return lambda facts: facts.event_category == "Management"

    def selects(facts: Facts) -> bool:
        # A record without readOnly (an old or a service event) counts as a write: nothing may slip through a WriteOnly selector.
        wanted = read_only is None or bool(facts.read_only) == read_only
        return facts.event_category == "Management" and wanted and facts.event_source not in left_out

    return selects
