"""The series under watch: what is remembered of each, which of it is in memory, and what it told.

Of every series a little is always there (`Known`). The rest (`Memory`) is read when a minute of it is to be judged, and written with the
next commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec
from sqlalchemy.engine import Connection

from opentrail.insights import store
from opentrail.insights.counts import Tally
from opentrail.insights.detector import Turn
from opentrail.insights.jumps import Jumps
from opentrail.insights.memory import Memory, go_on, pass_by, take, wakes
from opentrail.insights.store import Known
from opentrail.insights.values import Series
from opentrail.storage.database import Database

MOST_SERIES: Final = 50_000
"""Series that are watched; when there are more, those are forgotten that have been silent longest."""
MOST_HOT: Final = 1000
"""Series of which everything remembered stays in memory between two commits."""
FORGOTTEN_AFTER: Final = 28 * 1440
"""Minutes without a call after which a series is forgotten."""

Told = tuple[Series, Turn, bytes]
"""What a series told, and the record of it."""


class Watched:
    """One thread."""

    def __init__(self, database: Database, jumps: Jumps, closed: int) -> None:
        """As the last commit left it; `closed` is the last minute that had been judged then."""
        self._database = database
        self._jumps = jumps
        with database.read() as connection:
            self._known = store.known(connection)
        self.wake_by(closed + 1)
        self._hot: dict[Series, Memory] = {}
        self._dirty: set[Series] = set()
        self._gone: list[int] = []
        self.told: list[Told] = []
        """What is to be announced."""

    def __iter__(self) -> Iterator[Series]:
        return iter(self._known)

    def __contains__(self, series: Series) -> bool:
        return series in self._known

    @property
    def changes(self) -> int:
        """Series that the next commit has to write or to forget."""
        return len(self._dirty) + len(self._gone)

    def number(self, series: Series) -> int:
        """What it has in the database; 0: it has none yet."""
        known = self._known.get(series)
        return 0 if known is None else known.id

    def take(self, minute: int, tallies: Mapping[Series, Tally], since: Mapping[Series, int]) -> None:
        """`minute` is over and had these calls. `since`: from when on those that are not known yet have been watched."""
        self._warm(tallies)
        for series, tally in tallies.items():
            if series not in self._hot:
                self._hot[series] = Memory.new(series, since[series], self._jumps.number(minute))
                self._known[series] = Known(0, None, minute)
            known, memory = self._known[series], self._hot[series]
            if minute > known.latest:
                known.latest = minute
            self._go_on(series, memory, minute)
            self._told(series, known, memory, take(series, memory, minute, tally))

    def pass_by(self, last: int) -> None:
        """Everything up to `last` is over: judge the silence of those of which it may tell something."""
        due = [series for series, known in self._known.items() if known.wakes is not None and known.wakes <= last]
        self._warm(due)
        for series in due:
            memory = self._hot[series]
            self._go_on(series, memory, last)
            self._told(series, self._known[series], memory, pass_by(series, memory, last))
        self._make_room(last)

    def wake_by(self, minute: int) -> None:
        """What was to be looked at later is looked at in this minute: it may be that time went back."""
        for known in self._known.values():
            if known.wakes is not None and known.wakes > minute + 60:
                known.wakes = minute

    def called_since(self, minute: int) -> list[Series]:
        """Those that had calls in that minute or later."""
        return [series for series, known in self._known.items() if known.latest >= minute]

    def memory(self, series: Series) -> Memory | None:
        """What is remembered of it; `None`: nothing. Who changes it gives it back to `put`."""
        if series not in self._known:
            return None
        self._warm([series])
        return self._hot[series]

    def put(self, series: Series, memory: Memory, latest: int) -> None:
        """From now on this is remembered of it. `latest`: the last minute with calls, if it was not known so far."""
        known = self._known.setdefault(series, Known(0, None, latest))
        known.wakes = wakes(memory)
        self._hot[series] = memory
        self._dirty.add(series)

    def forget(self, series: Series) -> None:
        """Begin anew when it is called again."""
        self._hot.pop(series, None)
        self._dirty.discard(series)
        known = self._known.pop(series, None)
        if known is not None and known.id:
            self._gone.append(known.id)

    def save(self, connection: Connection, numbers: Mapping[Series, int]) -> None:
        """Write down what has changed. `numbers` has those of `unnumbered`."""
        store.forget(connection, self._gone)
        rows = []
        for series in self._dirty:
            known = self._known[series]
            known.id = known.id or numbers[series]
            rows.append((known.id, self._hot[series].encoded(), known.wakes, known.latest))
        store.remember(connection, rows)

    @property
    def unnumbered(self) -> list[Series]:
        """Those that the next commit writes for the first time."""
        return [series for series in self._dirty if not self._known[series].id]

    def saved(self) -> None:
        """It is committed."""
        self._dirty, self._gone, self.told = set(), [], []
        if len(self._hot) > MOST_HOT:
            self._hot.clear()

    def _go_on(self, series: Series, memory: Memory, minute: int) -> None:
        jumps = self._jumps.unknown(memory.jump, minute)
        if jumps:
            self._told(series, self._known[series], memory, go_on(series, memory, jumps))

    def _told(self, series: Series, known: Known, memory: Memory, told: Sequence[tuple[Turn, bytes]]) -> None:
        known.wakes = wakes(memory)
        self._dirty.add(series)
        if told:
            self.told.extend((series, turn, record) for turn, record in told)

    def _warm(self, wanted: Iterable[Series]) -> None:
        """Have what is remembered of these in memory. What cannot be read (of another version) is begun anew."""
        cold = {self._known[series].id: series for series in wanted if series in self._known and series not in self._hot}
        if not cold:
            return
        with self._database.read() as connection:
            found = store.memories(connection, cold)
        for number, data in found.items():
            series = cold[number]
            try:
                self._hot[series] = Memory.decoded(data)
            except msgspec.MsgspecError:
                latest = self._known[series].latest
                self._hot[series] = Memory.new(series, latest, self._jumps.number(latest))

    def _make_room(self, last: int) -> None:
        oldest = last - FORGOTTEN_AFTER
        if len(self._known) > MOST_SERIES:
            by_age = sorted(known.latest for known in self._known.values())
            oldest = max(oldest, by_age[len(by_age) - MOST_SERIES * 9 // 10])
        elif last % 1440:
            return
        for series in [series for series, known in self._known.items() if known.latest < oldest]:
            self.forget(series)
