"""The trails and event data stores that have Insights on, for `insights.neighbours.Sources`: whose events are analysed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from opentrail.clock import Clock
from opentrail.events.selectors import Matcher, compiled
from opentrail.insights import neighbours
from opentrail.insights.neighbours import Taker
from opentrail.insights.values import CALL_RATE, DATA, ERROR_RATE, MANAGEMENT, STORES, TRAILS, Series
from opentrail.journal import Entry
from opentrail.lake.event_data_store import EventDataStore, Stretch
from opentrail.lake.families import Family
from opentrail.lake.stores.register import StoreRegister
from opentrail.storage.database import Database
from opentrail.trails import insights, store
from opentrail.trails.facts import DELIVERIES, Facts
from opentrail.trails.regions import Regions
from opentrail.trails.routes import Route, Routes

MOST_PLACES: Final = 10_000
"""Accounts and Regions that are remembered at the same time."""


NOW: Final = 1 << 62
"""A position above all there are."""
OF_A_KIND: Final = frozenset({"eventCategory", "eventSource", "eventName", "eventType", "readOnly"})
"""Fields of selectors that are the same for all events of a kind, as counting knows them apart."""
STS: Final = "sts.amazonaws.com"
"""Whether its events are global is said by the record alone."""


class CallFacts(Facts, gc=False, kw_only=True, rename="camel"):
    """What counting looks at, and what decides who takes it."""

    user_agent: str | None = None


_decoder = msgspec.json.Decoder(CallFacts)


def _facts(record: bytes) -> CallFacts | None:
    try:
        return _decoder.decode(record)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


@dataclass(frozen=True, slots=True, eq=False)
class _OfTrail:
    """A trail with Insights, in one account and Region."""

    route: Route
    management: Taker | None
    data: Taker | None

    def is_settled(self, position: int) -> bool:
        """It takes management events by what they are, from before `position` on, with no end in sight."""
        memberships = self.route.memberships
        return position > self.route.open_from and (
            memberships is None or any(one.stop is None and one.holds(position) for one in memberships)
        )


@dataclass(frozen=True, slots=True, eq=False)
class _OfStore:
    """A stretch of a store with Insights."""

    stretch: Stretch
    matcher: Matcher
    taker: Taker

    def is_settled(self, position: int) -> bool:
        """It takes management events by what they are, from before `position` on."""
        fields = {field["Field"] for one in self.stretch.advanced_event_selectors for field in one["FieldSelectors"]}
        return self.stretch.start < position and not fields - OF_A_KIND

    def covers(self, account_id: str, region: str) -> bool:
        stretch = self.stretch
        is_about = account_id == stretch.account_id or account_id in stretch.accounts
        return is_about and (stretch.multi_region_enabled or region == stretch.region)


_Place = tuple[tuple[_OfTrail, ...], tuple[_OfStore, ...]]


class Analysed:
    """One thread."""

    def __init__(self, database: Database, clock: Clock, regions: Regions) -> None:
        self._database = database
        self._register = StoreRegister(database, clock)
        self._routes = Routes(database, regions)
        self._changes: tuple[int, int] = (-1, -1)
        self._until = math.inf
        """The position at which the next trail that was stopped is done with."""
        self._trails: dict[int, store.Trail] = {}
        self._stores: tuple[_OfStore, ...] = ()
        self._places: dict[tuple[str, str], _Place] = {}
        self._arns: list[str] = []
        database.create(store.METADATA)

    def renew(self, position: int) -> bool:
        """Look at them as committed now; whether a trail or a store is different. A trail that was stopped or deleted counts until the
        follower is at the end of its last window that has records above `position`."""
        changes = (store.latest_changes(self._database), self._register.generation())
        if changes == self._changes and position < self._until:
            return False
        with self._database.read() as connection:
            working = store.working_trails(connection)
            windows = store.windows(connection, read=True)
        stops = [(window.trail_id, window.stop) for window in windows if window.stop is not None and window.stop > position]
        ending = {trail_id for trail_id, _ in stops}
        self._until = min((stop for _, stop in stops), default=math.inf)
        self._trails = {
            trail.id: trail
            for trail in working
            if ((trail.is_logging and trail.deleted_at is None) or trail.id in ending) and insights.asked(trail)
        }
        self._routes.renew(self._trails, windows, {})
        with_insights = {found.id: found for found in self._register.all() if found.insights}
        self._stores = tuple(
            _OfStore(
                stretch, compiled({"AdvancedEventSelectors": stretch.advanced_event_selectors}), _of_store(with_insights[stretch.store_id])
            )
            for stretch in self._register.stretches()
            if stretch.stop is None and stretch.family is Family.EVENTS and stretch.store_id in with_insights
        )
        self._arns = [trail.arn for trail in self._trails.values()] + sorted({one.taker.scope for one in self._stores})
        self._places = {}
        self._changes = changes
        return True

    def arns(self) -> Sequence[str]:
        """All of them."""
        return self._arns

    def facts(self, entries: Sequence[Entry]) -> Sequence[neighbours.Facts | None]:
        """What counting looks at; `None`: this is no record of an account and Region."""
        try:
            decode = _decoder.decode
            return [decode(entry.record) for entry in entries]
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return [_facts(entry.record) for entry in entries]

    def takers(self, position: int, facts: neighbours.Facts) -> Sequence[Taker]:
        """Who takes the record at `position`, each scope once."""
        assert isinstance(facts, CallFacts)
        of_trails, of_stores = self._at(facts.recipient_account_id, facts.aws_region)
        is_data = facts.event_category == DATA
        takers: list[Taker] = []
        calls = errors = False
        for one in of_trails:
            taker = one.data if is_data else one.management
            route = one.route
            was_logging = position > route.open_from or route.was_logging(position, facts.request_id)
            if taker is not None and was_logging and route.served(position) and route.takes(facts):
                if is_data:
                    takers.append(taker)
                else:
                    calls, errors = calls or taker.calls, errors or taker.errors
        if is_data:
            return takers
        rest = [one.taker for one in of_stores if one.stretch.start < position and one.matcher.matches(facts)]
        if calls or errors:
            takers.append(Taker(TRAILS, calls, errors))
        takers.extend(rest)
        left_calls = not calls and any(taker.calls for taker in rest)
        left_errors = not errors and any(taker.errors for taker in rest)
        if left_calls or left_errors:
            takers.append(Taker(STORES, left_calls, left_errors))
        return takers

    def past_takers(self, arn: str, facts: neighbours.Facts) -> Sequence[Taker]:
        """Whom the trail or store `arn` would have had take a management event, had it been there. Nobody where more than its kind would
        decide."""
        assert isinstance(facts, CallFacts)
        of_trails, of_stores = self._at(facts.recipient_account_id, facts.aws_region)
        for one in of_trails:
            if self._trails[one.route.chain.trail_id].arn == arn:
                return [one.management] if one.management is not None and one.is_settled(NOW) and one.route.takes(facts) else []
        return [one.taker for one in of_stores if one.taker.scope == arn and one.is_settled(NOW) and one.matcher.matches(facts)]

    def is_lasting(self, position: int, facts: neighbours.Facts) -> bool:
        """Whether each later record of this kind has the same takers, until `renew`: nothing else in a record is looked at."""
        if facts.event_category != MANAGEMENT or facts.event_source == STS or (facts.event_source, facts.event_name) in DELIVERIES:
            return False
        of_trails, of_stores = self._at(facts.recipient_account_id, facts.aws_region)
        return all(one.is_settled(position) for one in of_trails) and all(one.is_settled(position) for one in of_stores)

    def behind(self, series: Series) -> Sequence[str]:
        """ARNs of those that have this series analysed; none: the analysis has ended."""
        wanted = (series.insight_type, series.category)
        if series.scope == TRAILS:
            return [trail.arn for trail in self._trails.values() if wanted in insights.asked(trail) and self._covers(trail, series)]
        if series.category == DATA:
            return [trail.arn for trail in self._trails.values() if trail.arn == series.scope and wanted in insights.asked(trail)]
        return [
            one.taker.scope
            for one in self._stores
            if one.taker.scope == series.scope and (one.taker.errors if series.error_code else one.taker.calls)
        ]

    def _covers(self, trail: store.Trail, series: Series) -> bool:
        return any(one.route.chain.trail_id == trail.id for one in self._at(series.account_id, series.region)[0])

    def _at(self, account_id: str, region: str) -> _Place:
        found = self._places.get((account_id, region))
        if found is None:
            if len(self._places) >= MOST_PLACES:
                self._places.clear()
            of_trails = tuple(self._of_trail(route) for route in self._routes.of(account_id, region))
            of_stores = tuple(one for one in self._stores if one.covers(account_id, region))
            found = self._places[account_id, region] = (of_trails, of_stores)
        return found

    def _of_trail(self, route: Route) -> _OfTrail:
        trail = self._trails[route.chain.trail_id]
        asked = insights.asked(trail)
        management = Taker(TRAILS, (CALL_RATE, MANAGEMENT) in asked, (ERROR_RATE, MANAGEMENT) in asked)
        data = Taker(trail.arn, (CALL_RATE, DATA) in asked, (ERROR_RATE, DATA) in asked)
        return _OfTrail(route, management if management.calls or management.errors else None, data if data.calls or data.errors else None)


def _of_store(found: EventDataStore) -> Taker:
    types = {selector["InsightType"] for selector in (found.insights or {}).get("InsightSelectors", ())}
    return Taker(found.arn, CALL_RATE in types, ERROR_RATE in types)
