"""Ids of refreshes and aliases of widgets, as they are given out."""

from __future__ import annotations

import secrets
import uuid

from opentrail.lake.dashboards.managed import PREFIX


def new_alias() -> str:
    """An alias that no widget has."""
    return f"{PREFIX}{uuid.uuid4()}"


def new_refresh_id(now: float, last: str | None) -> str:
    """19 digits: milliseconds since the epoch, and six by chance. Greater than the `last` one of the dashboard, whatever the clock says."""
    made = int(now * 1000) * 10**6 + secrets.randbelow(10**6)
    if last is not None and made <= int(last):
        made = int(last) + 1 + secrets.randbelow(1000)
    return f"{made:019d}"
