"""From what happened to the outbox of the targets: a follower of the journal and one of the events that were put onto buses.

A record reaches the default bus of its account and Region when a trail of the account was logging and selects it. Whatever a rule matches
goes into the outbox in the transaction that moves the position (or forgets the event): there it is exactly once, also when the process
dies anywhere in between.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from opentrail.clock import Clock
from opentrail.errors import JournalTrimmed
from opentrail.journal import Entry
from opentrail.journal.positions import Positions
from opentrail.rules import rows, spans
from opentrail.rules.active import ActiveRules, Places, scene
from opentrail.rules.dispatching import outbox
from opentrail.rules.dispatching.outbox import Match
from opentrail.rules.envelopes import Happening, happening
from opentrail.rules.names import BusName
from opentrail.rules.neighbours import Trails
from opentrail.rules.store import Store
from opentrail.storage.database import Database

FOLLOWER: Final = "rules"
"""Name under which the position is saved."""
PAGE: Final = 500
"""Records or events that are matched together."""

log = logging.getLogger("opentrail.rules")


class Reading(Protocol):
    """What is needed of `journal.Reader`."""

    def head(self) -> int:
        """Position of the newest record, 0 when there never was one."""

    def first(self) -> int:
        """Position of the oldest record that is kept."""

    def read(self, after: int, limit: int) -> Sequence[Entry]:
        """At most `limit` entries above `after`, in order."""


class JournalFollowing:
    """Matches what is recorded. One thread, but for `position`."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        reader: Reading,
        positions: Positions,
        trails: Trails,
        promise: Callable[[int], None],
        wake: Callable[[], None],
    ) -> None:
        """`database` is `DataFolder.rules`, of which `positions` are; `wake` hears when there is something for targets."""
        self._store = opened(database)
        self._clock = clock
        self._reader = reader
        self._positions = positions
        self._trails = trails
        self._promise = promise
        self._wake = wake
        self._rules = ActiveRules(self._store, "record")
        self._saved = self._read = positions.get(FOLLOWER)
        self._has_rules = True

    @property
    def position(self) -> int:
        """Position of the last record of which everything is durable."""
        return self._saved

    def step(self) -> int:
        """Match some records; how many there were."""
        self._read = max(self._read, self._saved)
        if not self._has_rules and self._passed():
            return 1  # for all that there were: none is left
        try:
            entries = self._reader.read(self._read, PAGE)
        except JournalTrimmed:
            kept_from = self._reader.first()
            if kept_from <= self._read + 1:
                raise
            # Only when an older rules.db was put back, or the journal is older than the rules. They cannot be had any more.
            log.warning("the records from %d to %d are no longer in the journal: no rule gets them", self._read + 1, kept_from - 1)
            self._read = kept_from - 1
            return PAGE
        if not entries:
            if self._read > self._saved:
                self._save((), self._read)
            self._forget_spans()
            return 0
        # The rules are looked at after the records: a rule that was answered before a call was made is then always seen, and one that
        # was changed since then is there as it stood.
        self._has_rules = self._rules.look()
        matches = self._matches(entries) if self._has_rules else []
        if matches:
            self._save(matches, entries[-1].position)
        self._read = entries[-1].position  # what matches nothing is saved when nothing more comes: one commit for many
        return len(entries)

    def _passed(self) -> bool:
        """Whether all records there are were passed by unread, as there is no rule."""
        head, read = self._reader.head(), self._read
        self._has_rules = self._rules.look()  # after the head, as it is after the records
        if self._has_rules or head <= read:
            return False
        self._read = head
        return True

    def _matches(self, entries: Sequence[Entry]) -> list[Match]:
        now = self._clock.time()
        found: list[Match] = []
        for entry, logged in zip(entries, self._trails.logged(entries), strict=True):
            one = happening(entry.record) if logged else None
            if one is None:
                continue
            bus_arn = BusName(region=one.event["region"], account_id=one.event["account"]).arn
            if self._rules.watches(bus_arn):
                places = _places(self._rules, bus_arn, one, entry.position)
                if places:
                    found.append(Match(event=one.event, bus_arn=bus_arn, targets=places, ingested=now))
        return found

    def _forget_spans(self) -> None:
        """Forget how rules stood once nobody needs it any more."""
        self._rules.look()
        if not self._rules.any_ended:
            return
        with self._store.read() as connection:
            is_past = spans.is_past(connection, self._saved)
        if is_past:
            with self._store.write() as connection:
                spans.forget(connection, self._saved)

    def _save(self, matches: Sequence[Match], position: int) -> None:
        self._promise(position)
        with self._store.add() as connection:
            outbox.put(connection, matches, self._clock.time())
            self._positions.save(connection, FOLLOWER, position)
        self._saved = position
        if matches:
            self._wake()


class InboxFollowing:
    """Matches what was put onto buses. One thread."""

    def __init__(self, database: Database, clock: Clock, *, wake: Callable[[], None]) -> None:
        """`database` is `DataFolder.rules`."""
        self._store = opened(database)
        self._clock = clock
        self._wake = wake
        self._rules = ActiveRules(self._store, "event")
        self._seen = -1

    def step(self) -> bool:
        """Match some events; whether there were any."""
        newest = self._store.newest_event()
        if newest == self._seen:
            return False
        with self._store.read() as connection:
            events = rows.events_after(connection, 0, PAGE)
        if not events:
            self._seen = newest
            return False
        watched = self._rules.look()
        now = self._clock.time()
        with self._store.add() as connection:
            matches: list[Match] = []
            for one in events:
                hops = outbox.hops_of(connection, one.bus_arn, one.event_id)
                if hops:
                    outbox.forget_hops(connection, one.bus_arn, one.event_id)
                places = _places(self._rules, one.bus_arn, scene(one.event), one.position) if watched else []
                if places:
                    matches.append(Match(event=one.event, bus_arn=one.bus_arn, targets=places, ingested=one.arrived, hops=hops))
            outbox.put(connection, matches, now)
            rows.forget_events(connection, events[-1].position)
        if matches:
            self._wake()
        return True


def opened(database: Database) -> Store:
    """The store of `DataFolder.rules`, with everything that following takes."""
    store = Store(database)
    database.create(outbox.tables)
    database.create(spans.tables)
    with store.add() as connection:
        spans.adopt(connection)
    return store


def _places(rules: ActiveRules, bus_arn: str, one: Happening, position: int) -> Places:
    """Where an event goes. One that no pattern can be held against goes nowhere, and holds up no other."""
    try:
        return rules.matching(bus_arn, one, position)
    except Exception:
        log.exception("the event %s of %s cannot be matched: no rule gets it", one.event.get("id"), bus_arn)
        return []
