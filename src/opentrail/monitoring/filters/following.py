"""Followers of the log events, chunk by chunk: `metric-filters` and `subscription-filters`, each in a thread of its own.

A position is saved in the transaction of what was made of the chunks up to it, so each chunk counts exactly once. Where nothing was made of
them nothing is saved: after a restart they are read again, and again nothing is made of them, as a filter holds for the same chunks then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from sqlalchemy import Connection

from opentrail.journal.positions import Positions
from opentrail.monitoring.neighbours import LogReader
from opentrail.monitoring.values import Chunk
from opentrail.storage.database import Database

REST: Final = 1.0
"""Seconds after which the work is asked about the time that has passed when nothing comes."""
AT_ONCE: Final = 100
"""Chunks that are read at a time."""

Effect = Callable[[Connection], None]
"""Writes what is to be kept, in the transaction of the position."""


class Work(Protocol):
    """What is made of chunks. One thread."""

    def since(self) -> int | None:
        """The filters that hold now are looked up; up to which position none of them wants anything. `None`: there are none."""

    def taken(self, chunks: Sequence[Chunk]) -> Effect | None:
        """What is made of chunks, of which none came in after the filters were looked up without a filter having been there for it."""

    def settled(self, position: int) -> Effect | None:
        """What is made of time passing, when there is no chunk above `position`."""

    def forget(self) -> None:
        """Whatever was not kept is to be read again."""


class Following:
    """Reads the chunks for one work, under the name `name`."""

    def __init__(self, name: str, database: Database, *, reader: LogReader, work: Work) -> None:
        self._name = name
        self._database = database
        self._reader = reader
        self._work = work
        self._positions = Positions(database)
        self._position = self._positions.get(name)

    @property
    def position(self) -> int:
        """Position of the last chunk that it is done with."""
        return self._position

    def step(self) -> bool:
        """Take in some chunks; whether there were any. What fails is raised and begun again by the next call."""
        try:
            return self._step()
        except BaseException:
            self._work.forget()
            self._position = self._positions.get(self._name)
            raise

    def _step(self) -> bool:
        newest = self._reader.newest()
        if newest <= self._position:
            self._keep(self._work.settled(self._position), self._position)
            return False
        # The filters are looked up after the newest chunk: one that is put later holds only for what comes later still.
        since = self._work.since()
        if since is None or since >= newest:
            self._position = newest
            return True
        chunks = self._reader.chunks(max(self._position, since), AT_ONCE)
        if not chunks:
            self._position = newest
            return True
        self._work.since()
        self._keep(self._work.taken(chunks), chunks[-1].position)
        return True

    def _keep(self, effect: Effect | None, position: int) -> None:
        if effect is not None:
            with self._database.begin() as connection:
                effect(connection)
                self._positions.save(connection, self._name, position)
        self._position = position
