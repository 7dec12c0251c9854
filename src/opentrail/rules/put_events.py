"""What PutEvents checks of its entries, and what becomes of each. Pure.

Sizes and codes: "Adding events with PutEvents" and "Calculating event entry size" of the EventBridge guide.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from opentrail.rules.names import BusName, bus_of
from opentrail.rules.values import DEFAULT_BUS, NewEvent
from opentrail.wire.faults import ValidationException

MAX_SIZE: Final = 256 * 1024
"""Bytes of all entries of a request."""
MAX_DEPTH: Final = 200
"""Levels of objects and lists in a detail."""
_TIME_SIZE: Final = 14


@dataclass(frozen=True, slots=True)
class Refused:
    """Why an entry is not taken: `ErrorCode` and `ErrorMessage`."""

    code: str
    message: str


def check_size(entries: Sequence[Mapping[str, Any]]) -> None:
    """Raises `ValidationException` when the entries are too large together."""
    size = sum(_size(entry) for entry in entries)
    if size > MAX_SIZE:
        raise ValidationException(f"Total size of the entries in the request is over the limit: {size} bytes, {MAX_SIZE} are allowed.")


def bus_named(given: str | None, *, account_id: str, region: str) -> BusName:
    """The bus that a name, or an ARN, or nothing means to a caller."""
    found = bus_of(given) if given else None
    return found or BusName(region=region, account_id=account_id, name=given or DEFAULT_BUS)


def made(entry: Mapping[str, Any], bus: BusName, *, event_id: str, account_id: str, now: datetime) -> NewEvent | Refused:
    """The event that an entry of `account_id` becomes."""
    for member in ("Source", "DetailType", "Detail"):
        if not entry.get(member):
            return Refused("InvalidArgument", f"Parameter {member} is not valid. Reason: {member} is a required argument.")
    if entry["Source"].startswith("aws."):
        return Refused("NotAuthorizedForSourceException", "Not authorized for the source.")
    detail = _detail(entry["Detail"])
    if detail is None:
        return Refused("MalformedDetail", "Detail is malformed.")
    time: datetime = entry.get("Time") or now
    event = {
        "version": "0",
        "id": event_id,
        "detail-type": entry["DetailType"],
        "source": entry["Source"],
        "account": account_id,
        "time": time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": bus.region,
        "resources": list(entry.get("Resources") or ()),
        "detail": detail,
    }
    return NewEvent(bus_arn=bus.arn, event=event)


def _detail(text: str) -> dict[str, Any] | None:
    """The detail as JSON; `None` when it is no object, too deep, or holds what can be sent to nobody: half of a surrogate pair, a number
    that no double is."""
    try:
        found = json.loads(text, parse_constant=_no_number, parse_float=_number)
        if "\\u" in text:
            json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and not _is_deep(found) else None


def _no_number(text: str) -> Any:
    raise ValueError(text)


def _number(text: str) -> float:
    found = float(text)
    return found if math.isfinite(found) else _no_number(text)


def _is_deep(value: Any) -> bool:
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        level = [item for one in level for item in (one.values() if isinstance(one, dict) else one) if isinstance(item, dict | list)]
        if not level:
            return False
    return True


def _size(entry: Mapping[str, Any]) -> int:
    texts = [entry.get("Source"), entry.get("DetailType"), entry.get("Detail"), *(entry.get("Resources") or ())]
    return (_TIME_SIZE if entry.get("Time") else 0) + sum(len(text.encode(errors="surrogatepass")) for text in texts if text)
