"""Which event data stores a record of a channel goes to, by the position at which it was written. For ingestion, in the role `lake`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from opentrail.clock import Clock
from opentrail.lake.channels import store
from opentrail.lake.channels.store import Route
from opentrail.storage.database import Database

LINGERING: Final = 3600.0
"""Seconds after the deletion of a channel in which a request that was let in before may still be recorded: far more than any takes."""


class RoutesNow:
    """The routes as they were at one moment. Pure."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._by_channel: dict[str, list[Route]] = {}
        for route in routes:
            self._by_channel.setdefault(route.arn, []).append(route)

    def destinations(self, channel_arn: str, position: int) -> tuple[str, ...]:
        """Ids of the stores that the record at `position` goes to; none for a channel that has never been."""
        for route in self._by_channel.get(channel_arn, ()):
            if route.start < position and (route.stop is None or position <= route.stop):
                return route.store_ids
        return ()

    @property
    def store_ids(self) -> frozenset[str]:
        """Every store that some record may go to."""
        return frozenset(store_id for routes in self._by_channel.values() for route in routes for store_id in route.store_ids)


class Routes:
    """The routes of all channels. Blocking; for one thread."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._changes = -1
        self._now = RoutesNow(())
        database.create(store.METADATA)

    def now(self) -> RoutesNow:
        """As committed now: to be asked after the records have been read, so that no route is missing that began before one of them.
        Cheap when nothing has changed."""
        found = self._database.first("SELECT count FROM lake_channel_changes", ())
        changes: int = found[0] if found else 0
        if changes != self._changes:
            with self._database.read() as connection:
                self._changes = store.changes(connection)
                self._now = RoutesNow(store.routes(connection))
        return self._now

    def forget(self, position: int) -> None:
        """Every record up to `position` has come to where it goes for good: routes that end there are needed no more."""
        with self._database.read() as connection:
            done = [route.id for route in store.routes(connection) if _is_over(route, position, self._clock.time())]
        if done:
            with self._database.begin() as connection:
                store.forget_routes(connection, done)


def _is_over(route: Route, position: int, now: float) -> bool:
    if route.stop is not None:
        return route.stop <= position
    return route.left_at is not None and now - route.left_at > LINGERING


def channel_of(record: Mapping[str, object]) -> str | None:
    """The ARN of the channel by which a parsed record came in."""
    metadata = record.get("metadata")
    found = metadata.get("channelARN") if isinstance(metadata, dict) else None
    return found if isinstance(found, str) else None
