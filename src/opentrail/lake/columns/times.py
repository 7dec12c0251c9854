"""Times as records spell them, in microseconds since the epoch. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


@lru_cache(maxsize=1 << 16)
def micros(text: str) -> int | None:
    """`2026-01-05T10:11:12.5Z` in microseconds since the epoch; without a zone it is UTC. `None` when it is no time, or before 1970."""
    if len(text) < len("2026-01-05T10:11"):
        return None
    leap = text[16:19] == ":60"
    try:
        time = datetime.fromisoformat(f"{text[:17]}59{text[19:]}" if leap else text)
        since = (time.replace(tzinfo=UTC) if time.tzinfo is None else time) - _EPOCH
    except (ValueError, OverflowError):
        return None
    counted = since // _MICROSECOND + (1_000_000 if leap else 0)
    return counted if 0 <= counted < _END else None


_END: Final = (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC) - _EPOCH) // _MICROSECOND + 1_000_000
