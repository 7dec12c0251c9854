"""Which events were taken in already, so that a client may send again what it has no answer to.

An event's id comes from its channel and its content, so the same event has the same id each time. The memory of the newest `BOUND` ids is
in this process only: what makes it durable is that the events themselves are. After a start it is read back from the event store, which
first takes in the whole journal; until then, but no longer than `PATIENCE`, events wait. See docs/decisions/0013-audit-events-once.md.

For one event loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from opentrail.wire.faults import Fault

BOUND = 200_000
"""Ids that are remembered: some 60 MB at the most, with their `UID`s."""
PATIENCE = 20.0
"""Seconds that the first events after a start wait for the memory; below the time-outs of AWS clients (60 s)."""
PAUSE = 0.5
"""Seconds between two attempts to read the memory."""

Load = Callable[[int], Awaitable[Sequence[tuple[str, int | None]]]]
"""Gives at most so many ids of the newest events and the numbers of their `UID`s (`activity.deed`), newest first, every event that was
answered before this call among them."""

log = logging.getLogger("opentrail.cloudtrail_data")


@dataclass(frozen=True, slots=True)
class Claim:
    """What is to become of the ids of one request."""

    fresh: Mapping[str, int]
    """To be recorded now, with the numbers of their `UID`s; nobody else gets them until `settle`."""
    under_way: frozenset[str]
    """Another request is recording them at this moment; whether it can is not known yet."""
    originals: Mapping[str, str]
    """Fresh id → id of the first event that had the same `UID`: what it said is said anew."""


class RecentEvents:
    """The memory. `claim` before the events are recorded, `settle` when it is known whether they were."""

    def __init__(self, load: Load, *, bound: int = BOUND, patience: float = PATIENCE, pause: float = PAUSE) -> None:
        self._load = load
        self._bound = bound
        self._patience = patience
        self._pause = pause
        self._known: dict[int, None] = {}
        """Ids as numbers, oldest first."""
        self._firsts: dict[int, int] = {}
        """Number of a `UID` → id of the first event that had it, oldest first."""
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

    def claim(self, events: Iterable[tuple[str, int]]) -> Claim:
        """Take those of the events (id, number of the `UID`) that are neither known nor under way."""
        fresh: dict[str, int] = {}
        under_way = set()
        originals: dict[str, str] = {}
        firsts: dict[int, str] = {}
        for event_id, uid in events:
            if event_id in self._under_way:
                under_way.add(event_id)
            elif event_id not in fresh and _number(event_id) not in self._known:
                fresh[event_id] = uid
                first = self._firsts.get(uid)
                if first is not None:
                    originals[event_id] = str(UUID(int=first))
                elif uid in firsts:
                    originals[event_id] = firsts[uid]
                else:
                    firsts[uid] = event_id
        self._under_way |= fresh.keys()
        return Claim(fresh, frozenset(under_way), originals)

    def settle(self, events: Mapping[str, int], recorded: bool) -> None:
        """Give claimed ids back (with the numbers of their `UID`s), and remember them if they were `recorded`."""
        for event_id, uid in events.items():
            self._under_way.discard(event_id)
            if recorded:
                number = _number(event_id)
                self._known[number] = None
                self._firsts.setdefault(uid, number)
        self._bound_it()

    def _bound_it(self) -> None:
        for memory in (self._known, self._firsts):
            while len(memory) > self._bound:
                del memory[next(iter(memory))]

    async def _fill(self) -> None:
        while True:
            try:
                found = await self._load(self._bound)
                break
            except Fault:  # the process that has the event store is not up yet
                await asyncio.sleep(self._pause)
        oldest_first = [(_number(event_id), uid) for event_id, uid in reversed(found)]
        self._known = {**dict.fromkeys(number for number, _ in oldest_first), **self._known}
        firsts: dict[int, int] = {}
        for number, uid in oldest_first:
            if uid is not None:
                firsts.setdefault(uid, number)
        self._firsts = {**firsts, **{uid: number for uid, number in self._firsts.items() if uid not in firsts}}
        self._bound_it()


def _number(event_id: str) -> int:
    """As `UUID(…).int`, at a third of the time."""
    return int(event_id.replace("-", ""), 16)
