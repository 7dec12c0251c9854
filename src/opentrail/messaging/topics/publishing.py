"""Publishing: a message is kept with one delivery for each subscription that wants it, in one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import lru_cache

from sqlalchemy import Connection, select

from opentrail.clock import Clock
from opentrail.messaging.topics import attributes
from opentrail.messaging.topics.filtering import FilterPolicy
from opentrail.messaging.topics.messages import Draft, body_for
from opentrail.messaging.topics.store import Store, keep_delivery, keep_message, subscriptions, the_topic
from opentrail.messaging.topics.values import Message


class Publishing:
    """Publishes. Thread-safe, and safe beside another process; what was published is durable on return."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def publish(self, topic_arn: str, drafts: Sequence[Draft], *, once: str | None = None) -> list[str]:
        """Publish `drafts`, all or none; their message ids, none when they were published under the same `once`. Raises `NotFound`."""
        now = self._clock.time()
        with self._store.write() as connection:
            the_topic(connection, topic_arn)
            if once is not None and not self._store.once.is_first(connection, once, now):
                return []
            return [_publish(connection, topic_arn, draft, now) for draft in drafts]


def _publish(connection: Connection, topic_arn: str, draft: Draft, now: float) -> str:
    message_id = str(uuid.uuid4())
    columns = (subscriptions.c.arn, subscriptions.c.protocol, subscriptions.c.attributes)
    confirmed = select(*columns).where(subscriptions.c.topic_arn == topic_arn, subscriptions.c.state == "confirmed")
    wanted = [row.arn for row in connection.execute(confirmed) if _wants(row.protocol, row.attributes, draft)]
    if wanted:
        keep_message(
            connection,
            Message(
                message_id=message_id,
                topic_arn=topic_arn,
                published=now,
                body=draft.body,
                structured=draft.structured,
                subject=draft.subject,
                attributes=draft.attributes,
            ),
        )
    for arn in wanted:
        keep_delivery(connection, arn, "Notification", message_id, now)
    return message_id


def _wants(protocol: str, given: dict[str, str], draft: Draft) -> bool:
    if "FilterPolicy" not in given:
        return True
    policy = _filter(given["FilterPolicy"], given.get("FilterPolicyScope", "MessageAttributes"))
    return policy is None or policy.accepts(body_for(draft.body, protocol, structured=draft.structured), draft.attributes)


@lru_cache(maxsize=1024)
def _filter(policy: str, scope: str) -> FilterPolicy | None:
    return attributes.filter_of({"FilterPolicy": policy, "FilterPolicyScope": scope})
