"""Records to log groups: the follower `trail-log-groups` of the journal (reference of delivery, §6).

Which trail takes which record is decided as for log files: by the same routes, times of logging and selectors. Each record is an event of
its own; what is taken of one page, the position, and what the status says are one transaction in the database of the log groups, so each
record is in its group exactly once, whatever dies. What a group refuses waits (`log_waiting`), in that very transaction.

Streams are named after the home Region: `<account>_CloudTrail_<region>`; for the members of an organization `<organization>_` goes before
it. A stream takes one PutLogEvents' worth at a time: what more there is at once goes to the streams `…_2`, `…_3`.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple, Protocol

from sqlalchemy.engine import Connection

from opentrail.clock import Clock
from opentrail.errors import JournalTrimmed
from opentrail.journal.positions import Positions
from opentrail.storage.database import Database
from opentrail.trails import facts as records
from opentrail.trails import log_waiting, store
from opentrail.trails.batch import Batch
from opentrail.trails.facts import Facts
from opentrail.trails.keys import Chain
from opentrail.trails.pages import PAGE, Entry, Reader
from opentrail.trails.regions import Regions
from opentrail.trails.routes import Route, Routes
from opentrail.trails.store import Trail
from opentrail.wire.faults import Fault

FOLLOWER = "trail-log-groups"
"""Name under which the position is saved."""
MOST_RECORD: Final = 256 << 10
"""Bytes of a record; a larger one is in the log file only."""
MOST_EVENTS: Final = 10_000
MOST_BYTES: Final = 1_000_000
"""Of one batch, with 26 for each event; below PutLogEvents' 1,048,576."""
SPAN: Final = 24 * 3_600_000
"""Milliseconds between the first and the last event of a batch."""
RETRY: Final = 5.0
"""Seconds until a group that has refused is asked again, if nothing has been changed that might have cured it."""
SAVE: Final = 1.0
"""Seconds between two times that a position is saved at which nobody took anything."""
AT_ONCE: Final = 16
"""Batches that have waited and are put in one transaction."""
CURING: Final = frozenset(f"{name}.amazonaws.com" for name in ("iam", "kms", "logs", "cloudtrail", "organizations"))
"""Sources whose writes may have cured what a group refused for."""

_log = logging.getLogger(__name__)

Put = Callable[[Connection], None]
Events = list[tuple[int, str]]


class Destination(NamedTuple):
    """Where records of one trail and account go."""

    trail: Trail
    stream: str


class Groups(Protocol):
    """The log groups, as CloudTrail sees them with the role of a trail."""

    def prepare(self, *, log_group_arn: str, role_arn: str, source_arn: str, stream: str, events: Sequence[tuple[int, str]]) -> Put:
        """What puts the events into the stream, in the caller's transaction of the log groups' database; the stream is made if need be.

        Both raise the fault for which it cannot be done, with nothing done: no such group, the role, a key."""


