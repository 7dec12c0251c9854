"""How often an account may ask in a Region (API reference: "limited to two per second, per account, per Region")."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

from opentrail.insights.faults import ThrottlingException

MOST_KEPT: Final = 10_000
"""Accounts and Regions that are remembered; the one that asked longest ago is forgotten first."""


class Rate:
    """So many requests a second, and as many at once after a second of rest. Any thread."""

    def __init__(self, a_second: int) -> None:
        self._a_second = a_second
        self._lock = threading.Lock()
        self._left: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()
        """Requests that may be made, and when (epoch seconds) that was so."""

    def take(self, account_id: str, region: str, now: float) -> None:
        """One request. Raises `ThrottlingException`; that one does not count."""
        place = (account_id, region)
        with self._lock:
            left, at = self._left.pop(place, (float(self._a_second), now))
            # A clock that went back gives nothing, and takes nothing away.
            left = min(float(self._a_second), left + max(0.0, now - at) * self._a_second)
            allowed = left >= 1.0
            self._left[place] = (left - 1.0 if allowed else left, now)
            if len(self._left) > MOST_KEPT:
                self._left.popitem(last=False)
        if not allowed:
            raise ThrottlingException(f"Rate exceeded: this takes {self._a_second} requests a second. Send it again a little later.")
