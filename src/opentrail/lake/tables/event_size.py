"""What a store's `MaxEventSize` does to events that are larger (reference of records, §6). Pure.

Fields are shortened one after another, in CloudTrail's order, until the event fits: objects are replaced by a note of their size, texts
are cut. Events from outside AWS have limits of their own, which were applied when they came in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

LIMITS: Final[Mapping[str, int]] = {"Standard": 256 << 10, "Large": 1 << 20}
"""Bytes of one event."""
TEXT: Final = 1024
"""Bytes that are left of a text that is cut."""

_ORDER: Final = (
    "annotation",
    "requestID",
    "additionalEventData",
    "serviceEventDetails",
    "userAgent",
    "errorCode",
    "eventContext",
    "responseElements",
    "requestParameters",
    "errorMessage",
)


def fitted(record: bytes, max_event_size: str) -> bytes | None:
    """`record`, made to fit; the very same bytes when it does. `None` when it cannot be made to."""
    limit = LIMITS[max_event_size]
    if len(record) <= limit:
        return record
    event: dict[str, Any] = orjson.loads(record)
    size = len(orjson.dumps(event))
    for field in _ORDER:
        if size <= limit:
            break
        value = event.get(field)
        if isinstance(value, str):
            event[field] = _cut(value)
        elif value:
            event[field] = {"reason": f"{field} too large", "omitted": True, "originalSize": len(orjson.dumps(value))}
        else:
            continue
        size = len(orjson.dumps(event))
    return orjson.dumps(event) if size <= limit else None


def _cut(text: str) -> str:
    return text.encode("utf-8", "replace")[:TEXT].decode("utf-8", "ignore")
