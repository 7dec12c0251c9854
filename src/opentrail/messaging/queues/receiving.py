"""ReceiveMessage, within a transaction: what is visible becomes invisible, is counted and handed out; what has been received too often goes
to the dead-letter queue instead; what is too old is removed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, bindparam, delete, func, insert, select, update

from opentrail.messaging.queues import ordering, store
from opentrail.messaging.queues.faults import OverLimit
from opentrail.messaging.queues.handles import Handles, Receipt
from opentrail.messaging.queues.sealing import Party, Sealing
from opentrail.messaging.queues.sending import DEDUPLICATION, sequence_number
from opentrail.messaging.queues.statements import Statement
from opentrail.messaging.queues.store import attempts, contents, messages
from opentrail.messaging.queues.values import Queue, Received, Sealed, Taken

IN_FLIGHT: Final = 120_000
"""Messages of one queue that can be in flight."""
MOST_ASIDE: Final = 500
"""Dead letters and expired messages that one receipt sets aside, so that it does not hold up the others."""

_PAGE: Final = 50
"""Messages that are looked at together once some had to be set aside."""
_MOST_BOXES: Final = 10_000

_ROWS: Select[Any] = select(
    messages.c.id,
    messages.c.visible_at,
    messages.c.receives,
    messages.c.earlier,
    messages.c.sent,
    messages.c.expires,
    messages.c.first_received,
    messages.c.ordered_group,
    messages.c.source,
    contents.c.message_id,
    contents.c.group_id,
    contents.c.deduplication_id,
    contents.c.own_key,
    contents.c.key,
    contents.c.sealed_for,
    contents.c.octets,
).join(contents, contents.c.id == messages.c.id)

_VISIBLE = Statement(
    _ROWS.where(messages.c.box == bindparam("box"), messages.c.visible_at <= bindparam("now"))
    .order_by(messages.c.visible_at, messages.c.id)
    .limit(bindparam("most"))
)
_OF_GROUP = Statement(
    _ROWS.where(messages.c.box == bindparam("box"), messages.c.ordered_group == bindparam("ordered"))
    .order_by(messages.c.id)
    .limit(bindparam("most"))
)
_NEXT = Statement(
    select(func.min(messages.c.visible_at)).where(messages.c.box == bindparam("box"), messages.c.visible_at > bindparam("now"))
)
_TAKE = Statement(
    update(messages)
    .where(messages.c.id == bindparam("this"))
    .values(
        visible_at=bindparam("until"),
        receives=messages.c.receives + 1,
        received=bindparam("at"),
        first_received=func.coalesce(messages.c.first_received, bindparam("at")),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What a receiver asks for."""

    party: Party
    most: int = 1
    """Messages, 1 to 10."""
    visibility: int | None = None
    """Seconds for which nobody else gets them; `None`: as the queue says."""
    attempt_id: str | None = None
    """Of FIFO queues: asking again with the same one brings the same messages (`ReceiveRequestAttemptId`)."""


