"""How often somebody may try to sign in: buckets of attempts that fill up again with time, in memory that is bounded. Pure.

Two buckets count for each attempt: the address it comes from, and the name it is for. An attempt that succeeds is given back, so people
who know their password are not slowed down; whoever guesses is, whatever becomes of the name: a name that does not exist has a bucket
like any other.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

MOST_KEPT: Final = 10_000
"""Buckets that are kept. Beyond that the one that was used longest ago is forgotten, as if it were full again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """`burst` attempts at once, then one every `interval` seconds."""

    burst: int
    interval: float


BY_SOURCE: Final = Allowance(burst=20, interval=3.0)
"""For one address (IPv6: for one /64, which is one customer)."""
BY_NAME: Final = Allowance(burst=10, interval=6.0)
"""For one name, wherever the attempts come from."""


class Throttle:
    """Buckets by key. Not thread-safe; times are seconds on any clock that does not go back."""

    def __init__(self, allowance: Allowance, most: int = MOST_KEPT) -> None:
        self._allowance = allowance
        self._most = most
        self._buckets: OrderedDict[bytes, tuple[float, float]] = OrderedDict()
        """Key → attempts left, and when that was so."""

    def take(self, key: str, now: float) -> bool:
        """Use up one attempt; False when none is left."""
        hashed = _hashed(key)
        left = self._left(hashed, now)
        allowed = left >= 1.0
        self._put(hashed, left - 1.0 if allowed else left, now)
        return allowed

    def give_back(self, key: str, now: float) -> None:
        """The attempt was a good one."""
        hashed = _hashed(key)
        if hashed in self._buckets:
            self._put(hashed, self._left(hashed, now) + 1.0, now)

    def __len__(self) -> int:
        return len(self._buckets)

    def _left(self, hashed: bytes, now: float) -> float:
        left, at = self._buckets.get(hashed, (float(self._allowance.burst), now))
        return min(float(self._allowance.burst), left + max(0.0, now - at) / self._allowance.interval)

    def _put(self, hashed: bytes, left: float, now: float) -> None:
        if left >= self._allowance.burst:
            self._buckets.pop(hashed, None)
            return
        self._buckets[hashed] = (left, now)
        self._buckets.move_to_end(hashed)
        while len(self._buckets) > self._most:
            self._buckets.popitem(last=False)


def source_key(address: str) -> str:
    """Under which key the attempts from an address are counted."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)


def _hashed(key: str) -> bytes:
    return hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=16).digest()
