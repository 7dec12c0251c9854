"""Which events somebody selects: asked once before and once after each call, so it answers from memory.

Management events are always recorded. Data events and network activity events are recorded only when a trail that is logging selects
them, in the account of the record: `may` says before a call whether anybody could want it, `takes` of a finished record whether
somebody does. What is remembered belongs to one count of `store.changes`: a change by this process is seen at once (`changed`), one by
another process after at most `FRESHNESS` seconds.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy.engine import Connection

from opentrail.clock import Clock
from opentrail.events import categories, read_only
from opentrail.events.selectors import Kind, Matcher, compiled
from opentrail.storage.database import Database
from opentrail.trails import organization_members, store
from opentrail.trails.facts import Facts, facts
from opentrail.trails.store import Trail

FRESHNESS = 0.5
"""Seconds after which a change made by another process is seen at the latest."""
MOST_REMEMBERED = 20_000
"""Answers that are kept in memory."""

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Choice:
    """What one trail takes of the events in its accounts and Regions."""

    matcher: Matcher
    takes_global: bool
    takes_deliveries: bool

    @classmethod
    def of(cls, trail: Trail) -> Choice:
        """As the trail's settings say."""
        return cls(compiled(trail.event_selectors), trail.include_global_service_events, trail.recursive_logging)

    def takes(self, facts: Facts) -> bool:
        """Whether the trail takes this event."""
        return (
            self.matcher.matches(facts) and (self.takes_global or not facts.is_global) and (self.takes_deliveries or not facts.is_delivery)
        )


class _Remembered:
    """Everything known of one state of the trails."""

    def __init__(self, trails: Sequence[Trail], changes: int) -> None:
        self.changes = changes
        choices = ((trail, Choice.of(trail)) for trail in trails if trail.is_logging and trail.deleted_at is None)
        self.trails = [(trail, choice) for trail, choice in choices if choice.matcher.categories - {"Management"}]
        self.anybody: dict[tuple[str, str, str], bool] = {}
        self.accounts: dict[tuple[str, str, str, str], tuple[tuple[Trail, Choice], ...]] = {}
        self.copies: dict[str, frozenset[int]] = {}


class Selection:
    """Of all trails. Safe to use from several threads."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._told = self._heard = 0
        database.create(store.METADATA)
        with database.read() as connection:
            self._remembered = _read(connection)
        self._checked = clock.monotonic()

    def changed(self) -> None:
        """This process has changed a trail: look before the next answer."""
        with self._lock:
            self._told += 1

    def may(self, category: str, source: str, name: str) -> bool:
        """Whether a trail of any account could want an event of this category, source and name."""
        remembered = self._current()
        known = remembered.anybody.get((category, source, name))
        if known is None:
            kind = _kind(category, source, name)
            known = any(choice.matcher.may(kind) for _, choice in remembered.trails)
            _keep(remembered.anybody, (category, source, name), known)
        return known

    def may_in(self, account_id: str, category: str, source: str, name: str) -> bool:
        """The same for the trails of one account."""
        return bool(self._candidates(account_id, category, source, name))

    def takes(self, account_id: str, record: bytes) -> bool:
        """Whether a trail takes this record of `account_id`."""
        known = facts(record)
        if known is None:
            return False
        candidates = self._candidates(account_id, known.event_category, known.event_source, known.event_name)
        return any(trail.covers(known.aws_region) and choice.takes(known) for trail, choice in candidates)

    def _candidates(self, account_id: str, category: str, source: str, name: str) -> tuple[tuple[Trail, Choice], ...]:
        remembered = self._current()
        key = (account_id, category, source, name)
        known = remembered.accounts.get(key)
        if known is None:
            kind = _kind(category, source, name)
            copies = self._copies(remembered, account_id)
            wanting = ((trail, choice) for trail, choice in remembered.trails if trail.serves(account_id, copies))
            known = tuple((trail, choice) for trail, choice in wanting if choice.matcher.may(kind))
            _keep(remembered.accounts, key, known)
        return known

    def _copies(self, remembered: _Remembered, account_id: str) -> frozenset[int]:
        """The trails of its organization that the account has copies of."""
        known = remembered.copies.get(account_id)
        if known is None:
            with self._database.read() as connection:
                known = organization_members.serving(connection, account_id)
            _keep(remembered.copies, account_id, known)
        return known

    def _current(self) -> _Remembered:
        if self._told != self._heard or self._clock.monotonic() - self._checked >= FRESHNESS:
            with self._lock:
                told = self._told
            with self._database.read() as connection:
                changes = store.changes(connection)
                fresh = self._remembered if changes == self._remembered.changes else _read(connection)
            with self._lock:
                if fresh.changes >= self._remembered.changes:
                    self._remembered = fresh
                self._heard = told
                self._checked = self._clock.monotonic()
        return self._remembered


def _read(connection: Connection) -> _Remembered:
    changes = store.changes(connection)
    return _Remembered(store.working_trails(connection), changes)


def _kind(category: str, source: str, name: str) -> Kind:
    return Kind(
        category=category,
        source=source,
        name=name,
        read_only=read_only.read_only(source, name),
        types=categories.listed_types(source, name),
    )


def _keep(memory: dict[_Key, _Value], key: _Key, value: _Value) -> None:
    if len(memory) >= MOST_REMEMBERED:
        memory.clear()
    memory[key] = value
