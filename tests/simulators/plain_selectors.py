"""Event selectors read slowly and literally: the rules of the reference, one after the other, on plain JSON records.

Judges the compiled matchers; nothing here is compiled, remembered or shared with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DEFAULT = {"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": [], "ExcludeManagementEventSources": []}


def takes(stored: Mapping[str, Any] | None, record: Mapping[str, Any]) -> bool:
    """Whether an event is taken: when any selector matches."""
    if stored is None:
        return basic(DEFAULT, record)
    if "EventSelectors" in stored:
        return any(basic(selector, record) for selector in stored["EventSelectors"])
    return any(advanced(selector, record) for selector in stored["AdvancedEventSelectors"])


def basic(selector: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    """ReadWriteType holds for both categories; what is not said to be read only counts as a write."""
    reads = record.get("readOnly") is True
    if selector["ReadWriteType"] == "ReadOnly" and not reads:
        return False
    if selector["ReadWriteType"] == "WriteOnly" and reads:
        return False
    if record.get("eventCategory") == "Management":
        return selector["IncludeManagementEvents"] and record.get("eventSource") not in selector["ExcludeManagementEventSources"]
    if record.get("eventCategory") != "Data":
        return False
    return any(
        means(wanted["Type"], value, name_of(entry))
        for wanted in selector["DataResources"]
        for value in wanted["Values"]
        for entry in record.get("resources") or []
        if entry.get("type") == wanted["Type"]
    )


def means(kind: str, value: str, name: str | None) -> bool:
    """What a value of a data resource matches, by the table of §6."""
    if kind == "AWS::S3::Object":
        return value in ("arn:aws:s3", "arn:aws:s3:::") or (name is not None and name[: len(value)] == value)
    if kind == "AWS::Lambda::Function":
        return value == "arn:aws:lambda" or value == name
    return value == "arn:aws:dynamodb" or value == name


def advanced(selector: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    """All fields match; `resources` fields must be satisfied by one entry together."""
    fields = {field["Field"]: field for field in selector["FieldSelectors"]}
    plain = {name: field for name, field in fields.items() if not name.startswith("resources.")}
    if not all(field_matches(field, value_of(record, name)) for name, field in plain.items()):
        return False
    of_entries = {name: field for name, field in fields.items() if name.startswith("resources.")}
    if not of_entries:
        return True
    return any(
        all(field_matches(field, entry.get("type") if name == "resources.type" else name_of(entry)) for name, field in of_entries.items())
        for entry in record.get("resources") or []
    )


def field_matches(field: Mapping[str, Any], value: str | None) -> bool:
    """SELECT operators OR'd, DESELECT operators AND'd, the two groups AND'd; no SELECT value: that group is true."""
    select = [(operator, text) for operator in ("Equals", "StartsWith", "EndsWith") for text in field.get(operator, [])]
    deselect = [(operator[3:], text) for operator in ("NotEquals", "NotStartsWith", "NotEndsWith") for text in field.get(operator, [])]
    selected = not select or any(holds(operator, text, value) for operator, text in select)
    return selected and not any(holds(operator, text, value) for operator, text in deselect)


def holds(operator: str, text: str, value: str | None) -> bool:
    if value is None:
        return False
    return {"Equals": value == text, "StartsWith": value[: len(text)] == text, "EndsWith": value[-len(text) :] == text}[operator]


def value_of(record: Mapping[str, Any], name: str) -> str | None:
    if name == "readOnly":
        return "true" if record.get("readOnly") is True else "false"
    if name == "userIdentity.arn":
        return (record.get("userIdentity") or {}).get("arn")
    found = record.get(name)
    return found if isinstance(found, str) else ("" if name in ("eventSource", "eventName", "eventType") else None)


def name_of(entry: Mapping[str, Any]) -> str | None:
    return entry["ARN"] if "ARN" in entry else entry.get("ARNPrefix")
