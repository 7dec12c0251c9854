"""Fetch, map, put, and only then remember how far: one step of an integration that is fetched.

Whatever dies in between, the step is done again from the same cursor; its events are the same, to the byte, and OpenTrail knows them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from opentrail.clock import Clock
from opentrail.errors import OpenTrailError
from opentrail.events import activity
from opentrail.lake.integrations.feeds import FEEDS, Ask, Told, check
from opentrail.lake.integrations.mapping import Mapped, Unmapped, built_in
from opentrail.lake.integrations.store import IntegrationStore

TRIES: Final = 5
"""Times that what is under way elsewhere is put again in one step."""
_PASSING: Final = frozenset({"Throttling", "InternalFailure", "AccountNotSubscribed"})
_ROOM: Final = activity.MAX_REQUEST - (64 << 10)
"""Bytes of events in one request: the rest is for its frame."""


class NotTaken(OpenTrailError):
    """OpenTrail does not take the events at the moment."""


class Put(Protocol):
    """PutAuditEvents."""

    def __call__(self, channel_arn: str, entries: Sequence[Mapping[str, str]]) -> Sequence[Mapping[str, str]]:
        """Put at most 100 entries; returns `failed`. Raises an `OpenTrailError` when the request as a whole was not taken."""


@dataclass(frozen=True, slots=True)
class Step:
    """What came of it."""

    taken: int
    refused: int
    more: bool
    why: str | None = None
    """The reason of the last refusal."""


class Puller:
    """Takes steps. Blocking; several processes may take them: events come once all the same."""

    def __init__(self, store: IntegrationStore, fetch: Callable[[Ask], Told], put: Put, clock: Clock) -> None:
        self._store = store
        self._fetch = fetch
        self._put = put
        self._clock = clock

    def step(self, name: str) -> Step:
        """One page of the integration `name`. Raises `FeedTrouble`, `NotTaken` and what `fetch` and `put` raise; nothing is lost then."""
        integration = self._store.get(name)
        ask, read = FEEDS[integration.kind.name]
        told = self._fetch(ask(integration))
        check(told, self._clock.time())
        page = read(integration, told)
        done = put_all(page.events, built_in(integration.kind.mapping), integration.channel_arn, integration.account_id, self._put)
        self._store.came(name, taken=done.taken, refused=done.refused, at=self._clock.time(), cursor=page.cursor)
        if done.why is not None:
            self._store.ails(name, done.why)
        return Step(done.taken, done.refused, page.more, done.why)


def put_all(events: Sequence[Mapping[str, Any]], mapped: Mapped, channel_arn: str, account_id: str, put: Put) -> Step:
    """Map events and put them. Raises `NotTaken` when some of them could not be put for now."""
    taken = refused = 0
    why: str | None = None
    texts: list[str] = []
    for event in events:
        try:
            texts.append(written(mapped.event_data(event, account_id=account_id)))
        except Unmapped as error:
            refused, why = refused + 1, str(error)
    for entries in requests(texts):
        failed = _put_until_told(put, channel_arn, entries)
        taken += len(entries) - len(failed)
        refused += len(failed)
        if failed:
            why = f"{failed[-1]['errorCode']}: {failed[-1].get('errorMessage', '')}"
    return Step(taken, refused, False, why)


def written(data: Mapping[str, Any]) -> str:
    """The text of an `eventData`: for the same content always the same."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def requests(texts: Sequence[str]) -> Iterator[list[dict[str, str]]]:
    """Entries of PutAuditEvents, as many to a request as may be."""
    entries: list[dict[str, str]] = []
    size = 0
    for number, text in enumerate(texts):
        length = len(json.dumps(text)) + 64  # a text within a text: each quote takes two
        if entries and (len(entries) == activity.MAX_EVENTS or size + length > _ROOM):
            yield entries
            entries, size = [], 0
        entries.append({"id": str(number), "eventData": text})
        size += length
    if entries:
        yield entries


def _put_until_told(put: Put, channel_arn: str, entries: Sequence[Mapping[str, str]]) -> list[Mapping[str, str]]:
    """The entries that are refused for what is in them."""
    refused: list[Mapping[str, str]] = []
    waiting = list(entries)
    for _ in range(TRIES):
        failed = put(channel_arn, waiting)
        refused += [one for one in failed if one["errorCode"] not in _PASSING]
        again = {one["id"] for one in failed if one["errorCode"] in _PASSING}
        waiting = [entry for entry in waiting if entry["id"] in again]
        if not waiting:
            return refused
    raise NotTaken("Some events are being taken in by somebody else; they are put again later.")
