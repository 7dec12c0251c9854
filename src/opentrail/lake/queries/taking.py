"""Taking in what the process of a query says: rows and parts into files, and how it ended."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import msgspec

from opentrail.lake.queries import frames
from opentrail.lake.queries.query import EXHAUSTED, FAILED, FINISHED, TIMED_OUT, Ended, FewRows, Statistics
from opentrail.lake.queries.results import ResultWriter
from opentrail.lake.queries.vouching import Vouch

_OUT_OF_RESOURCES: Final = (signal.SIGABRT, signal.SIGXCPU, signal.SIGSEGV, signal.SIGBUS)
"""How a process ends that gets no more memory or time."""
LATE: Final = "The query took longer than a query may take. Read less: name a range of eventTime, or fewer columns."


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What has come of a query."""

    rows: int
    statistics: Statistics = field(default_factory=Statistics)
    error: str | None = None
    is_told: bool = False
    """The process said how it ended."""
    is_timed_out: bool = False
    few: FewRows | None = None
    """The rows, where they are in no file."""

    def because(self, number: int | None, outside: str) -> str:
        """Why a process is gone that did not say so; `number` is the signal that ended it."""
        return EXHAUSTED if number in _OUT_OF_RESOURCES else outside

    def ended(self, interruption: str) -> Ended:
        """The end of the query. Only a finished query, or one that was out of time, shows rows."""
        if self.is_timed_out:
            return Ended(status=TIMED_OUT, error_message=LATE, statistics=self.statistics, results=self.rows, few=self.few)
        error = self.error if self.is_told else interruption
        if error is not None:
            return Ended(status=FAILED, error_message=error, statistics=self.statistics)
        return Ended(status=FINISHED, statistics=self.statistics, results=self.rows, few=self.few)


def take_in(told: Iterator[tuple[bytes, bytes]], folder: Path, vouch: Vouch | None) -> Taken:
    """Gather what comes, in `folder` where it is much. Where it is delivered, `vouch` makes the file that vouches for it, beside it."""
    writer = ResultWriter(folder)
    try:
        taken = _taken(told, writer)
    except BaseException:
        writer.close(durable=False)
        raise
    is_finished = taken.is_told and taken.error is None
    few = writer.close(durable=is_finished or taken.is_timed_out)
    if is_finished and vouch is not None:
        document = vouch(writer.hashes)
        if document is not None:
            writer.sign_file(document)
    return replace(taken, few=few)


def _taken(told: Iterator[tuple[bytes, bytes]], writer: ResultWriter) -> Taken:
    try:
        for kind, payload in told:
            if kind == frames.ROWS:
                (count,) = frames.COUNT.unpack_from(payload)
                writer.chunk(count, payload[frames.COUNT.size :])
            elif kind == frames.CSV:
                writer.csv(payload)
            elif kind == frames.PART:
                writer.end_part()
            elif kind == frames.DONE:
                return Taken(rows=writer.rows, statistics=msgspec.msgpack.decode(payload, type=Statistics), is_told=True)
            elif kind == frames.FAILED:
                error, statistics = msgspec.msgpack.decode(payload, type=tuple[str, Statistics])
                return Taken(rows=writer.rows, statistics=statistics, error=error, is_told=True)
    except TimeoutError:
        return Taken(rows=writer.rows, is_timed_out=True)
    except frames.Ended:
        pass
    return Taken(rows=writer.rows)
