"""What a receiver does with what it has received, within a transaction: DeleteMessage, ChangeMessageVisibility.

Only the latest receipt of a message counts. In standard queues it counts until the message is received again; in FIFO queues only while
its visibility timeout lasts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, delete, select, update

from opentrail.messaging.queues import ordering
from opentrail.messaging.queues.faults import InvalidParameterValue, MessageNotInflight
from opentrail.messaging.queues.handles import Receipt
from opentrail.messaging.queues.statements import Statement
from opentrail.messaging.queues.store import messages
from opentrail.messaging.queues.values import Queue

MAX_VISIBILITY: Final = 43_200
"""Seconds that one receipt can last in all, however often it is prolonged."""

_STATE = Statement(
    select(
        messages.c.id, messages.c.visible_at, messages.c.receives, messages.c.earlier, messages.c.received, messages.c.ordered_group
    ).where(messages.c.id == bindparam("this"), messages.c.box == bindparam("box"))
)
_REMOVE_LATEST = Statement(
    delete(messages).where(
        messages.c.id == bindparam("this"),
        messages.c.box == bindparam("box"),
        messages.c.receives > 0,
        messages.c.earlier + messages.c.receives == bindparam("number"),
    )
)
_REMOVE = Statement(delete(messages).where(messages.c.id == bindparam("this")))
_PROLONG = Statement(update(messages).where(messages.c.id == bindparam("this")).values(visible_at=bindparam("until")))


def remove(connection: Connection, queue: Queue, receipts: Sequence[Receipt]) -> None:
    """Delete messages of a standard queue. Nothing happens to one that is gone, or has been received again meanwhile."""
    _REMOVE_LATEST.each(connection, [{"this": one.message, "box": queue.box, "number": one.number} for one in receipts])


def remove_ordered(connection: Connection, queue: Queue, receipt: Receipt, handle: str, now: float) -> None:
    """Delete a message of a FIFO queue. Nothing happens when it is gone, or has been received again meanwhile.

    Raises `InvalidParameterValue` when the receipt has expired.
    """
    row = _latest(connection, queue, receipt)
    if row is None:
        return
    if row.visible_at <= now:
        raise InvalidParameterValue(f"Value {handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.")
    _REMOVE(connection, this=row.id)
    _settle(connection, queue, row, now)


def change_visibility(connection: Connection, queue: Queue, receipt: Receipt, handle: str, seconds: int, now: float) -> None:
    """Let the receipt last `seconds` from now; 0 ends it. Raises `MessageNotInflight` when it has ended already, and
    `InvalidParameterValue` when the message is gone or the receipt would last longer than `MAX_VISIBILITY` in all."""
    row = _latest(connection, queue, receipt)
    if row is None:
        raise InvalidParameterValue(
            f"Value {handle} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility "
            "timeout change."
        )
    if row.visible_at <= now:
        raise MessageNotInflight
    if now + seconds > row.received + MAX_VISIBILITY:
        raise InvalidParameterValue(
            f"Value {seconds} for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the "
            f"limit [{MAX_VISIBILITY} seconds]."
        )
    _PROLONG(connection, this=row.id, until=now + seconds)
    _settle(connection, queue, row, now)


def _latest(connection: Connection, queue: Queue, receipt: Receipt) -> Row[Any] | None:
    """The message, if this is its latest receipt in this queue."""
    row = _STATE(connection, this=receipt.message, box=queue.box).first()
    return row if row is not None and row.receives and row.earlier + row.receives == receipt.number else None


def _settle(connection: Connection, queue: Queue, row: Row[Any], now: float) -> None:
    if row.ordered_group is not None:
        ordering.settle(connection, queue.box, row.ordered_group, now)