class Receiving:
    """Takes messages out of boxes. `filled` is told of queues (ids) that dead letters have gone to."""

    def __init__(self, queues: store.Store, sealing: Sealing, handles: Handles, filled: Callable[[Connection, int], None]) -> None:
        self._queues = queues
        self._sealing = sealing
        self._handles = handles
        self._filled = filled
        self._in_flight: dict[int, int] = {}
        """Box → messages in flight at the most: counted once, and from then on only added to."""

    def receive(self, connection: Connection, queue: Queue, asking: Asking, now: float) -> Taken:
        """What there is now for `asking`. Raises `OverLimit`, and faults of KMS keys."""
        if asking.attempt_id is not None and (again := self._repeated(connection, queue, asking, now)) is not None:
            return again
        room = self._room(connection, queue, asking.most, now)
        rows, again_later = self._choose(connection, queue, min(room, asking.most), now)
        if not rows:
            return Taken(again=True) if again_later else Taken(next_at=self._next(connection, queue, now))
        return self._hand_out(connection, queue, asking, rows, now)

    # which ones

    def _choose(self, connection: Connection, queue: Queue, most: int, now: float) -> tuple[list[Row[Any]], bool]:
        """Up to `most` messages that can be handed out, and whether it stopped early, at too many that had to be set aside."""
        aside = _Aside(connection, queue, self._queues.target(connection, queue), now)
        chosen: list[Row[Any]] = []
        if queue.fifo:
            for group in ordering.ready_groups(connection, queue.box, now, most):
                if len(chosen) == most or aside.count >= MOST_ASIDE:
                    break
                chosen += self._of_group(connection, queue, group, most - len(chosen), aside)
            more = not chosen and aside.count > 0
        else:
            while len(chosen) < most and aside.count < MOST_ASIDE:
                page = most if aside.count == 0 else max(most, _PAGE)
                found = _VISIBLE(connection, box=queue.box, now=now, most=page).all()
                good = aside.sort(found)
                chosen += good[: most - len(chosen)]
                if len(good) == len(found):
                    break  # none was set aside: what is left to look at are these again
                if chosen:
                    break
            more = not chosen and aside.count >= MOST_ASIDE
        aside.settle(self._filled)
        return chosen, more

    def _of_group(self, connection: Connection, queue: Queue, group: str, most: int, aside: _Aside) -> list[Row[Any]]:
        found = _OF_GROUP(connection, box=queue.box, ordered=group, most=most).all()
        good = aside.sort(found)
        aside.groups.add(group)
        visible = []
        for row in good:
            if row.visible_at > aside.now:
                break  # a later one would overtake it
            visible.append(row)
        return visible

    def _room(self, connection: Connection, queue: Queue, most: int, now: float) -> int:
        """How many messages may still be in flight. Raises `OverLimit` when none may, in standard queues; FIFO queues then give nothing."""
        known = self._in_flight.get(queue.box)
        if known is None or known + most > IN_FLIGHT:
            query = (
                select(func.count())
                .select_from(messages)
                .where(messages.c.box == queue.box, messages.c.visible_at > now, messages.c.receives > 0)
            )
            known = int(connection.execute(query).scalar_one())
            if len(self._in_flight) >= _MOST_BOXES:
                self._in_flight.clear()
            self._in_flight[queue.box] = known
        room = IN_FLIGHT - known
        if room <= 0 and not queue.fifo:
            raise OverLimit(f"The maximum number of in flight messages is reached: {IN_FLIGHT}. Delete messages when they are processed.")
        return max(0, room)

    def _next(self, connection: Connection, queue: Queue, now: float) -> float | None:
        if queue.fifo:
            return ordering.next_ready(connection, queue.box, now)
        found: float | None = _NEXT(connection, box=queue.box, now=now).scalar()
        return found

    # handing out

    def _hand_out(self, connection: Connection, queue: Queue, asking: Asking, rows: Sequence[Row[Any]], now: float) -> Taken:
        timeout = queue.number("VisibilityTimeout") if asking.visibility is None else asking.visibility
        found = tuple(self._received(queue, row, asking.party, row.receives + 1, now) for row in rows)
        _TAKE.each(connection, [{"this": row.id, "until": now + timeout, "at": now} for row in rows])
        self._in_flight[queue.box] = self._in_flight.get(queue.box, 0) + len(rows)
        for group in {row.ordered_group for row in rows if row.ordered_group is not None}:
            ordering.settle(connection, queue.box, group, now)
        if asking.attempt_id is not None:
            receipts = [[row.id, row.earlier + row.receives + 1] for row in rows]
            connection.execute(insert(attempts).values(queue=queue.id, attempt_id=asking.attempt_id, at=now, receipts=receipts))
        return Taken(messages=found)

    def _received(self, queue: Queue, row: Row[Any], party: Party, receives: int, now: float) -> Received:
        sealed = Sealed(octets=row.octets, own_key=row.own_key, key=row.key, sealed_for=row.sealed_for)
        number = row.earlier + receives
        return Received(
            message_id=row.message_id,
            receipt_handle=self._handles.make(Receipt(queue.id, row.id, number)),
            contents=self._sealing.open(queue, sealed, row.message_id, party),
            sent=row.sent,
            receives=number,
            first_received=now if row.first_received is None else row.first_received,
            group_id=row.group_id,
            deduplication_id=row.deduplication_id,
            sequence_number=sequence_number(row.id) if queue.fifo else None,
            source_arn=row.source,
        )

    def _repeated(self, connection: Connection, queue: Queue, asking: Asking, now: float) -> Taken | None:
        """What an earlier attempt of the same id was given, as long as all of it is still in flight by that; its time begins anew."""
        this = (attempts.c.queue == queue.id, attempts.c.attempt_id == asking.attempt_id)
        known = connection.execute(select(attempts.c.at, attempts.c.receipts).where(*this)).first()
        if known is None:
            return None
        numbers: dict[int, int] = dict(known.receipts)
        rows = connection.execute(_ROWS.where(messages.c.id.in_(list(numbers)), messages.c.box == queue.box).order_by(messages.c.id)).all()
        whole = len(rows) == len(numbers) and now - known.at < DEDUPLICATION
        if not whole or any(row.visible_at <= now or row.earlier + row.receives != numbers[row.id] for row in rows):
            connection.execute(delete(attempts).where(*this))
            return None
        timeout = queue.number("VisibilityTimeout") if asking.visibility is None else asking.visibility
        connection.execute(update(messages).where(messages.c.id.in_(list(numbers))).values(visible_at=now + timeout))
        for group in {row.ordered_group for row in rows}:
            ordering.settle(connection, queue.box, group, now)
        return Taken(messages=tuple(self._received(queue, row, asking.party, row.receives, now) for row in rows))


