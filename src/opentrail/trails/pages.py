"""The journal, page by page: records that are read together, some of them ahead of their turn."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from opentrail.clock import Clock
from opentrail.errors import JournalError
from opentrail.trails import facts as records
from opentrail.trails.facts import Facts

PAGE = 2000
"""Records that are read together."""
MOST_AHEAD = 8
"""Pages of the journal that are read while files are packed."""


class Entry(Protocol):
    """A record and its position in the journal."""

    @property
    def position(self) -> int: ...
    @property
    def record(self) -> bytes: ...


class Reader(Protocol):
    """The reading side of the journal."""

    def head(self) -> int:
        """Position of the newest record, 0 when there never was one."""

    def first(self) -> int:
        """Position of the oldest record that is kept."""

    def read(self, after: int, limit: int) -> Sequence[Entry]:
        """At most `limit` entries above the position `after`, in order."""


@dataclass(frozen=True, slots=True)
class Page:
    """Records that were read together, and what is known of each."""

    entries: Sequence[Entry]
    facts: Sequence[Facts | None]
    begun: float
    """When reading them began."""
    is_last: bool
    """Whether there was nothing behind them."""


class Pages:
    """Reads on where the last page ended. One thread."""

    def __init__(self, journal: Reader, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._ahead: deque[Page] = deque()

    def first(self) -> int:
        """Position of the oldest record that is kept."""
        return self._journal.first()

    def next(self, position: int) -> Page:
        """The page behind `position`. Raises `JournalError`."""
        return self._ahead.popleft() if self._ahead else self._read(position)

    def put_back(self, page: Page, done: int) -> None:
        """Of `page` only the first `done` records were taken; the others come next."""
        if done < len(page.entries):
            self._ahead.appendleft(replace(page, entries=page.entries[done:], facts=page.facts[done:]))

    def read_ahead(self, position: int) -> bool:
        """Read one more page, if there is one and room for it; `position` is where the reader stands. What goes wrong with it is told when
        its turn comes."""
        if len(self._ahead) >= MOST_AHEAD:
            return False
        try:
            page = self._read(self._ahead[-1].entries[-1].position if self._ahead else position)
        except JournalError:
            return False
        if page.entries:
            self._ahead.append(page)
        return bool(page.entries)

    def forget(self) -> None:
        """Begin anew with the next page."""
        self._ahead.clear()

    def _read(self, after: int) -> Page:
        begun = self._clock.monotonic()
        entries = self._journal.read(after, PAGE)
        return Page(entries, [records.facts(entry.record) for entry in entries], begun, len(entries) < PAGE)