class LogGroupDelivery:
    """Reads the journal, puts records into log groups. One thread."""

    def __init__(
        self,
        state: Database,
        monitoring: Database,
        clock: Clock,
        *,
        journal: Reader,
        regions: Regions,
        groups: Groups,
        promise: Callable[[int], None],
    ) -> None:
        """`state` has the trails, `monitoring` the log groups; `promise` is called before a position is saved there."""
        self._state = state
        self._monitoring = monitoring
        self._clock = clock
        self._journal = journal
        self._groups = groups
        self._promise = promise
        self._routes = Routes(state, regions, everything=True)
        self._positions = Positions(monitoring)
        self._told = Positions(state)
        monitoring.create(log_waiting.METADATA)
        self._changes = -1
        self._trails: dict[int, Trail] = {}
        self._chains: dict[Chain, dict[str, Batch]] = {}
        self._position = self._saved = self._positions.get(FOLLOWER)
        self._saved_at = -math.inf
        self._asked_at = -math.inf

    @property
    def position(self) -> int:
        """Position of the last record that is in every group that takes it, or waits for it durably."""
        return self._position

    def step(self) -> int:
        """Put some records. Returns how many were read, or 1 if there was something else to do; what is raised loses nothing."""
        did = self._ask_again()
        if not self._trails and self._passed():
            return 1  # for all that there were: none is left
        try:
            entries = self._journal.read(self._position, PAGE)
        except JournalTrimmed:
            kept_from = self._journal.first()
            if kept_from <= self._position + 1:
                raise
            # Only when an older database was put back, or where nobody took anything. To wait for them would stop every call.
            _log.warning(
                "the records from %d to %d are no longer in the journal: no log group gets them", self._position + 1, kept_from - 1
            )
            self._position = kept_from - 1
            return PAGE
        self._look_at_trails()  # after the records: what was answered before a record was made is then seen
        if not entries:
            self._save_idle()
            return did
        taken = self._sorted(entries)
        end = entries[-1].position
        if taken:
            self._put(taken, end)
        self._position = end
        if not taken:
            self._save_idle()
        return len(entries)

    def _passed(self) -> bool:
        """Whether all records there are were passed by unread, as no trail has a log group."""
        head, position = self._journal.head(), self._position
        self._look_at_trails()  # after the head, as it is after the records
        if self._trails or head <= position:
            return False
        self._position = head
        self._save_idle()
        return True

    def _look_at_trails(self) -> None:
        if store.latest_changes(self._state) == self._changes:
            return
        with self._state.read() as connection:
            changes = store.changes(connection)
            self._trails = {trail.id: trail for trail in store.working_trails(connection) if trail.cloud_watch_logs_log_group_arn}
            windows = [window for window in store.windows(connection, read=True) if window.trail_id in self._trails]
        self._changes = changes
        self._chains = {}
        self._routes.renew(self._trails, windows, self._chains)
        self._asked_at = -math.inf

    def _sorted(self, entries: Sequence[Entry]) -> dict[Destination, Events]:
        taken: dict[Destination, Events] = {}
        if not self._trails:  # nobody takes anything or waits to be cured: to look into records would be for nothing
            return taken
        now = int(self._clock.time() * 1000)  # not eventTime: log events are dated by their delivery
        for entry in entries:
            facts = records.facts(entry.record)
            if facts is None:
                continue
            if facts.event_source in CURING and not facts.read_only:
                self._asked_at = -math.inf
            if len(entry.record) > MOST_RECORD:
                continue
            for route in self._routes.of(facts.recipient_account_id, facts.aws_region):
                trail = self._trails[route.chain.trail_id]
                if entry.position > (trail.log_group_since or 0) and takes(route, entry, facts):
                    stream = stream_name(trail, facts.recipient_account_id, route, entry.position)
                    events = taken.setdefault(Destination(trail, stream), [])
                    events.append((now, entry.record.decode("utf-8", "replace")))
        return taken

    def _put(self, taken: dict[Destination, Events], position: int) -> None:
        """Put what was taken and save the position, at one stroke."""
        with self._monitoring.read() as connection:
            behind = log_waiting.trail_ids(connection)
        refusals: dict[int, str] = {}
        prepared: list[tuple[Trail, str, Events, Put | None]] = []
        for (trail, stream), events in taken.items():
            for number, batch in enumerate(batches(events), 1):
                name = stream if number == 1 else f"{stream}_{number}"
                put = None if trail.id in behind or trail.id in refusals else self._prepared(trail, name, batch, refusals)
                prepared.append((trail, name, batch, put))
        self._promise(position)
        now = self._clock.time()
        with self._monitoring.begin() as connection:
            arrived: set[int] = set()
            for trail, name, batch, put in prepared:
                if put is not None and trail.id not in refusals:
                    try:
                        put(connection)
                        arrived.add(trail.id)
                        continue
                    except Fault as fault:
                        refusals[trail.id] = _told(fault)
                log_waiting.keep(connection, trail.id, name, batch, now)
            for trail_id in arrived - refusals.keys():
                log_waiting.delivered(connection, trail_id, now)
            for trail_id, error in refusals.items():
                log_waiting.refused(connection, trail_id, error)
            for trail_id in behind | refusals.keys():
                self._give_up(connection, trail_id, now)
            self._positions.save(connection, FOLLOWER, position)
        self._is_saved(position)

    def _prepared(self, trail: Trail, stream: str, events: Events, refusals: dict[int, str]) -> Put | None:
        try:
            return self._groups.prepare(
                log_group_arn=trail.cloud_watch_logs_log_group_arn or "",
                role_arn=trail.cloud_watch_logs_role_arn or "",
                source_arn=trail.arn,
                stream=stream,
                events=events,
            )
        except Fault as fault:
            refusals[trail.id] = _told(fault)
            return None

    def _ask_again(self) -> bool:
        """Put what waits, oldest first; whether anything arrived."""
        now = self._clock.monotonic()
        if now - self._asked_at < RETRY:
            return False
        self._asked_at = now
        self._look_at_trails()
        self._asked_at = now
        with self._monitoring.read() as connection:
            waiting = log_waiting.trail_ids(connection)
        did = False
        for trail_id in sorted(waiting):
            did = self._ask(trail_id) or did
        if did:
            self._asked_at = -math.inf  # there may be more
        return did

    def _ask(self, trail_id: int) -> bool:
        trail = self._trails.get(trail_id)
        if trail is None:
            with self._monitoring.begin() as connection:
                log_waiting.give_up_all(connection, trail_id)
            return False
        with self._monitoring.read() as connection:
            few = log_waiting.oldest(connection, trail_id, AT_ONCE)
        refusals: dict[int, str] = {}
        puts = [(one, self._prepared(trail, one.stream, one.events, refusals)) for one in few]
        now = self._clock.time()
        if not refusals:
            try:
                with self._monitoring.begin() as connection:
                    for _, put in puts:
                        assert put is not None
                        put(connection)
                    log_waiting.forget(connection, [one.id for one in few])
                    log_waiting.delivered(connection, trail_id, now)
                return bool(few)
            except Fault as fault:
                refusals[trail_id] = _told(fault)
        with self._monitoring.begin() as connection:
            log_waiting.refused(connection, trail_id, refusals[trail_id])
            if trail.deleted_at is not None:
                log_waiting.give_up_all(connection, trail_id)
            self._give_up(connection, trail_id, now)
        return False

    def _give_up(self, connection: Connection, trail_id: int, now: float) -> None:
        if lost := log_waiting.give_up(connection, trail_id, now):
            _log.error("%d batches of records of trail %d waited too long for their log group and are given up", lost, trail_id)

    def _save_idle(self) -> None:
        """Save where nobody took anything; should that be lost, nobody takes it again."""
        if self._position == self._saved or self._clock.monotonic() - self._saved_at < SAVE:
            return
        self._promise(self._position)
        with self._monitoring.begin() as connection:
            self._positions.save(connection, FOLLOWER, self._position)
        self._is_saved(self._position)

    def _is_saved(self, position: int) -> None:
        self._saved, self._saved_at = position, self._clock.monotonic()
        # Event rules need the windows too, and may have read less; then the watch forgets them when it tells how far it is.
        position = min(position, self._told.all().get(store.WATCH, position))
        if store.has_read_windows(self._state, position):
            with self._state.begin() as connection:
                store.forget_read_windows(connection, position)


def takes(route: Route, entry: Entry, facts: Facts) -> bool:
    """Whether the trail of `route` takes the record."""
    position = entry.position
    was_on = position > route.open_from or (route.closed and route.was_logging(position, facts.request_id))
    return bool(was_on and route.served(position) and route.takes(facts))


def stream_name(trail: Trail, account_id: str, route: Route | None = None, position: int = 0) -> str:
    """The (first) stream of the records of an account."""
    name = f"{account_id}_CloudTrail_{trail.home_region}"
    if account_id == trail.account_id or route is None:
        return name
    organization = next((one.organization_id for one in route.memberships or () if one.holds(position)), trail.organization_id)
    return f"{organization}_{name}"


def batches(events: Events) -> Iterator[Events]:
    """The events in order of time, as many together as one PutLogEvents may bring."""
    batch: Events = []
    size = 0
    for event in sorted(events, key=lambda event: event[0]):
        length = len(event[1].encode()) + 26
        if batch and (size + length > MOST_BYTES or len(batch) == MOST_EVENTS or event[0] - batch[0][0] > SPAN):
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += length
    if batch:
        yield batch


def _told(fault: Fault) -> str:
    return f"{fault.code}: {fault.message}"
