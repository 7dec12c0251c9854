"""How far each follower has come, kept in the state database beside what it did there.

A follower saves its position in the transaction of its effect, so that after a crash both are there or neither:

    with database.begin() as connection:
        ...                                   # the effect
        positions.save(connection, "trails", entry.position)

A position that holds back trimming must be there before the first record is trimmed: a new follower saves 0 when it starts.

Who relies on a position in another way (the event store, whose own position lies in its snapshots; the moments at which trails began
to log) saves it here too, beforehand: whatever a power cut takes from the journal under `journal.sync=normal`, it goes on above every
position that is named here (`Journal.open`, `floor`).
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Connection, Integer, MetaData, String, Table, select
from sqlalchemy.dialects.sqlite import insert

from opentrail.storage.database import Database

METADATA = MetaData()

FOLLOWERS = Table(
    "followers",
    METADATA,
    Column("name", String, primary_key=True),
    Column("position", Integer, CheckConstraint("position >= 0"), nullable=False),
)


class Positions:
    """The saved positions: of the last record that a follower is done with, 0 before the first."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.create(METADATA)

    def get(self, name: str) -> int:
        """The position that the follower `name` has saved; 0 if it never did."""
        with self._database.read() as connection:
            found = connection.scalar(select(FOLLOWERS.c.position).where(FOLLOWERS.c.name == name))
        return found or 0

    def all(self) -> dict[str, int]:
        """Everybody who has saved a position."""
        with self._database.read() as connection:
            return {row.name: row.position for row in connection.execute(select(FOLLOWERS).order_by(FOLLOWERS.c.name))}

    def save(self, connection: Connection, name: str, position: int) -> None:
        """Save in the caller's own transaction. A position below the saved one changes nothing; `reset` goes back."""
        self._put(connection, name, position, back=False)

    def reset(self, connection: Connection, name: str, position: int) -> None:
        """Save whatever was saved before: the follower will do the records above `position` again."""
        self._put(connection, name, position, back=True)

    def _put(self, connection: Connection, name: str, position: int, *, back: bool) -> None:
        if position < 0:
            raise ValueError(f"A position is never negative, but {name} wants to save {position}.")
        row = insert(FOLLOWERS).values(name=name, position=position)
        onwards = None if back else row.excluded.position > FOLLOWERS.c.position
        connection.execute(row.on_conflict_do_update(index_elements=["name"], set_={"position": row.excluded.position}, where=onwards))
