"""Which events were taken in already, so that a client may send again what it has no answer to.

An event's id comes from its channel and its content, so the same event has the same id each time. The memory of the newest `BOUND` ids is
in this process only: what makes it durable is that the events themselves are. After a start it is read back from the event store, which
first takes in the whole journal; until then, but no longer than `PATIENCE`, events wait. See docs/decisions/0013-audit-events-once.md.

For one event loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import Final
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


class Turn(Enum):
    """What is to become of an event."""

    RECORDED = "now"
    """By this request."""
    KNOWN = "before"
    """It is on disk, or this request has it twice."""
    UNDER_WAY = "perhaps"
    """Another request is recording it at this moment; whether it can is not known yet."""


_FIRST: Final = (Turn.RECORDED, None)


class Newest:
    """Values by key, of the newest `bound` keys. To forget the oldest takes no longer than to remember another: a dictionary alone would
    look for its oldest key from the front, past all that were deleted there."""

    def __init__(self, bound: int, pairs: Iterable[tuple[int, int]] = ()) -> None:
        self.values: dict[int, int] = {}
        self._bound = bound
        self._order: deque[int] = deque()
        self.keep(_first(pairs))

    def keep(self, pairs: Mapping[int, int]) -> None:
        """Remember the value of each key, unless the key has one."""
        values = self.values
        new = pairs if values.keys().isdisjoint(pairs) else {key: value for key, value in pairs.items() if key not in values}
        values.update(new)
        self._order.extend(new)
        for _ in range(len(self._order) - self._bound):
            del values[self._order.popleft()]


class Claim:
    """The events that one request records: nobody else gets them until it is settled. Made by `RecentEvents.claim`."""

    def __init__(self, known: Mapping[int, int], firsts: Mapping[int, int], under_way: set[int]) -> None:
        self.fresh: dict[int, int] = {}
        """Id → number of the `UID`, of each event to be recorded."""
        self._known = known
        self._firsts = firsts
        self._under_way = under_way
        self._first_here: dict[int, int] = {}

    def turns(self, events: Sequence[tuple[int, int]]) -> Sequence[tuple[Turn, str | None]]:
        """Take each event (its id, and the number of its `UID`) unless it is known or under way. Of one to be recorded also the id of the
        first that had the same `UID`, whose deed it tells anew; `None` if it is the first."""
        new = dict(events)
        deeds = set(new.values())
        if (
            len(deeds) == len(events) == len(new)
            and self._under_way.isdisjoint(new)
            and self._known.keys().isdisjoint(new)
            and self._firsts.keys().isdisjoint(deeds)
            and not self._first_here
        ):  # as nearly always
            self.fresh.update(new)
            self._under_way.update(new)
            self._first_here.update((uid, number) for number, uid in events)
            return [_FIRST] * len(events)
        return [self._turn(number, uid) for number, uid in events]

    def _turn(self, number: int, uid: int) -> tuple[Turn, str | None]:
        if number in self._under_way:
            return (Turn.KNOWN if number in self.fresh else Turn.UNDER_WAY), None
        if number in self._known:
            return Turn.KNOWN, None
        self.fresh[number] = uid
        self._under_way.add(number)
        first = self._firsts.get(uid) or self._first_here.setdefault(uid, number)
        return Turn.RECORDED, None if first == number else str(UUID(int=first))


class RecentEvents:
    """The memory. `claim` before the events are recorded, `settle` when it is known whether they were."""

    def __init__(self, load: Load, *, bound: int = BOUND, patience: float = PATIENCE, pause: float = PAUSE) -> None:
        self._load = load
        self._bound = bound
        self._patience = patience
        self._pause = pause
        self._known = Newest(bound)
        """Ids as numbers → numbers of their `UID`s, where they are known."""
        self._firsts = Newest(bound)
        """Number of a `UID` → id of the first event that had it."""
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
        return Claim(self._known.values, self._firsts.values, self._under_way)

    def settle(self, claim: Claim, recorded: bool) -> None:
        """Give the events of a claim back, and remember them if they were `recorded`."""
        self._under_way.difference_update(claim.fresh)
        if recorded:
            self._known.keep(claim.fresh)
            self._firsts.keep(_first((uid, event) for event, uid in claim.fresh.items()))

    async def _fill(self) -> None:
        while True:
            try:
                found = await self._load(self._bound)
                break
            except Fault:  # the process that has the event store is not up yet
                await asyncio.sleep(self._pause)
        oldest_first = [(_number(event_id), uid) for event_id, uid in reversed(found)]
        known = ((number, uid or 0) for number, uid in oldest_first)
        firsts = ((uid, number) for number, uid in oldest_first if uid is not None)
        self._known = Newest(self._bound, [*known, *self._known.values.items()])
        self._firsts = Newest(self._bound, [*firsts, *self._firsts.values.items()])


def _first(pairs: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Each key with the first of its values."""
    found: dict[int, int] = {}
    for key, value in pairs:
        found.setdefault(key, value)
    return found


def _number(event_id: str) -> int:
    """As `UUID(…).int`, at a third of the time."""
    return int(event_id.replace("-", ""), 16)
