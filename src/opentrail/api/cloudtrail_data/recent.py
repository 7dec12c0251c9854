"""Which events were taken in already, so that a client may send again what it has no answer to.

An event's id comes from its channel and its content, so the same event has the same id each time. The memory of the newest `BOUND` ids is
in this process only: what makes it durable is that the events themselves are. After a start it is read back from the event store, which
first takes in the whole journal; until then, but no longer than `PATIENCE`, events wait. See docs/decisions/0013-audit-events-once.md.

For one event loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from opentrail.wire.faults import Fault

BOUND = 200_000
"""Ids that are remembered: some 30 MB at the most."""
PATIENCE = 20.0
"""Seconds that the first events after a start wait for the memory; below the time-outs of AWS clients (60 s)."""
PAUSE = 0.5
"""Seconds between two attempts to read the memory."""

Load = Callable[[int], Awaitable[Sequence[str]]]
"""Gives at most so many ids of the newest events, every event that was answered before this call among them, in any order."""

log = logging.getLogger("opentrail.cloudtrail_data")


@dataclass(frozen=True, slots=True)
class Claim:
    """What is to become of the ids of one request."""

    fresh: frozenset[str]
    """To be recorded now; nobody else gets them until `settle`."""
    under_way: frozenset[str]
    """Another request is recording them at this moment; whether it can is not known yet."""


class RecentEvents:
    """The memory. `claim` before the events are recorded, `settle` when it is known whether they were."""

    def __init__(self, load: Load, *, bound: int = BOUND, patience: float = PATIENCE, pause: float = PAUSE) -> None:
        self._load = load
        self._bound = bound
        self._patience = patience
        self._pause = pause
        self._known: dict[int, None] = {}
        """Ids as numbers, oldest first."""
        self._under_way: set[str] = set()
        self._loading: asyncio.Task[None] | None = None
        self._waited_out = False

    async def ready(self) -> None:
        """Wait for the memory to be read back. When that takes too long, events are taken in without it: they may come to be twice."""
        if self._loading is None:
            self._loading = asyncio.create_task(self._fill())
        if self._loading.done() or self._waited_out:
            return
        done, _ = await asyncio.wait({self._loading}, timeout=self._patience)
        if not done and not self._waited_out:
            self._waited_out = True
            log.warning("the event store does not tell which audit events it has: until it does, events sent again may be recorded twice")

    def claim(self, event_ids: Iterable[str]) -> Claim:
        """Take the ids that are neither known nor under way."""
        wanted = set(event_ids)
        under_way = wanted & self._under_way
        fresh = {event_id for event_id in wanted - under_way if UUID(event_id).int not in self._known}
        self._under_way |= fresh
        return Claim(frozenset(fresh), frozenset(under_way))

    def settle(self, event_ids: Iterable[str], recorded: bool) -> None:
        """Give claimed ids back, and remember them if they were `recorded`."""
        for event_id in event_ids:
            self._under_way.discard(event_id)
            if recorded:
                self._known[UUID(event_id).int] = None
        while len(self._known) > self._bound:
            del self._known[next(iter(self._known))]

    async def _fill(self) -> None:
        while True:
            try:
                found = await self._load(self._bound)
                break
            except Fault:  # the process that has the event store is not up yet
                await asyncio.sleep(self._pause)
        older = {UUID(event_id).int: None for event_id in reversed(found)}
        self._known = {**older, **self._known}
        self.settle((), recorded=True)
