"""Insights records: what trails nest in `insightDetails`, the Lake shows flat (reference of records, §12). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from opentrail.lake.columns.text import as_array, as_object

_DETAILS: Final = {
    "state": "insightState",
    "eventSource": "insightEventSource",
    "eventName": "insightEventName",
    "errorCode": "insightErrorCode",
    "insightType": "insightType",
    "insightSource": "insightSource",
}
_SIDES: Final = ("insight", "baseline")


def flat(members: dict[str, msgspec.Raw]) -> dict[str, msgspec.Raw]:
    """The members of an Insights record, each where its column looks for it; a record that is flat stays as it is. Raises `NotJSON`."""
    details = _object(members.get("insightDetails"))
    lifted = {flat_name: details[name] for name, flat_name in _DETAILS.items() if name in details}
    context = _object(details.get("insightContext")) or _object(members.get("insightContext"))
    if context:
        lifted["insightContext"] = _encoded(_context(context))
    return {**members, **lifted}


def _context(context: Mapping[str, msgspec.Raw]) -> dict[str, msgspec.Raw]:
    statistics = _object(context.get("statistics"))
    durations = {name: statistics[name] for name in ("insightDuration", "baselineDuration") if name in statistics}
    found = dict(context) | durations
    for side in _SIDES:
        if (average := _object(statistics.get(side)).get("average")) is not None:
            found[f"{side}Average"] = average
    attributions = context.get("attributions")
    if attributions is not None and bytes(attributions)[:1] == b"[":
        found["attributions"] = msgspec.Raw(msgspec.json.encode([_attribution(each) for each in as_array(attributions)]))
    return found


def _attribution(given: msgspec.Raw) -> msgspec.Raw:
    """With the first of each list, the largest, in the fields that hold one value."""
    members = _object(given)
    if not members:
        return given
    for side in _SIDES:
        values = members.get(side)
        if values is None or bytes(values)[:1] != b"[":
            continue
        first = _object(next(iter(as_array(values)), None))
        for name, field in (("value", f"{side}Value"), ("average", f"{side}Average")):
            if name in first:
                members.setdefault(field, first[name])
    return _encoded(members)


def _object(value: msgspec.Raw | None) -> dict[str, msgspec.Raw]:
    return as_object(value) if value is not None and bytes(value)[:1] == b"{" else {}


def _encoded(members: Mapping[str, msgspec.Raw]) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(members))
