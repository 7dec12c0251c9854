"""Puts cut files into their buckets, as often as it takes (reference of delivery, §4).

Each destination (trail, bucket, prefix) is served by one job at a time and backs off by itself: a bucket that hangs or refuses delays
nobody else's files. Within it the files of each account and Region, and log files and digest files, are *lines* of their own, each in the
order of the cuts: a policy that leaves out one account or one folder holds up that line only.

What the bucket has is noted in one transaction with the status of the trail and with the notice for its topic. A crash before that note
repeats the put: same key, same bytes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from enum import Enum

from sqlalchemy.engine import Connection

from opentrail.clock import Clock
from opentrail.storage.database import Database
from opentrail.trails import deliveries, notices, plans, store
from opentrail.trails.keys import Chain
from opentrail.trails.neighbours import LogBucket
from opentrail.trails.patience import Patience
from opentrail.trails.plans import Destination, Line, Plan
from opentrail.trails.spool import Spool
from opentrail.wire.faults import Fault

AT_ONCE = 16
"""Files that one job puts before the others get a turn, or one of each line where there are more lines."""
NO_BUCKET = "NoSuchBucket"

_log = logging.getLogger(__name__)


class Outcome(Enum):
    """How a put, or a job of them, ended."""

    ARRIVED = "arrived"
    """Or given up: nothing is to be done for it any more."""
    REFUSED = "refused"
    """By this bucket, for this line; others may fare better."""
    UNANSWERED = "unanswered"
    """There is no bucket, or it does not answer, or cannot take anything: no other line would fare better."""


class Courier:
    """The way of every file into its bucket. `executor` runs the jobs; without one they run inside `step`."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        buckets: LogBucket,
        spool: Spool,
        retry_limit: float,
        executor: Executor | None = None,
        is_selected: Callable[[str], bool] = lambda _: False,
    ) -> None:
        """`is_selected` tells whether anybody may want a record of a put into a log bucket, by its name.

        Takes up what an earlier process left, and removes from the spool what it did not get to plan."""
        self._database = database
        self._clock = clock
        self._buckets = buckets
        self._spool = spool
        self._retry_limit = retry_limit
        self._executor = executor
        self._is_selected = is_selected
        database.create(store.METADATA)
        self._untidy = True
        self._tidy()
        with database.read() as connection:
            self._waiting = {destination: self._patience() for destination in plans.destinations(connection)}
        self._refused: set[Destination] = set()

    def expect(self, destination: Destination) -> None:
        """A file for `destination` has been planned. It is tried at once, unless there is no answer from there: perhaps it is the files
        of another line that are refused."""
        waiting = self._waiting.setdefault(destination, self._patience())
        if destination in self._refused:
            waiting.forget()

    def left_over(self) -> None:
        """Files were spooled whose plans could not be kept, as far as is known: the next step removes those that no plan names."""
        self._untidy = True

    def try_again(self) -> None:
        """Something has changed that may have cured what ailed: be patient no longer."""
        for waiting in self._waiting.values():
            waiting.forget()

    @property
    def busy(self) -> bool:
        """Whether any file waits."""
        return bool(self._waiting)

    def step(self) -> bool:
        """Start what is due, collect what is done; whether anything was. Never waits for a bucket when there is an executor."""
        self._tidy()
        did = False
        for destination, waiting in list(self._waiting.items()):
            if waiting.is_due:
                did = True
                waiting.begin(self._executor, self._carry, destination)
                if self._executor is not None:
                    continue
            if (outcome := waiting.collected()) is not None:
                did = True
                self._collect(destination, waiting, outcome)
        return did

    def _patience(self) -> Patience[Outcome]:
        return Patience(self._clock)

    def _tidy(self) -> None:
        if not self._untidy:
            return
        with self._database.begin() as connection:
            # Once this has been written, no earlier commit whose outcome was in doubt can turn up any more.
            store.changed(connection)
            needed = plans.spooled(connection)
        self._spool.sweep(needed)
        self._untidy = False

    def _collect(self, destination: Destination, waiting: Patience[Outcome], outcome: Outcome) -> None:
        waiting.heed(outcome is Outcome.ARRIVED)
        self._refused.discard(destination)
        if outcome is Outcome.REFUSED:
            self._refused.add(destination)
        elif outcome is Outcome.ARRIVED:
            with self._database.read() as connection:
                if not plans.lines(connection, destination):
                    del self._waiting[destination]

    def _carry(self, destination: Destination) -> Outcome:
        """Put the next files of one destination; how that ended, the worst of all lines."""
        outcome = Outcome.ARRIVED
        try:
            with self._database.read() as connection:
                trail = store.trail(connection, destination.trail_id)
                lines = plans.lines(connection, destination)
            for line in lines if trail is not None else ():
                assert trail is not None
                with self._database.read() as connection:
                    batch = plans.waiting(connection, destination, line, max(1, AT_ONCE // len(lines)))
                for plan in batch:
                    arrived = self._put(trail, plan, lines)
                    if arrived is Outcome.UNANSWERED:
                        return arrived
                    if arrived is Outcome.REFUSED:
                        outcome = arrived
                        break
        except Exception:
            # Our own disk or database; what was put but not noted is put again, the same.
            _log.warning("delivering to %s was interrupted", destination.bucket, exc_info=True)
            return Outcome.UNANSWERED
        return outcome

    def _put(self, trail: store.Trail, plan: Plan, lines: Sequence[Line]) -> Outcome:
        error: str | None = None
        outcome = Outcome.UNANSWERED
        try:
            body = self._spool.read(plan.spool)
        except FileNotFoundError:
            _log.error("the spooled bytes of %s are gone; the file cannot be delivered", plan.key)
            self._give_up(plan, "InternalError")
            return Outcome.ARRIVED
        try:
            self._buckets.put(
                bucket=plan.bucket,
                key=plan.key,
                body=body,
                metadata=plan.metadata,
                source_arn=trail.arn,
                account_id=trail.account_id,
                kms_key_id=trail.kms_key_id,
            )
        except Fault as refusal:
            error = refusal.code
            if error != NO_BUCKET and refusal.status < 500:
                outcome = Outcome.REFUSED
        except Exception:
            # Whatever goes wrong with one bucket must not stop the others; a time-out or lost connection has no S3 code to show.
            _log.warning("putting %s into %s failed", plan.key, plan.bucket, exc_info=True)
        else:
            self._delivered(plan, len(body))
            self._spool.remove(plan.spool)
            return Outcome.ARRIVED
        if self._clock.time() - plan.cut_at >= self._retry_limit:
            _log.error("%s could not be put into %s for %.0f s (trails.retry_limit); it is lost", plan.key, plan.bucket, self._retry_limit)
            self._give_up(plan, error)
            return Outcome.ARRIVED
        with self._database.begin() as connection:
            # Where no line would fare better, what is true of this one is true of the Regions of all.
            for line in lines if outcome is Outcome.UNANSWERED else (plan.line,):
                self._note_failure(connection, plan.trail_id, line, error)
        return outcome

    def _delivered(self, plan: Plan, size: int) -> None:
        chain = Chain(plan.trail_id, plan.account_id, plan.region)
        is_selected = self._is_selected(plan.bucket)
        with self._database.begin() as connection:
            # The time is taken under the write lock: a digest that has been cut for this moment is then visible here.
            now = self._clock.time()
            if is_selected:
                deliveries.note(connection, plan, size, now)
            if plan.kind == "digest":
                plans.delivered(connection, plan, now, None)
                store.set_status(connection, plan.trail_id, plan.region, {"digest_delivered_at": now, "digest_error": None})
                return
            trail = store.trail(connection, plan.trail_id)
            if trail is not None and trail.sns_topic_arn is not None:
                notices.note(connection, plan, now)
            state = plans.chain(connection, chain)
            if state is None or not state.is_open:
                chain = self._inherited(connection, chain)
                state = plans.chain(connection, chain)
            keep = state is not None and state.is_open
            plans.delivered(connection, plan, max(now, state.start) if state else now, chain.trail_id if keep else None)
            arrived = {"delivered_at": now, "delivery_error": None, "attempted_at": now}
            store.set_status(connection, plan.trail_id, plan.region, arrived)

    def _inherited(self, connection: Connection, chain: Chain) -> Chain:
        """The chain that covers a file when its own has ended: that of the trail which has the name of a deleted one now."""
        trail = store.trail(connection, chain.trail_id)
        if trail is None or trail.deleted_at is None:
            return chain
        heir = store.home_trail(connection, trail.account_id, trail.home_region, trail.name)
        return replace(chain, trail_id=heir.id) if heir is not None else chain

    def _note_failure(self, connection: Connection, trail_id: int, line: Line, error: str | None) -> None:
        values: dict[str, object] = {} if line.kind == "digest" else {"attempted_at": self._clock.time()}
        if error is not None:
            values["digest_error" if line.kind == "digest" else "delivery_error"] = error
        if values:
            store.set_status(connection, trail_id, line.region, values)

    def _give_up(self, plan: Plan, error: str | None) -> None:
        with self._database.begin() as connection:
            self._note_failure(connection, plan.trail_id, plan.line, error)
            plans.remove(connection, [plan.id])
        self._spool.remove(plan.spool)