class _Aside:
    """Messages met on the way that nobody is to receive here: dead letters, and those that are too old."""

    def __init__(self, connection: Connection, queue: Queue, target: Queue | None, now: float) -> None:
        self.now = now
        self.count = 0
        self.groups: set[str] = set()
        """Message groups that have been looked into."""
        self._connection = connection
        self._queue = queue
        self._target = target
        self._moved = False

    def sort(self, rows: Sequence[Row[Any]]) -> list[Row[Any]]:
        """Those of `rows` that can be received; the others are dealt with."""
        limit = self._queue.redrive.receives if self._queue.redrive is not None and self._target is not None else None
        good, dead, old = [], [], []
        for row in rows:
            if row.expires <= self.now:
                old.append(row)
            elif limit is not None and row.receives >= limit and row.visible_at <= self.now:
                dead.append(row)
            else:
                good.append(row)
        if old:
            store.remove(self._connection, [row.id for row in old])
        if dead:
            self._bury(dead)
        self.count += len(old) + len(dead)
        return good

    def _bury(self, rows: Sequence[Row[Any]]) -> None:
        assert self._target is not None
        move(self._connection, rows, self._queue.arn, self._target, self.now)
        self._moved = True

    def settle(self, filled: Callable[[Connection, int], None]) -> None:
        """Bring groups up to date, and tell of dead letters."""
        for group in self.groups if self.count else ():
            ordering.settle(self._connection, self._queue.box, group, self.now)
        if self._moved and self._target is not None:
            filled(self._connection, self._target.id)


def move(
    connection: Connection, rows: Sequence[Row[*tuple[Any, ...]]], source_arn: str | None, target: Queue, now: float, *, anew: bool = False
) -> None:
    """Put messages into another queue of the same kind, where they are visible at once. `source_arn`: whose dead letters they are.

    How old they are is counted on, except in FIFO queues, and except `anew`: there it begins again (SQS developer guide, "dead-letter
    queues").
    """
    retention = target.number("MessageRetentionPeriod")
    anew = anew or target.fifo
    changes: dict[str, Any] = {
        "box": target.box,
        "visible_at": now,
        "earlier": messages.c.earlier + messages.c.receives,
        "receives": 0,
        "source": source_arn,
        "expires": now + retention if anew else messages.c.sent + retention,
    }
    if anew:
        changes["sent"] = now
    connection.execute(update(messages).where(messages.c.id.in_([row.id for row in rows])).values(**changes))
    for group in {row.ordered_group for row in rows if row.ordered_group is not None}:
        ordering.settle(connection, target.box, group, now)
