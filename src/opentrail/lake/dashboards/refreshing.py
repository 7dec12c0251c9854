"""Refreshes under way, and those that the clock begins. Runs in the role `lake`.

What is to be done stands in the state database before it is done: a schedule moves on in the transaction that begins its refresh, and each
widget's query is marked before it is started. After a death in between, the query is looked for by alias and refresh before it is
started again.
"""

from __future__ import annotations

import logging
from threading import Event, Lock
from typing import Any, Final

from opentrail.clock import Clock
from opentrail.lake.dashboards import permission, schedule, store
from opentrail.lake.dashboards.control import Dashboards
from opentrail.lake.dashboards.dashboard import Dashboard
from opentrail.lake.dashboards.store import ENDED, FAILED, STARTED, STARTING, WAITING, Kept, Refresh, Step
from opentrail.lake.faults import MaxConcurrentQueriesException
from opentrail.lake.names import Place
from opentrail.lake.neighbours import FollowsQueries, RunsQueries
from opentrail.wire.faults import Fault, ServiceUnavailable

QUESTION: Final = "refresh_dashboard"
"""The name under which `advance` must be reachable: it takes a refresh id."""
LOOK: Final = 1.0
"""Seconds between two looks at what is due."""
LONGEST: Final = 2 * 3600.0
"""Seconds after which a refresh counts as over whatever its queries do; a query itself may take an hour."""
KEPT: Final = 8 * 86400.0
"""Seconds for which a refresh is remembered; the results of its queries are kept seven days."""
_MOST_TOLD: Final = 1000
"""Characters of `LastRefreshFailureReason`."""

log = logging.getLogger("opentrail.lake")


class Refresher:
    """Begins scheduled refreshes and brings all of them to their end. `work` and `advance` may be called from several threads."""

    def __init__(self, dashboards: Dashboards, clock: Clock, queries: RunsQueries, progress: FollowsQueries) -> None:
        self._dashboards = dashboards
        self._database = dashboards.database
        self._clock = clock
        self._queries = queries
        self._progress = progress
        self._lock = Lock()
        self._swept = 0.0

    def run(self, stop: Event) -> None:
        """Work until `stop` is set; what goes wrong is tried again."""
        while not stop.wait(LOOK):
            try:
                self.work()
            except Exception:
                log.exception("dashboards could not be refreshed; it is tried again")

    def work(self) -> None:
        """Begin what is due, go on with what is under way."""
        now = self._clock.time()
        with self._database.read() as connection:
            due = store.due(connection, now)
        for kept in due:
            self._begin(kept, now)
        with self._database.read() as connection:
            running = store.running(connection)
        for refresh in running:
            self.advance(refresh.id)
        if now - self._swept > schedule.HOUR:
            self._swept = now
            with self._database.begin() as connection:
                store.forget_refreshes(connection, now - KEPT)

    def advance(self, refresh_id: str) -> None:
        """Start the queries of a refresh that can be started, see which have ended. Nothing happens when it is over already."""
        with self._lock:
            with self._database.read() as connection:
                refresh = store.refresh(connection, refresh_id)
                steps = store.steps(connection, refresh_id) if refresh else []
            if refresh is None or refresh.ended is not None:
                return
            late = self._clock.time() - refresh.started > LONGEST
            for step in steps:
                if step.state in (WAITING, STARTING) and not self._start(refresh, step):
                    break
                if step.state == STARTED and step.query_id is not None and self._progress.ended(step.query_id):
                    self._note(step, {"state": ENDED})
            self._end_if_over(refresh, late=late)

    def _begin(self, kept: Kept, now: float) -> None:
        """One scheduled refresh: begun, refused or left out, and the next one due, all in one transaction."""
        place = Place(partition=kept.partition, region=kept.region, account_id=kept.account_id)
        with self._database.begin() as connection:
            current = store.find(connection, kept.account_id, kept.region, kept.name)
            if current is None or current.refresh_schedule is None or current.due is None or current.due > now:
                return
            plan = schedule.checked(current.refresh_schedule)
            changes: dict[str, Any] = {"due": plan.next_due(now) if plan.enabled else None}
            if not store.is_running(connection, kept.account_id, kept.region, kept.name):
                try:
                    shown = self._dashboards.shown(connection, current)
                    self._require_permission(place, shown)
                    self._dashboards.begin(connection, place, shown, {}, scheduled=True)
                except Fault as refused:
                    changes["last_refresh_failure_reason"] = _told(refused)
            store.change(connection, current.id, changes)

    def _require_permission(self, place: Place, shown: Dashboard) -> None:
        """Highlights is the service's own and needs the leave of the stores only."""
        now = self._clock.now()
        if shown.type == "CUSTOM" and not permission.allows(
            shown.resource_policy,
            permission.REFRESH,
            resource=shown.arn,
            account_id=place.account_id,
            dashboard_arn=shown.arn,
            region=place.region,
            now=now,
        ):
            raise _NotPermitted(f"The resource policy of the dashboard does not let cloudtrail.amazonaws.com do {permission.REFRESH}.")
        for one in self._dashboards.stores_asked(place, shown):
            if not permission.allows(
                one.resource_policy,
                permission.QUERY,
                resource=one.arn,
                account_id=one.account_id,
                dashboard_arn=shown.arn,
                region=place.region,
                now=now,
            ):
                raise _NotPermitted(
                    f"The resource policy of the event data store {one.id} does not let cloudtrail.amazonaws.com do {permission.QUERY} "
                    f"for {shown.arn}."
                )

    def _start(self, refresh: Refresh, step: Step) -> bool:
        """Start one query. `False`: not now, as many are running as may."""
        if step.state == STARTING:
            found = self._progress.find(account_id=refresh.account_id, region=refresh.region, alias=step.alias, refresh_id=refresh.id)
            if found is not None:
                self._note(step, {"state": STARTED, "query_id": found})
                return True
        self._note(step, {"state": STARTING})
        try:
            query_id = self._queries.start(
                account_id=refresh.account_id,
                region=refresh.region,
                statement=step.statement,
                alias=step.alias,
                refresh_id=refresh.id,
            )
        except (MaxConcurrentQueriesException, ServiceUnavailable):
            self._note(step, {"state": WAITING})
            return False
        except Fault as refused:
            self._note(step, {"state": FAILED, "failure": _told(refused)})
            return True
        self._note(step, {"state": STARTED, "query_id": query_id})
        return True

    def _end_if_over(self, refresh: Refresh, *, late: bool) -> None:
        with self._database.begin() as connection:
            steps = store.steps(connection, refresh.id)
            if not late and any(step.state not in (ENDED, FAILED) for step in steps):
                return
            failures = [f"{step.alias}: {step.failure}" for step in steps if step.state == FAILED]
            if late and any(step.state in (WAITING, STARTING, STARTED) for step in steps):
                failures.append("The queries did not end in time.")
            store.end_refresh(connection, refresh, self._clock.time(), " ".join(failures)[:_MOST_TOLD] or None)

    def _note(self, step: Step, values: dict[str, Any]) -> None:
        with self._database.begin() as connection:
            store.change_step(connection, step, values)


class _NotPermitted(Fault):
    """A policy is missing."""

    code = "AccessDeniedException"


def _told(refused: Fault) -> str:
    return f"{refused.code}: {refused.message}"[:_MOST_TOLD]
