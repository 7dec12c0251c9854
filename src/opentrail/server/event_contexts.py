"""What events are enriched with that they do not say themselves: tags of resources and principals, and organizations.

`lake.tables.event_context.Context` over the services of the house. The tags are those at the time an event is taken in, a few seconds after
the call at most. What nothing of the house holds (resources behind an upstream, objects in buckets, tags of sessions) has none.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from opentrail.buckets import store as bucket_store
from opentrail.buckets.configurations import TAGS as BUCKET_TAGS
from opentrail.clock import Clock
from opentrail.identity import Identities, entities
from opentrail.kms import store as key_store
from opentrail.lake.stores import attachments
from opentrail.messaging.queues import names as queue_names
from opentrail.messaging.queues import store as queue_store
from opentrail.messaging.topics import store as topic_store
from opentrail.monitoring.alarms import store as alarm_store
from opentrail.monitoring.logs import store as log_store
from opentrail.rules import store as rule_store
from opentrail.rules.tagging import Tagging
from opentrail.server.folder import DataFolder
from opentrail.storage.database import Database
from opentrail.trails import store as trail_store
from opentrail.wire.faults import Fault

FRESH: Final = 5.0
"""Seconds for which what was found is not asked for again."""
MOST_KNOWN: Final = 10_000
"""ARNs that are remembered; beyond that all are forgotten."""

Tags = Mapping[str, str]

_log = logging.getLogger("opentrail.lake")
_decoded = msgspec.json.Decoder(dict[str, str])


class EventContexts:
    """See the module. Blocking, thread-safe."""

    def __init__(self, folder: DataFolder, state: Database, identities: Identities, clock: Clock) -> None:
        self._state = state
        self._identities = identities
        self._clock = clock
        self._messages, self._monitoring, self._rules = map(Database.at, (folder.messages, folder.monitoring, folder.rules))
        for database, tables in (
            (state, (bucket_store.TABLES, key_store.tables, attachments.METADATA, trail_store.METADATA)),
            (self._messages, (queue_store.tables, topic_store.tables)),
            (self._monitoring, (log_store.METADATA, alarm_store.tables)),
        ):
            for each in tables:
                database.create(each)
        self._tagging = Tagging(rule_store.Store(self._rules))
        self._lock = threading.Lock()
        self._known: dict[str, tuple[Tags, float]] = {}
        self._by_service: Mapping[str, Callable[[str, Sequence[str]], Tags]] = {
            "iam": self._entity,
            "s3": self._bucket,
            "kms": self._key,
            "sqs": self._queue,
            "sns": self._topic,
            "logs": self._log_group,
            "cloudwatch": self._alarm,
            "events": lambda arn, _: self._tagging.tags(arn),
            "cloudtrail": self._of_cloudtrail,
            "organizations": lambda _, parts: self._identities.organizations.tags.of(parts[5].rpartition("/")[2]),
        }

    def close(self) -> None:
        """Give back every connection."""
        for database in (self._messages, self._monitoring, self._rules):
            database.close()

    def principal_tags(self, arn: str, account_id: str) -> Tags:
        """The tags of the user or role with this ARN; none of a session's own."""
        return self.resource_tags(arn) if arn.split(":", 5)[2:3] == ["iam"] else {}

    def resource_tags(self, arn: str) -> Tags:
        """The tags of a resource of the house; empty when it is not known, or gone."""
        now = self._clock.monotonic()
        with self._lock:
            tags, asked = self._known.get(arn, ({}, now - FRESH))
        if now - asked < FRESH:
            return tags
        tags = self._found(arn)
        with self._lock:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[arn] = (tags, now)
        return tags

    def organization(self, account_id: str) -> tuple[str, Sequence[str]] | None:
        """The organization that the account is in, and the path of the account in it."""
        place = self._identities.organizations.place(account_id)
        return None if place is None else (place.organization_id, (place.path,))

    def _found(self, arn: str) -> Tags:
        parts = arn.split(":", 5)
        of_service = self._by_service.get(parts[2]) if len(parts) == 6 and parts[0] == "arn" else None
        if of_service is None:
            return {}
        try:
            return of_service(arn, parts)
        except Fault:
            return {}  # there is no such thing
        except SQLAlchemyError:
            _log.exception("the tags of %s could not be read: events of it are without", arn)
            return {}

    def _entity(self, arn: str, parts: Sequence[str]) -> Tags:
        kind = parts[5].partition("/")[0]
        if kind not in entities.QUOTAS:
            return {}
        with self._state.read() as connection:
            return entities.find_arn(connection, kind, parts[4], arn).tags

    def _bucket(self, arn: str, parts: Sequence[str]) -> Tags:
        with self._state.read() as connection:
            text = bucket_store.configurations(connection, parts[5]).get(BUCKET_TAGS)
        return {} if text is None else _decoded.decode(text)

    def _key(self, arn: str, parts: Sequence[str]) -> Tags:
        with self._state.read() as connection:
            key = key_store.find_key(connection, parts[5].removeprefix("key/"))
        return key.tags if key is not None and key.arn == arn else {}

    def _queue(self, arn: str, parts: Sequence[str]) -> Tags:
        place = queue_names.of_arn(arn)
        with self._messages.read() as connection:
            queue = queue_store.by_place(connection, place) if place is not None else None
        return queue.tags if queue is not None else {}

    def _topic(self, arn: str, parts: Sequence[str]) -> Tags:
        with self._messages.read() as connection:
            topic = topic_store.find_topic(connection, arn)
        return topic.tags if topic is not None else {}

    def _log_group(self, arn: str, parts: Sequence[str]) -> Tags:
        kind, _, name = parts[5].removesuffix(":*").partition(":")
        with self._monitoring.read() as connection:
            group = log_store.group(connection, parts[4], parts[3], name) if kind == "log-group" else None
            return log_store.tags(connection, group.id) if group is not None else {}

    def _alarm(self, arn: str, parts: Sequence[str]) -> Tags:
        with self._monitoring.read() as connection:
            alarm = alarm_store.find(connection, parts[4], parts[3], alarm_store.plain(arn))
        return alarm.tags if alarm is not None and alarm.arn == arn else {}

    def _of_cloudtrail(self, arn: str, parts: Sequence[str]) -> Tags:
        with self._state.read() as connection:
            if not parts[5].startswith("trail/"):
                return attachments.tags(connection, arn)  # of stores, channels and dashboards
            for trail in trail_store.trails_of(connection, parts[4]):
                if trail.arn == arn:
                    return {key: value or "" for key, value in trail_store.tags(connection, trail.id).items()}
        return {}
