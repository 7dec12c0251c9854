"""Which events were taken in already, so that a client may send again what it has no answer to.

An event's id comes from its channel and its content, so the same event has the same id each time. The memory of the newest `BOUND` ids is
in this process only: what makes it durable is that the events themselves are. After a start it is read back from the event store, which
first takes in the whole journal; until then, but no longer than `PATIENCE`, events wait. See docs/decisions/0013-audit-events-once.md.

For one event loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import Enum

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


class Turn(Enum):
    """What is to become of an event."""

    RECORDED = "now"
    """By this request."""
    KNOWN = "before"
    """It is on disk, or this request has it twice."""
    UNDER_WAY = "perhaps"
    """Another request is recording it at this moment; whether it can is not known yet."""


class Claim:
    """The events that one request records: nobody else gets them until it is settled. Made by `RecentEvents.claim`."""

    def __init__(self, known: Mapping[int, None], firsts: Mapping[int, int], under_way: set[int]) -> None:
        self.fresh: dict[int, int] = {}
        """Id → number of the `UID`, of each event to be recorded."""
        self._known = known
        self._firsts = firsts
        self._under_way = under_way
        self._first_here: dict[int, int] = {}

    def turn(self, event: int, uid: int) -> Turn:
        """Take the event with this id and this number of its `UID`, unless it is known or under way."""
        if event in self._under_way:
            return Turn.KNOWN if event in self.fresh else Turn.UNDER_WAY
        if event in self._known:
            return Turn.KNOWN
        self.fresh[event] = uid
        self._under_way.add(event)
        self._first_here.setdefault(uid, event)
        return Turn.RECORDED

    def original(self, event: int, uid: int) -> int | None:
        """Of an event to be recorded: the first one that had the same `UID`, whose deed it tells anew; `None` if it is the first."""
        first = self._firsts.get(uid) or self._first_here[uid]
        return None if first == event else first


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
        self._under_way: set[int] = set()
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

    def claim(self) -> Claim:
        """For the events of one request. Between this and the last `turn` nothing may be awaited."""
        return Claim(self._known, self._firsts, self._under_way)

    def settle(self, claim: Claim, recorded: bool) -> None:
        """Give the events of a claim back, and remember them if they were `recorded`."""
        self._under_way.difference_update(claim.fresh)
        if recorded:
            self._known.update(dict.fromkeys(claim.fresh))
            for event, uid in claim.fresh.items():
                self._firsts.setdefault(uid, event)
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
