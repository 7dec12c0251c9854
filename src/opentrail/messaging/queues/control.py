"""Queues: made, found, listed, described, changed, purged, deleted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, and_, case, delete, func, insert, select, update

from opentrail.clock import Clock
from opentrail.messaging.queues import attributes, names, redrive, store
from opentrail.messaging.queues.faults import (
    InvalidParameterValue,
    PurgeQueueInProgress,
    QueueDeletedRecently,
    QueueDoesNotExist,
    QueueNameExists,
)
from opentrail.messaging.queues.store import deleted, messages, queues
from opentrail.messaging.queues.values import Counts, Queue, redrive_of
from opentrail.storage.database import Database
from opentrail.storage.writer import Writer

GRACE: Final = 60.0
"""Seconds after which a name can be used again, and a queue be purged again."""
MAX_TAGS: Final = 50
"""Of one queue."""


class Control:
    """The queues of every account and Region. Thread-safe; every change is durable on return."""

    def __init__(
        self, database: Database, queues: store.Store, writer: Writer, clock: Clock, gone: Callable[[Connection, int], None]
    ) -> None:
        """`gone` is told of queues (ids) that are deleted, in their transaction."""
        self._database = database
        self._queues = queues
        self._writer = writer
        self._clock = clock
        self._gone = gone

    # finding

    def find(self, place: names.Place) -> Queue | None:
        """The queue of this name, or `None`. Microseconds."""
        return self._queues.find(place)

    def get(self, place: names.Place) -> Queue:
        """The queue of this name. Raises `QueueDoesNotExist`."""
        found = self._queues.find(place)
        if found is None:
            raise QueueDoesNotExist
        return found

    def list(self, account_id: str, region: str, *, prefix: str, after: str, limit: int) -> Sequence[str]:
        """Names that begin with `prefix`, in their order, above `after`."""
        query = select(queues.c.name).where(queues.c.account_id == account_id, queues.c.region == region, queues.c.name > after)
        if prefix:
            query = query.where(func.substr(queues.c.name, 1, len(prefix)) == prefix)
        with self._database.read() as connection:
            return connection.execute(query.order_by(queues.c.name).limit(limit)).scalars().all()

    def sources(self, queue: Queue, *, after: str, limit: int) -> Sequence[str]:
        """Names of the queues whose dead letters go to `queue`."""
        query = select(queues.c.name).where(queues.c.target == queue.arn, queues.c.name > after)
        with self._database.read() as connection:
            return connection.execute(query.order_by(queues.c.name).limit(limit)).scalars().all()

    def counts(self, queue: Queue) -> Counts:
        """How many messages there are now."""
        now = self._clock.time()
        visible = messages.c.visible_at <= now
        query = select(
            func.coalesce(func.sum(case((visible, 1), else_=0)), 0),
            func.coalesce(func.sum(case((and_(~visible, messages.c.receives > 0), 1), else_=0)), 0),
            func.count(),
        ).where(messages.c.box == queue.box, messages.c.expires > now)
        with self._database.read() as connection:
            seen, in_flight, every = connection.execute(query).one()
        return Counts(visible=seen, in_flight=in_flight, delayed=every - seen - in_flight)

    # making and deleting

    def create(self, place: names.Place, given: Mapping[str, str], tags: Mapping[str, str]) -> Queue:
        """A new queue, or the one that there is, if its attributes are those that are `given`.

        Raises `QueueNameExists`, `QueueDeletedRecently`, `InvalidParameterValue`, `InvalidAttributeName`, `InvalidAttributeValue`.
        """
        fifo = given.get("FifoQueue", "").lower() == "true"
        if "FifoQueue" in given and not fifo:
            raise InvalidParameterValue("Value for parameter FifoQueue is invalid. Reason: It can only be true; leave it out otherwise.")
        names.check_name(place.name, fifo=fifo)
        wanted = attributes.checked(given, fifo=fifo)
        settings = attributes.merged({}, wanted)
        check_tags(tags)

        def job(connection: Connection) -> Queue:
            found = store.by_place(connection, place)
            if found is not None:
                other = attributes.different(found.settings, wanted)
                if other is not None:
                    raise QueueNameExists(
                        f"A queue already exists with the same name and a different value for attribute {other}. Choose another name, or "
                        "change the queue with SetQueueAttributes."
                    )
                return found
            now = self._clock.time()
            this = (deleted.c.account_id == place.account_id, deleted.c.region == place.region, deleted.c.name == place.name)
            gone = connection.execute(select(deleted.c.at).where(*this)).scalar()
            if gone is not None and 0 <= now - gone < GRACE:
                raise QueueDeletedRecently
            connection.execute(delete(deleted).where(*this))
            self._check_target(connection, place, settings)
            connection.execute(
                insert(queues).values(
                    account_id=place.account_id,
                    region=place.region,
                    name=place.name,
                    box=store.new_box(connection),
                    created=now,
                    modified=now,
                    settings=settings,
                    tags=dict(tags),
                    target=_target(settings),
                )
            )
            store.changed(connection)
            made = store.by_place(connection, place)
            assert made is not None
            return made

        return self._writer.run(job)

    def delete(self, queue: Queue) -> None:
        """Delete the queue with all its messages. Raises `QueueDoesNotExist`."""
        place = queue.place

        def job(connection: Connection) -> None:
            found = self._queues.current(connection, queue.id)
            connection.execute(delete(queues).where(queues.c.id == found.id))
            store.give_up_box(connection, found.box)
            for table in (store.duplicates, store.attempts):
                connection.execute(delete(table).where(table.c.queue == found.id))
            connection.execute(
                insert(deleted).values(account_id=place.account_id, region=place.region, name=place.name, at=self._clock.time())
            )
            store.changed(connection)
            self._gone(connection, found.id)

        self._writer.run(job)

    def purge(self, queue: Queue) -> None:
        """Delete all messages of the queue. Raises `PurgeQueueInProgress`, `QueueDoesNotExist`."""

        def job(connection: Connection) -> None:
            found, now = self._queues.current(connection, queue.id), self._clock.time()
            if found.purged is not None and 0 <= now - found.purged < GRACE:
                raise PurgeQueueInProgress(f"Only one PurgeQueue operation on {found.place.name} is allowed every 60 seconds.")
            connection.execute(update(queues).where(queues.c.id == found.id).values(purged=now, box=store.new_box(connection)))
            store.give_up_box(connection, found.box)
            store.changed(connection)

        self._writer.run(job)

    # changing

    def set(self, queue: Queue, given: Mapping[str, str]) -> None:
        """Change attributes. Raises `InvalidAttributeName`, `InvalidAttributeValue`, `InvalidParameterValue`, `QueueDoesNotExist`."""
        if "FifoQueue" in given and (not queue.fifo or given["FifoQueue"].lower() != "true"):
            raise InvalidParameterValue("Value for parameter FifoQueue is invalid. Reason: Modifying queue type is not supported.")
        changes = attributes.checked(given, fifo=queue.fifo)
        self._change(queue, lambda found: attributes.merged(found.settings, changes), retention="MessageRetentionPeriod" in changes)

    def set_policy(self, queue: Queue, change: Callable[[str | None], str]) -> None:
        """Put what `change` makes of the queue policy in its place; the empty text takes it away. Raises what `change` does."""

        def changed(found: Queue) -> dict[str, str]:
            text = change(found.policy)
            if text:
                attributes.check_policy(text)
            return attributes.merged(found.settings, {"Policy": text})

        self._change(queue, changed, retention=False)

    def tag(self, queue: Queue, tags: Mapping[str, str]) -> None:
        """Put tags on the queue. Raises `InvalidParameterValue`, `QueueDoesNotExist`."""
        check_tags(tags)
        self._tags(queue, lambda present: {**present, **tags})

    def untag(self, queue: Queue, keys: Sequence[str]) -> None:
        """Take tags off, also those that are not there. Raises `QueueDoesNotExist`."""
        self._tags(queue, lambda present: {key: value for key, value in present.items() if key not in keys})

    def _tags(self, queue: Queue, change: Callable[[Mapping[str, str]], dict[str, str]]) -> None:
        def job(connection: Connection) -> None:
            tags = change(self._queues.current(connection, queue.id).tags)
            check_tags(tags)
            connection.execute(update(queues).where(queues.c.id == queue.id).values(tags=tags))
            store.changed(connection)

        self._writer.run(job)

    def _change(self, queue: Queue, change: Callable[[Queue], dict[str, str]], *, retention: bool) -> None:
        def job(connection: Connection) -> None:
            found = self._queues.current(connection, queue.id)
            settings = change(found)
            self._check_target(connection, found.place, settings)
            connection.execute(
                update(queues)
                .where(queues.c.id == found.id)
                .values(settings=settings, modified=self._clock.time(), target=_target(settings))
            )
            if retention:
                seconds = int(settings.get("MessageRetentionPeriod") or attributes.DEFAULTS["MessageRetentionPeriod"])
                connection.execute(update(messages).where(messages.c.box == found.box).values(expires=messages.c.sent + seconds))
            store.changed(connection)

        self._writer.run(job)

    def _check_target(self, connection: Connection, place: names.Place, settings: Mapping[str, str]) -> None:
        """The dead-letter queue must be there, of the same kind, account and Region, and take them. Raises `InvalidParameterValue`."""
        wanted = redrive_of(settings)
        if wanted is None:
            return
        target = store.by_place(connection, wanted.target)
        fifo = place.name.endswith(names.FIFO)
        if (wanted.target.account_id, wanted.target.region) != (place.account_id, place.region):
            reason = "Dead letter target must be in the same account and Region as the source."
        elif target is None or wanted.target == place:
            reason = "Dead letter target does not exist." if target is None else "Dead letter target must be another queue."
        elif target.fifo != fifo:
            reason = "Dead-letter queue must be same type of queue as the source."
        elif not redrive.allows(target.settings.get("RedriveAllowPolicy"), place.arn):
            reason = "Dead letter target does not allow this queue to use it (RedriveAllowPolicy)."
        else:
            return
        raise InvalidParameterValue(f"Value {settings['RedrivePolicy'][:400]} for parameter RedrivePolicy is invalid. Reason: {reason}")


def check_tags(tags: Mapping[str, str]) -> None:
    """Raises `InvalidParameterValue` for tags that a queue cannot have."""
    if len(tags) > MAX_TAGS:
        raise InvalidParameterValue(f"Too many tags added for queue: {len(tags)}, the maximum is {MAX_TAGS}.")
    for key, value in tags.items():
        if not 1 <= len(key) <= 128 or len(value) > 256:
            raise InvalidParameterValue("Tag keys must be between 1 and 128 characters in length, tag values up to 256.")
        if key.lower().startswith("aws:"):
            raise InvalidParameterValue(f"Tag keys must not begin with aws:, as {key} does.")


def _target(settings: Mapping[str, str]) -> str | None:
    found = redrive_of(settings)
    return None if found is None else found.target.arn
