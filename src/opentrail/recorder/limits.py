"""Size rules (`spec/records.md` §6): what is too large is replaced whole or cut, so that a record stays below 256 KB."""

from __future__ import annotations

from typing import Any

import orjson

from opentrail.events import record as records

RECORD = 256 * 1024
OBJECTS: dict[str, int] = {
    "requestParameters": 100 * 1024,
    "responseElements": 100 * 1024,
    "serviceEventDetails": 100 * 1024,
    "additionalEventData": 28 * 1024,
}
"""Bytes that each free-form object may take."""
TEXTS = 1024
"""Bytes that userAgent, errorCode, errorMessage and requestID may take each."""


def printed(field: str, value: Any) -> orjson.Fragment | None:
    """The JSON of a free-form object, or of the note that it is too large; `None` for an empty one."""
    if not value:
        return None
    text = records.encode(value)
    limit = OBJECTS[field]
    return orjson.Fragment(text if len(text) <= limit else records.encode(omitted(field, len(text))))


def omitted(field: str, size: int) -> dict[str, Any]:
    """What stands for a free-form object of `size` bytes."""
    return {"reason": f"{field} too large", "omitted": True, "originalSize": size}


def cut(text: str) -> str:
    """`text`, at most 1 KB of UTF-8, cut between characters."""
    if len(text) <= TEXTS // 4:
        return text
    raw = text.encode("utf-8", "replace")
    return text if len(raw) <= TEXTS else raw[:TEXTS].decode("utf-8", "ignore")
