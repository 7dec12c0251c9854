"""GetLogEvents and FilterLogEvents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from opentrail.clock import Clock
from opentrail.monitoring.faults import InvalidParameterException, ResourceNotFoundException
from opentrail.monitoring.filter_patterns import Message, compiled
from opentrail.monitoring.logs import gaps, store
from opentrail.monitoring.logs.accepting import DAY
from opentrail.monitoring.logs.gaps import END, START, Gap
from opentrail.monitoring.logs.putting import NO_STREAM, the_group, the_stream
from opentrail.monitoring.logs.scanning import Found, Question, Scan
from opentrail.monitoring.logs.sealing import Sealing
from opentrail.monitoring.logs.values import Group
from opentrail.storage.database import Database

MOST = 10_000
"""Events of one page."""
STANDARD = "STANDARD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Timestamps of events: from `start` on, before `end`."""

    start: int | None = None
    end: int | None = None


class Reading:
    """Thread-safe. Every method takes the account and Region of the call."""

    def __init__(self, database: Database, clock: Clock, sealing: Sealing) -> None:
        self._database = database
        self._clock = clock
        self._sealing = sealing

    def get(
        self, account_id: str, region: str, name: str, stream: str, span: Range, *, token: str | None, limit: int, from_head: bool
    ) -> tuple[list[Found], str, str]:
        """Events of one stream, oldest first, and the tokens forward and backward. At either end a token is given back as it came.

        Raises `ResourceNotFoundException`, `InvalidParameterException`, `AccessDeniedException` for a key that is out of reach.
        """
        now = self._clock.time()
        gap, forward = (START if from_head else END, from_head) if token is None else gaps.read_directed(token, now)
        with self._database.read() as connection:
            group = _readable(the_group(connection, account_id, region, name))
            one = the_stream(connection, group, stream)
            question = self._question(group, span, {one.id: one.name}, limit)
            page = Scan(connection, self._sealing, group, question, forward=forward).page(gap)
        events = list(page.events) if forward else list(reversed(page.events))
        if events:
            before, behind = events[0].gap, events[-1].gap.behind()
        elif token is None:
            before = behind = _inside(gap, question)
        else:
            before = behind = page.gap
        tokens = [gaps.directed_token(behind, forward=True, now=now), gaps.directed_token(before, forward=False, now=now)]
        if token is not None and not events and page.is_last:
            tokens[0 if forward else 1] = token
        return events, tokens[0], tokens[1]

    def filter(
        self,
        account_id: str,
        region: str,
        name: str,
        span: Range,
        *,
        streams: Sequence[str] = (),
        prefix: str = "",
        pattern: str = "",
        token: str | None = None,
        limit: int = MOST,
        from_head: bool = True,
    ) -> tuple[list[Found], str | None]:
        """Events of a group that match, in order of time, and the token of the next page; `None` when nothing can follow now."""
        now = self._clock.time()
        matches = _matcher(pattern) if pattern else None
        asked = (account_id, region, name, span.start, span.end, list(streams), prefix, pattern, from_head)
        gap = (START if from_head else END) if token is None else gaps.read_asked(token, asked, now)
        with self._database.read() as connection:
            group = _readable(the_group(connection, account_id, region, name))
            found = {one.id: one.name for one in store.streams(connection, group.id, prefix)}
            if streams:
                missing = set(streams) - set(found.values())
                if missing:
                    raise ResourceNotFoundException(NO_STREAM)
                found = {id: name for id, name in found.items() if name in set(streams)}
            question = self._question(group, span, found, limit, matches, whole_group=not streams and not prefix)
            page = Scan(connection, self._sealing, group, question, forward=from_head).page(gap)
        return list(page.events), None if page.is_last else gaps.asked_token(page.gap, asked, now)

    def _question(
        self,
        group: Group,
        span: Range,
        streams: dict[int, str],
        limit: int,
        matches: Callable[[str], bool] | None = None,
        *,
        whole_group: bool = False,
    ) -> Question:
        start, end = span.start or 0, END.timestamp if span.end is None else min(span.end, END.timestamp)
        if group.retention_in_days is not None:
            start = max(start, int(self._clock.time() * 1000) - group.retention_in_days * DAY)
        return Question(streams=streams, start=start, end=end, limit=limit, matches=matches, whole_group=whole_group)


def _matcher(pattern: str) -> Callable[[str], bool]:
    """What decides for a message. Raises `InvalidParameterException` for a pattern that is none."""
    found = compiled(pattern)
    return lambda text: found.matches(Message(text))


def _inside(gap: Gap, question: Question) -> Gap:
    """Where somebody waits who has found nothing yet: what comes in later, whenever it happened, is ahead."""
    return Gap(question.start) if gap in (START, END) else gap


def _readable(group: Group) -> Group:
    if group.log_group_class != STANDARD:
        raise InvalidParameterException(
            f"This operation is not supported for log groups of the class {group.log_group_class}. Only those of the class STANDARD can be "
            "read by it."
        )
    return group
