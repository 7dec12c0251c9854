"""The event history as Insights learn from it: asked of the followers, who keep it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from opentrail.insights import neighbours
from opentrail.insights.neighbours import PastCalls, Taker
from opentrail.insights.values import MANAGEMENT
from opentrail.link import Link
from opentrail.server.watching.analysed import NOW, Analysed, CallFacts


class Past:
    """`insights.neighbours.History`. Asks over a connection of its own each time: it is asked seldom."""

    def __init__(self, link: Path) -> None:
        """`link` is the socket of the followers."""
        self._link = link

    def sizes(self, start: int, end: int) -> Sequence[tuple[int, int]]:
        """As `History.sizes`."""
        return [(hour, size) for hour, size in self._asked("call_sizes", {"start": start * 60, "end": end * 60})]

    def calls(self, start: int, end: int, *, at_least: int) -> Sequence[PastCalls]:
        """As `History.calls`."""
        found = self._asked("calls", {"start": start * 60, "end": end * 60, "at_least": at_least})
        return [PastCalls(_facts(*kind), minutes, counts) for *kind, minutes, counts in found]

    def _asked(self, name: str, question: Any) -> Any:
        async def ask() -> Any:
            link = Link(self._link)
            try:
                return await link.ask(name, question)
            finally:
                await link.close()

        return asyncio.run(ask())


class PastAnalysed:
    """`insights.neighbours.PastSources`. One thread."""

    def __init__(self, analysed: Analysed) -> None:
        """`analysed` is used by nobody else."""
        self._analysed = analysed

    def renew(self) -> None:
        """As `PastSources.renew`."""
        self._analysed.renew(NOW)

    def past_takers(self, arn: str, facts: neighbours.Facts) -> Sequence[Taker]:
        """As `PastSources.past_takers`."""
        return self._analysed.past_takers(arn, facts)


def _facts(account_id: str, region: str, source: str, name: str, error_code: str | None, read_only: bool | None, kind: str) -> CallFacts:
    return CallFacts(
        event_category=MANAGEMENT,
        event_source=source,
        event_name=name,
        event_type=kind,
        read_only=read_only,
        error_code=error_code,
        recipient_account_id=account_id,
        aws_region=region,
        event_time="",
    )
