"""Puts cut files into their buckets, as often as it takes (reference of delivery, §4).

Each destination (trail, bucket, prefix) is served by one job at a time, in the order of the cuts, and backs off by itself: a bucket
that hangs or refuses delays nobody else's files. What the bucket has is noted in one transaction with the status of the trail. A crash
before that note repeats the put: same key, same bytes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace

from sqlalchemy.engine import Connection

from opentrail.clock import Clock
from opentrail.storage.database import Database
from opentrail.trails import deliveries, plans, store
from opentrail.trails.keys import Chain
from opentrail.trails.neighbours import LogBucket
from opentrail.trails.plans import Destination, Plan
from opentrail.trails.spool import Spool
from opentrail.wire.faults import Fault

AT_ONCE = 16
"""Files that one job puts before the others get a turn."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0
"""Seconds until a refused destination is tried again: doubled each time, up to the longest."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Waiting:
    """A destination with files to put."""

    job: Future[bool] | None = None
    pause: float = 0.0
    due: float = 0.0


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
        is_selected: Callable[[], bool] = lambda: False,
    ) -> None:
        """`is_selected` tells whether anybody may want a record of a put into a log bucket.

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
            self._waiting = {destination: _Waiting() for destination in plans.destinations(connection)}

    def expect(self, destination: Destination) -> None:
        """A file for `destination` has been planned."""
        self._waiting.setdefault(destination, _Waiting())

    def left_over(self) -> None:
        """Files were spooled whose plans could not be kept, as far as is known: the next step removes those that no plan names."""
        self._untidy = True

    @property
    def busy(self) -> bool:
        """Whether any file waits."""
        return bool(self._waiting)

    def step(self) -> bool:
        """Start what is due, collect what is done; whether anything was. Never waits for a bucket when there is an executor."""
        self._tidy()
        did = False
        now = self._clock.monotonic()
        for destination, waiting in list(self._waiting.items()):
            if waiting.job is not None:
                if waiting.job.done():
                    did = True
                    job, waiting.job = waiting.job, None
                    self._collect(destination, waiting, job.result())
                continue
            if now < waiting.due:
                continue
            did = True
            if self._executor is None:
                self._collect(destination, waiting, self._carry(destination))
            else:
                waiting.job = self._executor.submit(self._carry, destination)
        return did

    def _tidy(self) -> None:
        if not self._untidy:
            return
        with self._database.begin() as connection:
            # Once this has been written, no earlier commit whose outcome was in doubt can turn up any more.
            store.changed(connection)
            needed = plans.spooled(connection)
        self._spool.sweep(needed)
        self._untidy = False

    def _collect(self, destination: Destination, waiting: _Waiting, succeeded: bool) -> None:
        if not succeeded:
            waiting.pause = min(max(FIRST_PAUSE, waiting.pause * 2), LONGEST_PAUSE)
            waiting.due = self._clock.monotonic() + waiting.pause
            return
        waiting.pause = 0.0
        with self._database.read() as connection:
            if not plans.waiting(connection, destination, 1):
                del self._waiting[destination]

    def _carry(self, destination: Destination) -> bool:
        """Put the next files of one destination; whether all of them arrived (or were given up)."""
        try:
            with self._database.read() as connection:
                trail = store.trail(connection, destination.trail_id)
                batch = plans.waiting(connection, destination, AT_ONCE)
            return trail is None or all(self._put(trail, plan) for plan in batch)
        except Exception:
            # Our own disk or database; what was put but not noted is put again, the same.
            _log.warning("delivering to %s was interrupted", destination.bucket, exc_info=True)
            return False

    def _put(self, trail: store.Trail, plan: Plan) -> bool:
        error: str | None = None
        try:
            body = self._spool.read(plan.spool)
        except FileNotFoundError:
            _log.error("the spooled bytes of %s are gone; the file cannot be delivered", plan.key)
            self._give_up(plan, "InternalError")
            return True
        try:
            self._buckets.put(
                bucket=plan.bucket,
                key=plan.key,
                body=body,
                metadata=plan.metadata,
                source_arn=trail.arn,
                account_id=trail.account_id,
            )
        except Fault as refusal:
            error = refusal.code
        except Exception:
            # Whatever goes wrong with one bucket must not stop the others; a time-out or lost connection has no S3 code to show.
            _log.warning("putting %s into %s failed", plan.key, plan.bucket, exc_info=True)
        else:
            self._delivered(plan, len(body))
            self._spool.remove(plan.spool)
            return True
        if self._clock.time() - plan.cut_at >= self._retry_limit:
            _log.error("%s could not be put into %s for %.0f s (trails.retry_limit); it is lost", plan.key, plan.bucket, self._retry_limit)
            self._give_up(plan, error)
            return True
        with self._database.begin() as connection:
            self._note_failure(connection, plan, error)
        return False

    def _delivered(self, plan: Plan, size: int) -> None:
        chain = Chain(plan.trail_id, plan.account_id, plan.region)
        is_selected = self._is_selected()
        with self._database.begin() as connection:
            # The time is taken under the write lock: a digest that has been cut for this moment is then visible here.
            now = self._clock.time()
            if is_selected:
                deliveries.note(connection, plan, size, now)
            if plan.kind == "digest":
                plans.delivered(connection, plan, now, None)
                store.set_status(connection, plan.trail_id, plan.region, {"digest_delivered_at": now, "digest_error": None})
                return
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

    def _note_failure(self, connection: Connection, plan: Plan, error: str | None) -> None:
        values: dict[str, object] = {} if plan.kind == "digest" else {"attempted_at": self._clock.time()}
        if error is not None:
            values["digest_error" if plan.kind == "digest" else "delivery_error"] = error
        if values:
            store.set_status(connection, plan.trail_id, plan.region, values)

    def _give_up(self, plan: Plan, error: str | None) -> None:
        with self._database.begin() as connection:
            self._note_failure(connection, plan, error)
            plans.remove(connection, [plan.id])
        self._spool.remove(plan.spool)
