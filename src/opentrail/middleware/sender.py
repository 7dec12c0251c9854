"""What is done with waiting events, one step at a time. No threads here: `client` calls `step` from its own, tests from theirs.

As long as OpenTrail takes them, events go from memory straight to it. When it does not, what waits in memory is put on disk, and from then
on everything goes through the disk, oldest first, until that is empty. Where the disk does not take them either, they stay in memory;
only there, when the queue is full, are events dropped.
"""

from __future__ import annotations

import contextlib
import logging
import math
import random
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from opentrail.clock import Clock
from opentrail.middleware.buffer import Buffer
from opentrail.middleware.delivery import MOST_BYTES, MOST_EVENTS, Door, Outcome, Unavailable, Unfit
from opentrail.middleware.event import Written
from opentrail.middleware.settings import AuditSettings
from opentrail.middleware.spool import Batch, Spool, adopt

QUEUE_FULL = "queue_full"
REFUSED = "refused"
DAMAGED = "damaged"
LOST = "lost"
UNWRITABLE = "unwritable"

log = logging.getLogger("opentrail.middleware")


class Drops:
    """How many events were dropped, and why. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def add(self, reason: str, count: int = 1) -> None:
        """`count` more events are gone."""
        if count:
            with self._lock:
                self._counts[reason] += count

    def counts(self) -> Mapping[str, int]:
        """Events by reason, since the start."""
        with self._lock:
            return dict(self._counts)


class Sender:
    """Moves events from `buffer` to `door`, with spools in between. `step`, `put_away` and `close` are for one thread at a time each."""

    def __init__(
        self,
        *,
        buffer: Buffer,
        door: Door,
        drops: Drops,
        clock: Clock,
        settings: AuditSettings,
        destination: Path | None,
        dropped: Callable[[Mapping[str, int]], Sequence[Written]] = lambda counts: (),
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`destination` is the folder of the spools of this application; `None`: there is no spool.

        `dropped` hears how many events were dropped since it was called last, when the way is free again, and gives back the events that
        report it. `jitter` gives numbers from 0 to 1.
        """
        self._buffer = buffer
        self._door = door
        self._drops = drops
        self._clock = clock
        self._settings = settings
        self._destination = destination
        self._tell = dropped
        self._jitter = jitter
        self._guard = threading.Lock()
        """Held while spools and `_flight` change; never while the network is waited for."""
        self._own: Spool | None = None
        self._adopted: list[Spool] = []
        self._flight: list[Written] = []
        """Taken from memory, and neither answered nor on disk."""
        self._done: set[str] = set()
        """Ids of events of the oldest batch on disk that are done with, while others of it are not."""
        self._most = MOST_EVENTS
        self._failures = 0
        self._retry_at = -math.inf
        self._flushed_at = clock.monotonic()
        self._adopt_at = -math.inf
        self._free = False
        """Whether the last attempt got through."""
        self._told: Mapping[str, int] = {}
        self._reported_at = -math.inf
        self._spool_trouble = ""
        self.trouble = ""
        """Why events are not getting through at the moment; empty when they are."""
        self.sent = 0

    @property
    def backlog(self) -> bool:
        """Whether anything waits on disk."""
        return any(not spool.empty for spool in self._spools())

    @property
    def spooled(self) -> int:
        """Bytes that wait on disk."""
        return sum(spool.size for spool in self._spools())

    @property
    def idle(self) -> bool:
        """Whether there is nothing left to send, of earlier processes either."""
        with self._guard:
            if self._free and self._unreported():
                return False
            looked = self._destination is None or self._adopt_at > -math.inf
            return looked and not len(self._buffer) and not self._flight and not self.backlog

    def step(self, *, hurry: bool = False) -> float:
        """Do what is due; returns the seconds until there may be more to do. `hurry`: events need not wait for company."""
        now = self._clock.monotonic()
        if self._free and (hurry or now - self._reported_at >= self._settings.flush_interval):
            self._report(now)
        with self._guard:
            self._adopt(now)
            due = self._is_due(now, hurry)
            if self.backlog:
                if due:
                    self._spool_memory()
                batch = self._oldest() if now >= self._retry_at else None
            else:
                batch = None
                if due and now >= self._retry_at:
                    self._flight = self._buffer.take(self._most, MOST_BYTES)
                    self._flushed_at = now
                elif due and self._failures:
                    self._spool_memory()
        if batch is not None:
            self._send_spooled(*batch)
        elif self._flight:
            self._send_flight()
        return self._pause()

    def put_away(self) -> None:
        """Put on disk whatever is in memory or under way, from whichever thread, because the process ends. What cannot be is lost."""
        with self._guard:
            self._buffer.put_back(self._flight)
            self._flight = []
            self._spool_memory()
            left = self._buffer.take(len(self._buffer), self._buffer.size)
            if left:
                self._drops.add(LOST, len(left))
                log.warning("%d audit events were lost: OpenTrail was away, and there was no spool for them", len(left))

    def close(self) -> None:
        """Let go of the spools; another process may go on with them."""
        with self._guard:
            for spool in self._spools():
                spool.close()
            self._own, self._adopted = None, []
            self._adopt_at = -math.inf

    def abandon(self) -> None:
        """After a fork, in the child: nothing of this is ours."""
        for spool in self._spools():
            spool.abandon()
        self._door.abandon()

    # Sending

    def _send_flight(self) -> None:
        events = self._flight
        outcome = self._answered(events)
        with self._guard:
            if self._flight is not events:  # `put_away` was faster: they are on disk, and will be sent again
                return
            self._flight = []
            left = events if outcome is None else self._settled(events, outcome)
            if left:
                self._buffer.put_back(left)
                if self._failures:
                    self._spool_memory()

    def _send_spooled(self, spool: Spool, batch: Batch) -> None:
        events = [event for event in batch.events if event.id not in self._done]
        outcome = self._answered(events) if events else Outcome(taken=frozenset())
        if outcome is None:
            return
        with self._guard:
            left = self._settled(events, outcome)
            self._done.update(event.id for event in events if event not in left)
            if left:
                return  # they keep their place; what has been taken is not sent again
            self._done.difference_update(event.id for event in batch.events)
            self._drops.add(DAMAGED, batch.damaged)
            try:
                spool.advance(batch)
            except OSError as error:
                self._ail(error)
            self._let_go()

    def _answered(self, events: Sequence[Written]) -> Outcome | None:
        """What became of `events`; `None` when they have to be sent again."""
        try:
            outcome = self._door.send(events)
        except Unfit as error:
            if len(events) > 1:
                self._most = max(1, len(events) // 2)
                return None
            log.warning("an audit event was refused: %s", error)
            outcome = Outcome(taken=frozenset(), refused={events[0].id: str(error)})
        except Unavailable as error:
            self._failed(str(error))
            return None
        except Exception as error:
            log.exception("sending audit events failed")
            self._failed(type(error).__name__)
            return None
        if len(outcome.taken) + len(outcome.refused) < len(events):
            self._failed("OpenTrail could not take some of the events at the moment.")
        else:
            self._succeeded()
        return outcome

    def _settled(self, events: Sequence[Written], outcome: Outcome) -> list[Written]:
        """Count what is done with; returns what has to be sent again."""
        self.sent += len(outcome.taken)
        if outcome.refused:
            self._drops.add(REFUSED, len(outcome.refused))
            log.warning("%d audit events were refused: %s", len(outcome.refused), ", ".join(sorted(set(outcome.refused.values()))))
        return [event for event in events if event.id not in outcome.taken and event.id not in outcome.refused]

    def _failed(self, why: str) -> None:
        if why != self.trouble:
            log.warning("audit events wait: %s", why)
        self.trouble = why
        self._free = False
        self._failures += 1
        settings = self._settings
        longest = min(settings.longest_pause, settings.shortest_pause * 2.0 ** min(self._failures - 1, 30))
        self._retry_at = self._clock.monotonic() + longest * (0.5 + self._jitter() / 2)

    def _succeeded(self) -> None:
        if self.trouble:
            log.warning("audit events get through again")
        self.trouble = ""
        self._free = True
        self._failures = 0
        self._retry_at = -math.inf
        self._most = min(MOST_EVENTS, self._most * 2)

    def _unreported(self) -> Mapping[str, int]:
        counts, told = self._drops.counts(), self._told
        return {reason: count - told.get(reason, 0) for reason, count in counts.items() if count > told.get(reason, 0)}

    def _report(self, now: float) -> None:
        """The way is free: say what was dropped."""
        new = self._unreported()
        if new:
            self._reported_at = now
            report = self._tell(new)
            with self._guard:
                self._buffer.add(report)
                self._told = {reason: self._told.get(reason, 0) + new.get(reason, 0) for reason in {*self._told, *new}}

    # Waiting

    def _is_due(self, now: float, hurry: bool) -> bool:
        waiting = len(self._buffer)
        if not waiting:
            self._flushed_at = now
            return False
        full = waiting >= self._most or self._buffer.size >= MOST_BYTES
        return hurry or full or now - self._flushed_at >= self._settings.flush_interval

    def _pause(self) -> float:
        now = self._clock.monotonic()
        if now < self._retry_at:
            return min(self._retry_at - now, self._settings.flush_interval)
        if self.backlog or len(self._buffer) >= self._most or self._buffer.size >= MOST_BYTES:
            return 0.0
        return max(0.0, min(self._settings.flush_interval, self._flushed_at + self._settings.flush_interval - now))

    # Spools

    def _spools(self) -> list[Spool]:
        return [*self._adopted, *([self._own] if self._own is not None else [])]

    def _oldest(self) -> tuple[Spool, Batch] | None:
        for spool in self._spools():
            try:
                batch = spool.peek(self._most, MOST_BYTES)
            except OSError as error:
                self._ail(error)
                self._failed(f"the spool cannot be read: {error.strerror}")
                return None
            if batch is not None:
                return spool, batch
        return None

    def _ours(self) -> Spool | None:
        if self._own is None and self._destination is not None:
            self._own = Spool.new(self._destination, limit=self._settings.spool_size)
        return self._own

    def _spool_memory(self) -> None:
        """Move what is in memory to our own spool, as far as there is room; the rest stays."""
        self._flushed_at = self._clock.monotonic()
        while len(self._buffer):
            events = self._buffer.take(1000, MOST_BYTES)
            taken = 0
            try:
                own = self._ours()
                taken = own.append(events) if own is not None else 0
                if taken == len(events):
                    self._spool_trouble = ""
            except OSError as error:
                self._ail(error)
            if taken < len(events):
                self._buffer.put_back(events[taken:])
                return

    def _adopt(self, now: float) -> None:
        if self._destination is None or now < self._adopt_at:
            return
        self._adopt_at = now + self._settings.adopt_interval
        try:
            for spool in adopt(self._destination, limit=self._settings.spool_size):
                self._adopted.append(spool)
        except OSError as error:
            self._ail(error)
        self._let_go()

    def _let_go(self) -> None:
        """Remove the spools of others that are done with; our own stays for the next time."""
        for spool in [spool for spool in self._adopted if spool.empty]:
            self._adopted.remove(spool)
            with contextlib.suppress(OSError):
                spool.close()

    def _ail(self, error: OSError) -> None:
        said = f"{self._destination}: {error.strerror or error}"
        if said != self._spool_trouble:
            log.warning("the spool of audit events cannot be used: %s", said)
        self._spool_trouble = said
