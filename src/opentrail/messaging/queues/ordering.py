"""Message groups of FIFO queues: which of them may be received from, and when.

Messages of a group are received in their order, and none while an earlier receipt of one of them lasts. So of a group only its first
messages count, as many as one receipt can bring; when the first of them may be received is kept in the group's row (`ready_at`), which is
written anew whenever one of its messages is received, deleted, expires, moves or gets another visibility timeout (`settle`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from opentrail.messaging.queues.store import groups, messages

MOST: Final = 10
"""Messages that one ReceiveMessage brings at most: those in flight of a group are among as many first ones."""

_FIRST = select(messages.c.id, messages.c.visible_at, messages.c.receives)


def joined(connection: Connection, box: int, group: str, visible_at: float) -> None:
    """A message that becomes visible at `visible_at` has come to the end of `group`."""
    known = connection.execute(select(groups.c.ready_at).where(groups.c.box == box, groups.c.group_id == group)).first()
    if known is None:
        connection.execute(insert(groups).values(box=box, group_id=group, ready_at=visible_at))


def settle(connection: Connection, box: int, group: str, now: float) -> None:
    """Write down anew when the group may be received from; a group without messages is forgotten."""
    first = connection.execute(
        _FIRST.where(messages.c.box == box, messages.c.ordered_group == group).order_by(messages.c.id).limit(MOST)
    ).all()
    this = (groups.c.box == box, groups.c.group_id == group)
    if not first:
        connection.execute(delete(groups).where(*this))
        return
    ready_at = ready(first, now)
    if connection.execute(update(groups).where(*this).values(ready_at=ready_at)).rowcount == 0:
        connection.execute(insert(groups).values(box=box, group_id=group, ready_at=ready_at))


def ready(first: Sequence[Row[Any]], now: float) -> float:
    """When a group with these first messages may be received from: when all that are in flight are visible again and the first one is."""
    in_flight = [row.visible_at for row in first if row.receives and row.visible_at > now]
    return max([first[0].visible_at, *in_flight])


def ready_groups(connection: Connection, box: int, now: float, limit: int) -> list[str]:
    """Groups that may be received from, those that wait longest first."""
    return list(
        connection.execute(
            select(groups.c.group_id).where(groups.c.box == box, groups.c.ready_at <= now).order_by(groups.c.ready_at).limit(limit)
        ).scalars()
    )


def next_ready(connection: Connection, box: int, now: float) -> float | None:
    """When the next group may be received from, of those that may not be now."""
    found: float | None = connection.execute(
        select(func.min(groups.c.ready_at)).where(groups.c.box == box, groups.c.ready_at > now)
    ).scalar()
    return found
