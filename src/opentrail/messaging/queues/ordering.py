"""Message groups of FIFO queues: which of them may be received from, and when.

Messages of a group are received in their order, and none while an earlier receipt of one of them lasts. So of a group only its first
messages count, as many as one receipt can bring; when the first of them may be received is kept in the group's row (`ready_at`), which is
written anew whenever one of its messages is received, deleted, expires, moves or gets another visibility timeout (`settle`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from opentrail.messaging.queues.statements import Statement
from opentrail.messaging.queues.store import groups, messages

MOST: Final = 10
"""Messages that one ReceiveMessage brings at most: those in flight of a group are among as many first ones."""

_THIS = (groups.c.box == bindparam("this_box"), groups.c.group_id == bindparam("this_group"))
_KNOWN = Statement(select(groups.c.ready_at).where(*_THIS))
_MAKE = Statement(insert(groups))
_FORGET = Statement(delete(groups).where(*_THIS))
_CHANGE = Statement(update(groups).where(*_THIS).values(ready_at=bindparam("new_ready_at")))
_FIRST = Statement(
    select(messages.c.id, messages.c.visible_at, messages.c.receives)
    .where(messages.c.box == bindparam("box"), messages.c.ordered_group == bindparam("ordered"))
    .order_by(messages.c.id)
    .limit(MOST)
)
_READY = Statement(
    select(groups.c.group_id)
    .where(groups.c.box == bindparam("box"), groups.c.ready_at <= bindparam("now"))
    .order_by(groups.c.ready_at)
    .limit(bindparam("most"))
)
_NEXT = Statement(select(func.min(groups.c.ready_at)).where(groups.c.box == bindparam("box"), groups.c.ready_at > bindparam("now")))


def joined(connection: Connection, box: int, group: str, visible_at: float) -> None:
    """A message that becomes visible at `visible_at` has come to the end of `group`."""
    if _KNOWN(connection, this_box=box, this_group=group).first() is None:
        _MAKE(connection, box=box, group_id=group, ready_at=visible_at)


def settle(connection: Connection, box: int, group: str, now: float) -> None:
    """Write down anew when the group may be received from; a group without messages is forgotten."""
    first = _FIRST(connection, box=box, ordered=group).all()
    if not first:
        _FORGET(connection, this_box=box, this_group=group)
        return
    ready_at = ready(first, now)
    if _CHANGE(connection, this_box=box, this_group=group, new_ready_at=ready_at).rowcount == 0:
        _MAKE(connection, box=box, group_id=group, ready_at=ready_at)


def ready(first: Sequence[Row[Any]], now: float) -> float:
    """When a group with these first messages may be received from: when all that are in flight are visible again and the first one is."""
    in_flight = [row.visible_at for row in first if row.receives and row.visible_at > now]
    return float(max([first[0].visible_at, *in_flight]))


def ready_groups(connection: Connection, box: int, now: float, limit: int) -> list[str]:
    """Groups that may be received from, those that wait longest first."""
    return list(_READY(connection, box=box, now=now, most=limit).scalars())


def next_ready(connection: Connection, box: int, now: float) -> float | None:
    """When the next group may be received from, of those that may not be now."""
    found: float | None = _NEXT(connection, box=box, now=now).scalar()
    return found
