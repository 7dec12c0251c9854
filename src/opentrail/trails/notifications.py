"""Tells the topic of a trail of the log files that are in the bucket (reference of delivery, §5).

Each trail is served by one job at a time and backs off by itself. Files that wait together share a message. What counts is the topic that
the trail has when the message is published; a trail without one has nobody to tell. Whatever the topic says, the files are where they are:
a refusal shows in the status of the trail and nowhere else.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from concurrent.futures import Executor

from sqlalchemy.engine import Connection

from opentrail.clock import Clock
from opentrail.storage.database import Database
from opentrail.trails import notices, store
from opentrail.trails.neighbours import Topics
from opentrail.trails.notices import Notice
from opentrail.trails.patience import Patience
from opentrail.wire.faults import Fault

MOST_KEYS = 100
"""Files that one message tells of; keys have at most 1,024 bytes and a message 256 KB."""

_log = logging.getLogger(__name__)


class Notifications:
    """The notices of every trail. `executor` runs the jobs; without one they run inside `step`."""

    def __init__(self, database: Database, clock: Clock, *, topics: Topics, retry_limit: float, executor: Executor | None = None) -> None:
        """`retry_limit` is the time in seconds after which a notice that the topic refuses is given up."""
        self._database = database
        self._clock = clock
        self._topics = topics
        self._retry_limit = retry_limit
        self._executor = executor
        self._waiting: dict[int, Patience[bool]] = {}
        database.create(store.METADATA)

    def try_again(self) -> None:
        """Something has changed that may have cured what ailed: be patient no longer."""
        for patience in self._waiting.values():
            patience.forget()

    def step(self) -> bool:
        """Start what is due, collect what is done; whether anything was. Never waits for a topic when there is an executor."""
        if not self._waiting and not notices.any_pending(self._database):
            return False
        with self._database.read() as connection:
            pending = notices.trails(connection)
        did = False
        for trail_id in pending:
            self._waiting.setdefault(trail_id, Patience(self._clock))
        for trail_id, patience in list(self._waiting.items()):
            if (succeeded := patience.collected()) is not None:
                did = True
                patience.heed(succeeded)
            if patience.is_busy:
                continue
            if trail_id not in pending:
                del self._waiting[trail_id]
            elif patience.is_due:
                did = True
                patience.begin(self._executor, self._tell, trail_id)
                if (succeeded := patience.collected()) is not None:
                    patience.heed(succeeded)
        return did

    def _tell(self, trail_id: int) -> bool:
        """Publish one message of a trail; whether that is done with."""
        try:
            with self._database.read() as connection:
                trail = store.trail(connection, trail_id)
                told = notices.pending(connection, trail_id, MOST_KEYS)
            if trail is None or not told:
                return True
            if trail.sns_topic_arn is None:
                with self._database.begin() as connection:
                    notices.forget(connection, trail_id)
                return True
            return self._publish(trail, trail.sns_topic_arn, told)
        except Exception:
            # Our own disk or database; what was published but not noted is published again.
            _log.warning("the notices of trail %d were interrupted", trail_id, exc_info=True)
            return False

    def _publish(self, trail: store.Trail, topic_arn: str, told: Sequence[Notice]) -> bool:
        message = json.dumps({"s3Bucket": told[0].bucket, "s3ObjectKey": [notice.key for notice in told]}, separators=(",", ":"))
        error: str | None = None
        try:
            self._topics.publish(topic_arn=topic_arn, message=message, source_arn=trail.arn, account_id=trail.account_id)
        except Fault as refusal:
            error = refusal.code
        except Exception:
            # As with buckets: a time-out has no code of the service to show.
            _log.warning("publishing to %s failed", topic_arn, exc_info=True)
        else:
            with self._database.begin() as connection:
                now = self._clock.time()
                notices.done(connection, told)
                self._note(connection, told, {"notified_at": now, "notification_error": None, "notification_attempted_at": now})
            return True
        now = self._clock.time()
        lost = [notice for notice in told if now - notice.noted_at >= self._retry_limit]
        if lost:
            _log.error("%s could not be told of %d files for %.0f s (trails.retry_limit)", topic_arn, len(lost), self._retry_limit)
        with self._database.begin() as connection:
            values: dict[str, object] = {"notification_attempted_at": now}
            self._note(connection, told, values if error is None else {**values, "notification_error": error})
            notices.done(connection, lost)
        return len(lost) == len(told)

    @staticmethod
    def _note(connection: Connection, told: Sequence[Notice], values: dict[str, object]) -> None:
        for region in sorted({notice.region for notice in told}):
            store.set_status(connection, told[0].trail_id, region, values)
