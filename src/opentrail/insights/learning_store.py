"""What is kept while a trail or store learns from the event history: how far it is, and what was learnt of each series."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Boolean, Column, Integer, LargeBinary, String, Table, and_, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine import Connection
from sqlalchemy.sql.elements import ColumnElement

from opentrail.insights.store import METADATA
from opentrail.insights.values import Series

_NAMES: Final = Series._fields
LEARNERS: Final = Table(
    "insights_learners",
    METADATA,
    Column("arn", String, primary_key=True),
    Column("switched_on", Integer, nullable=False),
    Column("begin", Integer, nullable=False),
    Column("next", Integer, nullable=False),
    Column("is_done", Boolean, nullable=False),
)
LEARNT: Final = Table(
    "insights_learnt",
    METADATA,
    Column("arn", String, primary_key=True),
    *(Column(name, String, primary_key=True) for name in _NAMES),
    Column("data", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Learner:
    """How far one is. Minutes since 1970."""

    arn: str
    switched_on: int
    """The minute of its first event that is counted as it comes."""
    begin: int
    """What is learnt begins here; -1: that is not settled yet."""
    next: int
    """The first minute that is not learnt."""
    is_done: bool
    """What was learnt may be taken over."""


def learners(connection: Connection) -> list[Learner]:
    """Those that are learning, or have learnt what was not taken over yet."""
    return [Learner(**row._mapping) for row in connection.execute(select(LEARNERS).order_by(LEARNERS.c.arn))]


def begin(connection: Connection, arn: str, minute: int) -> None:
    """It was switched on in this minute and has everything to learn."""
    connection.execute(upsert(LEARNERS).values(arn=arn, switched_on=minute, begin=-1, next=-1, is_done=False).on_conflict_do_nothing())


def go_on(connection: Connection, learner: Learner, *, begin: int, next: int, is_done: bool) -> bool:
    """So far it is now; False: it has been switched off since `learner` was read, or begun anew."""
    same = (LEARNERS.c.arn == learner.arn, LEARNERS.c.switched_on == learner.switched_on, LEARNERS.c.next == learner.next)
    values = {"begin": begin, "next": next, "is_done": is_done}
    return connection.execute(update(LEARNERS).where(*same).values(**values)).rowcount > 0


def end(connection: Connection, arns: Collection[str]) -> None:
    """They are done, or switched off: nothing of it is kept."""
    connection.execute(delete(LEARNERS).where(LEARNERS.c.arn.in_(arns)))
    connection.execute(delete(LEARNT).where(LEARNT.c.arn.in_(arns)))


def number(connection: Connection, arn: str) -> int:
    """Series of which something was learnt."""
    return connection.scalar(select(func.count()).where(LEARNT.c.arn == arn)) or 0


def some(connection: Connection, arn: str, most: int) -> dict[Series, bytes]:
    """What was learnt of at most so many series."""
    rows = connection.execute(select(LEARNT).where(LEARNT.c.arn == arn).limit(most))
    return {Series(*row[1:-1]): row.data for row in rows}


def find(connection: Connection, arn: str, series: Series) -> bytes | None:
    """What was learnt of one."""
    found: bytes | None = connection.scalar(select(LEARNT.c.data).where(_is(arn, series)))
    return found


def keep(connection: Connection, arn: str, learnt: Mapping[Series, bytes]) -> None:
    """Keep what `find` gives."""
    if learnt:
        row = upsert(LEARNT)
        row = row.on_conflict_do_update(index_elements=["arn", *_NAMES], set_={"data": row.excluded.data})
        connection.execute(row, [{"arn": arn, **series._asdict(), "data": data} for series, data in learnt.items()])


def taken_over(connection: Connection, arn: str, series: Iterable[Series]) -> None:
    """What was learnt of these is not needed here any more."""
    for one in series:
        connection.execute(delete(LEARNT).where(_is(arn, one)))


def _is(arn: str, series: Series) -> ColumnElement[bool]:
    """The row of one series."""
    return and_(LEARNT.c.arn == arn, *(LEARNT.c[name] == value for name, value in series._asdict().items()))
