"""What is counted, and the names that Insights go by (reference of history and Insights, §6)."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

CALL_RATE: Final = "ApiCallRateInsight"
ERROR_RATE: Final = "ApiErrorRateInsight"
MANAGEMENT: Final = "Management"
DATA: Final = "Data"
Period = Literal[60, 300, 3600]

TRAILS: Final = "trails"
"""Scope of the management events that any trail with Insights takes: together they are the account's."""
STORES: Final = "stores"
"""Scope of those that no trail but an event data store with Insights takes. Counted for ListInsightsMetricData, not analysed here: each
store has a scope of its own for that."""


class Series(NamedTuple):
    """One series of counts. For calls `error_code` is empty; for errors it is theirs."""

    scope: str
    """`TRAILS`, `STORES`, the ARN of a trail (its data events) or of an event data store (its management events)."""
    account_id: str
    region: str
    source: str
    name: str
    error_code: str = ""

    @property
    def insight_type(self) -> str:
        """`ApiErrorRateInsight` when it counts errors."""
        return ERROR_RATE if self.error_code else CALL_RATE

    @property
    def category(self) -> str:
        """Of the events that it counts."""
        return DATA if ":trail/" in self.scope else MANAGEMENT

    @property
    def insight_source(self) -> str | None:
        """ARN of the trail or store that it belongs to; `None` where it is the account's."""
        return self.scope if self.scope.startswith("arn:") else None

    @property
    def is_shown(self) -> bool:
        """Whether ListInsightsMetricData tells of it."""
        return ":eventdatastore/" not in self.scope

    @property
    def is_analysed(self) -> bool:
        """Whether it is looked at for what is unusual."""
        return self.scope != STORES
