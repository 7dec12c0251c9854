"""What Insights need of others. `server/watching/insights.py` gives what serves it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from opentrail.insights.values import Series
from opentrail.journal import Entry


class Facts(Protocol):
    """As much of a record as counting looks at."""

    event_category: str
    event_source: str
    event_name: str
    event_type: str
    event_time: str
    aws_region: str
    recipient_account_id: str
    read_only: bool | None
    error_code: str | None
    user_agent: str | None
    user_identity: Any
    """With `arn` and `invoked_by`, or `None`."""


class Taker(NamedTuple):
    """A scope (see `Series`) that takes an event."""

    scope: str
    calls: bool
    """It asks for ApiCallRateInsight of events of this category."""
    errors: bool
    """It asks for ApiErrorRateInsight."""


class Sources(Protocol):
    """The trails and event data stores that have Insights on. One thread."""

    def renew(self, position: int) -> bool:
        """Look at them as committed now; whether they are others than before. One that has ended since counts as long as it was there for
        records above `position`: they are counted like those before."""

    def arns(self) -> Sequence[str]:
        """All of them."""

    def facts(self, entries: Sequence[Entry]) -> Sequence[Facts | None]:
        """Of each record; `None`: it is none of an account and Region."""

    def takers(self, position: int, facts: Facts) -> Sequence[Taker]:
        """Who takes the record at `position`, each scope once."""

    def is_lasting(self, position: int, facts: Facts) -> bool:
        """Whether `takers` are the same for each later record with the same category, source, name, type, account, Region, `read_only` and
        `error_code`, until `renew` says that they are others."""

    def behind(self, series: Series) -> Sequence[str]:
        """ARNs of those that have this series analysed; none: the analysis has ended."""


class PastCalls(NamedTuple):
    """Management calls of one kind."""

    facts: Facts
    """Without who called."""
    minutes: Sequence[int]
    """Since 1970, ascending …"""
    counts: Sequence[int]
    """… and how many calls each had."""


class History(Protocol):
    """The event history. Blocks; raises `wire.faults.Fault` while it cannot be asked."""

    def sizes(self, start: int, end: int) -> Sequence[tuple[int, int]]:
        """Each hour since 1970 with calls that write or failed, from minute `start` up to but not with `end`, ascending; and how many
        minutes `calls` gives of it."""

    def calls(self, start: int, end: int, *, at_least: int) -> Sequence[PastCalls]:
        """Those calls, once every record up to the journal position `at_least` is in the history."""


class PastSources(Protocol):
    """The trails and event data stores that have Insights on, as seen from the past. One thread."""

    def renew(self) -> None:
        """Look at them as committed now."""

    def past_takers(self, arn: str, facts: Facts) -> Sequence[Taker]:
        """Whom the trail or store `arn` would have had take a management event, had it been there. Nobody where more than its kind would
        decide."""
