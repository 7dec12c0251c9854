"""One page of events, in order, out of chunks that overlap in time.

Chunks are opened in order of their earliest event (of their latest, backwards). Of what they hold only the nearest events to the gap are
kept, as many as the page takes; once every unopened chunk lies beyond them, they are the page. So memory is bounded by the page, however
the chunks overlap, and an index finds where to begin, since no chunk spans more than a day.

A page also ends, perhaps empty, when `MOST_SCANNED` bytes have been looked through: then it ends at the first unopened chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from sqlalchemy.engine import Connection

from opentrail.monitoring.logs.accepting import SPAN
from opentrail.monitoring.logs.gaps import Gap, event_id
from opentrail.monitoring.logs.sealing import Events, Sealing
from opentrail.monitoring.logs.values import EVENT_OVERHEAD, Group
from opentrail.monitoring.values import LogEvent

MOST_BYTES: Final = 1_048_576
"""Of the events of one page."""
MOST_SCANNED: Final = 32 << 20
"""Bytes of events that are looked through for one page."""
_SLICE: Final = 256
_LOADED: Final = 2 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which events are wanted."""

    streams: Mapping[int, str]
    """Id → name of the streams."""
    start: int
    """Earliest timestamp, included."""
    end: int
    """Latest timestamp, excluded."""
    limit: int
    matches: Callable[[str], bool] | None = None
    """What a message must satisfy."""
    whole_group: bool = False
    """Whether `streams` are all that the group has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One event, and where it lies."""

    gap: Gap
    stream: str
    ingestion_time: int
    message: str

    @property
    def event(self) -> LogEvent:
        """As others see it."""
        return LogEvent(event_id=event_id(self.gap), timestamp=self.gap.timestamp, ingestion_time=self.ingestion_time, message=self.message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Events in the direction of reading, and where to read on."""

    events: Sequence[Found]
    gap: Gap
    is_last: bool
    """Nothing lies behind it now."""


class Scan:
    """One reading of one group."""

    def __init__(self, connection: Connection, sealing: Sealing, group: Group, question: Question, *, forward: bool) -> None:
        self._connection = connection
        self._sealing = sealing
        self._group = group
        self._question = question
        self._forward = forward
        self._kept: list[Found] = []
        self._cut = False

    def page(self, gap: Gap) -> Page:
        """The events from `gap` on. Raises `AccessDeniedException` for a key that is out of reach."""
        scanned, stop = 0, None
        for row, events in self._opened(gap):
            edge = row.first if self._forward else row.last
            if self._cut and (edge > self._kept[-1].gap.timestamp if self._forward else edge < self._kept[-1].gap.timestamp):
                break
            border = Gap(edge) if self._forward else Gap(edge + 1)
            if scanned >= MOST_SCANNED and (border > gap if self._forward else border < gap):
                stop = border
                break
            self._take(row, events(), gap)
            scanned += row.bytes
        if stop is not None:
            self._kept = [found for found in self._kept if (found.gap < stop if self._forward else found.gap >= stop)]
            self._cut = False
        self._trim()
        if self._kept and (self._cut or stop is None):
            last = self._kept[-1].gap
            return Page(events=self._kept, gap=last.behind() if self._forward else last, is_last=not self._cut)
        return Page(events=self._kept, gap=gap if stop is None else stop, is_last=stop is None)

    def _take(self, row: Any, events: Events, gap: Gap) -> None:
        question, stream, forward = self._question, self._question.streams[row.stream_id], self._forward
        for index, (timestamp, message) in enumerate(events):
            if not question.start <= timestamp < question.end:
                continue
            here = Gap(timestamp, row.position, index)
            if (here < gap) == forward:
                continue
            if question.matches is None or question.matches(message):
                self._kept.append(Found(gap=here, stream=stream, ingestion_time=row.ingestion_time, message=message))
        if len(self._kept) > question.limit or row.bytes >= _SLICE:
            self._trim()

    def _trim(self) -> None:
        self._kept.sort(key=lambda found: found.gap, reverse=not self._forward)
        size = 0
        for number, found in enumerate(self._kept):
            size += len(found.message.encode()) + EVENT_OVERHEAD
            if number >= self._question.limit or (size > MOST_BYTES and number):
                del self._kept[number:]
                self._cut = True
                return

    def _opened(self, gap: Gap) -> Iterator[tuple[Any, Callable[[], Events]]]:
        """Chunks in order, each with what opens it; loaded a few at a time."""
        for rows in self._slices(gap):
            begin = 0
            while begin < len(rows):
                end, size = begin, 0
                while end < len(rows) and (end == begin or size + rows[end].bytes <= _LOADED):
                    size += rows[end].bytes
                    end += 1
                few = rows[begin:end]
                marks = ", ".join(str(row.position) for row in few)
                loaded = {
                    position: (octets, data_key)
                    for position, octets, data_key in self._connection.exec_driver_sql(
                        f"SELECT position, events, data_key FROM log_chunks WHERE position IN ({marks})"
                    )
                }
                for row in few:
                    if row.position in loaded:
                        octets, data_key = loaded[row.position]
                        yield row, partial(self._sealing.open, self._group, octets, data_key)
                begin = end

    def _slices(self, gap: Gap) -> Iterator[list[Any]]:
        question = self._question
        low = max(question.start, gap.timestamp) if self._forward else question.start
        high = question.end - 1 if self._forward else min(question.end - 1, gap.timestamp)
        column, sign, order = ("first", ">", "ASC") if self._forward else ("last", "<", "DESC")
        where, scope = ("group_id = ?", self._group.id)
        if len(question.streams) == 1:
            where, scope = ("stream_id = ?", next(iter(question.streams)))
        elif not question.whole_group and len(question.streams) <= 100:
            where += f" AND stream_id IN ({', '.join(str(stream) for stream in question.streams)})"
        edge, position = (low - SPAN - 1, 0) if self._forward else (high + SPAN + 1, 2**62)
        while True:
            rows = self._connection.exec_driver_sql(
                f"SELECT position, stream_id, first, last, ingestion_time, bytes FROM log_chunks WHERE {where} "
                f"AND last >= ? AND first <= ? AND first >= ? AND last <= ? "
                f"AND ({column}, position) {sign} (?, ?) ORDER BY {column} {order}, position {order} LIMIT ?",
                (scope, low, high, low - SPAN, high + SPAN, edge, position, _SLICE),
            ).all()
            yield [row for row in rows if row.stream_id in question.streams]
            if len(rows) < _SLICE:
                return
            edge, position = (rows[-1].first if self._forward else rows[-1].last), rows[-1].position
