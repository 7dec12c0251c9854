"""SendMessage, within a transaction: into the box of the queue, once for each deduplication id."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, insert, select

from opentrail.messaging.queues import ordering
from opentrail.messaging.queues.statements import Statement
from opentrail.messaging.queues.store import contents, duplicates, messages
from opentrail.messaging.queues.values import Outgoing, Queue, Sent

DEDUPLICATION = 300.0
"""Seconds in which a message with the same deduplication id is taken for the same one."""
_SEQUENCE = 10**19
"""What sequence numbers count from, so that they are 20 digits and sort as texts, too."""

_PUT = Statement(
    insert(messages)
    .values({name: bindparam(name) for name in ("box", "visible_at", "receives", "earlier", "sent", "expires", "ordered_group")})
    .returning(messages.c.id)
)
_SAY = Statement(insert(contents))
_NOTE = Statement(insert(duplicates))
_SAME = (
    duplicates.c.queue == bindparam("same_queue"),
    duplicates.c.scope == bindparam("same_scope"),
    duplicates.c.deduplication_id == bindparam("same_id"),
)
_NOTED = Statement(select(duplicates.c.at, duplicates.c.message_id, duplicates.c.message).where(*_SAME))
_FORGET = Statement(delete(duplicates).where(*_SAME))


def send(connection: Connection, queue: Queue, outgoing: Sequence[Outgoing], now: float) -> list[Sent]:
    """Put messages into the queue, in their order."""
    return [_one(connection, queue, message, now) for message in outgoing]


def sequence_number(message: int) -> str:
    """`SequenceNumber` of the message with this id."""
    return str(_SEQUENCE + message)


def _one(connection: Connection, queue: Queue, message: Outgoing, now: float) -> Sent:
    if queue.fifo:
        earlier = _earlier(connection, queue, message, now)
        if earlier is not None:
            return earlier
    visible_at = now + (queue.number("DelaySeconds") if message.delay is None else message.delay)
    ordered = message.group_id if queue.fifo else None
    put = _PUT(
        connection,
        box=queue.box,
        visible_at=visible_at,
        receives=0,
        earlier=0,
        sent=now,
        expires=now + queue.number("MessageRetentionPeriod"),
        ordered_group=ordered,
    ).scalar_one()
    _SAY(
        connection,
        id=put,
        message_id=message.message_id,
        group_id=message.group_id,
        deduplication_id=message.deduplication_id,
        own_key=message.sealed.own_key,
        key=message.sealed.key,
        sealed_for=message.sealed.sealed_for,
        octets=message.sealed.octets,
    )
    if ordered is None:
        return Sent(message_id=message.message_id)
    ordering.joined(connection, queue.box, ordered, visible_at)
    _NOTE(
        connection,
        queue=queue.id,
        scope=_scope(queue, message),
        deduplication_id=message.deduplication_id or "",
        at=now,
        message_id=message.message_id,
        message=put,
    )
    return Sent(message_id=message.message_id, sequence_number=sequence_number(put))


def _earlier(connection: Connection, queue: Queue, message: Outgoing, now: float) -> Sent | None:
    """The message of which this one is a duplicate; a note of one that is too old is taken away."""
    same = {"same_queue": queue.id, "same_scope": _scope(queue, message), "same_id": message.deduplication_id or ""}
    row = _NOTED(connection, **same).first()
    if row is None:
        return None
    if now - row.at < DEDUPLICATION:
        return Sent(message_id=row.message_id, sequence_number=sequence_number(row.message))
    _FORGET(connection, **same)
    return None


def _scope(queue: Queue, message: Outgoing) -> str:
    return (message.group_id or "") if queue.setting("DeduplicationScope") == "messageGroup" else ""
