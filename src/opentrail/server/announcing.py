"""Recording what services did by themselves: from the outbox into the journal, each event exactly once.

One round (`step`):

 1. Take the oldest events of the outbox.
 2. Look in the journal for those that were tried before: the process may have died between the record and the note that it is made.
 3. Note where the journal ends, so that the next process knows where to look (`Outbox.trying`).
 4. Append the records of the others, then forget them all.

Dying anywhere in between, the next round finds out in step 2. Room is reserved before step 3, so a full journal leaves no note that would
keep it from being trimmed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Final, Protocol

from sqlalchemy.exc import SQLAlchemyError

from opentrail.errors import JournalError, JournalTrimmed
from opentrail.events import record as records
from opentrail.events.service_event import ServiceEvent
from opentrail.journal import Entry, Reservation
from opentrail.recorder import service_event
from opentrail.storage.outbox import Outbox

IDLE: Final = 0.25
"""Seconds between two looks at the outbox: another process may put events there too."""
TROUBLE: Final = 2.0
"""Seconds until the next attempt when something went wrong."""
PAGE: Final = 5000
"""Records of the journal that are looked at in one go."""

_KINDS: Final = (b'"AwsServiceEvent"', b'"AwsCloudTrailInsight"')
"""`eventType` of what comes from the outbox."""

log = logging.getLogger("opentrail.announcing")


class Appending(Protocol):
    """What is needed of `journal.Journal`."""

    @property
    def head(self) -> int:
        """Position of the newest durable record."""

    def reserve(self, size: int) -> AbstractContextManager[Reservation]:
        """Keep room."""

    async def append(self, records: Sequence[bytes], reservation: Reservation | None = None) -> int:
        """Durable on return."""


class Reading(Protocol):
    """What is needed of `journal.Reader`."""

    def first(self) -> int:
        """Position of the oldest record that is kept."""

    def read(self, after: int, limit: int) -> list[Entry]:
        """Entries above `after`."""


class Announcing:
    """The front's task for services' own events; `wake` has it look at once."""

    def __init__(
        self, *, outbox: Outbox, journal: Appending, reader: Reading, selected: Callable[[ServiceEvent], bool] | None = None
    ) -> None:
        """`selected` decides over data events: those that nobody selected are forgotten without a record; without it all are."""
        self._outbox = outbox
        self._journal = journal
        self._reader = reader
        self._selected = selected or (lambda _event: False)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news = asyncio.Event()

    def wake(self) -> None:
        """Something has come in. Any thread may call it."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._news.set)

    async def run(self) -> None:
        """Until cancelled: record what comes in."""
        self._loop = asyncio.get_running_loop()
        while True:
            pause = IDLE
            try:
                while await self.step():
                    pass
            except (JournalError, SQLAlchemyError, OSError) as error:
                log.warning("services' own events wait: %s", error)
                pause = TROUBLE
            except Exception:
                log.exception("services' own events wait")
                pause = TROUBLE
            try:
                async with asyncio.timeout(pause):
                    await self._news.wait()
            except TimeoutError:
                continue
            self._news.clear()

    async def step(self) -> int:
        """One round; returns how many events were dealt with. Raises what journal and database raise: then nothing is lost."""
        if self._outbox.is_empty():
            return 0
        events = await asyncio.to_thread(self._outbox.pending)
        tried = await asyncio.to_thread(self._outbox.tried, [event.event_id for event in events])
        known = await asyncio.to_thread(self._present, tried) if tried else frozenset[str]()
        left = [event for event in events if event.event_id not in known and (not event.data or self._selected(event))]
        if left:
            await self._record(left)
        await asyncio.to_thread(self._outbox.done, [event.event_id for event in events])
        return len(events)

    async def _record(self, events: Sequence[ServiceEvent]) -> None:
        made = [service_event(event) for event in events]
        with self._journal.reserve(sum(map(len, made))) as reservation:
            await asyncio.to_thread(self._outbox.trying, [event.event_id for event in events], self._journal.head)
            await self._journal.append(made, reservation)

    def _present(self, tried: dict[str, int]) -> frozenset[str]:
        """Those of the events that are in the journal."""
        try:
            return present(self._entries(min(tried.values())), tried)
        except JournalTrimmed as trimmed:
            # Kept for us as long as nobody puts another journal in its place: then what was tried is not in that one.
            log.warning("services' own events are recorded again, for the journal is not the one they were recorded in: %s", trimmed)
            return frozenset()

    def _entries(self, after: int) -> Iterator[Entry]:
        while True:
            page = self._reader.read(after, PAGE)
            if not page:
                return
            yield from page
            after = page[-1].position


def present(entries: Iterable[Entry], event_ids: Iterable[str]) -> frozenset[str]:
    """Those of `event_ids` that are the `eventID` of one of `entries`. Pure."""
    wanted = {event_id.encode(): event_id for event_id in event_ids}
    found: set[str] = set()
    for entry in entries:
        if not any(kind in entry.record for kind in _KINDS):
            continue
        if any(text in entry.record for text in wanted):
            event_id = records.read(entry.record).event_id
            if event_id in wanted.values():
                found.add(event_id)
                if len(found) == len(wanted):
                    break
    return frozenset(found)
