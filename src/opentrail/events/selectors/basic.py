"""Basic event selectors: checked as PutEventSelectors checks them (reference of trails, §6)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from opentrail.events.selectors.fields import EXCLUDABLE
from opentrail.events.selectors.matching import SelectorError, is_everything

MOST_SELECTORS: Final = 5
MOST_RESOURCES: Final = 250
"""Values of data resources in all selectors of a trail together; those that mean all resources do not count."""

DEFAULT: Mapping[str, Any] = {
    "ReadWriteType": "All",
    "IncludeManagementEvents": True,
    "DataResources": [],
    "ExcludeManagementEventSources": [],
}
"""The selector of a trail that was never given one."""

_PARTITION: Final = r"arn:aws(?:-[a-z]+)*"
_EVERYTHING: Final = {
    "AWS::S3::Object": re.compile(_PARTITION + r":s3(?::::)?"),
    "AWS::Lambda::Function": re.compile(_PARTITION + r":lambda"),
    "AWS::DynamoDB::Table": re.compile(_PARTITION + r":dynamodb"),
}
_ONE: Final = {
    "AWS::S3::Object": re.compile(_PARTITION + r":s3:::[A-Za-z0-9._-]{3,255}/.*", re.DOTALL),
    "AWS::Lambda::Function": re.compile(_PARTITION + r":lambda:[a-z0-9-]+:\d{12}:function:[A-Za-z0-9_-]+(?::[$A-Za-z0-9_-]+)?"),
    "AWS::DynamoDB::Table": re.compile(_PARTITION + r":dynamodb:[a-z0-9-]+:\d{12}:table/[A-Za-z0-9_.-]+"),
}


def checked_basic(selectors: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The selectors with all four members filled in, as they are stored. Raises `SelectorError`."""
    if not 1 <= len(selectors) <= MOST_SELECTORS:
        raise SelectorError(f"Specify between 1 and {MOST_SELECTORS} event selectors.")
    checked = [_checked(selector) for selector in selectors]
    values = [value for selector in checked for resource in selector["DataResources"] for value in resource["Values"]]
    counted = sum(not is_everything(value) for value in values)
    if counted > MOST_RESOURCES:
        raise SelectorError(f"The event selectors of a trail have at most {MOST_RESOURCES} data resources; these have {counted}.")
    return checked


def _checked(selector: Mapping[str, Any]) -> dict[str, Any]:
    kind = selector.get("ReadWriteType", "All")
    management = selector.get("IncludeManagementEvents", True)
    resources = [_resource(resource) for resource in selector.get("DataResources") or ()]
    excluded = list(selector.get("ExcludeManagementEventSources") or ())
    if kind not in ("ReadOnly", "WriteOnly", "All"):
        raise SelectorError(f"Value {kind} for ReadWriteType is invalid.")
    if not management and not resources:
        raise SelectorError(
            "Invalid combination of parameters in EventSelectors. When includeManagementEvents is false, DataResources must not be empty."
        )
    if any(source not in EXCLUDABLE for source in excluded) or (excluded and not management):
        raise SelectorError("Event selector ExcludeManagementEventSources is not valid")
    return {
        "ReadWriteType": kind,
        "IncludeManagementEvents": management,
        "DataResources": resources,
        "ExcludeManagementEventSources": excluded,
    }


def _resource(given: Mapping[str, Any]) -> dict[str, Any]:
    kind = given.get("Type")
    if kind not in _ONE:
        raise SelectorError(f"Value {kind} for DataResources.Type is invalid.")
    # A data resource without values is accepted and selects nothing (observed).
    values = list(given.get("Values") or ())
    for value in values:
        if not _EVERYTHING[kind].fullmatch(value) and not _ONE[kind].fullmatch(value):
            raise SelectorError(_complaint(kind, value))
    return {"Type": kind, "Values": values}


def _complaint(kind: str, value: str) -> str:
    foreign = kind == "AWS::S3::Object" and not re.match(_PARTITION + ":s3:::", value)
    return f"Invalid S3 ARN: {value}" if foreign else f"Value {value} for DataResources.Values is invalid."
