"""Files of AWS Config, snapshots and history, as the ConfigurationItem records that a store of configuration items holds. Pure.

Such a file is `{"fileVersion": "1.0", "configurationItems": [{…}, …]}` (Config developer guide, "Configuration items"). Its items are
spelled a little differently from the record's (`ITEM`); what is not in that table is kept in the record under its own name all the same.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

ITEM: Final[Mapping[str, str]] = {
    "configurationItemVersion": "configurationItemVersion",
    "configurationItemCaptureTime": "configurationItemCaptureTime",
    "configurationItemStatus": "configurationItemStatus",
    "configurationStateId": "configurationItemStateId",
    "awsAccountId": "accountId",
    "accountId": "accountId",
    "resourceType": "resourceType",
    "resourceId": "resourceId",
    "resourceName": "resourceName",
    "ARN": "arn",
    "arn": "arn",
    "awsRegion": "awsRegion",
    "availabilityZone": "availabilityZone",
    "resourceCreationTime": "resourceCreationTime",
    "configuration": "configuration",
    "supplementaryConfiguration": "supplementaryConfiguration",
    "relatedEvents": "relatedEvents",
    "relationships": "relationships",
    "tags": "tags",
}
"""Name of a member in a file of AWS Config → in `eventData` of the record."""
RELATIONSHIP: Final[Mapping[str, str]] = {"relationshipName": "name"}
"""The same, within a relationship."""
VERSION: Final = "1.0"
CATEGORY: Final = "ConfigurationItem"
TYPE: Final = "AwsConfigurationItem"
_NAMES: Final = uuid.UUID("6ee3a9a5-4f3c-5c0e-9c57-3d2b8f0e61c4")
"""Namespace of the event ids: the same item has the same id, in whichever file it comes."""


class _Item(msgspec.Struct):
    items: list[msgspec.Raw] = msgspec.field(name="configurationItems")


_file: Final = msgspec.json.Decoder(_Item)


def records(text: bytes) -> list[bytes] | None:
    """The records for a file's text, one for each item; what is no item stays as it is, to be refused with its place. `None` when it is
    no file of AWS Config."""
    try:
        items = _file.decode(text).items
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return [_record(bytes(item)) for item in items]


def _record(item: bytes) -> bytes:
    try:
        found = msgspec.json.decode(item)
        return msgspec.json.encode(record(found))
    except (msgspec.DecodeError, UnicodeDecodeError, TypeError, ValueError, KeyError, AttributeError):
        return item


def record(item: Mapping[str, Any]) -> dict[str, Any]:
    """The record of one configuration item. Raises `KeyError` and `ValueError` where it has no time, `AttributeError` for what is none."""
    data = {ITEM.get(name, name): value for name, value in item.items()}
    data["relationships"] = [_relationship(one) for one in item.get("relationships") or ()]
    if "relatedEvents" in data and not isinstance(data["relatedEvents"], str):
        data["relatedEvents"] = msgspec.json.encode(data["relatedEvents"]).decode()
    captured = datetime.fromisoformat(str(item["configurationItemCaptureTime"]))
    if captured.tzinfo is None:
        captured = captured.replace(tzinfo=UTC)
    time = captured.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    who = [str(data.get(name, "")) for name in ("accountId", "awsRegion", "resourceType", "resourceId", "arn")]
    what = hashlib.sha256(msgspec.json.encode(data.get("configuration"), order="deterministic")).hexdigest()
    return {
        "eventVersion": VERSION,
        "eventCategory": CATEGORY,
        "eventType": TYPE,
        "eventID": str(uuid.uuid5(_NAMES, "\n".join((*who, captured.isoformat(), str(data.get("configurationItemStateId", "")), what)))),
        "eventTime": time,
        "awsRegion": data.get("awsRegion"),
        "recipientAccountId": data.get("accountId"),
        "eventData": data,
    }


def _relationship(one: Mapping[str, Any]) -> dict[str, Any]:
    return {RELATIONSHIP.get(name, name): value for name, value in one.items()}
