"""Which trails may want the records of an account and Region: worked out once for each state of the trails, then only looked up."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from opentrail.storage.database import Database
from opentrail.trails import insights, organization_members, plans
from opentrail.trails.batch import Batch
from opentrail.trails.facts import Facts
from opentrail.trails.keys import Chain
from opentrail.trails.organization_members import Membership
from opentrail.trails.regions import Regions, is_region_name
from opentrail.trails.selection import Choice
from opentrail.trails.store import Trail, Window

MOST_STRANGE = 16
"""Regions unknown to us of which one trail keeps files apart. The records of further ones, and of names that no Region can have, are
filed under the trail's home: whoever makes up Regions in signatures gets a record, not a chain of digests for each."""
MOST_ROUTES = 10_000
"""Accounts and Regions whose trails are remembered at the same time."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Route:
    """One trail that may want the records of one account and Region."""

    chain: Chain
    open_from: float
    """Position above which it has been logging ever since; infinite when it is not."""
    closed: tuple[Window, ...]
    takes: Callable[[Facts], bool]
    files: dict[str, Batch]
    """The files of the chain in the making, by kind; the same for every route of it."""
    memberships: tuple[Membership, ...] | None
    """When the trail served the account; `None`: it is the trail's own."""

    def served(self, position: int) -> bool:
        """Whether the account was the trail's own, or in its organization, when the record was made."""
        return self.memberships is None or any(membership.holds(position) for membership in self.memberships)

    def was_logging(self, position: int, request_id: str | None) -> bool:
        """Whether the record belongs to a time that has ended."""
        return any(window.holds(position, request_id) for window in self.closed)


class Routes:
    """One thread."""

    def __init__(self, database: Database, regions: Regions, *, everything: bool = False) -> None:
        """`everything`: memberships count until they are forgotten, even when delivery has read all of their records."""
        self._database = database
        self._everything = everything
        self._regions = regions
        self._strange: dict[int, set[str]] = {}
        self._known: dict[tuple[str, str], list[Route]] = {}
        self.renew({}, (), {})

    def renew(self, trails: Mapping[int, Trail], windows: Sequence[Window], files: dict[Chain, dict[str, Batch]]) -> None:
        """From now on these are the trails, the times at which they were logging, and the files in the making."""
        self._trails = trails
        self._windows = windows
        self._files = files
        self._known = {}

    def of(self, account_id: str, region: str) -> list[Route]:
        """The routes of the records of one account and Region."""
        place = (account_id, region)
        routes = self._known.get(place)
        if routes is None:
            if len(self._known) >= MOST_ROUTES:
                self._known.clear()
            routes = self._known[place] = self._find(account_id, region)
        return routes

    def _find(self, account_id: str, region: str) -> list[Route]:
        with self._database.read() as connection:
            memberships = organization_members.memberships(connection, account_id, read=self._everything)
        return [
            self._route(
                trail,
                Chain(trail.id, account_id, self._filed_under(trail, region)),
                windows,
                None if trail.account_id == account_id else memberships[trail.id],
            )
            for trail in self._trails.values()
            if trail.serves(account_id, memberships)
            and trail.covers(region)
            and (windows := tuple(window for window in self._windows if window.trail_id == trail.id))
        ]

    def _route(self, trail: Trail, chain: Chain, windows: Sequence[Window], memberships: tuple[Membership, ...] | None) -> Route:
        choice = Choice.of(trail)
        takes = choice.matcher.matches if choice.takes_global and choice.takes_deliveries else choice.takes
        return Route(
            chain=chain,
            open_from=min((window.start for window in windows if window.stop is None), default=math.inf),
            closed=tuple(window for window in windows if window.stop is not None),
            takes=takes if trail.insight_selectors is None else _with_insights(trail, takes),
            files=self._files.setdefault(chain, {}),
            memberships=memberships,
        )

    def _filed_under(self, trail: Trail, region: str) -> str:
        """The Region whose files take the records of `region`."""
        if region in self._regions.of(trail):
            return region
        strange = self._strange.get(trail.id)
        if strange is None:
            with self._database.read() as connection:
                begun = {state.region for state in plans.open_chains_of(connection, trail.id)}
            strange = self._strange[trail.id] = begun.difference(self._regions.of(trail))
        if region not in strange:
            if len(strange) >= MOST_STRANGE or not is_region_name(region):
                return trail.home_region
            strange.add(region)
        return region


def _with_insights(trail: Trail, takes: Callable[[Facts], bool]) -> Callable[[Facts], bool]:
    return lambda facts: takes(facts) if facts.event_category != insights.INSIGHT else insights.takes(facts, trail)
