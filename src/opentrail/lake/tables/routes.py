"""Which stores take a record: worked out once for each state of the stores, then only looked up (reference of Lake, §2.1, §2.4, §2.5).

A stretch takes the records of its positions that belong to its accounts and Regions and are selected. Global services write one record,
whose `awsRegion` is the Region that it is filed under, so that it comes to stores of that Region and to those of all Regions.
Events from outside AWS go where their channel delivers to, whatever account and Region they name. Insights events go to the store that
PutInsightSelectors names for the store in which they were found.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from opentrail.events.activity import CATEGORY as ACTIVITY
from opentrail.events.selectors import Matcher, compiled
from opentrail.lake.event_data_store import EventDataStore, Stretch
from opentrail.lake.families import FAMILIES, Family
from opentrail.lake.tables.facts import Facts


class Destinations(Protocol):
    """Where channels deliver to, at one moment."""

    def destinations(self, channel_arn: str, position: int) -> Collection[str]:
        """The ids of the stores that the channel delivered to when the record at `position` was written; none for an unknown one."""


class Channels(Protocol):
    """Where channels deliver to."""

    def now(self) -> Destinations:
        """As committed now: asked once records have been read, so that nothing is missing that began before one of them."""

    def forget(self, position: int) -> None:
        """Every record up to `position` is where it goes for good."""


class NoChannels:
    """There are none."""

    def now(self) -> NoChannels:
        return self

    def destinations(self, channel_arn: str, position: int) -> Collection[str]:
        return ()

    def forget(self, position: int) -> None:
        return None


@dataclass(frozen=True, slots=True, eq=False)
class _Route:
    stretch: Stretch
    matcher: Matcher
    region: str | None
    """`None`: all Regions."""
    start: int
    stop: float


class Routes:
    """The routes into the stores of one state of the stretches. Reads no file; any thread may use it."""

    def __init__(self, stretches: Iterable[Stretch], insights: Mapping[str, str] = MappingProxyType({})) -> None:
        """`insights`: ARN of each store with Insights and the id of the one that collects what they find."""
        self._insights = insights
        self._by_account: dict[tuple[Family, str], list[_Route]] = {}
        self._by_store: dict[str, list[_Route]] = {}
        for stretch in stretches:
            route = _Route(
                stretch,
                compiled({"AdvancedEventSelectors": stretch.advanced_event_selectors}),
                None if stretch.multi_region_enabled else stretch.region,
                stretch.start,
                float("inf") if stretch.stop is None else stretch.stop,
            )
            if stretch.family in (Family.ACTIVITY, Family.INSIGHTS):
                self._by_store.setdefault(stretch.store_id, []).append(route)
                continue
            for account in {stretch.account_id, *stretch.accounts}:
                self._by_account.setdefault((stretch.family, account), []).append(route)

    def of(self, position: int, facts: Facts, channels: Destinations) -> list[Stretch]:
        """The stretches that take the record at `position`: one of a store, at most."""
        if facts.event_category == ACTIVITY:
            return self._from_outside(position, facts, channels)
        family = FAMILIES.get(facts.event_category)
        if family is None:
            return []
        if family is Family.INSIGHTS:
            return self._found(position, facts)
        return [
            route.stretch
            for route in self._by_account.get((family, facts.recipient_account_id), ())
            if route.start < position <= route.stop
            and (route.region is None or route.region == facts.aws_region)
            and route.matcher.matches(facts)
        ]

    def _found(self, position: int, facts: Facts) -> list[Stretch]:
        """Insights go to the destination of the store in which they were found, whatever account they are about; others to none."""
        source = facts.insight_details.insight_source if facts.insight_details is not None else None
        routes = self._by_store.get(self._insights.get(source or "", ""), ())
        return [
            route.stretch
            for route in routes
            if route.start < position <= route.stop
            and (route.region is None or route.region == facts.aws_region)
            and route.matcher.matches(facts)
        ]

    def _from_outside(self, position: int, facts: Facts, channels: Destinations) -> list[Stretch]:
        arn = facts.metadata.channel_arn if facts.metadata is not None else None
        if arn is None or not self._by_store:
            return []
        return [
            route.stretch
            for store_id in channels.destinations(arn, position)
            for route in self._by_store.get(store_id, ())
            if route.start < position <= route.stop
        ]


def destinations(stores: Iterable[EventDataStore]) -> dict[str, str]:
    """ARN of each of the stores that has Insights, and the id of the one that collects what they find."""
    return {found.arn: found.insights["InsightsDestination"].rpartition("/")[2] for found in stores if found.insights}


def changed(before: Iterable[Stretch], after: Iterable[Stretch]) -> set[str]:
    """The stores of which some record may be judged otherwise by `after` than it was by `before`."""
    old, new = _by_store(before), _by_store(after)
    return {store_id for store_id in old.keys() | new.keys() if old.get(store_id) != new.get(store_id)}


def _by_store(stretches: Iterable[Stretch]) -> dict[str, list[Stretch]]:
    found: dict[str, list[Stretch]] = {}
    for stretch in sorted(stretches, key=lambda stretch: stretch.start):
        found.setdefault(stretch.store_id, []).append(stretch)
    return found
