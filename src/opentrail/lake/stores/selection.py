"""Which data events and network activity events some store takes in: they are recorded only when somebody selects them.

Asked once before and once after each call, so it answers from memory: what is remembered belongs to one `generation` of the register. A
change by this process is seen at once (`changed`), one by another process after at most `FRESHNESS` seconds.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from opentrail.clock import Clock
from opentrail.events import categories, read_only
from opentrail.events.selectors import Facts, Kind, Matcher, compiled
from opentrail.lake.event_data_store import Stretch
from opentrail.lake.families import Family
from opentrail.lake.stores.register import StoreRegister

FRESHNESS: Final = 0.5
"""Seconds after which a change made by another process is seen at the latest."""
MOST_REMEMBERED: Final = 20_000


class _Facts(Facts, gc=False, kw_only=True, rename="camel"):
    aws_region: str = ""


_decode: Callable[[bytes], _Facts] = msgspec.json.Decoder(_Facts).decode


@dataclass(frozen=True, slots=True)
class _Remembered:
    generation: int
    wanting: tuple[tuple[Stretch, Matcher], ...]
    """What goes on and takes more than management events."""
    kinds: dict[tuple[str, str, str, str], bool]


class StoreSelection:
    """Of all event data stores, as `trails.selection.Selection` is of all trails. Safe to use from several threads."""

    def __init__(self, register: StoreRegister, clock: Clock) -> None:
        self._register = register
        self._clock = clock
        self._lock = threading.Lock()
        self._stale = False
        self._remembered = self._read()
        self._checked = clock.monotonic()

    def changed(self) -> None:
        """This process has changed a store: look before the next answer."""
        self._stale = True

    def may(self, category: str, source: str, name: str) -> bool:
        """Whether a store of any account could want an event of this category, source and name."""
        return self._may("", category, source, name)

    def may_in(self, account_id: str, category: str, source: str, name: str) -> bool:
        """The same for the stores that take in events of one account."""
        return self._may(account_id, category, source, name)

    def takes(self, account_id: str, record: bytes) -> bool:
        """Whether a store takes this record of `account_id`."""
        wanting = self._current().wanting
        if not wanting:
            return False
        try:
            facts = _decode(record)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return False
        for stretch, matcher in wanting:
            here = stretch.multi_region_enabled or stretch.region == facts.aws_region
            if here and _is_about(stretch, account_id) and matcher.matches(facts):
                return True
        return False

    def _may(self, account_id: str, category: str, source: str, name: str) -> bool:
        remembered = self._current()
        if not remembered.wanting:
            return False
        key = (account_id, category, source, name)
        known = remembered.kinds.get(key)
        if known is None:
            kind = Kind(
                category=category,
                source=source,
                name=name,
                read_only=read_only.read_only(source, name),
                types=categories.listed_types(source, name),
            )
            known = any(matcher.may(kind) for stretch, matcher in remembered.wanting if not account_id or _is_about(stretch, account_id))
            if len(remembered.kinds) >= MOST_REMEMBERED:
                remembered.kinds.clear()
            remembered.kinds[key] = known
        return known

    def _current(self) -> _Remembered:
        if self._stale or self._clock.monotonic() - self._checked >= FRESHNESS:
            with self._lock:
                self._stale = False
                if self._register.generation() != self._remembered.generation:
                    self._remembered = self._read()
                self._checked = self._clock.monotonic()
        return self._remembered

    def _read(self) -> _Remembered:
        generation = self._register.generation()  # first: what comes in between is read again the next time
        going_on = [one for one in self._register.stretches() if one.stop is None and one.family is Family.EVENTS]
        compiled_ = [(one, compiled({"AdvancedEventSelectors": one.advanced_event_selectors})) for one in going_on]
        return _Remembered(generation, tuple((one, matcher) for one, matcher in compiled_ if matcher.categories - {"Management"}), {})


def _is_about(stretch: Stretch, account_id: str) -> bool:
    return account_id == stretch.account_id or account_id in stretch.accounts
